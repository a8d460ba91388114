"""Passwords in events: which one counts, which are wanted, what an entry that is made anew needs."""

from dataclasses import replace
from typing import Any, Final

import orjson
import pytest

from processors.folding import Folded, Stale, fold
from schemas.codec import decode_event
from schemas.errors import ConfigurationError
from schemas.events import Event, EventType, Kind
from schemas.secrets import password_in
from schemas.states import Binding, PasswordNote, PasswordStatus, State
from streams.dead_letters import Original
from streams.metrics import Metrics
from streams.worker.applying.attempt import Attempt
from streams.worker.applying.passwords import Passwords, password_of
from streams.worker.not_yet import refuse_what_is_missing
from tests.support.configuration import SMALLEST, Load, load, with_connection
from tests.support.folded_account import created, deleted, joined, password, shown, whole

__all__ = ["load"]

A: Final = created("a", update=50, event=50)
APPLIED: Final = PasswordStatus.APPLIED


def note(offset: int, time: int, status: PasswordStatus = PasswordStatus.PENDING) -> PasswordNote:
    return PasswordNote("topic", 0, offset, time, status)


def at(offset: int, event: Event) -> tuple[Event, PasswordNote]:
    """An event with a password, and where it lies."""
    return event, note(offset, event.time)


def folded(*events: Event | tuple[Event, PasswordNote]) -> State:
    state: State | None = None
    for step in events:
        event, carried = step if isinstance(step, tuple) else (step, None)
        state = fold(state, event, carried).state
    assert state is not None
    return state


@pytest.mark.parametrize(
    ("events", "offset", "account"),
    [
        pytest.param((at(1, A),), 1, "a o1*", id="of a creation"),
        pytest.param((at(1, A), at(2, password(60))), 2, "a o1*", id="set later"),
        pytest.param((at(1, A), at(2, password(50))), 2, "a o1*", id="set at the same time, and told later"),
        pytest.param((at(1, A), at(2, password(49))), 1, "a o1*", id="set earlier, and told later"),
        pytest.param((A, joined("o2", 70), at(2, password(60))), 2, "a o1* o2", id="older than something else"),
        pytest.param((at(2, password(60)), at(3, A)), 2, "a o1*", id="newer than that of the record"),
        pytest.param((at(1, A), whole("b", update=60, event=60)), 1, "b o1*", id="a record without one leaves it"),
        pytest.param((at(1, A), at(2, whole("b", update=60, event=60))), 2, "b o1*", id="a record with a newer one"),
        pytest.param((whole("b", update=60, event=60), at(2, A)), 2, "b o1*", id="of a record that came too late"),
        pytest.param((at(1, A), deleted(60), at(2, password(70))), 1, "deleted", id="of one that is deleted"),
        pytest.param((at(1, A), deleted(60), created("b", update=70, event=70)), 1, "b o1*", id="of a former life"),
    ],
)
def test_the_password_of_the_newest_event_counts(
    events: tuple[Event | tuple[Event, PasswordNote], ...], offset: int, account: str
) -> None:
    """Whatever becomes of the record that it came with, and without a word on the record if it came alone."""
    state = folded(*events)
    assert state.password is not None
    assert (state.password.offset, shown(state)) == (offset, account)


def test_an_older_password_is_stale() -> None:
    """Also when the clock of the events went back since, with a revival."""
    state = folded(at(1, A), at(2, password(60)))
    assert isinstance(fold(state, *at(3, password(59))), Stale)
    assert isinstance(fold(state, *at(3, password(61))), Folded)
    revived = folded(at(1, A), at(2, password(90)), deleted(95), whole("b", update=100, event=80))
    assert isinstance(fold(revived, *at(3, password(85))), Stale)


def test_the_same_message_leaves_what_became_of_it() -> None:
    """It is applied once."""
    state = replace(folded(at(1, A)), password=note(1, 50, APPLIED))
    assert fold(state, *at(1, A)).state.password == note(1, 50, APPLIED)


def test_a_message_at_the_same_place_of_another_topic_is_another_one() -> None:
    """The topic was made anew."""
    state = replace(folded(at(1, A)), password=replace(note(1, 50, APPLIED), topic_id="former"))
    assert fold(state, *at(1, A)).state.password == note(1, 50)


