"""Sweeping and forgetting states."""

from dataclasses import replace
from typing import Any

import pytest

from processors.retiring import KEPT_MS, may_be_forgotten, swept
from schemas.states import Binding, State, Status

NOW = 10 * KEPT_MS
KNOWN = State(None, 5, 7, 3, Status.APPLIED, 4, (1, 1))
GONE = replace(KNOWN, deleted_at=7)


@pytest.mark.parametrize(
    ("times", "deleted_at", "event_time"),
    [
        ({}, 7, 6),
        ({"record_time": 9}, 9, 7),
        ({"membership_time": 8, "event_time": 6}, 8, 6),
        ({"record_time": -1}, 7, 6),
    ],
)
def test_what_is_swept_is_deleted_at_its_own_newest_time(
    times: dict[str, int], deleted_at: int, event_time: int
) -> None:
    """By whichever of its clocks is ahead, but told apart from a deletion by its last event; nothing else changes."""
    before = replace(KNOWN, **times)  # type: ignore[arg-type]  # all of them are times
    after = swept(before)
    assert after == replace(before, deleted_at=deleted_at, event_time=event_time)
    assert after.is_swept


def test_what_is_deleted_already_keeps_its_time() -> None:
    """A later deletion time would make a revival stale."""
    assert swept(replace(KNOWN, deleted_at=1)) == replace(KNOWN, deleted_at=1)


@pytest.mark.parametrize(
    ("changes", "may"),
    [
        ({}, True),
        ({"deleted_at": None}, False),
        ({"status": Status.HELD}, False),
        ({"status": Status.WAITING}, False),
        ({"binding": Binding("e", "uid=a", "t", 1)}, False),
        ({"status_time": NOW - KEPT_MS}, False),
        ({"status_time": NOW - KEPT_MS - 1}, True),
        ({"received_time": NOW - KEPT_MS}, False),
    ],
)
def test_only_what_has_long_been_gone_is_forgotten(changes: dict[str, Any], *, may: bool) -> None:
    """Neither while its entry is there, nor while a late event may still come."""
    assert may_be_forgotten(replace(GONE, **changes), NOW) == may
