"""Bytes on Kafka to typed events (contract section 2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import orjson

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
    Payload,
    PushMark,
    Record,
    Redrive,
    RedriveReason,
    WholeRecord,
)
from schemas.records import flag, integer, optional_id, record_of, required_id
from schemas.secrets import password_in, without_secrets

DAY_MS: Final = 86_400_000
MAX_DEPTH: Final = 100  # of objects and arrays within each other; orjson writes 254 at most, a state has some around it

_TYPES: Final = {member.value: member for member in EventType}
_ACCOUNT_TYPES: Final = frozenset(
    {EventType.MEMBER_ADD, EventType.MEMBER_REMOVE} | {t for t in EventType if t.value.startswith("ud:user:")}
)
_ANY_TOPIC: Final = frozenset({EventType.REDRIVE, EventType.TEST})
_DELETIONS: Final = frozenset({EventType.ORGANIZATION_DELETE, EventType.ACCOUNT_DELETE})
_CREATIONS: Final = frozenset({EventType.ORGANIZATION_CREATE, EventType.ACCOUNT_CREATE})
_PUSHES: Final = frozenset({EventType.ORGANIZATION_PUSH, EventType.ACCOUNT_PUSH})
_ID_NAMES: Final = {Kind.ACCOUNT: "userId", Kind.ORGANIZATION: "organizationalUnitId"}


@dataclass(frozen=True, slots=True)
class Envelope:
    """The outer object of an event, its `bizData` unpacked; no key or topic looked at yet."""

    type: EventType
    document: dict[str, Json]
    body: dict[str, Json]

    @property
    def kind(self) -> Kind | None:
        """Whose topic it belongs on; None for the types that either topic may carry."""
        if self.type in _ANY_TOPIC:
            return None
        return Kind.ACCOUNT if self.type in _ACCOUNT_TYPES else Kind.ORGANIZATION

    @property
    def subject(self) -> str:
        """The id that the Kafka key must be; raises InvalidEvent (`missing_id`)."""
        match self.type:
            case EventType.REDRIVE:
                return required_id(self.body, "id")
            case EventType.PUSH_BEGIN | EventType.PUSH_END:
                return required_id(self.body, "pushId")
            case EventType.TEST:
                return optional_id(self.document.get("eventId")) or ""
            case _:
                return required_id(self.body, _ID_NAMES[self.kind or Kind.ACCOUNT])


def open_envelope(value: bytes | None) -> Envelope:
    """Read the outer object.

    Raises:
        InvalidEvent: `null_value`, `not_json`, `unknown_type`.
    """
    if value is None:
        raise InvalidEvent(DeadLetterReason.NULL_VALUE, "the message has no value")
    document = _object(value, "the value")
    written = document.get("eventType")
    name = written.removeprefix(TYPE_PREFIX) if isinstance(written, str) else None
    event_type = _TYPES.get(name) if name is not None else None
    if event_type is None:
        shown = f"eventType {written[:100]!r} is unknown" if isinstance(written, str) else "no eventType"
        raise InvalidEvent(DeadLetterReason.UNKNOWN_TYPE, shown)
    if event_type is EventType.TEST:
        return Envelope(event_type, document, {})
    body = document.get("bizData")
    if isinstance(body, str):
        body = _object(body.encode("utf-8", "surrogatepass"), "bizData")
    if not isinstance(body, dict):
        raise InvalidEvent(DeadLetterReason.NOT_JSON, "bizData is not an object")
    return Envelope(event_type, document, body)


def decode_event(kind: Kind, key: bytes | None, value: bytes | None, timestamp: int, max_bytes: int) -> Event:
    """Read one message of the input topic of `kind`.

    Args:
        kind: whose topic the message lay on.
        key: the Kafka key; must be the id of the subject.
        value: the Kafka value.
        timestamp: the Kafka timestamp in milliseconds.
        max_bytes: the configured `max_event_bytes`.

    Raises:
        InvalidEvent: with the reason of the contract, section 1.
    """
    if value is not None and len(value) > max_bytes:
        raise InvalidEvent(DeadLetterReason.TOO_LARGE, f"{len(value)} bytes; max_event_bytes is {max_bytes}")
    envelope = open_envelope(value)
    if envelope.kind not in {kind, None}:
        raise InvalidEvent(DeadLetterReason.WRONG_TOPIC, f"{envelope.type} does not belong on the topic of {kind}s")
    subject = envelope.subject
    if envelope.type is EventType.TEST:
        return _connectivity_test(envelope, kind, timestamp)
    _check_key(key, subject)
    written = integer(envelope.document.get("eventTime"), "eventTime")
    _check_time(written, "eventTime", timestamp)
    payload = _payload(envelope, kind)
    time = timestamp if written is None else written
    if isinstance(payload, WholeRecord):
        update_time = payload.record.update_time
        _check_time(update_time, "updateTime", timestamp)
        if envelope.type in _PUSHES and update_time is not None:
            time = update_time  # a push tells how things were when they last changed
    return Event(
        type=envelope.type,
        kind=kind,
        subject=subject,
        event_id=optional_id(envelope.document.get("eventId")),
        time=time,
        received_time=timestamp,
        payload=payload,
        push_id=optional_id(envelope.document.get("pushId")),
        has_password=password_in(envelope.body) is not None,
    )


def _connectivity_test(envelope: Envelope, kind: Kind, timestamp: int) -> Event:
    """It may hold anything, a time that is none too."""
    event_id = optional_id(envelope.document.get("eventId"))
    return Event(envelope.type, kind, envelope.subject, event_id, timestamp, timestamp, ConnectivityTest())


def redacted(value: bytes | None) -> bytes | None:
    """Copy a message's value without its secrets, for the dead letters; None when it cannot be read."""
    try:
        document = _object(value or b"", "the value")
    except InvalidEvent:
        return None
    body = document.get("bizData")
    if isinstance(body, str):
        try:
            document["bizData"] = _object(body.encode("utf-8", "surrogatepass"), "bizData")
        except InvalidEvent:
            return None
    return orjson.dumps(without_secrets(document))


