"""A view with a waiting room in it, for the tests of who is released when."""

import asyncio
from typing import Any

from schemas.events import Kind, RedriveReason
from schemas.states import Awaited, Status
from streams.worker.states.state_view import Seen, StateView
from streams.worker.watching.backlog import Backlog
from streams.worker.watching.waiting_room import WaitingRoom
from tests.support.redrives import TARGET, RecordedRedrives, seen

SOURCE = "src"
RELEASE, CYCLE = RedriveReason.RELEASE, RedriveReason.CYCLE


def waiting(identifier: str, awaited: Awaited | None, *parents: str, reason: str = "why", **changes: Any) -> Seen:
    return seen(identifier, *parents, status=Status.WAITING, reason=reason, awaited=awaited, **changes)


def waiting_unit(identifier: str, awaited: Awaited | None, parent: str = SOURCE, reason: str = "why") -> Seen:
    return waiting(identifier, awaited, parent, kind=Kind.ORGANIZATION, partition=0, reason=reason)


class CountingView(StateView):
    """A view that counts how often the tree is asked."""

    def __init__(self) -> None:
        super().__init__(TARGET)
        self.asked = 0

    def organization(self, identifier: str) -> Seen | None:
        """As of every view."""
        self.asked += 1
        return super().organization(identifier)


class Scene:
    """A view with a waiting room; account partitions 1 and 2, and organizations, are ours unless told otherwise.

    Attributes:
        now: the clock, seconds.
    """

    def __init__(self, *entities: Seen, owned: tuple[int, ...] = (0, 1, 2)) -> None:
        self.owned = owned
        self.now = 5000.0
        self.view = CountingView()
        self.redrives = RecordedRedrives()
        self.backlog = Backlog()
        self.room = WaitingRoom(
            self.view,
            self.redrives,
            SOURCE,
            lambda _, partition: partition in self.owned,
            lambda: self.now,
            self.backlog,
        )
        self.first = self.changes(*entities)

    def changes(self, *entities: Seen) -> list[tuple[str, RedriveReason]]:
        """Take in changes; returns what was asked for then."""
        for entity in entities:
            self.view.absorb(entity)
        return self.asked()

    def asked(self) -> list[tuple[str, RedriveReason]]:
        """What is asked for now, each once."""
        asyncio.run(self.backlog.drain())
        return list(dict.fromkeys(self.redrives.take()))

    def sweeps(self, after: float = 0) -> list[tuple[str, RedriveReason]]:
        """Let time pass and sweep; returns what was asked for then."""
        self.now += after
        self.room.sweep()
        return self.asked()
