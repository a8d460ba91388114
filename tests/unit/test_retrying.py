"""Which way a dead letter is retried."""

from dataclasses import replace

import pytest

from schemas.codec import decode_event
from schemas.events import Kind
from schemas.states import State, Status
from streams.dead_letter_log import DeadLetter, dead_letters_of
from streams.kafka import Received
from streams.retrying import ApplyStateAgain, Gone, NothingLeft, PublishAgain, last_failures, retry_of, value_again
from streams.snapshot import Stored

CREATION = b'{"eventType": "ud:user:create", "bizData": {"userId": "a1"}}'
REDRIVE = b'{"eventType": "ldapflow:redrive", "bizData": {"id": "a1", "revision": [1, 1], "reason": "retry"}}'
ORIGINAL = Received("accounts", 3, 7, 1000, b"a1", CREATION)


def letter(value: bytes | None = CREATION, offset: int = 7, reason: str = "missing_value") -> DeadLetter:
    place = ("accounts", 3, offset)
    return DeadLetter(0, offset, reason, "no sn", *place, 1001, 1, b"a1", value, ())


def stored(status: Status = Status.DEAD_LETTERED, received: int = 1000, reason: str = "missing_value") -> Stored:
    return Stored(Kind.ACCOUNT, "a1", 3, State(None, 5, 5, received, status, 9, (1, 1), reason=reason))


AGAIN, ANOTHER_KEY = PublishAgain(ORIGINAL), Received("accounts", 3, 7, 1000, b"a2", CREATION)


@pytest.mark.parametrize(
    ("value", "state", "original", "newest", "retry"),
    [
        # Its event is the last one that reached the state.
        (CREATION, stored(), ORIGINAL, True, ApplyStateAgain(stored())),
        # A later event came, and is what the state is dead-lettered at.
        (CREATION, stored(received=2000), ORIGINAL, False, AGAIN),
        # It never reached the state, which is dead-lettered at an earlier one.
        (CREATION, stored(received=500), ORIGINAL, True, AGAIN),
        (CREATION, stored(Status.APPLIED), ORIGINAL, True, AGAIN),
        (CREATION, None, ORIGINAL, True, AGAIN),
        # Gone: its time is not known, but nothing failed later, and that is why the state is dead-lettered.
        (CREATION, stored(), None, True, ApplyStateAgain(stored())),
        (CREATION, stored(), None, False, Gone()),
        (CREATION, stored(reason="bad_rdn"), None, True, Gone()),
        (None, None, None, True, Gone()),
        # The topic was made anew: somebody else's event lies there.
        (CREATION, None, ANOTHER_KEY, True, Gone()),
        # What failed was a redrive: publishing an old revision once more would do nothing.
        (REDRIVE, stored(received=500), None, True, ApplyStateAgain(stored(received=500))),
        (REDRIVE, stored(Status.APPLIED), ORIGINAL, True, NothingLeft()),
    ],
)
def test_the_state_is_applied_again_where_it_failed_else_the_event_is_published_again(
    value: bytes | None, state: Stored | None, original: Received | None, retry: object, *, newest: bool
) -> None:
    assert retry_of(letter(value), state, original, newest=newest) == retry


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"no JSON",
        b'{"eventType": "?"}',
        b'{"eventType": "ud:user:create", "eventTime": "7", "bizData": {"userId": "a1"}}',
        b'{"eventType": "ud:user:create", "eventTime": 0, "bizData": {"userId": "a1"}}',
    ],
)
def test_what_has_a_time_or_is_no_event_is_published_again_as_it_was(value: bytes | None) -> None:
    assert value_again(replace(ORIGINAL, value=value)) == value


@pytest.mark.parametrize("written", [b"", b'"eventTime": null, ', b'"eventTime": "", '])
def test_an_event_without_a_time_gets_that_of_its_message(written: bytes) -> None:
    """As it was understood when it came first; `bizData` that is text stays text."""
    value = b'{"eventType": "ud:user:create", ' + written + rb'"bizData": "{\"userId\": \"a1\"}"}'
    again = decode_event(Kind.ACCOUNT, b"a1", value_again(replace(ORIGINAL, value=value)), 999_999, 1000)
    assert again == replace(decode_event(Kind.ACCOUNT, b"a1", value, 1000, 1000), received_time=999_999)


def test_a_message_without_a_time_gives_none() -> None:
    """Kafka has -1 then, which no event may have."""
    assert value_again(replace(ORIGINAL, time=-1)) == CREATION


def test_the_last_failure_of_an_entity_is_the_one_farthest_in_its_topic() -> None:
    assert last_failures([letter(offset=9), letter(offset=7)]) == {("accounts", b"a1"): 9}


def test_what_others_wrote_to_the_topic_is_left_out() -> None:
    """Without our headers, or with wrong ones."""
    headers = [(f"ldapflow-{name}", b"1") for name in ("reason", "topic", "partition", "offset", "time", "attempt")]
    good = Received("dead", 0, 2, 1, b"a1", None, tuple(headers))
    bad = Received("dead", 0, 1, 1, b"a1", None, (*headers[:-1], ("ldapflow-attempt", b"x")))
    assert [one.offset for one in dead_letters_of([Received("dead", 0, 0, 1, None, b"v"), bad, good])] == [2]
