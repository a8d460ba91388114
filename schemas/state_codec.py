"""States to and from the JSON of the snapshot topics (contract section 3)."""

from typing import Any, Final, assert_never

import orjson

from schemas.errors import InvalidEvent
from schemas.events import Json, Kind, Record
from schemas.records import record_of
from schemas.states import (
    Awaited,
    AwaitsChildren,
    AwaitsEntity,
    AwaitsOrganization,
    AwaitsTime,
    Binding,
    PasswordNote,
    PasswordStatus,
    Revision,
    State,
    Status,
)

STATE_KEYS: Final = frozenset(
    {
        *("record", "recordTime", "eventTime", "membershipTime", "receivedTime", "deletedAt", "removedAt", "binding"),
        *("status", "statusTime", "reason", "waitingFor", "password", "locked", "pushId", "writer"),
    }
)


def encode_state(state: State) -> bytes:
    """Write a state; it holds no secret, since no record does."""
    return orjson.dumps(
        {
            "record": None if state.record is None else dict(state.record.fields),
            "recordTime": state.record_time,
            "eventTime": state.event_time,
            "membershipTime": state.membership_time,
            "receivedTime": state.received_time,
            "deletedAt": state.deleted_at,
            "removedAt": state.removed_at,
            "binding": None if state.binding is None else _binding_json(state.binding),
            "status": state.status.value,
            "statusTime": state.status_time,
            "reason": state.reason,
            "waitingFor": None if state.awaited is None else _awaited_json(state.awaited),
            "password": None if state.password is None else _password_json(state.password),
            "locked": state.locked,
            "pushId": state.push_id,
            "writer": list(state.writer),
        }
    )


def decode_state(kind: Kind, value: bytes) -> State:
    """Read a state that this program wrote.

    Raises:
        ValueError, KeyError, TypeError: the bytes are something else.
    """
    document: dict[str, Any] = orjson.loads(value)
    record, binding, password = document["record"], document["binding"], document["password"]
    return State(
        record=None if record is None else _record(kind, record),
        record_time=document["recordTime"],
        event_time=document["eventTime"],
        membership_time=document["membershipTime"],
        received_time=document["receivedTime"],
        deleted_at=document["deletedAt"],
        removed_at=document["removedAt"],
        binding=None if binding is None else decode_binding(binding),
        status=Status(document["status"]),
        status_time=document["statusTime"],
        reason=document["reason"],
        awaited=_awaited(document["waitingFor"]),
        password=None if password is None else _password(password),
        locked=document["locked"],
        push_id=document["pushId"],
        writer=decode_revision(document["writer"]),
    )


def decode_writer(value: bytes) -> Revision:
    """Read of a state that this program wrote only which write it was.

    Raises:
        ValueError, KeyError, TypeError: the bytes are something else.
    """
    return decode_revision(orjson.loads(value)["writer"])


def decode_revision(pair: Any) -> Revision:
    """Read a state's `writer`.

    Raises:
        ValueError, TypeError: it is something else.
    """
    generation, number = pair
    if type(generation) is not int or type(number) is not int:
        raise TypeError("writer")
    return generation, number


def decode_binding(document: Any) -> Binding:
    """Read a state's binding.

    Raises:
        KeyError, TypeError: it is something else.
    """
    entry_uuid, dn, target, bound_at = document["entryUUID"], document["dn"], document["target"], document["boundAt"]
    if type(entry_uuid) is not str or type(dn) is not str or type(target) is not str or type(bound_at) is not int:
        raise TypeError("binding")
    return Binding(entry_uuid, dn, target, bound_at)


def _record(kind: Kind, document: dict[str, Json]) -> Record:
    try:
        return record_of(kind, document)
    except InvalidEvent as exc:
        # It is no event's fault: nobody may take it for a dead letter, nor let it pass who expects the failures above.
        raise ValueError(exc.detail) from exc


def _binding_json(binding: Binding) -> dict[str, Any]:
    return {
        "entryUUID": binding.entry_uuid,
        "dn": binding.dn,
        "target": binding.target,
        "boundAt": binding.bound_at,
    }


def _password_json(note: PasswordNote) -> dict[str, Any]:
    return {
        "topicId": note.topic_id,
        "partition": note.partition,
        "offset": note.offset,
        "time": note.time,
        "status": note.status.value,
        "tried": note.tried,
    }


def _password(document: dict[str, Any]) -> PasswordNote:
    return PasswordNote(
        topic_id=document["topicId"],
        partition=document["partition"],
        offset=document["offset"],
        time=document["time"],
        status=PasswordStatus(document["status"]),
        tried=document["tried"],
    )


def _awaited_json(awaited: Awaited) -> dict[str, Any]:
    match awaited:
        case AwaitsOrganization(identifier):
            return {"organization": identifier}
        case AwaitsEntity(identifier, kind):
            return {"entity": identifier} if kind is None else {"entity": identifier, "kind": kind.value}
        case AwaitsChildren():
            return {"children": True}
        case AwaitsTime():
            return {"time": True}
        case _:
            assert_never(awaited)


def _awaited(document: dict[str, Any] | None) -> Awaited | None:
    match document:
        case None:
            return None
        case {"organization": str(identifier)}:
            return AwaitsOrganization(identifier)
        case {"entity": str(identifier), "kind": str(kind)}:
            return AwaitsEntity(identifier, Kind(kind))
        case {"entity": str(identifier)}:
            return AwaitsEntity(identifier)
        case {"children": True}:
            return AwaitsChildren()
        case {"time": True}:
            return AwaitsTime()
        case _:
            raise ValueError("waitingFor")
