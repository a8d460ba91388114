"""Events that can never succeed are dead letters with the right reason, and harm nobody else."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import orjson
import pytest
from confluent_kafka import Producer

from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from tests.faults.company import ORGANIZATIONS, busy_company
from tests.faults.faulty_run import NO_GUARD
from tests.support.flow import Flow, until
from tests.support.identity_source import PREFIX

_Item = TypeVar("_Item")
_ROUNDS = 5
SECRET = "Correct-Horse-7"  # noqa: S105 - of nobody
_MEGABYTE = 1 << 20
_LARGE = {"message.max.bytes": str(8 * _MEGABYTE), "replica.fetch.max.bytes": str(8 * _MEGABYTE)}
_HEADERS = {"reason", "detail", "topic", "partition", "offset", "time", "attempt"}


@dataclass(frozen=True)
class Poison:
    """A message that must become a dead letter.

    Attributes:
        on_accounts: which of the two input topics it lies on.
    """

    reason: str
    key: bytes
    value: bytes | None
    on_accounts: bool = True


def account(identifier: str, **fields: Any) -> bytes:
    """A new account whose record holds a password, like all of them here."""
    record = {
        "userId": identifier,
        "username": identifier,
        "password": SECRET,
        "organizationalUnits": [{"organizationalUnitId": "o1", "primary": True}],
        **fields,
    }
    return orjson.dumps({"eventType": f"{PREFIX}ud:user:create", "bizId": identifier, "bizData": record})


def ten_kinds(number: int) -> Iterator[Poison]:
    """One message of each kind; no id twice."""

    def key(kind: int) -> str:
        return f"poison-{number}-{kind}"

    yield Poison("not_json", key(0).encode(), b'{"password": "%s"' % SECRET.encode())
    yield Poison("missing_id", key(1).encode(), account("", password=SECRET))
    unknown = {"eventType": f"{PREFIX}ud:user:promote", "bizData": {"userId": key(2), "password": SECRET}}
    yield Poison("unknown_type", key(2).encode(), orjson.dumps(unknown))
    yield Poison("missing_value", key(3).encode(), account(key(3), username=None, displayName="Nobody"))
    # IA5String (RFC 4524 section 2.16): slapd itself refuses it.
    yield Poison("refused_by_directory", key(4).encode(), account(key(4), email="邮件@example.com"))
    yield Poison("too_large", key(5).encode(), account(key(5), description="x" * 5 * _MEGABYTE))
    yield Poison("wrong_topic", key(6).encode(), account(key(6)), on_accounts=False)
    yield Poison("null_value", key(7).encode(), None)
    yield Poison("bad_rdn", key(8).encode(), account(key(8), username="n" * 10_000))
    yield Poison("wrong_key", key(9).encode(), account("somebody-else"))


@pytest.mark.timeout(240)
def test_fifty_poison_events_among_two_thousand(
    tmp_path: Path, fresh_kafka: Callable[..., Kafka], fresh_slapd: Callable[..., Slapd], topic_prefix: str
) -> None:
    """Each with its reason and its place, none with a password; everyone else is applied."""
    source = busy_company(1950, seed=7, people=700)
    poison = [one for number in range(_ROUNDS) for one in ten_kinds(number)]
    random.Random(7).shuffle(poison)
    with Flow(tmp_path, fresh_kafka(_LARGE), fresh_slapd(), topic_prefix, sync=NO_GUARD) as flow:
        flow.worker()
        flow.worker()
        organizations, others = source.events[:ORGANIZATIONS], source.events[ORGANIZATIONS:]
        flow.publish(organizations)
        until(lambda: applied(flow) == ORGANIZATIONS, "the organizations")  # or the poison would wait for them
        for number in range(_ROUNDS):
            flow.publish(part(others, number))
            produce(flow, part(poison, number))
        flow.settle(source, 120)

        letters = {letter.key(): letter for letter in flow.messages(flow.settings.topics.dead_letters)}
        assert letters.keys() == {one.key for one in poison}
        assert len(flow.messages(flow.settings.topics.dead_letters)) == len(poison) == 50
        places = input_places(flow)
        for one in poison:
            letter = letters[one.key]
            headers = dict(cast("list[tuple[str, bytes]]", letter.headers()))
            assert headers["ldapflow-reason"].decode() == one.reason
            assert {name.removeprefix("ldapflow-") for name in headers} == _HEADERS
            assert all(headers.values())
            assert place_of(headers) == places[one.key]
            assert SECRET not in repr((letter.value(), headers))
        assert sum(worker.metric("ldapflow_dead_letters_total") for worker in flow.workers) == len(poison)
        assert not [worker.log for worker in flow.workers if SECRET in worker.log.read_text()]
        assert not [
            state for state in flow.messages(flow.settings.topics.account_states) if SECRET in repr(state.value())
        ]


def part(whole: Sequence[_Item], number: int) -> Sequence[_Item]:
    """One of `_ROUNDS` parts of equal size, in order."""
    return whole[number * len(whole) // _ROUNDS : (number + 1) * len(whole) // _ROUNDS]


def applied(flow: Flow) -> float:
    """Events that were applied."""
    return sum(worker.metric("ldapflow_events_total", outcome="applied") for worker in flow.workers)


def produce(flow: Flow, poison: Iterable[Poison]) -> None:
    """Write messages as they are, whatever their size."""
    topics = flow.settings.topics
    producer = Producer(
        {
            "bootstrap.servers": flow.kafka.bootstrap_servers,
            "partitioner": flow.settings.kafka.partitioner,
            "message.max.bytes": 8 * _MEGABYTE,
            "log_level": 0,
        }
    )
    for one in poison:
        producer.produce(topics.account_events if one.on_accounts else topics.organization_events, one.value, one.key)
    assert producer.flush(60) == 0


def input_places(flow: Flow) -> dict[bytes | None, tuple[str, int, int]]:
    """Where the last message of each key lies on the input topics."""
    topics = flow.settings.topics
    return {
        message.key(): (message.topic() or "", message.partition() or 0, message.offset() or 0)
        for topic in (topics.organization_events, topics.account_events)
        for message in flow.messages(topic)
    }


def place_of(headers: Mapping[str, bytes]) -> tuple[str, int, int]:
    """Where a dead letter says that its original lies."""
    topic, partition, offset = (headers[f"ldapflow-{name}"].decode() for name in ("topic", "partition", "offset"))
    return topic, int(partition), int(offset)
