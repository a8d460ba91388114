"""How many deletions are too many."""

import pytest

from processors.guarding import GuardLimits, is_closed, is_full

HOUR = 3_600_000


@pytest.mark.parametrize(
    ("removals", "bound", "count", "percent", "full"),
    [
        (0, 100, 30, None, False),
        (29, 71, 30, None, False),  # the thirtieth may go
        (30, 70, 30, None, True),  # the next one may not
        (31, 69, 30, None, True),  # another worker was as fast
        (0, 100, 0, None, True),  # nothing goes by itself
        (10**6, 0, None, None, False),  # no limit at all
        (9, 91, None, 10, False),
        (10, 90, None, 10, True),  # a tenth of those that were there when the window began, not of those that are left
        (0, 9, None, 10, True),  # of nine not even one is a tenth
        (0, 10, None, 10, False),
        (0, 100, None, 0, True),
        (99, 1, None, 100, False),
        (10, 990, 10, 50, True),  # the stricter one of both holds
        (10, 10, 30, 50, True),
        (68, 1432, None, 4.6, False),  # 4.6 % of 1500 are 69, although binary fractions say a little less
        (69, 1431, None, 4.6, True),
    ],
)
def test_the_window_is_full_when_one_more_would_be_too_many(
    removals: int, bound: int, count: int | None, percent: float | None, *, full: bool
) -> None:
    assert is_full(removals, bound, GuardLimits(count, percent, HOUR)) is full


@pytest.mark.parametrize(
    ("removals", "held", "closed"),
    [
        (0, 0, False),
        (0, 1, True),  # sticky: the window has slid on, but nobody has decided yet
        (30, 0, True),
        (30, 5, True),
    ],
)
def test_what_is_held_keeps_the_guard_closed(removals: int, held: int, *, closed: bool) -> None:
    assert is_closed(removals, 100, held, GuardLimits(30, None, HOUR)) is closed


def test_the_window_slides() -> None:
    """It begins its own length before now."""
    assert GuardLimits(30, None, HOUR).window_start(10 * HOUR) == 9 * HOUR
