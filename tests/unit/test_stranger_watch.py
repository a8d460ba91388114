"""Who waits for an entry that is nobody's goes on when it is somebody's."""

import asyncio

from schemas.events import Kind, RedriveReason
from schemas.states import AwaitsTime, Status
from streams.worker.states.state_view import Seen, StateView
from streams.worker.watching.backlog import Backlog
from streams.worker.watching.stranger_watch import StrangerWatch
from tests.support.redrives import TARGET, RecordedRedrives, again, bound, seen, unbound

RELEASED = [("a", RedriveReason.RELEASE)]
A = (Kind.ACCOUNT, "a")
WAITING = bound(seen("a", status=Status.WAITING, reason="foreign_entry", awaited=AwaitsTime()))
OTHER = bound(seen("b"), entry="e")


class Scene:
    """A view with a watch on it; of accounts partition 1 is ours unless told otherwise."""

    def __init__(self, *entities: Seen, owned: tuple[int, ...] = (1,)) -> None:
        self.owned = owned
        self.view = StateView(TARGET)
        self.redrives = RecordedRedrives()
        self.backlog = Backlog()
        self.watch = StrangerWatch(self.view, self.redrives, lambda _, number: number in self.owned, self.backlog)
        self.changes(*entities)

    def changes(self, *entities: Seen) -> list[tuple[str, RedriveReason]]:
        """Take in changes; returns what was asked for then."""
        for entity in entities:
            self.view.absorb(entity)
        return self._asked()

    def notes(self, stranger: str = "e") -> list[tuple[str, RedriveReason]]:
        """Note that `a` waits for an entry; returns what was asked for then."""
        self.watch.note(A, stranger)
        return self._asked()

    def _asked(self) -> list[tuple[str, RedriveReason]]:
        asyncio.run(self.backlog.drain())
        return self.redrives.take()


def test_it_goes_on_when_somebody_is_bound_to_the_entry() -> None:
    """Once, as its state is then."""
    scene = Scene(WAITING)
    assert scene.notes() == []
    assert scene.changes(again(WAITING), OTHER) == RELEASED
    assert scene.changes(again(OTHER)) == []
    assert scene.redrives.revisions == [again(WAITING).revision]


def test_it_goes_on_when_somebody_was_bound_before_it_was_recorded() -> None:
    """Between the directory's answer and the record the view may have known it: nothing would come."""
    assert Scene(WAITING, OTHER).notes() == RELEASED


def test_other_entries_and_other_states_of_the_same_release_nobody() -> None:
    """Nor does a state without an entry."""
    scene = Scene(WAITING)
    scene.notes()
    assert scene.changes(bound(seen("c")), again(WAITING), unbound(seen("b"))) == []


def test_its_own_binding_to_the_entry_releases_nobody() -> None:
    """The directory says why it waits nevertheless: it would go round for ever."""
    own = bound(WAITING, entry="e")
    assert Scene(own).notes() == []
    scene = Scene(WAITING)
    scene.notes()
    assert scene.changes(again(own)) == []


def test_the_newest_entry_in_its_way_counts() -> None:
    scene = Scene(WAITING)
    scene.notes("e")
    scene.notes("f")
    assert scene.changes(OTHER) == []
    assert scene.changes(bound(seen("c"), entry="f")) == RELEASED


def test_who_does_not_wait_any_more_is_forgotten() -> None:
    """When it waits again, it is noted again."""
    scene = Scene(WAITING)
    scene.notes()
    scene.changes(again(WAITING, status=Status.APPLIED, awaited=None))
    scene.changes(again(again(WAITING)))
    assert scene.changes(OTHER) == []


def test_who_is_removed_is_forgotten() -> None:
    scene = Scene(WAITING)
    scene.notes()
    scene.view.forget(A)
    scene.changes(WAITING)
    assert scene.changes(OTHER) == []


def test_who_is_another_workers_by_now_is_left_to_that_one() -> None:
    scene = Scene(WAITING)
    scene.notes()
    scene.owned = ()
    assert scene.changes(OTHER) == []
