"""When a full push has brought everything, and who is gone because of it."""

from dataclasses import replace

import pytest

from processors.completeness import incompleteness, is_swept, last_push
from schemas.events import Kind
from schemas.jobs import FullPush

PUSH = FullPush("p2", organizations=2, accounts=3, began=1000, ended=2000, input_ends={("o", 0): 5, ("a", 1): 7})
CARRIED = {Kind.ORGANIZATION: 2, Kind.ACCOUNT: 3}
COMMITTED = {("o", 0): 5, ("a", 0): 0, ("a", 1): 9}


def test_a_push_whose_numbers_all_agree_is_complete() -> None:
    assert incompleteness(PUSH, CARRIED, COMMITTED) is None


@pytest.mark.parametrize(
    ("push", "carried", "committed", "words"),
    [
        (replace(PUSH, began=None), CARRIED, COMMITTED, "begin mark"),
        (replace(PUSH, ended=None), CARRIED, COMMITTED, "end mark"),
        (PUSH, CARRIED, {**COMMITTED, ("a", 1): 6}, "have not handled all"),
        (PUSH, CARRIED, {("o", 0): 5}, "have not handled all"),
        (replace(PUSH, input_ends={}), CARRIED, COMMITTED, "have not handled all"),
        (PUSH, {**CARRIED, Kind.ACCOUNT: 2}, COMMITTED, "3 accounts were declared, 2"),
        (PUSH, {**CARRIED, Kind.ORGANIZATION: 3}, COMMITTED, "2 organizations were declared, 3"),
        (PUSH, {}, COMMITTED, "2 organizations were declared, 0"),
        (replace(PUSH, organizations=0, accounts=0), {}, COMMITTED, "declares nothing"),  # the export was empty
    ],
)
def test_a_push_that_lacks_anything_is_not(
    push: FullPush, carried: dict[Kind, int], committed: dict[tuple[str, int], int], words: str
) -> None:
    """And it is said what is missing."""
    assert words in (incompleteness(push, carried, committed) or "")


def test_the_push_that_began_last_is_judged_even_if_it_never_ends() -> None:
    """Its id has replaced the older one on states."""
    older, newer = replace(PUSH, id="p1", began=500), replace(PUSH, id="p3", began=1500, ended=None, input_ends={})
    assert last_push([newer, PUSH, older]) is newer
    assert last_push([]) is None


@pytest.mark.parametrize(
    ("push_id", "received", "margin", "gone"),
    [
        (None, 999, 0, True),
        ("p1", 999, 0, True),
        ("p2", 999, 0, False),  # the push brought it
        (None, 1000, 0, False),  # a live event came after the push began
        (None, 999, 1, False),  # it may have: its time was a producer's
        (None, 998, 1, True),
    ],
)
def test_who_did_not_come_is_gone_if_nothing_was_heard_of_it_since(
    push_id: str | None, received: int, margin: int, *, gone: bool
) -> None:
    assert is_swept(push_id, received, PUSH, margin) is gone
