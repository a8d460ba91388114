"""The record that the marks of a full push leave."""

from typing import Final

from schemas.events import Event, EventType, Kind, PushMark
from schemas.jobs import FullPush
from streams.worker.push_marks import noted

_FIRST_ENDS: Final = {("a", 0): 7, ("o", 0): 3}
_LATER_ENDS: Final = {("a", 0): 9, ("o", 0): 5}


def mark(
    known: FullPush | None,
    time: int,
    *,
    begins: bool,
    numbers: tuple[int, int] = (2, 3),
    taken: int = 99,
    now: int = 99,
) -> FullPush:
    """Handle one mark of these Kafka and event times; an `end` finds `_FIRST_ENDS` at 20, later ones afterwards."""
    payload = PushMark(begins, *numbers)
    event_type = EventType.PUSH_BEGIN if begins else EventType.PUSH_END
    event = Event(event_type, Kind.ORGANIZATION, "p1", None, taken, time, payload)
    return noted(known, event, payload, {} if begins else _FIRST_ENDS if time == 20 else _LATER_ENDS, now)


def test_both_marks_make_one_record() -> None:
    """With what was declared, when, and how far the topics went."""
    begun = mark(None, 10, begins=True)
    assert begun == FullPush("p1", 2, 3, began=10)
    assert mark(begun, 20, begins=False) == FullPush("p1", 2, 3, began=10, ended=20, input_ends=_FIRST_ENDS)


def test_an_end_without_a_begin_says_so() -> None:
    """Who judges the push must see that its begin never came."""
    assert mark(None, 20, begins=False).began is None


def test_marks_that_are_handled_again_change_nothing() -> None:
    """A crash before the commit delivers them again, when the topics go on further already."""
    ended = mark(mark(None, 10, begins=True), 20, begins=False)
    assert mark(ended, 10, begins=True) == ended
    again = PushMark(begins=False, organizations=2, accounts=3)
    event = Event(EventType.PUSH_END, Kind.ORGANIZATION, "p1", None, 1, 20, again)
    assert noted(ended, event, again, _LATER_ENDS, 99) == ended


def test_an_end_that_is_published_again_counts_from_now() -> None:
    """Its topics may be other ones by now, on which the old ends are never reached."""
    ended = mark(mark(None, 10, begins=True), 20, begins=False)
    assert mark(ended, 30, begins=False) == FullPush("p1", 2, 3, began=10, ended=30, input_ends=_LATER_ENDS)


def test_a_begin_that_is_published_again_does_not_make_the_push_younger() -> None:
    """The sweep takes what was heard of last before the begin."""
    assert mark(mark(None, 10, begins=True), 15, begins=True).began == 10


def test_a_push_began_when_its_records_were_taken() -> None:
    """Who came after that, before the `begin` was published, is in no record and must not be swept."""
    assert mark(None, 10, begins=True, taken=4).began == 4


def test_a_push_did_not_begin_after_it_was_handled() -> None:
    """A producer whose clock is ahead writes so where times are the producers' (CreateTime): live ones would go."""
    assert mark(None, 80, begins=True, now=30).began == 30


def test_of_different_numbers_the_greater_ones_count() -> None:
    """A push that lost something on its way to its end must not count as complete."""
    push = mark(mark(None, 10, begins=True, numbers=(2, 9)), 20, begins=False, numbers=(4, 3))
    assert (push.organizations, push.accounts) == (4, 9)
