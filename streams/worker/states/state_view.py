"""What every worker knows of all entities: the two state topics, tailed into memory (design section 4, "State view").

Each worker owns only some partitions, but needs the whole organization tree, and must know who is bound to which entry.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from schemas.events import Kind, Subject
from schemas.states import Revision, Status
from streams.worker.states.index import Index
from streams.worker.states.packing import EntryKey, entry_key, pack, unpack
from streams.worker.states.removals import Removals
from streams.worker.states.seen import Seen, seen_of

__all__ = ["Listener", "Reading", "Seen", "StateView", "Tally", "seen_of"]

Tally: TypeAlias = tuple[int, str | None]  # a partition and a reason
Listener: TypeAlias = Callable[[Seen | None, Seen | None], None]


@dataclass(frozen=True, slots=True)
class Reading:
    """One message that the reader of the topics found.

    Attributes:
        seen: None when the state was removed.
    """

    subject: Subject
    seen: Seen | None


class StateView:
    """All states, as far as they were read; lives in the event loop.

    Args:
        target: the entryUUID of the target node, in lower case; bindings below another target count as none.

    Attributes:
        in_two_partitions: entities whose states lie in more than one partition: a producer hashes keys differently.
    """

    def __init__(self, target: str) -> None:
        self.target: Final = target
        self.in_two_partitions: Final[set[Subject]] = set()
        self._organizations: dict[str, Seen] = {}
        self._accounts: dict[str, bytes] = {}  # packed: there may be a million
        self._holders: dict[Kind, Index[EntryKey, str]] = {kind: Index() for kind in Kind}
        self._shared: set[str] = set()
        self._members: dict[Kind, Index[str, str]] = {kind: Index() for kind in Kind}
        self._bound_below: Counter[str] = Counter()
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
        return self._organizations.get(identifier)

    def get(self, subject: Subject) -> Seen | None:
        """One entity."""
        kind, identifier = subject
        if kind is Kind.ORGANIZATION:
            return self._organizations.get(identifier)
        packed = self._accounts.get(identifier)
        return None if packed is None else unpack(identifier, packed, self.target)

    def ids(self, kind: Kind) -> tuple[str, ...]:
        """All entities of a kind."""
        return tuple(self._organizations if kind is Kind.ORGANIZATION else self._accounts)

    def holder(self, entry_uuid: str) -> Subject | None:
        """The entity that an entry belongs to: of several, the one bound first, then the one with the smaller id."""
        holders = self.holders(entry_uuid)
        if len(holders) == 1:
            return next(iter(holders))
        if not holders:
            return None
        return min(holders, key=lambda subject: (_bound_at(self.get(subject)), subject[1], subject[0]))

    def holders(self, entry_uuid: str) -> AbstractSet[Subject]:
        """The entities bound to an entry; more than one is a fault that must be mended."""
        key = entry_key(entry_uuid)
        return frozenset((kind, identifier) for kind, index in self._holders.items() for identifier in index[key])

    def is_shared(self, entry_uuid: str) -> bool:
        """Whether an entry has several holders."""
        return entry_uuid in self._shared

    def shared_entries(self) -> AbstractSet[str]:
        """The entryUUIDs of the entries that have several holders."""
        return frozenset(self._shared)

    def members(self, organization_id: str) -> Iterator[Subject]:
        """Everybody whose state names the organization as parent or membership; who comes meanwhile is left out."""
        of_kinds = [(kind, tuple(index[organization_id])) for kind, index in self._members.items()]
        return ((kind, identifier) for kind, identifiers in of_kinds for identifier in identifiers)

    def below(self, organization_id: str) -> Iterator[Seen]:
        """Everybody below an organization, each organization once, whatever circles there are.

        The view may change between two steps: who comes or goes meanwhile may be left out.
        """
        visited, todo = {organization_id}, [organization_id]
        while todo:
            for subject in self.members(todo.pop()):
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
        subjects = [(kind, identifier) for identifier in self._by_status[kind, status]]
        return (seen for subject in subjects if (seen := self.get(subject)) is not None)

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
        self._absorb(self.get(seen.subject), seen)

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
            known = self.get(reading.subject)
            if known is not None:
                self._tell_if_late(known, reading.seen)
            self._absorb(known, reading.seen)
        self._moved.set()
        self._moved = asyncio.Event()

    async def read_back(self, subject: Subject, revision: Revision) -> None:
        """Wait until a state of ours has come back from Kafka: from now on others can see it too."""
        while (seen := self.get(subject)) is not None and seen.revision <= revision and seen.offset is None:
            await self._moved.wait()

    def _tell_if_late(self, known: Seen, seen: Seen) -> None:
        # Our own writes come back one by one: only an older generation, or another content, is somebody else's.
        if seen.revision[0] < known.revision[0] or (seen.revision == known.revision and seen != known):
            for listener in self._late_listeners:
                listener(known)

    def _absorb(self, known: Seen | None, seen: Seen) -> None:
        if known is not None and known.partition != seen.partition:
            self.in_two_partitions.add(seen.subject)
        if known is None or seen.revision > known.revision:
            self._replace(known, seen)
        elif seen.revision == known.revision and known.offset is None:
            self._keep(replace(known, offset=seen.offset))

    def _keep(self, seen: Seen) -> None:
        if seen.kind is Kind.ORGANIZATION:
            self._organizations[seen.id] = seen
        else:
            self._accounts[seen.id] = pack(seen)

    def _replace(self, known: Seen | None, seen: Seen | None) -> None:
        if known is not None:
            self._unindex(known)
        if seen is not None:
            self._index(seen)
        elif known is not None:
            self._organizations.pop(known.id, None) if known.kind is Kind.ORGANIZATION else self._accounts.pop(
                known.id, None
            )
        for listener in self._listeners:
            listener(known, seen)

    def _has_several_holders(self, key: EntryKey) -> bool:
        return sum(index.count(key) for index in self._holders.values()) > 1

    def _index(self, seen: Seen) -> None:
        self._keep(seen)
        for parent in seen.parents:
            self._members[seen.kind].add(parent, seen.id)
        if seen.is_bound and seen.binding is not None:
            key = entry_key(seen.binding.entry_uuid)
            self._holders[seen.kind].add(key, seen.id)
            if self._has_several_holders(key):
                self._shared.add(seen.binding.entry_uuid)
            self._bound_count[seen.kind] += 1
            for parent in seen.parents[:1]:
                self._bound_below[parent] += 1
        if seen.status is not Status.APPLIED:
            self._by_status.add((seen.kind, seen.status), seen.id)
            self._tallies[seen.kind, seen.status][seen.partition, seen.reason] += 1
        if seen.removed_at is not None:
            self._removals[seen.kind].note(seen.id, seen.removed_at)

    def _unindex(self, known: Seen) -> None:
        for parent in known.parents:
            self._members[known.kind].discard(parent, known.id)
        if known.is_bound and known.binding is not None:
            key = entry_key(known.binding.entry_uuid)
            self._holders[known.kind].discard(key, known.id)
            if not self._has_several_holders(key):
                self._shared.discard(known.binding.entry_uuid)
            self._bound_count[known.kind] -= 1
            for parent in known.parents[:1]:
                self._bound_below[parent] -= 1
                if not self._bound_below[parent]:
                    del self._bound_below[parent]
        if known.status is not Status.APPLIED:
            self._by_status.discard((known.kind, known.status), known.id)
            tallies = self._tallies[known.kind, known.status]
            tallies[known.partition, known.reason] -= 1
            if not tallies[known.partition, known.reason]:
                del tallies[known.partition, known.reason]


def _bound_at(seen: Seen | None) -> int:
    return seen.binding.bound_at if seen is not None and seen.binding is not None else 0
