"""`ldapflow publish` and the publisher, on a real broker."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.cimpl import OFFSET_BEGINNING, NewTopic

from schemas.errors import CommandFailed, Retryable
from schemas.events import EventType
from streams.kafka import Cluster, Publisher, create_topics
from streams.sandbox.kafka import Kafka
from streams.sandbox.processes import free_port, wait_until
from streams.settings import Settings, load_settings
from tests.support.program import ldapflow, lines, starting, write_configuration

PARTITIONS = 12


def account(user_id: str, name: str = "ud:user:create", **fields: Any) -> bytes:
    return orjson.dumps({"eventType": name, "bizData": {"userId": user_id, "username": user_id, **fields}})


def organization(unit_id: str) -> bytes:
    body = {"organizationalUnitId": unit_id, "organizationalUnitName": unit_id, "parentId": "ou_root"}
    return orjson.dumps({"eventType": "ud:organizational_unit:create", "bizData": body})


@pytest.fixture
def folder(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Path:
    """A folder with a configuration whose topics are not there yet."""
    names = ("idaas.organizations", "idaas.accounts", "ldapflow.organizations", "ldapflow.accounts")
    more = ("ldapflow.dead-letters", "ldapflow.control", "ldapflow.jobs")
    topics = {name: f"{topic_prefix}.{name}" for name in (*names, *more)}
    write_configuration(tmp_path, kafka={"bootstrap_servers": kafka.bootstrap_servers, "topics": topics})
    return tmp_path


@pytest.fixture
def settings(folder: Path) -> Settings:
    """The settings of that folder, its topics made."""
    settings = load_settings(folder / "ldapflow.yaml", {})
    create_topics(settings)
    return settings


@pytest.fixture
def consumer(kafka: Kafka) -> Iterator[Consumer]:
    """A consumer that was given nothing to read yet."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "unused", "log_level": 0})
    yield consumer
    consumer.close()


def read(consumer: Consumer, settings: Settings, topic: str) -> list[Message]:
    """All that a topic holds now."""
    with Cluster(settings) as cluster:
        ends = cluster.end_offsets([topic])
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for _, partition in ends])
    messages: list[Message] = []
    while len(messages) < sum(ends.values()):
        message = consumer.poll(20)
        assert message is not None
        assert message.error() is None
        messages.append(message)
    return messages


