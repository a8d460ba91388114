"""The snapshot of a verification: which states it keeps, and whose an entry is."""

import uuid
from dataclasses import replace
from typing import Any

import orjson
import pytest

from schemas.events import Kind
from schemas.records import record_of
from schemas.state_codec import encode_state
from schemas.states import Binding, State, Status
from streams.kafka import Received
from streams.verification.packing import Packer
from streams.verification.snapshot import Snapshot
from tests.support.configuration import SMALLEST, Load, load  # noqa: F401 - a fixture

TARGET = "00000000-0000-4000-8000-000000000001"
ENTRY = str(uuid.UUID(int=7))


@pytest.fixture
def snapshot(load: Load) -> Snapshot:  # noqa: F811 - the fixture
    return Snapshot(load(f"{SMALLEST}  target_entry_uuid: {TARGET}\n"))


def account(identifier: str, number: int = 1, **changes: Any) -> State:
    record = record_of(Kind.ACCOUNT, {"userId": identifier, "username": identifier})
    return replace(State(record, 5, 5, 5, Status.APPLIED, 100, (1, number)), **changes)


def bound(at: int, target: str = TARGET) -> Binding:
    return Binding(ENTRY, "uid=x,ou=company,dc=example,dc=com", target, at)


def message(identifier: str, state: State | bytes | None) -> Received:
    value = encode_state(state) if isinstance(state, State) else state
    return Received("ldapflow.accounts", 3, 0, 0, identifier.encode(), value)


def known(snapshot: Snapshot, identifier: str) -> State | None:
    number = snapshot.number(Kind.ACCOUNT, identifier)
    stored = None if number is None else snapshot.get(number)
    return None if stored is None else stored.state


def test_a_state_is_given_back_as_it_came(snapshot: Snapshot) -> None:
    """With where it lies: that is where a redrive must go."""
    state = account("a1", binding=bound(1), push_id="p1", reason="王")
    [number] = snapshot.take([message("a1", state)])
    stored = snapshot.get(number)
    assert stored is not None
    assert (stored.kind, stored.id, stored.partition, stored.state) == (Kind.ACCOUNT, "a1", 3, state)


def test_the_greatest_revision_counts_and_a_zombies_late_write_does_not(snapshot: Snapshot) -> None:
    newest = account("a1", 5)
    assert snapshot.take([message("a1", account("a1", 4)), message("a1", newest)]) == {0}
    assert snapshot.take([message("a1", account("a1", 3))]) == set()
    assert known(snapshot, "a1") == newest


def test_a_removed_state_is_none(snapshot: Snapshot) -> None:
    """And a state that comes after it counts, whatever its revision."""
    snapshot.take([message("a1", account("a1", 5)), message("a1", None)])
    assert (known(snapshot, "a1"), snapshot.count) == (None, 0)
    snapshot.take([message("a1", account("a1", 1))])
    assert known(snapshot, "a1") is not None


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b'{"record": 5', encode_state(account("a1"))[:-2]])
def test_what_cannot_be_read_is_passed_over(snapshot: Snapshot, value: bytes) -> None:
    """The state before it stays."""
    snapshot.take([message("a1", account("a1"))])
    assert snapshot.take([message("a1", value)]) == set()
    assert known(snapshot, "a1") == account("a1")


def test_whose_state_cannot_be_read_is_known_until_another_one_comes(snapshot: Snapshot) -> None:
    """Whether that shows when it is taken, or only when all of it is decoded."""
    half = encode_state(account("a2")).replace(b'"recordTime"', b'"otherTime"')
    snapshot.take([message("a1", b"{}"), message("a2", half)])
    assert known(snapshot, "a2") is None
    assert snapshot.unreadable == {(Kind.ACCOUNT, "a1"), (Kind.ACCOUNT, "a2")}
    snapshot.take([message("a1", None), message("a2", account("a2", 2))])
    assert snapshot.unreadable == set()


@pytest.mark.parametrize("part", ["writer", "binding", "dn"])
def test_what_has_parts_of_another_type_cannot_be_read(snapshot: Snapshot, part: str) -> None:
    """It shows at once: nobody takes its entry for one that is as it should be."""
    document = orjson.loads(encode_state(account("a1", binding=bound(1))))
    wrong: dict[str, dict[str, Any]] = {
        "writer": {"writer": ["1", 1]},
        "binding": {"binding": {"dn": "x"}},
        "dn": {"binding": {**document["binding"], "dn": []}},
    }
    assert snapshot.take([message("a1", orjson.dumps({**document, **wrong[part]}))]) == set()
    assert snapshot.unreadable == {(Kind.ACCOUNT, "a1")}


