"""Holds deletions when there are too many of them, until a person decides (design section 5, "Guard")."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack

from processors.guarding import GuardLimits, is_closed
from schemas.control import Approval, Discard
from schemas.events import Kind, RedriveReason
from schemas.states import Status
from streams.control import ControlView
from streams.worker.states.state_view import Seen, StateView
from streams.worker.watching.backlog import Backlog
from streams.worker.watching.redriving import Redrives


class DeletionGuard:
    """Admits deletions of each kind one at a time, as long as the window has room and nothing is held.

    Args:
        limits: of each kind.
        now: milliseconds.
        lost_states: the states were lost, and are made again from what is left of the events: an entry may be taken
            for that of somebody who left long ago, so nothing is deleted unless a person approves it.
    """

    def __init__(
        self,
        view: StateView,
        limits: Mapping[Kind, GuardLimits],
        now: Callable[[], int],
        lost_states: Callable[[], bool] = lambda: False,
    ) -> None:
        self._view = view
        self._limits = limits
        self._now = now
        self._lost_states = lost_states
        self._one_at_a_time = {kind: asyncio.Lock() for kind in limits}

    def is_watching(self, kind: Kind) -> bool:
        """Whether there is any limit."""
        limits = self._limits[kind]
        return limits.count is not None or limits.percent is not None

    async def admit(self, kind: Kind, until_recorded: AsyncExitStack) -> bool:
        """Ask before a deletion. False: it must be held.

        Args:
            kind: of the entity.
            until_recorded: closed when the state of the deleted entity is written and has come back from Kafka, so
                that other workers count it too; nobody else is admitted before.
        """
        if self._lost_states():
            return False
        if not self.is_watching(kind):
            return True
        await until_recorded.enter_async_context(self._one_at_a_time[kind])
        return not self.is_closed(kind)

    def is_closed(self, kind: Kind) -> bool:
        """Whether deletions are held; it opens by itself when nothing is held any more and the window has room."""
        limits = self._limits[kind]
        removals = self._view.removals_since(kind, limits.window_start(self._now()))
        held = self._view.count_with_status(kind, Status.HELD)
        return is_closed(removals, self._view.bound_count(kind), held, limits)


class HeldWatch:
    """Has held states applied again when a person has decided about them.

    Args:
        owns: whether a partition of a kind is ours.
        backlog: where looks wait for their turn.
    """

    def __init__(
        self,
        view: StateView,
        control: ControlView,
        redriver: Redrives,
        owns: Callable[[Kind, int], bool],
        backlog: Backlog,
    ) -> None:
        self._view = view
        self._control = control
        self._redriver = redriver
        self._owns = owns
        self._backlog = backlog
        view.listen(self._on_change)

    def look(self) -> None:
        """Ask for a look at everything that is held in our partitions: on a decision, on assignment, every 30 s."""
        for kind in Kind:
            self._backlog.add(self._look, kind)

    def _look(self, kind: Kind) -> Iterator[None]:
        for subject in tuple(seen.subject for seen in self._view.with_status(kind, Status.HELD)):
            self._on_change(None, self._view.get(subject))
            yield

    def _on_change(self, _: Seen | None, seen: Seen | None) -> None:
        if seen is not None and seen.status is Status.HELD:
            self._test(seen)

    def _test(self, seen: Seen) -> None:
        if not self._owns(seen.kind, seen.partition):
            return
        match self._control.verdict_on(seen.kind, seen.id, seen.status_time):
            case Approval():
                self._redriver.ask(seen.kind, seen.id, seen.partition, seen.revision, RedriveReason.APPROVE)
            case Discard():
                self._redriver.ask(seen.kind, seen.id, seen.partition, seen.revision, RedriveReason.DISCARD)
            case None:
                pass
