"""Reading on, and waiting for the workers, on a real broker: by one client, however often it is asked."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from streams.kafka import Publisher, TopicReader, create_topics, read_to_end
from streams.sandbox.kafka import Kafka
from streams.settings import Settings, load_settings
from streams.verification.snapshot import Snapshot
from streams.verification.workers import Workers
from tests.support.program import write_configuration
from tests.support.proxy import Proxy
from tests.support.topics import topic_names


@dataclass
class Entrance:
    """Topics of a test alone, and a door through which a client must come before it knows where the brokers are."""

    settings: Settings
    direct: Settings
    door: Proxy

    async def write(self, *values: bytes) -> None:
        """Write to the control topic, past the door."""
        async with Publisher(self.direct) as publisher:
            for value in values:
                await publisher.send(self.direct.topics.control, b"k", value)

    def shut(self) -> None:
        """Let no new client in."""
        self.door.refuse()
        self.door.cut()


@pytest.fixture
def entrance(kafka: Kafka, topic_prefix: str, tmp_path: Path, proxy: Callable[..., Proxy]) -> Entrance:
    door = proxy(int(kafka.bootstrap_servers.rpartition(":")[2]))

    def settings_for(servers: str) -> Settings:
        topics = topic_names(topic_prefix)
        return load_settings(write_configuration(tmp_path, kafka={"bootstrap_servers": servers, "topics": topics}), {})

    direct = settings_for(kafka.bootstrap_servers)
    create_topics(direct)
    return Entrance(settings_for(f"127.0.0.1:{door.port}"), direct, door)


async def test_each_reading_goes_on_where_the_last_one_ended_by_the_client_that_is_there(entrance: Entrance) -> None:
    """Whoever reads four times a second would otherwise come and go as often."""
    reader = TopicReader(entrance.settings, [entrance.settings.topics.control])
    read: list[list[bytes | None]] = []
    for values in ((b"1", b"2"), (b"3",), (), (b"4",)):
        await entrance.write(*values)
        read.append([message.value for message in reader.read()])
        entrance.shut()
    reader.close()
    assert read == [[b"1", b"2"], [b"3"], [], [b"4"]]


async def test_a_reading_that_is_left_in_the_middle_is_begun_again(entrance: Entrance) -> None:
    reader = TopicReader(entrance.direct, [entrance.direct.topics.control])
    await entrance.write(b"1", b"2")
    for message in reader.read():
        assert message.value == b"1"
        break
    assert [message.value for message in reader.read()] == [b"1", b"2"]
    reader.close()


async def test_a_verification_waits_by_the_clients_that_it_has(entrance: Entrance) -> None:
    """For offsets and for states."""
    snapshot = Snapshot(entrance.settings)
    with Workers(entrance.settings) as workers:
        snapshot.read()
        before = await workers.committed(), await workers.ends()
        entrance.shut()
        assert snapshot.read() == set()
        assert (await workers.committed(), await workers.ends()) == before


async def test_a_log_whose_beginning_is_gone_is_read_from_what_is_left(entrance: Entrance) -> None:
    """Retention takes the oldest messages away; those after them are read, none of them twice."""
    topic = entrance.direct.topics.organization_events  # the others are compacted, not cut
    async with Publisher(entrance.direct) as publisher:
        for value in (b"1", b"2", b"3"):
            await publisher.send(topic, b"k", value)
    admin = AdminClient({"bootstrap.servers": entrance.direct.kafka.bootstrap_servers, "log_level": 0})
    for future in admin.delete_records([TopicPartition(topic, 0, 2)]).values():
        future.result(timeout=10)
    assert [message.value for message in read_to_end(entrance.direct, [topic])] == [b"3"]