def test_who_waits_is_known_without_decoding_a_state(snapshot: Snapshot) -> None:
    """A run asks it of all states that it has corrected, four times a second."""
    states = [account("a1", status=Status.WAITING), account("a2"), account("a3", status=Status.WAITING)]
    snapshot.take(message(f"a{number}", state) for number, state in enumerate(states, 1))
    snapshot.take([message("a3", None)])
    assert [snapshot.is_waiting(number) for number in range(3)] == [True, False, False]


def test_an_entry_belongs_to_whom_it_was_bound_first(snapshot: Snapshot) -> None:
    """Then to the smaller id; who was bound to it once, or below another target, has no part in it."""
    states = {
        "0late": account("0late", binding=bound(9)),
        "b": account("b", binding=bound(2)),
        "a": account("a", binding=bound(2)),
        "elsewhere": account("elsewhere", binding=bound(1, str(uuid.UUID(int=3)))),
        "former": account("former", binding=bound(1)),
        "moved": account("moved", binding=bound(1)),
    }
    snapshot.take(message(identifier, state) for identifier, state in states.items())
    snapshot.take([message("former", account("former", 2))])
    other = replace(bound(1), entry_uuid=str(uuid.UUID(int=9)))
    snapshot.take([message("moved", account("moved", 2, binding=other))])
    assert [stored.id for _, stored in snapshot.bound_to(ENTRY)] == ["a", "b", "0late"]
    assert snapshot.bound_to(str(uuid.UUID(int=8))) == []


def test_states_that_carry_a_push_are_counted_but_not_dead_lettered_ones(snapshot: Snapshot) -> None:
    """A state that was deleted after the push was in it all the same."""
    states = {
        "a1": account("a1", push_id="p"),
        "a2": account("a2", push_id="p", deleted_at=6),
        "a3": account("a3", push_id="p", status=Status.DEAD_LETTERED),
        "a4": account("a4", push_id="older"),
        "a5": account("a5"),
    }
    snapshot.take(message(identifier, state) for identifier, state in states.items())
    assert snapshot.carried("p") == {Kind.ACCOUNT: 2, Kind.ORGANIZATION: 0}
    assert snapshot.carried("never") == {Kind.ACCOUNT: 0, Kind.ORGANIZATION: 0}


def test_who_lacks_a_push_is_told_by_push_and_time(snapshot: Snapshot) -> None:
    """Who is deleted already is not."""
    states = [
        account("a1", push_id="p"),
        account("a2", received_time=9),
        account("a3"),
        account("a4", deleted_at=6),
    ]
    snapshot.take(message(f"a{number}", state) for number, state in enumerate(states, 1))
    assert list(snapshot.without_push(lambda push, received: push != "p" and received < 9)) == [0, 0, 1, 0]


def test_texts_that_are_alike_are_packed_small() -> None:
    """And come back as they were."""
    packer = Packer()
    texts = [encode_state(account(f"user_{number}", number)) for number in range(50)]
    packed = [packer.pack(text) for text in texts]
    assert [packer.unpack(one) for one in packed] == texts
    assert sum(map(len, packed[1:])) < sum(map(len, texts[1:])) / 8


def test_texts_are_packed_once_the_room_is_full() -> None:
    """Those before it come back as they were, too."""
    texts = [encode_state(account(f"user_{number}", number)) for number in range(9)]
    packer = Packer(3 * len(texts[0]))
    packed = [packer.pack(text) for text in texts]
    assert [one == text for one, text in zip(packed, texts, strict=True)] == [True] * 3 + [False] * 6
    assert [packer.unpack(one) for one in packed] == texts


@pytest.mark.parametrize("name", ["recordTime", 'x","recordTime":{"binding":null', "binding"])
def test_a_record_is_never_taken_for_what_follows_it(snapshot: Snapshot, name: str) -> None:
    """Whatever its fields are called, and whatever is written in them."""
    record = record_of(Kind.ACCOUNT, {"userId": "a1", name: {"recordTime": 7, "binding": {"entryUUID": name}}})
    state = account("a1", record=record, reason='"recordTime":5,"recordTime":', binding=bound(1))
    snapshot.take([message("a1", state)])
    assert snapshot.only_claimant(uuid.UUID(ENTRY).bytes) == 0
    assert known(snapshot, "a1") == state


def test_a_state_whose_parts_stand_in_another_order_is_read(snapshot: Snapshot) -> None:
    """Another version may write it so."""
    document = orjson.loads(encode_state(account("a1", binding=bound(1))))
    snapshot.take([message("a1", orjson.dumps(dict(reversed(document.items()))))])
    assert known(snapshot, "a1") == account("a1", binding=bound(1))
    assert snapshot.only_claimant(uuid.UUID(ENTRY).bytes) == 0
