"""How long a "no" takes at least."""

from streams.authentication.pace import SHORTEST_SECONDS, Pace


def test_a_no_takes_as_long_as_failed_binds_usually_do() -> None:
    """The median: one that took very long must not slow all others down."""
    pace = Pace()
    for seconds in (0.2, 0.3, 30.0):
        pace.note(seconds)
    assert pace.seconds == 0.3


def test_what_was_long_ago_does_not_count() -> None:
    """The directory may have got faster, or its hashes slower."""
    pace = Pace()
    for seconds in (1.0,) * 200 + (0.2,) * 101:
        pace.note(seconds)
    assert pace.seconds == 0.2


def test_a_no_never_takes_less_than_the_clock_can_tell() -> None:
    """Before the first bind, too."""
    pace = Pace()
    before = pace.seconds
    pace.note(0.001)
    assert (before, pace.seconds) == (SHORTEST_SECONDS, SHORTEST_SECONDS)