def _payload(envelope: Envelope, kind: Kind) -> Payload:
    body = envelope.body
    match envelope.type:
        case EventType.REDRIVE:
            return _redrive(body)
        case EventType.PUSH_BEGIN | EventType.PUSH_END:
            return PushMark(
                begins=envelope.type is EventType.PUSH_BEGIN,
                organizations=integer(body.get("organizations"), "organizations") or 0,
                accounts=integer(body.get("accounts"), "accounts") or 0,
            )
        case EventType.MEMBER_ADD | EventType.MEMBER_REMOVE:
            return MembershipChange(
                organization_id=required_id(body, "organizationalUnitId"),
                added=envelope.type is EventType.MEMBER_ADD,
                primary=flag(body.get("primary")),
            )
        case EventType.ACCOUNT_PASSWORD:
            return PasswordSet()
        case event_type if event_type in _DELETIONS:
            return Deletion()
        case _:
            record: Record = record_of(kind, body)
            return WholeRecord(record, revives=envelope.type in _CREATIONS)


def _redrive(body: dict[str, Json]) -> Redrive:
    revision, reason = body.get("revision"), body.get("reason")
    match revision:
        case [int(generation), int(number)] if isinstance(reason, str) and reason in set(RedriveReason):
            return Redrive((generation, number), RedriveReason(reason))
        case _:
            raise InvalidEvent(DeadLetterReason.NOT_JSON, "a redrive needs a revision and a reason")


def _object(value: bytes, what: str) -> dict[str, Json]:
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError as exc:
        # The parser's own words would quote the value.
        raise InvalidEvent(DeadLetterReason.NOT_JSON, f"{what} is not JSON (line {exc.lineno}, {exc.colno})") from None
    if not isinstance(document, dict):
        raise InvalidEvent(DeadLetterReason.NOT_JSON, f"{what} is not a JSON object")
    if value.count(b"{") + value.count(b"[") > MAX_DEPTH and _is_too_deep(document):
        raise InvalidEvent(DeadLetterReason.NOT_JSON, f"{what} is nested more than {MAX_DEPTH} deep")
    return document


def _is_too_deep(document: Json) -> bool:
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [item for parent in level for item in _items(parent) if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _items(parent: Json) -> Iterable[Json]:
    if isinstance(parent, dict):
        return parent.values()
    return parent if isinstance(parent, list) else ()


def _check_key(key: bytes | None, subject: str) -> None:
    if key is None:
        raise InvalidEvent(DeadLetterReason.WRONG_KEY, "the message has no key")
    if key != subject.encode("utf-8", "surrogatepass"):
        raise InvalidEvent(DeadLetterReason.WRONG_KEY, "the key is not the id in bizData")


def _check_time(time: int | None, name: str, timestamp: int) -> None:
    if time is None:
        return
    if time <= 0:
        raise InvalidEvent(DeadLetterReason.BAD_VERSION, f"{name} {time} is not a time in milliseconds")
    if time > timestamp + DAY_MS:
        raise InvalidEvent(DeadLetterReason.BAD_VERSION, f"{name} {time} is more than a day ahead of the Kafka time")
