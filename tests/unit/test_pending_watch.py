"""Pending states are applied once nothing is to be waited for any more."""

from schemas.events import RedriveReason
from schemas.states import Status
from streams.worker.backlog import Backlog
from streams.worker.pending_watch import PendingWatch
from streams.worker.state_view import StateView
from tests.support.redrives import TARGET, RecordedRedrives, seen, unit


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
