"""What of a message people may see."""

import time
from typing import Any

import pytest

from streams.cli.output import moment, one_line
from streams.showing import shown_value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "no value"),
        (b'{"bizData": {"userId": "a", "password": "x"}}', {"bizData": {"userId": "a"}}),
        (b'{"bizData": "{\\"userId\\": \\"a\\", \\"password\\": \\"x\\"}"}', {"bizData": {"userId": "a"}}),
        (b'{"userId": "a"', '{"userId": "a"'),
        (b'{"password": "x"', "16 bytes that are not JSON and speak of a password: not shown"),
        (b'{"p\\u0061ssword": "x"', "21 bytes that are not JSON and speak of a password: not shown"),
        (b"\xff\x00", "\ufffd\x00"),
        (b"x" * 5000, "x" * 4096 + "… (5000 bytes)"),
    ],
)
def test_no_secret_is_shown(value: bytes | None, shown: Any) -> None:
    assert shown_value(value) == shown


def test_a_terminal_is_told_nothing() -> None:
    """Neither escape sequences nor new lines of a stranger's text."""
    assert one_line("a\x1b[2Jb\nc\u202eü") == "a\\x1b[2Jb c\\u202eü"


def test_times_are_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the command runs."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        told = moment(1_700_000_000_999)
    time.tzset()
    assert told == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize("number", [10**18, -(10**18), 10**30])
def test_a_time_beyond_the_calendar_is_shown_as_it_is(number: int) -> None:
    """Whatever lies in a topic, the list around it must come."""
    assert moment(number) == str(number)
