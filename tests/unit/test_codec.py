"""Bytes on Kafka to typed events (contract section 2)."""

from typing import Any

import orjson
import pytest

from schemas.codec import DAY_MS, decode_event, redacted
from schemas.errors import DeadLetterReason, InvalidEvent
from schemas.events import (
    TYPE_PREFIX,
    ConnectivityTest,
    Deletion,
    Event,
    EventType,
    Json,
    Kind,
    MembershipChange,
    PasswordSet,
    PushMark,
    Record,
    Redrive,
    RedriveReason,
    WholeRecord,
)

NOW = 1_700_000_000_000
ACCOUNT: dict[str, Json] = {"userId": "u1", "username": "mei", "updateTime": str(NOW - 5)}
ORGANIZATION: dict[str, Json] = {"organizationalUnitId": "o1", "organizationalUnitName": "R&D", "parentId": "ou_root"}
MEMBERSHIP: dict[str, Json] = {"organizationalUnitId": "o1", "userId": "u1"}
PUSH: dict[str, Json] = {"pushId": "p1", "organizations": "3", "accounts": 4}


def value(event_type: str, body: Any, **envelope: Json) -> bytes:
    return orjson.dumps({"eventId": "e1", "eventType": event_type, "eventTime": NOW, "bizData": body, **envelope})


def decode(kind: Kind, key: str, message: bytes | None, timestamp: int = NOW) -> Event:
    return decode_event(kind, key.encode(), message, timestamp, 512 * 1024)


def account_event(body: Any, event_type: str = EventType.ACCOUNT_UPDATE, **envelope: Json) -> Event:
    return decode(Kind.ACCOUNT, "u1", value(event_type, body, **envelope))


def account(**fields: Json) -> Record:
    payload = account_event({**ACCOUNT, **fields}).payload
    assert isinstance(payload, WholeRecord)
    return payload.record


def reason_of(kind: Kind, key: bytes | None, message: bytes | None, max_bytes: int = 1000) -> DeadLetterReason:
    with pytest.raises(InvalidEvent) as raised:
        decode_event(kind, key, message, NOW, max_bytes)
    return raised.value.reason


# -- types -------------------------------------------------------------------------------------------------------------

WHOLE_ACCOUNT = (
    *(EventType.ACCOUNT_CREATE, EventType.ACCOUNT_UPDATE, EventType.ACCOUNT_PUSH, EventType.ACCOUNT_MOVE),
    *(EventType.ACCOUNT_ENABLE, EventType.ACCOUNT_DISABLE, EventType.ACCOUNT_LOCK, EventType.ACCOUNT_UNLOCK),
)
WHOLE_ORGANIZATION = (
    *(EventType.ORGANIZATION_CREATE, EventType.ORGANIZATION_UPDATE),
    *(EventType.ORGANIZATION_PUSH, EventType.ORGANIZATION_MOVE),
)
CATALOGUE: list[tuple[EventType, Kind, str, dict[str, Json], type]] = [
    *((event_type, Kind.ACCOUNT, "u1", ACCOUNT, WholeRecord) for event_type in WHOLE_ACCOUNT),
    *((event_type, Kind.ORGANIZATION, "o1", ORGANIZATION, WholeRecord) for event_type in WHOLE_ORGANIZATION),
    (EventType.ACCOUNT_DELETE, Kind.ACCOUNT, "u1", {"userId": "u1"}, Deletion),
    (EventType.ORGANIZATION_DELETE, Kind.ORGANIZATION, "o1", {"organizationalUnitId": "o1"}, Deletion),
    (EventType.MEMBER_ADD, Kind.ACCOUNT, "u1", MEMBERSHIP, MembershipChange),
    (EventType.MEMBER_REMOVE, Kind.ACCOUNT, "u1", MEMBERSHIP, MembershipChange),
    (EventType.ACCOUNT_PASSWORD, Kind.ACCOUNT, "u1", {**ACCOUNT, "password": "geheim"}, PasswordSet),
    (EventType.PUSH_BEGIN, Kind.ORGANIZATION, "p1", PUSH, PushMark),
    (EventType.PUSH_END, Kind.ORGANIZATION, "p1", PUSH, PushMark),
    (EventType.REDRIVE, Kind.ACCOUNT, "u1", {"id": "u1", "revision": [1, 2], "reason": "release"}, Redrive),
    (EventType.TEST, Kind.ACCOUNT, "e1", {}, ConnectivityTest),
]


def test_the_catalogue_is_complete() -> None:
    """Every type of the contract is in the cases below."""
    assert {case[0] for case in CATALOGUE} == set(EventType)


