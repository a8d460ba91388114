"""The watermark of one partition."""

import pytest

from streams.worker.delivery.progress import AHEAD_LIMIT, Hole, Progress


def ready(start: int = 0) -> Progress:
    progress = Progress(start, durable=None)
    progress.rewind(start)
    return progress


def test_a_new_partition_must_be_read_from_its_start() -> None:
    assert Progress(5, None).must_rewind


def test_next_waits_for_the_earliest_event() -> None:
    progress = ready()
    progress.fetch([0, 1, 2])
    for offset in (0, 1, 2):
        assert progress.deliver(offset)
        assert progress.take(offset)
    progress.finish(2)
    progress.finish(1)
    assert progress.next == 0
    progress.finish(0)
    assert progress.next == 3


def test_a_repeat_of_an_event_in_work_is_not_handed_over() -> None:
    progress = ready()
    assert progress.take(0)
    assert not progress.take(0)


def test_an_event_that_comes_too_early_raises_before_it_is_handled() -> None:
    progress = ready()
    assert progress.take(0)
    with pytest.raises(Hole, match="2 came, 1 is due"):
        progress.take(2)


def test_offsets_that_the_log_lacks_are_stepped_over_and_told() -> None:
    progress = ready()
    assert progress.fetch([0, 3, 4, 9]) == [range(1, 3), range(5, 9)]
    for offset in (0, 3, 4, 9):
        assert progress.deliver(offset)
        assert progress.take(offset)
        progress.finish(offset)
    assert progress.next == 10
    assert progress.absent == 2


def test_markers_at_the_end_of_the_log_are_stepped_over_when_they_were_read_twice() -> None:
    """Offset 1 was an event that was lost with a broken-off fetch the first time, 2 is a marker."""
    progress = ready()
    progress.fetch([0])
    assert progress.deliver(0)
    assert progress.take(0)
    progress.finish(0)
    progress.pass_over(3)
    assert (progress.next, progress.must_rewind) == (1, True)
    progress.rewind(1)
    progress.fetch([1])
    assert progress.deliver(1)
    assert progress.take(1)
    progress.finish(1)
    for _ in range(2):  # read twice, not told twice
        progress.pass_over(3)
        assert progress.next == 2
    progress.rewind(2)
    progress.pass_over(3)
    assert progress.next == progress.position == 3
    progress.fetch([3])
    assert progress.deliver(3)
    assert progress.take(3)


def test_nothing_is_stepped_over_while_events_are_on_their_way_or_in_work() -> None:
    progress = ready()
    progress.fetch([0, 1])
    for _ in range(3):
        progress.pass_over(3)
    for offset in (0, 1):
        assert progress.deliver(offset)
        assert progress.take(offset)
    for _ in range(3):
        progress.pass_over(3)
    assert (progress.next, progress.must_rewind) == (0, False)


def test_history_ends_at_a_marker() -> None:
    progress = Progress(0, None, history_end=1)
    for _ in range(2):
        progress.rewind(0)
        progress.pass_over(1)
    assert not progress.is_in_history


def test_lacking_offsets_at_the_head_move_next_at_once() -> None:
    progress = ready(4)
    progress.fetch([10])
    assert progress.next == 10


def test_lacking_offsets_met_again_after_a_rewind_count_once_more_but_skip_nothing() -> None:
    progress = ready()
    progress.fetch([0, 5])
    assert progress.take(0)
    assert progress.take(5)
    progress.forget()
    progress.rewind(0)
    progress.fetch([0, 5, 6])
    assert not progress.take(0)
    assert not progress.take(5)
    assert progress.take(6)
    for offset in (6, 5, 0):
        progress.finish(offset)
    assert progress.next == 7


def test_a_fetch_that_was_not_delivered_wholly_is_read_again() -> None:
    progress = ready()
    progress.fetch([0, 1])
    assert progress.deliver(0)
    assert progress.must_rewind


def test_delivery_out_of_step_is_refused_and_read_again() -> None:
    progress = ready()
    progress.fetch([0, 1])
    assert not progress.deliver(1)
    assert progress.must_rewind


def test_a_log_that_goes_backwards_is_a_hole() -> None:
    progress = ready(7)
    with pytest.raises(Hole, match="made anew"):
        progress.fetch([3])


def test_a_stuck_event_stops_the_intake_at_the_limit() -> None:
    progress = ready()
    for offset in range(AHEAD_LIMIT):
        assert progress.take(offset)
    assert progress.is_full


def test_what_is_finished_while_the_log_is_sought_is_met_again_and_not_handed_over() -> None:
    """`next` moves on between the question and the answer."""
    progress = ready()
    progress.fetch([0, 1])
    for offset in (0, 1):
        assert progress.deliver(offset)
        assert progress.take(offset)
    progress.forget()
    sought = progress.next
    progress.finish(0)
    progress.rewind(sought)
    assert progress.fetch([0, 1, 2]) == []
    assert not progress.take(0)
    assert not progress.take(1)
    assert progress.take(2)


def test_what_was_delivered_while_it_was_full_is_no_hole_but_comes_again() -> None:
    progress = ready()
    for offset in range(AHEAD_LIMIT):
        assert progress.take(offset)
    progress.refuse()
    assert progress.must_rewind
    for offset in range(AHEAD_LIMIT):
        progress.finish(offset)
    assert not progress.take(AHEAD_LIMIT + 1)
    assert progress.take(AHEAD_LIMIT)
    assert progress.take(AHEAD_LIMIT + 1)


def test_where_the_log_begins_later_than_the_next_event_that_is_stepped_over() -> None:
    """Also when nothing comes after it any more."""
    progress = ready(5)
    assert progress.begins_at(8)
    progress.rewind(8)
    assert progress.next == 8
    assert progress.fetch([8]) == []
    assert progress.take(8)


@pytest.mark.parametrize("begin", [0, 5, 7])
def test_what_was_handed_over_already_is_not_missed(begin: int) -> None:
    """Nor counted as done before it is."""
    progress = ready(5)
    for offset in (5, 6):
        assert progress.take(offset)
    assert not progress.begins_at(begin)
    assert progress.next == 5


def test_of_what_is_in_work_and_what_is_missing_only_the_latter_is_stepped_over() -> None:
    """`next` waits for what is in work, and then goes over the gap."""
    progress = ready(5)
    assert progress.take(5)
    assert progress.begins_at(9)
    assert progress.next == 5
    progress.finish(5)
    assert progress.next == 9


@pytest.mark.parametrize(
    ("durable", "offset", "must"), [(None, 0, True), (None, 5, True), (5, 5, False), (4, 5, True), (None, 6, False)]
)
def test_what_the_broker_does_not_know_yet_is_committed(durable: int | None, offset: int, *, must: bool) -> None:
    """A beginning too: what was committed before it means nothing any more. Never what is not done."""
    progress = Progress(5, durable)
    assert progress.must_commit(offset) == must


def test_nothing_of_a_history_is_committed_before_all_of_it_is_done() -> None:
    """Whoever owns the partition next must know that it is one."""
    progress = Progress(0, None, history_end=2)
    progress.rewind(0)
    for offset in (0, 1):
        assert progress.take(offset)
    progress.finish(0)
    assert (progress.is_in_history, progress.must_commit(1)) == (True, False)
    progress.finish(1)
    assert (progress.is_in_history, progress.must_commit(2)) == (False, True)
