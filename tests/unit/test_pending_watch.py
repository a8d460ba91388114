"""Pending states are applied once nothing is to be waited for any more."""

from schemas.events import Kind, RedriveReason
from schemas.states import Status
from streams.worker.states.state_view import StateView
from streams.worker.watching.backlog import Backlog
from streams.worker.watching.pending_watch import PendingWatch
from tests.support.redrives import TARGET, RecordedRedrives, again, seen, unit


async def test_pending_states_of_our_partitions_are_released() -> None:
    """Of both kinds; others are not."""
    view, redrives, backlog = StateView(TARGET), RecordedRedrives(), Backlog()
    view.absorb(seen("ours", status=Status.PENDING))
    view.absorb(seen("theirs", status=Status.PENDING, partition=2))
    view.absorb(seen("waiting", status=Status.WAITING))
    view.absorb(unit("unit", status=Status.PENDING))
    PendingWatch(view, redrives, lambda _, partition: partition < 2, backlog).look()
    await backlog.drain()
    assert sorted(redrives.asked) == [("ours", RedriveReason.RELEASE), ("unit", RedriveReason.RELEASE)]


def test_who_is_forgotten_while_others_are_looked_at_is_left_out() -> None:
    """A look is taken in slices: between two of them the view changes."""
    view, redrives = StateView(TARGET), RecordedRedrives()
    watched = PendingWatch(view, redrives, lambda _, __: True, Backlog())
    for identifier in ("a", "b", "c"):
        view.absorb(seen(identifier, status=Status.PENDING))
    steps = iter(watched.look_at(Kind.ACCOUNT))
    next(steps)
    (first,) = {identifier for identifier, _ in redrives.take()}
    gone, applied = sorted({"a", "b", "c"} - {first})
    view.forget((Kind.ACCOUNT, gone))
    view.absorb(again(seen(applied)))
    assert list(steps) == [None, None]
    assert redrives.asked == []