def message(event_type: EventType = EventType.ACCOUNT_UPDATE, **body: Any) -> Original:
    body = {"userId": "u1", "organizationalUnitId": "o1", **body}
    value = orjson.dumps({"eventType": event_type.value, "eventTime": 50, "bizData": body})
    return Original("topic", 0, 7, b"u1", value, ())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"password": "pä ß"}, "pä ß".encode()),
        ({"password": 123456}, b"123456"),
        ({"password": ""}, None),
        ({"password": None}, None),
        ({"password": True}, None),
        ({"password": {"hash": "x"}}, None),
        ({}, None),
    ],
)
def test_what_is_a_password(body: dict[str, Any], expected: bytes | None) -> None:
    """Text, or digits that came as a number; an empty one is none (RFC 4513 section 5.1.2)."""
    assert password_of(message(**body), "u1") == expected
    decoded = decode_event(Kind.ACCOUNT, b"u1", message(**body).value, 60, 1000)
    assert decoded.has_password == (expected is not None)


def test_a_message_of_somebody_else_has_no_password_for_us() -> None:
    """The topic was made anew, and its id could not tell."""
    assert password_of(message(password="p"), "u2") is None  # noqa: S106 - of a test
    assert password_of(replace(message(), value=b"no JSON"), "u1") is None


@pytest.mark.parametrize(
    ("event_type", "dropped"),
    [
        (EventType.ACCOUNT_CREATE, 1),
        (EventType.ACCOUNT_UPDATE, 1),
        (EventType.ACCOUNT_PASSWORD, 1),
        (EventType.ACCOUNT_DELETE, 0),
        (EventType.MEMBER_ADD, 0),
    ],
)
def test_passwords_that_are_not_synchronized_are_dropped_at_the_door(event_type: EventType, dropped: int) -> None:
    """They are counted, and no state knows of them; where none belongs, none is seen."""
    metrics = Metrics()
    original = message(event_type, password="p")  # noqa: S106 - of a test
    event = decode_event(Kind.ACCOUNT, original.key, original.value, 60, 1000)
    assert Passwords(metrics, None).note(event, original) is None
    assert f'ldapflow_passwords_total{{result="dropped"}} {dropped}.0' in metrics.exposition().decode()


def test_an_organization_has_no_password() -> None:
    """Whatever its record calls so."""
    metrics = Metrics()
    original = message(EventType.ORGANIZATION_UPDATE, password="p")  # noqa: S106 - of a test
    event = decode_event(Kind.ORGANIZATION, b"o1", original.value, 60, 1000)
    assert Passwords(metrics, None).note(event, original) is None
    assert 'ldapflow_passwords_total{result="dropped"} 0.0' in metrics.exposition().decode()


def binding(entry_uuid: str | None) -> Binding | None:
    return None if entry_uuid is None else Binding(entry_uuid, "uid=a", "t", 1)


async def unwritten(state: State) -> State:
    return state


def bound_again(before: str | None, after: str | None, status: PasswordStatus) -> PasswordStatus:
    """What the note says after an attempt that began with one entry and found another."""
    state = replace(folded(at(1, A)), binding=binding(before), password=note(1, 50, status))
    attempt = Attempt(Kind.ACCOUNT, "u1", state, unwritten)
    attempt.bind(binding(after))
    assert attempt.state.password is not None
    return attempt.state.password.status


@pytest.mark.parametrize(
    ("before", "after", "status", "expected"),
    [
        ("e1", "e2", APPLIED, PasswordStatus.PENDING),
        (None, "e2", APPLIED, PasswordStatus.PENDING),
        ("e1", "e1", APPLIED, APPLIED),
        ("e1", None, APPLIED, APPLIED),
        ("e1", "e2", PasswordStatus.REFUSED, PasswordStatus.REFUSED),
        ("e1", "e2", PasswordStatus.LOST, PasswordStatus.LOST),
    ],
)
def test_another_entry_is_still_to_get_the_password(
    before: str | None, after: str | None, status: PasswordStatus, expected: PasswordStatus
) -> None:
    """One that was refused, or is gone, is not tried again."""
    assert bound_again(before, after, status) is expected


@pytest.mark.parametrize("line", ["start_tls: true", "allow_plaintext: true"])
def test_passwords_may_travel_encrypted_or_where_that_is_allowed(load: Load, line: str) -> None:
    refuse_what_is_missing(load(with_connection(line).replace("sync:", "sync:\n  passwords: true")))


@pytest.mark.parametrize("server", ["ldap.example.com", "127.0.0.1"])
def test_passwords_do_not_travel_unencrypted(load: Load, server: str) -> None:
    """Not even on loopback, where the administrator's may; one line says what to do."""
    text = SMALLEST.replace("ldap.example.com", server).replace("sync:", "sync:\n  passwords: true")
    with pytest.raises(ConfigurationError) as caught:
        refuse_what_is_missing(load(text))
    [problem] = caught.value.problems
    assert problem.startswith("sync.passwords: passwords may not travel unencrypted: set connection.start_tls, or use")


def test_password_in_does_not_look_below() -> None:
    """A password of something else is not the account's."""
    assert password_in({"vault": {"password": "p"}}) is None