def test_events_go_to_their_topics_with_their_keys(folder: Path, settings: Settings, consumer: Consumer) -> None:
    (folder / "a.jsonl").write_bytes(b"\n".join([organization("ou_rd"), account("user_a"), account("user_b")]))
    (folder / "b.jsonl").write_bytes(account("user_a", "ud:user:delete") + b"\n")
    done = ldapflow("publish", "a.jsonl", "b.jsonl", folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert lines(done.stdout)[-1].startswith("published 4 events (1 of organizations, 3 of accounts) in ")
    assert [message.key() for message in read(consumer, settings, settings.topics.organization_events)] == [b"ou_rd"]
    accounts = read(consumer, settings, settings.topics.account_events)
    assert [message.value() for message in accounts if message.key() == b"user_a"] == [
        account("user_a"),
        account("user_a", "ud:user:delete"),
    ]


def test_standard_input_is_read_where_no_file_is_named(folder: Path, settings: Settings, consumer: Consumer) -> None:
    done = ldapflow("publish", folder=folder, stdin=account("user_a"))
    assert (done.returncode, done.stderr) == (0, "")
    assert lines(done.stdout)[-1].startswith("published 1 event (0 of organizations, 1 of accounts) in ")
    assert [message.key() for message in read(consumer, settings, settings.topics.account_events)] == [b"user_a"]


def test_one_wrong_line_publishes_nothing(folder: Path, settings: Settings) -> None:
    """Also when it is the last line of the last file."""
    (folder / "good.jsonl").write_bytes(account("user_a"))
    (folder / "bad.jsonl").write_bytes(account("user_b") + b"\n\n" + b'{"eventType": "ud:user:create"}')
    done = ldapflow("publish", "good.jsonl", "bad.jsonl", folder=folder)
    (line,) = lines(done.stderr)
    assert done.returncode == 1
    assert line.startswith("bad.jsonl:3: ")
    assert line.endswith(": nothing was published")
    with Cluster(settings) as cluster:
        assert set(cluster.end_offsets([settings.topics.account_events]).values()) == {0}


def test_missing_topics_are_one_line(folder: Path) -> None:
    done = ldapflow("publish", folder=folder, stdin=account("user_a"))
    (line,) = lines(done.stderr)
    assert done.returncode == 1
    assert line.endswith("run `ldapflow topics create`")


def test_a_missing_file_is_one_line(folder: Path) -> None:
    done = ldapflow("publish", "none.jsonl", folder=folder)
    assert (done.returncode, lines(done.stderr)) == (
        1,
        ["none.jsonl cannot be read (No such file or directory): correct its name or its owner"],
    )


def test_a_push_is_framed_by_its_marks(folder: Path, settings: Settings, consumer: Consumer) -> None:
    """With the numbers of different subjects, and its id on every event; it began when the file was written."""
    (folder / "a.jsonl").write_bytes(b"\n".join([organization("ou_rd"), account("user_a"), account("user_a")]))
    os.utime(folder / "a.jsonl", (1_700_000_000, 1_700_000_000))
    done = ldapflow("publish", "--push", "a.jsonl", folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    organizations = read(consumer, settings, settings.topics.organization_events)
    begin, unit, end = (orjson.loads(message.value() or b"") for message in organizations)
    (push_id,) = {begin["bizData"]["pushId"], unit["pushId"], end["bizData"]["pushId"]}
    assert begin["bizData"] == end["bizData"] == {"pushId": push_id, "organizations": 1, "accounts": 1}
    assert begin["eventTime"] == 1_700_000_000_000 < end["eventTime"]
    accounts = read(consumer, settings, settings.topics.account_events)
    assert {orjson.loads(message.value() or b"")["pushId"] for message in accounts} == {push_id}


def test_a_push_began_when_it_is_said_that_its_records_were_taken(
    folder: Path, settings: Settings, consumer: Consumer
) -> None:
    """Whoever came while the file was written may be missing in it."""
    (folder / "a.jsonl").write_bytes(organization("ou_rd"))
    done = ldapflow("publish", "--push", "--taken", "2023-11-14T22:13:20Z", "a.jsonl", folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    begin = read(consumer, settings, settings.topics.organization_events)[0]
    assert orjson.loads(begin.value() or b"")["eventTime"] == 1_700_000_000_000


def test_when_records_were_taken_matters_to_a_push_alone(folder: Path) -> None:
    """Told before anything is read, as wrong usage."""
    done = ldapflow("publish", "--taken", "2023-11-14T22:13:20Z", folder=folder)
    assert (done.returncode, lines(done.stderr)) == (2, ["--taken says when a full push was taken: add --push"])


@pytest.fixture
def reluctant(folder: Path) -> Callable[..., Settings]:
    """Makes the topics, that of accounts with settings of its own."""

    def make(**config: str) -> Settings:
        settings = load_settings(folder / "ldapflow.yaml", {})
        with Cluster(settings) as cluster:
            cluster.create([NewTopic(settings.topics.account_events, PARTITIONS, 1, config=config)])
        create_topics(settings)
        return settings

    return make


def test_a_push_of_which_kafka_refuses_a_record_gets_no_end(
    folder: Path, reluctant: Callable[..., Settings], consumer: Consumer
) -> None:
    """And says that it is incomplete."""
    settings = reluctant(**{"max.message.bytes": "500"})
    done = ldapflow("publish", "--push", folder=folder, stdin=account("user_a", description="x" * 1000))
    (line,) = lines(done.stderr)
    (begin,) = read(consumer, settings, settings.topics.organization_events)
    push_id = (begin.key() or b"").decode()
    remedy = f"the full push {push_id} is incomplete, so nothing is deleted because of it: publish it again"
    assert (done.returncode, line.endswith(remedy)) == (1, True)


def test_a_push_that_is_interrupted_gets_no_end(
    folder: Path, reluctant: Callable[..., Settings], consumer: Consumer
) -> None:
    """Its records are on their way, since Kafka takes none as long as a second replica is missing."""
    settings = reluctant(**{"min.insync.replicas": "2"})
    (folder / "a.jsonl").write_bytes(account("user_a"))
    with starting("publish", "--push", "a.jsonl", folder=folder) as program:
        wait_until(lambda: bool(read(consumer, settings, settings.topics.organization_events)), "the begin")
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=20)
    assert program.returncode == 130, said
    marks = read(consumer, settings, settings.topics.organization_events)
    assert [orjson.loads(mark.value() or b"")["eventType"] for mark in marks] == [EventType.PUSH_BEGIN.value], said
    push_id = (marks[0].key() or b"").decode()
    assert f"the full push {push_id} is incomplete" in said.decode()


def test_an_interrupt_while_messages_arrive_says_how_many_have_come(folder: Path, settings: Settings) -> None:
    """Ctrl-C between two of librdkafka's callbacks, never in the middle of one, where it would be a `SystemError`."""
    (folder / "many.jsonl").write_bytes(b"".join(account(f"user_{number}") + b"\n" for number in range(100_000)))
    with starting("publish", "many.jsonl", folder=folder) as program:
        with Cluster(settings) as cluster:
            wait_until(
                lambda: any(cluster.end_offsets([settings.topics.account_events]).values()), "the first messages"
            )
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=20)
    (line,) = lines(said.decode())
    assert program.returncode == 130
    assert re.fullmatch(
        r"interrupted: at least \d+ of 100000 events were published; publishing them again does no harm", line
    )


# What Utils.murmur2 of Kafka's Java clients makes of keys (its UtilsTest). The partition is the remainder of the hash
# without its sign bit.
JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


async def test_keys_lie_where_a_java_producer_would_put_them(settings: Settings, consumer: Consumer) -> None:
    topic = settings.topics.account_events
    async with Publisher(settings) as publisher:
        for key in JAVA:
            await publisher.send(topic, key, b"{}")
    partitions = {message.key(): message.partition() for message in read(consumer, settings, topic)}
    assert partitions == {key: (hashed & 0x7FFFFFFF) % PARTITIONS for key, hashed in JAVA.items()}


async def test_send_returns_the_offset_and_keeps_headers_and_partition(settings: Settings, consumer: Consumer) -> None:
    topic = settings.topics.account_states
    async with Publisher(settings) as publisher:
        offsets = [await publisher.send(topic, b"k", value, [("h", b"1")], partition=7) for value in (b"v", None)]
    first, second = read(consumer, settings, topic)
    assert offsets == [0, 1]
    assert (first.partition(), first.headers(), first.value(), second.value()) == (7, [("h", b"1")], b"v", None)


async def test_a_refused_message_is_a_failure_at_once(settings: Settings) -> None:
    """It must not be tried for ever."""
    async with Publisher(settings) as publisher:
        with pytest.raises(CommandFailed, match="refuses"):
            await publisher.send(settings.topics.jobs, b"k", b"x" * 2_000_000)


async def test_an_unknown_topic_is_a_failure(settings: Settings) -> None:
    async with Publisher(settings) as publisher:
        with pytest.raises(CommandFailed, match="topics create"):
            await publisher.send("unknown.topic", b"k", b"v")


async def test_a_silent_kafka_is_to_be_tried_again(settings: Settings) -> None:
    dead = settings.kafka.model_copy(update={"bootstrap_servers": f"127.0.0.1:{free_port()}"})
    async with Publisher(settings.model_copy(update={"kafka": dead}), delivery_timeout_seconds=1) as publisher:
        with pytest.raises(Retryable) as caught:
            await publisher.send(settings.topics.jobs, b"k", b"v")
    assert caught.value.reason == "kafka_unavailable"
