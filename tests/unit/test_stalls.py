"""When a partition counts as one that stands still."""

import pytest
from faust.types import TP

from streams.worker.delivery.progress import Progress
from streams.worker.delivery.stalls import STALL_SECONDS, Stalls

HERE = TP("idaas.accounts", 0)


def looks(*said: bool, moves: bool = False, busy: bool = False) -> list[TP]:
    """Look after each `STALL_SECONDS`, when the log goes on or not as `said`; return what the last look found."""
    stalls, progress, found = Stalls(), {HERE: Progress(0, None)}, list[TP]()
    stalls.idle(progress, (), 0)
    for number, goes_on in enumerate(said, start=1):
        now = number * (STALL_SECONDS + 1)
        progress[HERE].next += moves
        idle = stalls.idle(progress, [HERE] if busy else [], now)
        found = stalls.stalled(idle, dict.fromkeys(idle, goes_on), now)
    return found


@pytest.mark.parametrize(
    ("said", "stalled"),
    [
        ([True], False),
        ([True, True], True),
        ([True, False], False),
        ([False, True], False),
        ([True, False, True], False),
    ],
)
def test_it_stands_still_if_it_had_something_to_read_twice_in_a_row(said: list[bool], *, stalled: bool) -> None:
    """Once may be an event that has come this moment."""
    assert looks(*said) == ([HERE] if stalled else [])


@pytest.mark.parametrize("how", ["moves", "busy"])
def test_where_something_happens_nothing_stands_still(how: str) -> None:
    """It goes on, or something of it is in work, however long that takes."""
    assert looks(True, True, **{how: True}) == []


def test_an_interruption_is_no_stall() -> None:
    """What was seen before it counts no more."""
    stalls, progress = Stalls(), {HERE: Progress(0, None)}
    stalls.idle(progress, (), 0)
    stalls.forget()
    assert stalls.idle(progress, (), STALL_SECONDS + 1) == {}