@pytest.mark.parametrize("prefix", ["", TYPE_PREFIX])
@pytest.mark.parametrize(("event_type", "kind", "key", "body", "payload"), CATALOGUE)
def test_every_type_is_read(
    event_type: EventType, kind: Kind, key: str, body: dict[str, Json], payload: type, prefix: str
) -> None:
    """With the prefix of the URN and without."""
    event = decode(kind, key, value(prefix + event_type, body))
    assert (event.type, event.kind, event.subject, type(event.payload)) == (event_type, kind, key, payload)


def test_only_a_create_revives() -> None:
    """By its event time; see folding."""
    assert account_event(ACCOUNT, EventType.ACCOUNT_CREATE).payload == WholeRecord(account(), revives=True)
    assert account_event(ACCOUNT, EventType.ACCOUNT_UPDATE).payload == WholeRecord(account(), revives=False)


@pytest.mark.parametrize("body", [ACCOUNT, orjson.dumps(ACCOUNT).decode()], ids=["object", "text"])
def test_biz_data_is_an_object_or_its_json(body: Json) -> None:
    assert account_event(body).payload == WholeRecord(account(), revives=False)


def test_the_envelope_is_read() -> None:
    """Event id, push id, and whether there is a password to fetch."""
    event = account_event({**ACCOUNT, "password": "geheim"}, eventId=7, pushId="p1")
    assert (event.event_id, event.push_id, event.has_password) == ("7", "p1", True)
    assert "geheim" not in repr(event)


@pytest.mark.parametrize(
    ("written", "added", "primary"),
    [({}, True, None), ({"primary": True}, True, True), ({"primary": "false"}, False, False)],
)
def test_memberships_change(written: dict[str, Json], added: bool, primary: bool | None) -> None:  # noqa: FBT001
    """`primary` may be missing, and may be text."""
    event_type = EventType.MEMBER_ADD if added else EventType.MEMBER_REMOVE
    assert account_event({**MEMBERSHIP, **written}, event_type).payload == MembershipChange("o1", added, primary)


def test_push_marks_count() -> None:
    """Numbers may be text; what is missing is none."""
    begin = decode(Kind.ORGANIZATION, "p1", value(EventType.PUSH_BEGIN, PUSH))
    end = decode(Kind.ORGANIZATION, "p1", value(EventType.PUSH_END, {"pushId": "p1"}))
    assert (begin.payload, end.payload) == (PushMark(True, 3, 4), PushMark(False, 0, 0))


@pytest.mark.parametrize("reason", list(RedriveReason))
def test_redrives_are_read(reason: RedriveReason) -> None:
    """On either topic."""
    message = value(EventType.REDRIVE, {"id": "o1", "revision": [3, 7], "reason": reason})
    assert decode(Kind.ORGANIZATION, "o1", message).payload == Redrive((3, 7), reason)
    assert decode(Kind.ACCOUNT, "o1", message).payload == Redrive((3, 7), reason)


@pytest.mark.parametrize(
    "body",
    [
        *({"revision": [1], "reason": "release"}, {"revision": "1", "reason": "release"}),
        *({"revision": [1, 2]}, {"revision": [1, 2], "reason": "because"}),
    ],
)
def test_a_redrive_needs_a_revision_and_a_known_reason(body: dict[str, Json]) -> None:
    message = value(EventType.REDRIVE, {"id": "u1", **body})
    assert reason_of(Kind.ACCOUNT, b"u1", message) is DeadLetterReason.NOT_JSON


@pytest.mark.parametrize("envelope", [{}, {"bizData": "no JSON"}, {"eventTime": "today"}, {"eventTime": 0}])
@pytest.mark.parametrize("key", [None, b"", b"anything"])
def test_a_connectivity_test_may_hold_anything(envelope: dict[str, Json], key: bytes | None) -> None:
    """It is counted, nothing else."""
    event = decode_event(Kind.ACCOUNT, key, orjson.dumps({"eventType": "common:test", **envelope}), NOW, 1000)
    assert (event.payload, event.time) == (ConnectivityTest(), NOW)


# -- what is refused ---------------------------------------------------------------------------------------------------

DEEP = "[" * 300 + "]" * 300


