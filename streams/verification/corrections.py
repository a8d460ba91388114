"""Corrections in three steps, all of them by the workers: organizations, accounts, deletions (design 6, steps 6, 7)."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol

from schemas.control import Approval
from schemas.events import Kind, RedriveReason
from schemas.jobs import EntryState
from schemas.states import AwaitsChildren, AwaitsEntity, AwaitsOrganization, State, Status
from streams.control import decide
from streams.kafka import Publisher
from streams.settings import Settings
from streams.snapshot import Stored
from streams.verification.comparison import Comparison
from streams.verification.organizations import Organization
from streams.verification.redrives import Advances, Redrives
from streams.verification.snapshot import Snapshot
from streams.verification.workers import Patience

# Dead-lettered and waiting states get one redrive in each run; held ones none.
_CORRECTED: Final = (
    EntryState.MISSING,
    EntryState.CHANGED,
    EntryState.MISPLACED,
    EntryState.DUPLICATE,
    EntryState.WAITING,
    EntryState.DEAD_LETTERED,
)
_POLL_SECONDS: Final = 0.25
_SETTLING_SECONDS: Final = 10.0  # whoever is released, is so at once; the others stay
_CHILDREN_SECONDS: Final = 3.0  # they went before: those that are left are gone in a moment, or stay
_IDS_AT_ONCE: Final = 5000  # in one approval: a message in Kafka has room for so many


class Steps(Advances, Protocol):
    """Whom the corrections tell how far they are."""

    def step(self, name: str, total: int | None) -> None:
        """The next step begins."""


class Corrections:
    """Has the workers correct what was found.

    Attributes:
        touched: the numbers of all states that were asked for.
    """

    def __init__(self, snapshot: Snapshot, comparison: Comparison, redrives: Redrives) -> None:
        self._snapshot = snapshot
        self._comparison = comparison
        self._redrives = redrives
        self._depths = _depths(comparison.organizations)
        self.touched: set[int] = set()

    async def correct(self, progress: Steps, *, deletes: bool) -> None:
        """Correct everything but deletions: organizations, parents first, and then accounts.

        Args:
            progress: is told of the steps.
            deletes: whom the source has deleted may be asked for, because it waits; its entry may go by that.

        Raises:
            StandStill: the workers do not move.
            Retryable, CommandFailed: Kafka does not answer.
        """
        for name, kind in (("organizations", Kind.ORGANIZATION), ("accounts", Kind.ACCOUNT)):
            found = self._found(kind, _CORRECTED)
            numbers = [number for number in found if deletes or not self._snapshot.is_deleted(number)]
            progress.step(name, len(numbers))
            await self._ask(sorted(numbers, key=self._depth), progress)

    async def delete(self, progress: Steps, approver: "Approver | None") -> None:
        """Remove what must go: accounts, and then organizations, the deepest first; the guard of the workers may hold.

        Args:
            progress: is told of the step.
            approver: approves what is held then; None leaves that to a person.

        Raises:
            StandStill: the workers do not move.
            Retryable, CommandFailed: Kafka does not answer.
        """
        doomed = {kind: self._doomed(kind) for kind in (Kind.ACCOUNT, Kind.ORGANIZATION)}
        doomed[Kind.ORGANIZATION].sort(key=self._depth, reverse=True)
        progress.step("deletions", sum(map(len, doomed.values())))
        for kind, numbers in doomed.items():
            await self._ask(numbers, progress)
            if approver is not None:
                held = {*numbers, *self._found(kind, (EntryState.HELD,))}
                await approver.approve(kind, held)
                self.touched |= held

    def _depth(self, number: int) -> int:
        return self._depths.get(number, 0)

    def _found(self, kind: Kind, states: Iterable[EntryState]) -> list[int]:
        return [
            number
            for number in self._comparison.findings.numbers(kind, states)
            if not self._comparison.is_swept(number)
        ]

    def _doomed(self, kind: Kind) -> list[int]:
        """Who must go: orphans, and whom a complete push did not bring, with or without an entry."""
        swept = self._comparison.swept(kind)
        return sorted({*self._comparison.findings.numbers(kind, (EntryState.ORPHAN,)), *swept})

    async def _ask(self, numbers: list[int], progress: Advances) -> None:
        if not numbers:
            return
        await asyncio.to_thread(self._snapshot.read)
        # The redrive names the state as it is now: nobody but us could see that a live event came before it.
        numbers = [number for number in numbers if not self._comparison.is_spared(number)]
        self.touched.update(numbers)
        await self._redrives.ask(self._wishes(numbers), progress)
        await self._settle(numbers)

    def _wishes(self, numbers: Iterable[int]) -> Iterator[tuple[Stored, RedriveReason]]:
        for number in numbers:
            stored = self._snapshot.get(number)
            if stored is None or stored.state.status is Status.HELD:
                continue
            yield stored, self._reason(number, stored.state)

    def _reason(self, number: int, state: State) -> RedriveReason:
        if self._comparison.is_swept(number) and state.deleted_at is None:
            return RedriveReason.SWEEP
        if self._comparison.findings.state(number) is EntryState.DUPLICATE:
            return RedriveReason.UNBIND
        return RedriveReason.CORRECT

    async def _settle(self, numbers: Iterable[int]) -> None:
        """Wait until nobody waits for somebody whom this run corrects, or until that does not help any more."""
        await asyncio.to_thread(self._snapshot.read)
        left = await self._waiting_for_us(numbers)
        slow, short = Patience(_SETTLING_SECONDS), Patience(_CHILDREN_SECONDS)
        while left:
            revisions = [self._revision(number) for number in left]
            await_children = all(self._awaits_children(number) for number in left)
            if slow.is_over(revisions) or (short.is_over(revisions) and await_children):
                # Who was released may stand behind many events: only when those are done, nothing more comes.
                await self._redrives.drain()
                await asyncio.to_thread(self._snapshot.read)
                if revisions == [self._revision(number) for number in left]:
                    return
            await asyncio.sleep(_POLL_SECONDS)
            await asyncio.to_thread(self._snapshot.read)
            left = await self._waiting_for_us(left)

    async def _waiting_for_us(self, numbers: Iterable[int]) -> list[int]:
        """Whom to wait for; in a thread, as they may be a million, and the service answers /healthz meanwhile."""
        return await asyncio.to_thread(
            lambda: [number for number in numbers if self._snapshot.is_waiting(number) and self._waits_for_us(number)]
        )

    def _waits_for_us(self, number: int) -> bool:
        """Whether it waits, and at the end of the row stands somebody touched who can still move."""
        seen = {number}
        while True:
            stored = self._snapshot.get(number)
            if stored is None or stored.state.status is not Status.WAITING:
                # The one that is awaited is done, and whoever waits for it is about to be released.
                return len(seen) > 1 and (stored is None or stored.state.status is Status.APPLIED)
            awaited = self._awaited(stored)
            if awaited is None:
                return isinstance(stored.state.awaited, AwaitsChildren)
            if awaited not in self.touched or awaited in seen:
                return awaited in seen  # a circle, which the workers break
            seen.add(awaited)
            number = awaited

    def _awaits_children(self, number: int) -> bool:
        stored = self._snapshot.get(number)
        return stored is not None and isinstance(stored.state.awaited, AwaitsChildren)

    def _awaited(self, stored: Stored) -> int | None:
        match stored.state.awaited:
            case AwaitsOrganization(identifier):
                return self._snapshot.number(Kind.ORGANIZATION, identifier)
            case AwaitsEntity() as awaited:
                return self._snapshot.number(*awaited.subject(stored.kind))
            case _:
                return None

    def _revision(self, number: int) -> object:
        stored = self._snapshot.get(number)
        return None if stored is None else stored.state.writer


class Approver:
    """Approves deletions that are held, each by its id, and waits until they have happened."""

    def __init__(self, settings: Settings, publisher: Publisher, snapshot: Snapshot, patience: float) -> None:
        self._settings = settings
        self._publisher = publisher
        self._snapshot = snapshot
        self._patience = patience

    async def approve(self, kind: Kind, numbers: Iterable[int]) -> None:
        """Approve those of these that are held now; one that is not carried out stays approved.

        Raises:
            Retryable, CommandFailed: Kafka does not answer.
        """
        await asyncio.to_thread(self._snapshot.read)
        held = [(number, stored) for number in numbers if (stored := self._held(number)) is not None]
        for start in range(0, len(held), _IDS_AT_ONCE):
            some = [stored for _, stored in held[start : start + _IDS_AT_ONCE]]
            before = max(stored.state.status_time for stored in some)
            decision = Approval(kind, frozenset(stored.id for stored in some), before)
            await decide(self._publisher, self._settings, decision)
        left = [number for number, _ in held]
        patience = Patience(self._patience)
        while left and not patience.is_over(len(left)):
            await asyncio.sleep(_POLL_SECONDS)
            await asyncio.to_thread(self._snapshot.read)
            left = [number for number in left if self._held(number) is not None]

    def _held(self, number: int) -> Stored | None:
        stored = self._snapshot.get(number)
        return stored if stored is not None and stored.state.status is Status.HELD else None


def _depths(organizations: Mapping[str, Organization]) -> dict[int, int]:
    """How far below the top each organization is, by its number; a circle ends where it is met again."""
    depths: dict[int, int] = {}
    for identifier, node in organizations.items():
        seen, above = {identifier}, node.parent_id
        while above is not None and above not in seen and above in organizations:
            seen.add(above)
            above = organizations[above].parent_id
        depths[node.number] = len(seen)
    return depths
