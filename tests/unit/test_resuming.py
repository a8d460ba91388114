"""Where reading goes on."""

import pytest

from streams.worker.delivery.resuming import Log, Loss, Origin, Start, start_of

LOG = Log(begin=10, end=20, origin=Origin("now"))
ANEW = Log(begin=10, end=20, origin=Origin("now", is_anew=True))
FROM_HISTORY = Start(10, loss=Loss.MADE_ANEW, history_end=20)


@pytest.mark.parametrize(
    ("committed", "origin", "expected"),
    [
        (15, "now", Start(15, 15)),
        (10, "now", Start(10, 10)),
        (20, "now", Start(20, 20)),
        (None, "", Start(10)),
        (15, "", Start(15, 15)),
        (15, "before", FROM_HISTORY),
        (21, "now", Start(10, loss=Loss.CUT_OFF)),
        (9, "now", Start(10, loss=Loss.DELETED_UNREAD)),
    ],
)
def test_reading_goes_on_where_it_was_left_or_from_the_beginning(
    committed: int | None, origin: str, expected: Start
) -> None:
    """From the beginning if what was left is not there any more; then nothing counts as committed."""
    assert start_of(committed, origin, LOG) == expected


@pytest.mark.parametrize(
    ("committed", "origin", "told_end"),
    [(15, "events states", 15), (15, "others states", 0), (21, "events states", 0), (15, "", 0), (None, "", 0)],
)
def test_where_only_the_states_are_others_it_is_known_which_dead_letters_there_are(
    committed: int | None, origin: str, told_end: int
) -> None:
    """Those of what was done in the same topic; what follows may be none yet."""
    log = Log(10, 20, Origin("events states-anew", is_anew=True))
    assert start_of(committed, origin, log) == Start(10, loss=Loss.MADE_ANEW, history_end=20, told_end=told_end)


@pytest.mark.parametrize(
    ("committed", "origin", "expected"),
    [(None, "", FROM_HISTORY), (15, "", FROM_HISTORY), (15, "before", FROM_HISTORY), (15, "now", Start(15, 15))],
)
def test_of_a_topic_made_anew_only_an_offset_that_is_surely_of_it_counts(
    committed: int | None, origin: str, expected: Start
) -> None:
    """Kafka forgets the offsets of a topic that is deleted, and of a group that was away for long."""
    assert start_of(committed, origin, ANEW) == expected


def test_where_the_topic_s_id_is_not_known_the_committed_offset_counts() -> None:
    """Kafka may not tell; and who set the offset by hand meant it."""
    assert start_of(15, "before", Log(10, 20, Origin())) == Start(15, 15)
