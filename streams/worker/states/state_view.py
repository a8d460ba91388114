"""What every worker knows of all entities: the two state topics, tailed into memory (design section 4, "State view").

Each worker owns only some partitions, but needs the whole organization tree, and must know who is bound to which entry.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from sys import intern
from typing import Final, TypeAlias

from processors.placement import homes
from schemas.events import Kind, Subject
from schemas.states import Awaited, Binding, Revision, State, Status
from streams.worker.states.index import Index
from streams.worker.states.removals import Removals

Tally: TypeAlias = tuple[int, str | None]  # a partition and a reason
Listener: TypeAlias = Callable[["Seen | None", "Seen | None"], None]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is kept of one entity's state.

    Attributes:
        parents: the organizations below which it may be placed, in the order in which they are tried.
        is_bound: it has an entry below the present target.
        revision: the state's `writer`.
        offset: where the state lies; None for a write of our own that has not come back yet.
        name: of an organization; expressions may read the names of those above.
    """

    kind: Kind
    id: str
    partition: int
    revision: Revision
    parents: tuple[str, ...]
    is_deleted: bool
    is_bound: bool
    binding: Binding | None
    status: Status
    status_time: int
    removed_at: int | None
    reason: str | None
    awaited: Awaited | None
    offset: int | None = field(default=None, compare=False)
    name: str | None = None

    @property
    def subject(self) -> Subject:
        """Kind and id."""
        return self.kind, self.id

    @property
    def parent_id(self) -> str | None:
        """The first of `parents`: for `processors.placement`."""
        return self.parents[0] if self.parents else None


@dataclass(frozen=True, slots=True)
class Reading:
    """One message that the reader of the topics found.

    Attributes:
        seen: None when the state was removed.
    """

    subject: Subject
    seen: Seen | None


def seen_of(kind: Kind, identifier: str, partition: int, state: State, target: str, offset: int | None = None) -> Seen:
    """Keep what others must know of a state; words that many share are kept once."""
    record, binding = state.record, state.binding
    is_bound = binding is not None and binding.target == target
    return Seen(
        kind=kind,
        id=identifier,
        partition=partition,
        revision=state.writer,
        parents=() if record is None else tuple(map(intern, homes(record))),
        is_deleted=state.deleted_at is not None,
        is_bound=is_bound,
        binding=replace(binding, target=target) if binding is not None and is_bound else binding,
        status=state.status,
        status_time=state.status_time,
        removed_at=state.removed_at,
        reason=None if state.reason is None else intern(state.reason),
        awaited=state.awaited,
        offset=offset,
        name=None if record is None else record.name,
    )


