"""What every worker knows of all entities: the two state topics, tailed into memory (design section 4, "State view").

Each worker owns only some partitions, but needs the whole organization tree, and must know who is bound to which entry.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from schemas.events import Kind
from schemas.states import Awaited, Binding, Revision, State, Status

Place: TypeAlias = tuple[str, int]  # topic, partition
Subject: TypeAlias = tuple[Kind, str]
Listener: TypeAlias = Callable[["Seen | None", "Seen | None"], None]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is kept of one entity's state.

    Attributes:
        parents: an organization's parent, or the organizations of an account.
        is_bound: it has an entry below the present target.
        revision: the state's `writer`.
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
    reason: str | None
    awaited: Awaited | None

    @property
    def parent_id(self) -> str | None:
        """The first of `parents`: for `processors.placement`."""
        return self.parents[0] if self.parents else None


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing that the reader of the topics found.

    Attributes:
        offset: of the message, or the end of the partition when there was none.
        subject: None at the end of a partition.
        seen: None when the state was removed.
    """

    place: Place
    offset: int
    subject: Subject | None
    seen: Seen | None


def seen_of(kind: Kind, identifier: str, partition: int, state: State, target: str) -> Seen:
    """Keep what others must know of a state."""
    record, binding = state.record, state.binding
    if record is None:
        parents: tuple[str, ...] = ()
    elif kind is Kind.ORGANIZATION:
        parents = () if record.parent_id is None else (record.parent_id,)
    else:
        parents = tuple(membership.organization_id for membership in record.memberships or ())
    return Seen(
        kind=kind,
        id=identifier,
        partition=partition,
        revision=state.writer,
        parents=parents,
        is_deleted=state.deleted_at is not None,
        is_bound=binding is not None and binding.target == target,
        binding=binding,
        status=state.status,
        reason=state.reason,
        awaited=state.awaited,
    )


class StateView:
    """All states, as far as they were read; lives in the event loop.

    Args:
        target: the entryUUID of the target node, in lower case; bindings below another target count as none.
    """

    def __init__(self, target: str) -> None:
        self.target: Final = target
        self.entities: dict[Kind, dict[str, Seen]] = {Kind.ORGANIZATION: {}, Kind.ACCOUNT: {}}
        self._holders: dict[str, Subject] = {}
        self._bound_below: dict[str, set[Subject]] = defaultdict(set)
        self._positions: dict[Place, int] = {}
        self._listeners: list[Listener] = []
        self._moved = asyncio.Event()

    def listen(self, listener: Listener) -> None:
        """Call a listener after every change of an entity, with what was known before and what is now."""
        self._listeners.append(listener)

    def organization(self, identifier: str) -> Seen | None:
        """One organization; this is the tree that placement walks."""
        return self.entities[Kind.ORGANIZATION].get(identifier)

    def holder(self, entry_uuid: str) -> Subject | None:
        """The entity bound to an entry."""
        return self._holders.get(entry_uuid)

    def is_empty_below(self, organization_id: str) -> bool:
        """Whether no entity that belongs to the organization has an entry."""
        return not self._bound_below.get(organization_id)

    def absorb(self, seen: Seen) -> None:
        """Take in a state; one with a smaller revision than the known one is a zombie's late write and is ignored."""
        known = self.entities[seen.kind].get(seen.id)
        if known is not None and seen.revision <= known.revision:
            return
        self._replace(known, seen)

    def forget(self, subject: Subject) -> None:
        """Take in that a state was removed."""
        known = self.entities[subject[0]].get(subject[1])
        if known is not None:
            self._replace(known, None)

    def take_in(self, readings: Iterable[Reading]) -> None:
        """Take in what the reader found."""
        for reading in readings:
            if reading.subject is None:
                self._positions[reading.place] = max(reading.offset, self._positions.get(reading.place, 0))
                continue
            if reading.seen is None:
                self.forget(reading.subject)
            else:
                self.absorb(reading.seen)
            self._positions[reading.place] = reading.offset + 1
        self._moved.set()
        self._moved = asyncio.Event()

    async def reach(self, ends: Mapping[Place, int]) -> None:
        """Wait until everything before the given offsets was taken in."""
        while any(self._positions.get(place, 0) < end for place, end in ends.items()):
            await self._moved.wait()

    def _replace(self, known: Seen | None, seen: Seen | None) -> None:
        either = seen or known
        if either is None:
            return
        subject = (either.kind, either.id)
        if known is not None and known.is_bound:
            self._unbind(known, subject)
        if seen is None:
            del self.entities[either.kind][either.id]
        else:
            self.entities[seen.kind][seen.id] = seen
            if seen.is_bound and seen.binding is not None:
                self._holders[seen.binding.entry_uuid] = subject
                for parent in seen.parents:
                    self._bound_below[parent].add(subject)
        for listener in self._listeners:
            listener(known, seen)

    def _unbind(self, known: Seen, subject: Subject) -> None:
        if known.binding is not None and self._holders.get(known.binding.entry_uuid) == subject:
            del self._holders[known.binding.entry_uuid]
        for parent in known.parents:
            below = self._bound_below.get(parent)
            if below is not None:
                below.discard(subject)
                if not below:
                    del self._bound_below[parent]
