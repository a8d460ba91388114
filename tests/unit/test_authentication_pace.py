"""How long a "no" takes at least."""

from streams.authentication.pace import SHORTEST_SECONDS, Pace


def test_a_no_takes_as_long_as_failed_binds_usually_do() -> None:
    """The median: one that took very long must not slow all others down."""
    pace = Pace()
    for seconds in (0.2, 0.3, 30.0):
        pace.note(seconds)
    assert pace.least(bound=True) == 0.3


def test_without_a_bind_it_takes_as_long_as_one_of_them() -> None:
    """Not always the same time, by which a login that nobody has would be told from a wrong password at once."""
    pace = Pace()
    for seconds in (0.1, 0.2, 0.3, 0.4, 0.5):
        pace.note(seconds)
    assert {pace.least(bound=False) for _ in range(1000)} == {0.3, 0.4, 0.5}
    assert {pace.least(bound=True) for _ in range(1000)} == {0.3}


def test_a_bind_that_took_very_long_is_not_taken_as_an_example() -> None:
    """A directory that stood still for once would delay others for long."""
    pace = Pace()
    for seconds in (0.2, 0.2, 30.0):
        pace.note(seconds)
    assert max(pace.least(bound=False) for _ in range(1000)) == 0.8


def test_what_was_long_ago_does_not_count() -> None:
    """The directory may have got faster, or its hashes slower."""
    pace = Pace()
    for seconds in (1.0,) * 200 + (0.2,) * 101:
        pace.note(seconds)
    assert pace.least(bound=True) == 0.2


def test_a_no_never_takes_less_than_the_clock_can_tell() -> None:
    """Before the first bind, too."""
    pace = Pace()
    before = pace.least(bound=True)
    pace.note(0.001)
    assert (before, pace.least(bound=True)) == (SHORTEST_SECONDS, SHORTEST_SECONDS)
