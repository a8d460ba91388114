"""`TopicTail` on a real broker."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.errors import CommandFailed
from streams.kafka import Cluster, Publisher, Received, TopicTail, create_topics
from streams.sandbox.kafka import Kafka
from streams.settings import Settings, load_settings
from tests.support.program import write_configuration
from tests.support.topics import topic_names


@pytest.fixture
def settings(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Settings:
    """Settings with topics of this test alone."""
    topics = topic_names(topic_prefix)
    path = write_configuration(tmp_path, kafka={"bootstrap_servers": kafka.bootstrap_servers, "topics": topics})
    settings = load_settings(path, {})
    create_topics(settings)
    return settings


async def test_entering_delivers_what_was_there_in_the_order_of_each_partition(settings: Settings) -> None:
    delivered: list[Received] = []
    topic = settings.topics.account_states
    async with Publisher(settings) as publisher:
        for number in range(20):
            await publisher.send(topic, b"k", b"%d" % number, partition=number % 2)
    async with TopicTail(settings, [topic], lambda message: message, delivered.extend):
        assert [message.value for message in delivered if message.partition == 1] == [
            b"%d" % n for n in range(1, 20, 2)
        ]
        assert len(delivered) == 20


async def test_catching_up_waits_for_what_was_written_meanwhile(settings: Settings) -> None:
    """The reading thread is held up until it is seen that the wait goes on."""
    delivered: list[Received] = []
    go_on = threading.Event()
    topic = settings.topics.control

    def parse(message: Received) -> Received:
        go_on.wait(20)
        return message

    async with TopicTail(settings, [topic], parse, delivered.extend) as tail, Publisher(settings) as publisher:
        await publisher.send(topic, b"k", b"v", [("h", b"1")])
        catching_up = asyncio.create_task(tail.catch_up())
        await asyncio.wait({catching_up}, timeout=1)
        assert not catching_up.done()
        go_on.set()
        await catching_up
        assert [(message.value, message.headers) for message in delivered] == [(b"v", (("h", b"1"),))]


async def test_a_partition_whose_messages_are_gone_counts_as_read(settings: Settings, kafka: Kafka) -> None:
    """Its end is known from Kafka alone; compaction and transactions leave such ends too."""
    topic = settings.topics.dead_letters
    async with Publisher(settings) as publisher:
        await publisher.send(topic, b"k", b"v")
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    for future in admin.delete_records([TopicPartition(topic, 0, 1)]).values():
        await asyncio.to_thread(future.result)
    async with asyncio.timeout(20), TopicTail(settings, [topic], lambda message: message, lambda _: None):
        pass


async def test_what_is_not_parsed_counts_as_read(settings: Settings) -> None:
    """Or nobody could ever catch up after it."""
    delivered: list[Sequence[Received]] = []
    async with Publisher(settings) as publisher:
        await publisher.send(settings.topics.control, b"k", b"v")
    async with TopicTail(settings, [settings.topics.control], lambda _: None, delivered.append) as tail:
        with Cluster(settings) as cluster:
            await tail.reach(cluster.end_offsets([settings.topics.control]))
    assert not any(delivered)


async def test_a_missing_topic_is_told_at_once(settings: Settings) -> None:
    with pytest.raises(CommandFailed, match="topics create"):
        async with TopicTail(settings, ["none"], lambda message: message, lambda _: None):
            pass
