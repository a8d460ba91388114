"""The sandboxed broker keeps its promises: the tests of everything else rest on them."""

import os
from collections.abc import Callable

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas.errors import CommandFailed
from streams.sandbox.kafka import Kafka
from streams.sandbox.processes import free_port
from tests.support.proxy import Proxy


def _quiet(kafka: Kafka, **settings: str) -> dict[str, str | int | float | bool]:
    return {"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0, **settings}


def _create(kafka: Kafka, topic: str) -> None:
    admin = AdminClient(_quiet(kafka))
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(10)


def _produce(kafka: Kafka, topic: str, value: bytes) -> None:
    producer = Producer(_quiet(kafka))
    producer.produce(topic, value)
    assert producer.flush(10) == 0


def _first_value(kafka: Kafka, topic: str) -> bytes | None:
    consumer = Consumer(_quiet(kafka, **{"group.id": topic}))
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        message = consumer.poll(20)
        assert message is not None
        return message.value()
    finally:
        consumer.close()


def test_messages_survive_a_restart(fresh_kafka: Callable[..., Kafka]) -> None:
    """What was produced is read after stop and start, and after SIGKILL and start, on the same port."""
    kafka = fresh_kafka()
    _create(kafka, "orders")
    _produce(kafka, "orders", b"kept")
    kafka.restart()
    assert _first_value(kafka, "orders") == b"kept"
    kafka.kill()
    kafka.start()
    assert "orders" in AdminClient(_quiet(kafka)).list_topics(timeout=10).topics


def test_unknown_topics_are_not_created(kafka: Kafka, topic_prefix: str) -> None:
    """Asking for a topic that does not exist creates nothing."""
    admin = AdminClient(_quiet(kafka))
    admin.list_topics(topic_prefix, timeout=10)
    assert topic_prefix not in admin.list_topics(timeout=10).topics


def test_a_frozen_broker_is_silent_until_thawed(fresh_kafka: Callable[..., Kafka]) -> None:
    """Between freeze and thaw a request times out."""
    kafka = fresh_kafka()
    admin = AdminClient(_quiet(kafka))
    kafka.freeze()
    with pytest.raises(KafkaException):
        admin.list_topics(timeout=0.3)
    kafka.thaw()
    assert admin.list_topics(timeout=10).brokers


def test_clients_of_the_second_listener_stay_behind_the_proxy(
    fresh_kafka: Callable[..., Kafka], proxy: Callable[..., Proxy]
) -> None:
    """A client that began at the proxy is sent back to the proxy, not to the broker's own port."""
    port = free_port()
    kafka = fresh_kafka(advertised_port=port)
    proxy(kafka.proxied_port, port=port)
    admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0})
    assert [broker.port for broker in admin.list_topics(timeout=10).brokers.values()] == [port]


def test_close_leaves_no_process_and_no_folder() -> None:
    """After the with block the process is gone and so is its folder."""
    with Kafka() as kafka:
        pid = kafka.pid
    assert not kafka.folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_missing_java_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Java the message says what to install."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CommandFailed, match="sudo apt-get install default-jre-headless"), Kafka():
        pass