@pytest.mark.parametrize(
    ("reason", "key", "message"),
    [
        (DeadLetterReason.NULL_VALUE, b"u1", None),
        (DeadLetterReason.NOT_JSON, b"u1", b""),
        (DeadLetterReason.NOT_JSON, b"u1", b"{not json"),
        (DeadLetterReason.NOT_JSON, b"u1", b"[]"),
        (DeadLetterReason.NOT_JSON, b"u1", b'{"eventType":"\xff"}'),
        (DeadLetterReason.NOT_JSON, b"u1", b'{"eventType":"\\ud800"}'),
        (DeadLetterReason.NOT_JSON, b"u1", value(EventType.ACCOUNT_UPDATE, None)),
        (DeadLetterReason.NOT_JSON, b"u1", value(EventType.ACCOUNT_UPDATE, [])),
        (DeadLetterReason.NOT_JSON, b"u1", value(EventType.ACCOUNT_UPDATE, "{")),
        (DeadLetterReason.NOT_JSON, b"u1", value(EventType.ACCOUNT_UPDATE, "[]")),
        (DeadLetterReason.NOT_JSON, b"u1", value(EventType.ACCOUNT_UPDATE, f'{{"userId":"u1","x":{DEEP}}}')),
        (DeadLetterReason.UNKNOWN_TYPE, b"u1", b"{}"),
        (DeadLetterReason.UNKNOWN_TYPE, b"u1", value("ud:user:explode", ACCOUNT)),
        (DeadLetterReason.UNKNOWN_TYPE, b"u1", orjson.dumps({"eventType": {"password": "geheim"}})),
        (DeadLetterReason.MISSING_ID, b"u1", value(EventType.ACCOUNT_UPDATE, {"username": "mei"})),
        (DeadLetterReason.MISSING_ID, b"", value(EventType.ACCOUNT_UPDATE, {"userId": ""})),
        (DeadLetterReason.MISSING_ID, b"u1", value(EventType.ACCOUNT_UPDATE, {"userId": True})),
        (DeadLetterReason.MISSING_ID, b"u1", value(EventType.MEMBER_ADD, {"organizationalUnitId": "o1"})),
        (DeadLetterReason.MISSING_ID, b"u1", value(EventType.MEMBER_ADD, {"userId": "u1"})),
        (DeadLetterReason.MISSING_ID, b"u1", value(EventType.ACCOUNT_UPDATE, {**ACCOUNT, "organizationalUnits": [{}]})),
        (DeadLetterReason.MISSING_ID, b"u1", value(EventType.REDRIVE, {"revision": [1, 2], "reason": "release"})),
        (DeadLetterReason.WRONG_KEY, None, value(EventType.ACCOUNT_UPDATE, ACCOUNT)),
        (DeadLetterReason.WRONG_KEY, b"u2", value(EventType.ACCOUNT_UPDATE, ACCOUNT)),
        (DeadLetterReason.WRONG_KEY, b"o1", value(EventType.MEMBER_ADD, MEMBERSHIP)),
        (DeadLetterReason.WRONG_TOPIC, b"o1", value(EventType.ORGANIZATION_UPDATE, ORGANIZATION)),
        (DeadLetterReason.WRONG_TOPIC, b"p1", value(EventType.PUSH_BEGIN, PUSH)),
        (DeadLetterReason.BAD_VERSION, b"u1", value(EventType.ACCOUNT_UPDATE, ACCOUNT, eventTime="today")),
        (DeadLetterReason.BAD_VERSION, b"u1", value(EventType.ACCOUNT_UPDATE, ACCOUNT, eventTime=True)),
        (DeadLetterReason.BAD_VERSION, b"u1", value(EventType.ACCOUNT_UPDATE, {**ACCOUNT, "updateTime": "1e12"})),
        (DeadLetterReason.BAD_VERSION, b"u1", value(EventType.ACCOUNT_UPDATE, {**ACCOUNT, "createTime": "9" * 30})),
        (DeadLetterReason.BAD_VERSION, b"u1", value(EventType.ACCOUNT_UPDATE, {**ACCOUNT, "createTime": "9" * 5000})),
        (DeadLetterReason.MISSING_VALUE, b"u1", value(EventType.ACCOUNT_UPDATE, {**ACCOUNT, "organizationalUnits": 1})),
        (
            DeadLetterReason.MISSING_VALUE,
            b"u1",
            value(EventType.ACCOUNT_UPDATE, {**ACCOUNT, "organizationalUnits": ["o1"]}),
        ),
        (DeadLetterReason.TOO_LARGE, b"u1", b"x" * 10_001),
    ],
)
def test_what_is_no_event_is_refused(reason: DeadLetterReason, key: bytes | None, message: bytes | None) -> None:
    assert reason_of(Kind.ACCOUNT, key, message, max_bytes=10_000) is reason