class StateView:
    """All states, as far as they were read; lives in the event loop.

    Args:
        target: the entryUUID of the target node, in lower case; bindings below another target count as none.

    Attributes:
        in_two_partitions: entities whose states lie in more than one partition: a producer hashes keys differently.
    """

    def __init__(self, target: str) -> None:
        self.target: Final = target
        self.entities: Final[dict[Kind, dict[str, Seen]]] = {kind: {} for kind in Kind}
        self.in_two_partitions: Final[set[Subject]] = set()
        self._holders: Index[str, Subject] = Index()
        self._shared: set[str] = set()
        self._members: Index[str, Subject] = Index()
        self._bound_below: Index[str, Subject] = Index()
        self._bound_count: dict[Kind, int] = dict.fromkeys(Kind, 0)
        self._by_status: Index[tuple[Kind, Status], str] = Index()
        self._tallies: dict[tuple[Kind, Status], Counter[Tally]] = defaultdict(Counter)
        self._removals = {kind: Removals() for kind in Kind}
        self._listeners: list[Listener] = []
        self._late_listeners: list[Callable[[Seen], None]] = []
        self._moved = asyncio.Event()

    # -- questions -----------------------------------------------------------------------------------------------------

    def organization(self, identifier: str) -> Seen | None:
        """One organization; this is the tree that placement walks."""
        return self.entities[Kind.ORGANIZATION].get(identifier)

    def get(self, subject: Subject) -> Seen | None:
        """One entity."""
        return self.entities[subject[0]].get(subject[1])

    def holder(self, entry_uuid: str) -> Subject | None:
        """The entity that an entry belongs to: of several, the one bound first, then the one with the smaller id."""
        holders = self._holders[entry_uuid]
        if not holders:
            return None
        return min(holders, key=lambda subject: (_bound_at(self.get(subject)), subject[1], subject[0]))

    def holders(self, entry_uuid: str) -> AbstractSet[Subject]:
        """The entities bound to an entry; more than one is a fault that must be mended."""
        return self._holders[entry_uuid]

    def shared_entries(self) -> AbstractSet[str]:
        """The entryUUIDs of the entries that have several holders."""
        return frozenset(self._shared)

    def members(self, organization_id: str) -> AbstractSet[Subject]:
        """Everybody whose state names the organization as parent or membership."""
        return self._members[organization_id]

    def below(self, organization_id: str) -> Iterator[Seen]:
        """Everybody below an organization, each organization once, whatever circles there are.

        The view may change between two steps: who comes or goes meanwhile may be left out.
        """
        visited, todo = {organization_id}, [organization_id]
        while todo:
            for subject in tuple(self.members(todo.pop())):
                seen = self.get(subject)
                if seen is None:
                    continue
                if seen.kind is Kind.ORGANIZATION and seen.id not in visited:
                    visited.add(seen.id)
                    todo.append(seen.id)
                yield seen

    def is_empty_below(self, organization_id: str) -> bool:
        """Whether no entity that belongs below the organization before all others has an entry."""
        return organization_id not in self._bound_below

    def bound_count(self, kind: Kind) -> int:
        """How many entities have an entry."""
        return self._bound_count[kind]

    def with_status(self, kind: Kind, status: Status) -> Iterator[Seen]:
        """All entities of a kind that are in a status (not `applied`, which is not indexed); to be walked at once."""
        entities = self.entities[kind]
        return (entities[identifier] for identifier in tuple(self._by_status[kind, status]))

    def count_with_status(self, kind: Kind, status: Status) -> int:
        """How many entities of a kind are in a status (not `applied`)."""
        return len(self._by_status[kind, status])

    def tallies(self, kind: Kind, status: Status) -> Mapping[Tally, int]:
        """How many entities of a kind are in a status (not `applied`), by partition and reason."""
        return self._tallies[kind, status]

    def removals_since(self, kind: Kind, time: int) -> int:
        """How many entries were removed since then; forgets older ones."""
        return self._removals[kind].since(time)

    # -- taking in -----------------------------------------------------------------------------------------------------

    def listen(self, listener: Listener) -> None:
        """Call a listener after every change of an entity, with what was known before and what is now."""
        self._listeners.append(listener)

    def listen_to_late_writes(self, listener: Callable[[Seen], None]) -> None:
        """Call a listener with the newer state when the topic shows an older one after it."""
        self._late_listeners.append(listener)

    def absorb(self, seen: Seen) -> None:
        """Take in a state; one with a smaller revision than the known one is a zombie's late write and is ignored."""
        known = self.get(seen.subject)
        if known is not None and known.partition != seen.partition:
            self.in_two_partitions.add(seen.subject)
        if known is not None and seen.revision <= known.revision:
            if seen.revision == known.revision and known.offset is None:
                self.entities[known.kind][known.id] = replace(known, offset=seen.offset)
            return
        self._replace(known, seen)

    def forget(self, subject: Subject) -> None:
        """Take in that a state was removed."""
        known = self.get(subject)
        if known is not None:
            self._replace(known, None)

    def take_in(self, readings: Iterable[Reading]) -> None:
        """Take in what the reader found."""
        for reading in readings:
            if reading.seen is None:
                self.forget(reading.subject)
                continue
            self._tell_if_late(reading.seen)
            self.absorb(reading.seen)
        self._moved.set()
        self._moved = asyncio.Event()

    async def read_back(self, subject: Subject, revision: Revision) -> None:
        """Wait until a state of ours has come back from Kafka: from now on others can see it too."""
        while (seen := self.get(subject)) is not None and seen.revision <= revision and seen.offset is None:
            await self._moved.wait()

    def _tell_if_late(self, seen: Seen) -> None:
        known = self.get(seen.subject)
        if known is None:
            return
        # Our own writes come back one by one: only an older generation, or another content, is somebody else's.
        if seen.revision[0] < known.revision[0] or (seen.revision == known.revision and seen != known):
            for listener in self._late_listeners:
                listener(known)

    def _replace(self, known: Seen | None, seen: Seen | None) -> None:
        if known is not None:
            self._unindex(known)
        if seen is not None:
            self._index(seen)
        elif known is not None:
            del self.entities[known.kind][known.id]
        for listener in self._listeners:
            listener(known, seen)

    def _index(self, seen: Seen) -> None:
        subject = seen.subject
        self.entities[seen.kind][seen.id] = seen
        for parent in seen.parents:
            self._members.add(parent, subject)
        if seen.is_bound and seen.binding is not None:
            self._holders.add(seen.binding.entry_uuid, subject)
            if len(self.holders(seen.binding.entry_uuid)) > 1:
                self._shared.add(seen.binding.entry_uuid)
            self._bound_count[seen.kind] += 1
            for parent in seen.parents[:1]:
                self._bound_below.add(parent, subject)
        if seen.status is not Status.APPLIED:
            self._by_status.add((seen.kind, seen.status), seen.id)
            self._tallies[seen.kind, seen.status][seen.partition, seen.reason] += 1
        if seen.removed_at is not None:
            self._removals[seen.kind].note(seen.id, seen.removed_at)

    def _unindex(self, known: Seen) -> None:
        subject = known.subject
        for parent in known.parents:
            self._members.discard(parent, subject)
        if known.is_bound and known.binding is not None:
            self._holders.discard(known.binding.entry_uuid, subject)
            if len(self.holders(known.binding.entry_uuid)) < 2:  # noqa: PLR2004 - two are several
                self._shared.discard(known.binding.entry_uuid)
            self._bound_count[known.kind] -= 1
            for parent in known.parents[:1]:
                self._bound_below.discard(parent, subject)
        if known.status is not Status.APPLIED:
            self._by_status.discard((known.kind, known.status), known.id)
            tallies = self._tallies[known.kind, known.status]
            tallies[known.partition, known.reason] -= 1
            if not tallies[known.partition, known.reason]:
                del tallies[known.partition, known.reason]


def _bound_at(seen: Seen | None) -> int:
    return seen.binding.bound_at if seen is not None and seen.binding is not None else 0
