"""States to and from the JSON of the snapshot topics (contract section 3)."""

import orjson
import pytest

from schemas.events import Json, Kind
from schemas.records import account_record, organization_record
from schemas.state_codec import decode_state, decode_writer, encode_state
from schemas.states import (
    Awaited,
    AwaitsChildren,
    AwaitsEntity,
    AwaitsOrganization,
    AwaitsTime,
    Binding,
    PasswordNote,
    PasswordStatus,
    State,
    Status,
)

ACCOUNT: dict[str, Json] = {
    "userId": "u1",
    "username": "王 梅",
    "updateTime": 5,
    "accountExpireTime": -1,
    "status": "disabled",
    "primaryOrganizationalUnitId": "o2",
    "organizationalUnits": [
        {"organizationalUnitId": "o1", "organizationalUnitName": "R&D", "primary": False},
        {"organizationalUnitId": "o2", "primary": True},
    ],
    "later": {"unknown": [1, 2.5, None, True]},
}
ORGANIZATION: dict[str, Json] = {"organizationalUnitId": "o1", "organizationalUnitName": "R&D", "parentId": "ou_root"}

EMPTY = State(None, -1, -1, 1, Status.WAITING, 0, (0, 0))
FULL = State(
    record=account_record(ACCOUNT),
    record_time=5,
    event_time=6,
    received_time=8,
    status=Status.HELD,
    status_time=9,
    writer=(3, 17),
    membership_time=7,
    deleted_at=10,
    removed_at=11,
    binding=Binding("uuid-1", "uid=王 梅,ou=R&D", "uuid-0", 12),
    reason="guard",
    awaited=AwaitsOrganization("o2"),
    password=PasswordNote("topic", 3, 4, 5, PasswordStatus.REFUSED, tried=True),
    locked=True,
    push_id="p1",
)


def test_every_field_is_written_as_the_contract_shows() -> None:
    """Names, order and shape."""
    assert orjson.loads(encode_state(FULL)) == {
        "record": ACCOUNT,
        "recordTime": 5,
        "eventTime": 6,
        "membershipTime": 7,
        "receivedTime": 8,
        "deletedAt": 10,
        "removedAt": 11,
        "binding": {"entryUUID": "uuid-1", "dn": "uid=王 梅,ou=R&D", "target": "uuid-0", "boundAt": 12},
        "status": "held",
        "statusTime": 9,
        "reason": "guard",
        "waitingFor": {"organization": "o2"},
        "password": {"topicId": "topic", "partition": 3, "offset": 4, "time": 5, "status": "refused", "tried": True},
        "locked": True,
        "pushId": "p1",
        "writer": [3, 17],
    }


def test_what_there_is_not_is_null() -> None:
    """No key is ever left out."""
    document = orjson.loads(encode_state(EMPTY))
    assert document.keys() == orjson.loads(encode_state(FULL)).keys()
    nulls = {name for name, value in document.items() if value is None}
    assert nulls == {
        *("record", "membershipTime", "deletedAt", "removedAt", "binding"),
        *("reason", "waitingFor", "password", "pushId"),
    }


@pytest.mark.parametrize("state", [EMPTY, FULL])
def test_what_was_written_is_read_again(state: State) -> None:
    assert decode_state(Kind.ACCOUNT, encode_state(state)) == state


def test_the_writer_alone_is_read() -> None:
    """As the whole state has it."""
    assert decode_writer(encode_state(FULL)) == FULL.writer


def test_an_organization_is_read_again() -> None:
    state = State(organization_record(ORGANIZATION), 0, 1, 1, Status.APPLIED, 1, (1, 1))
    assert decode_state(Kind.ORGANIZATION, encode_state(state)) == state


@pytest.mark.parametrize("status", list(Status))
def test_every_status_is_read_again(status: Status) -> None:
    state = State(None, -1, -1, 1, status, 0, (0, 0))
    assert decode_state(Kind.ACCOUNT, encode_state(state)) == state


@pytest.mark.parametrize(
    ("awaited", "written"),
    [
        (AwaitsOrganization("o1"), {"organization": "o1"}),
        (AwaitsEntity("u1"), {"entity": "u1"}),
        (AwaitsEntity("u1", Kind.ORGANIZATION), {"entity": "u1", "kind": "organization"}),
        (AwaitsChildren(), {"children": True}),
        (AwaitsTime(), {"time": True}),
    ],
)
def test_everything_awaited_is_written_and_read_again(awaited: Awaited, written: Json) -> None:
    state = State(None, -1, -1, 1, Status.WAITING, 0, (0, 0), awaited=awaited)
    encoded = encode_state(state)
    assert orjson.loads(encoded)["waitingFor"] == written
    assert decode_state(Kind.ACCOUNT, encoded) == state


@pytest.mark.parametrize("units", [None, []])
def test_no_word_of_memberships_stays_different_from_none(units: Json) -> None:
    record = account_record({"userId": "u1", "organizationalUnits": units})
    state = State(record, 0, 1, 1, Status.WAITING, 1, (1, 1))
    read = decode_state(Kind.ACCOUNT, encode_state(state))
    assert read.record is not None
    assert read.record.memberships == (None if units is None else ())


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"{}", b'{"record":null}'])
def test_what_is_no_state_is_an_error(value: bytes) -> None:
    """Nothing is guessed."""
    with pytest.raises((ValueError, KeyError, TypeError)):
        decode_state(Kind.ACCOUNT, value)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "happy"},
        {"waitingFor": {"godot": "o1"}},
        {"writer": [1]},
        {"binding": {"dn": "x"}},
        {"record": {}},
        {"record": {"userId": "u1", "updateTime": "never"}},
    ],
)
def test_what_is_nearly_a_state_is_an_error(change: dict[str, Json]) -> None:
    document = {**orjson.loads(encode_state(FULL)), **change}
    with pytest.raises((ValueError, KeyError)):
        decode_state(Kind.ACCOUNT, orjson.dumps(document))