@pytest.mark.parametrize(
    "message",
    [
        b'{"password":"geheim"',
        value(EventType.ACCOUNT_UPDATE, '{"password":"geheim"'),
        orjson.dumps({"eventType": {"password": "geheim"}}),
        value(EventType.ACCOUNT_UPDATE, {"password": "geheim"}),
    ],
)
def test_a_refusal_tells_no_secret(message: bytes) -> None:
    with pytest.raises(InvalidEvent) as raised:
        decode(Kind.ACCOUNT, "u1", message)
    assert "geheim" not in f"{raised.value!r} {raised.value}"


def test_the_longest_event_is_allowed() -> None:
    message = value(EventType.ACCOUNT_UPDATE, ACCOUNT)
    assert decode_event(Kind.ACCOUNT, b"u1", message, NOW, len(message)).subject == "u1"


# -- keys --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("written", "subject"), [("ü/王 1", "ü/王 1"), (17, "17")])
def test_the_key_is_the_id_in_utf_8(written: Json, subject: str) -> None:
    """A numeric id counts as its digits; `bizId` may be another."""
    event = decode(Kind.ACCOUNT, subject, value(EventType.ACCOUNT_UPDATE, {**ACCOUNT, "userId": written}, bizId="b"))
    assert event.subject == subject


# -- times -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["eventTime", "updateTime"])
@pytest.mark.parametrize("time", [0, -1, "0", NOW + DAY_MS + 1])
def test_impossible_times_are_refused(name: str, time: Json) -> None:
    """Zero, negative, or more than a day after the Kafka timestamp."""
    body, envelope = ({**ACCOUNT, name: time}, {}) if name == "updateTime" else (ACCOUNT, {name: time})
    assert reason_of(Kind.ACCOUNT, b"u1", value(EventType.ACCOUNT_UPDATE, body, **envelope)) is (
        DeadLetterReason.BAD_VERSION
    )


def test_a_day_ahead_is_allowed() -> None:
    """Clocks differ."""
    assert account_event(ACCOUNT, eventTime=NOW + DAY_MS).time == NOW + DAY_MS
    assert account(updateTime=NOW + DAY_MS).update_time == NOW + DAY_MS


@pytest.mark.parametrize("missing", [None, ""])
def test_without_an_event_time_the_kafka_timestamp_counts(missing: Json) -> None:
    assert account_event(ACCOUNT, eventTime=missing).time == NOW


@pytest.mark.parametrize("missing", [None, ""])
def test_an_update_time_may_be_missing(missing: Json) -> None:
    assert account(updateTime=missing).update_time is None


def test_a_push_happened_when_its_record_changed() -> None:
    """Its eventTime is its updateTime; without one, its own."""
    assert account_event(ACCOUNT, EventType.ACCOUNT_PUSH).time == NOW - 5
    assert account_event({"userId": "u1"}, EventType.ACCOUNT_PUSH).time == NOW
    assert account_event(ACCOUNT, EventType.ACCOUNT_UPDATE).time == NOW


# -- dead letters ------------------------------------------------------------------------------------------------------

SECRETS: dict[str, Json] = {"password": "geheim", "deep": {"list": [{"PASSWORD": "geheim", "kept": 1}]}}
PUBLIC: dict[str, Json] = {"deep": {"list": [{"kept": 1}]}}


@pytest.mark.parametrize("as_text", [True, False])
def test_a_dead_letter_holds_no_secret(as_text: bool) -> None:  # noqa: FBT001
    """And all the rest, `bizData` as an object."""
    body: Json = {**ACCOUNT, **SECRETS}
    written = value(EventType.ACCOUNT_PASSWORD, orjson.dumps(body).decode() if as_text else body, later="kept")
    cleaned = redacted(written)
    assert cleaned is not None
    document = orjson.loads(cleaned)
    assert document.pop("bizData") == {**ACCOUNT, **PUBLIC}
    assert document == {"eventId": "e1", "eventType": EventType.ACCOUNT_PASSWORD, "eventTime": NOW, "later": "kept"}


@pytest.mark.parametrize(
    "message",
    [
        *(None, b"", b"[]", b"{", b"\xff", b'{"bizData":"{"}'),
        *(f'{{"x":{DEEP}}}'.encode(), orjson.dumps({"bizData": f'{{"x":{DEEP}}}'})),
    ],
)
def test_what_cannot_be_read_is_not_copied(message: bytes | None) -> None:
    """A secret could hide in it."""
    assert redacted(message) is None
