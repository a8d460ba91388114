"""Writing to Kafka: single messages whose delivery is awaited, and whole files of them."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self, TypeAlias

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Delivered

from schemas.errors import CommandFailed, Retryable
from streams.kafka.client import ErrorMemory, client_config, does_not_answer, failure_of
from streams.settings import Settings

Headers: TypeAlias = Sequence[tuple[str, bytes]]

_DELIVERY_SECONDS: Final = 30
_POLL_SECONDS: Final = 0.1
_ANY_PARTITION: Final = -1  # RD_KAFKA_PARTITION_UA: the partitioner chooses


@dataclass(frozen=True, slots=True)
class Message:
    """One message to write; its values are not shown, they may hold a password."""

    topic: str
    key: bytes
    value: bytes | None

    def __repr__(self) -> str:
        return f"Message(topic={self.topic!r}, key={self.key!r})"


class Publisher:
    """Writes single messages and awaits that Kafka has them (all replicas, no duplicate by a retry).

    A thread of its own serves librdkafka. Use it as `async with`, in one event loop.

    Args:
        settings: how Kafka is reached.
        delivery_timeout_seconds: after which a message counts as not delivered.

    Raises:
        ConfigurationError: librdkafka does not accept `kafka.client`.
    """

    def __init__(self, settings: Settings, *, delivery_timeout_seconds: float = _DELIVERY_SECONDS) -> None:
        self._settings = settings
        self._errors = ErrorMemory()
        self._producer = _producer(settings, self._errors, 1, delivery_timeout_seconds)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="kafka-publisher", daemon=True)

    async def __aenter__(self) -> Self:
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Stop serving; what is under way is awaited for up to 5 s."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        self._producer.flush(5)

    async def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> int:
        """Write one message and wait until Kafka has it.

        Args:
            topic: its name.
            key: chooses the partition where none is given.
            value: None is a tombstone.
            headers: names and values.
            partition: an explicit one.

        Returns:
            The offset of the message.

        Raises:
            Retryable: `kafka_unavailable`: it is not known to have arrived, and may be sent again.
            CommandFailed: Kafka refuses it.
        """
        loop = asyncio.get_running_loop()
        delivered: asyncio.Future[int] = loop.create_future()

        def report(error: KafkaError | None, message: Delivered) -> None:
            # In the serving thread; the loop may be closed by now if nobody waits any more.
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, delivered, error, message.offset())

        target = _ANY_PARTITION if partition is None else partition
        try:
            self._producer.produce(topic, value, key, target, on_delivery=report, headers=list(headers))
        except BufferError as exc:
            raise Retryable("kafka_unavailable", "too many messages are on their way to Kafka") from exc
        except KafkaException as exc:
            raise self._failure(exc) from exc
        try:
            return await delivered
        except KafkaException as exc:
            raise self._failure(exc) from exc

    def _failure(self, exc: KafkaException) -> Exception:
        failure = failure_of(self._errors.explain(exc), self._settings)
        return Retryable("kafka_unavailable", str(failure)) if does_not_answer(exc.args[0]) else failure

    def _serve(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(_POLL_SECONDS)


def publish_all(settings: Settings, messages: Iterable[Message], progress: Callable[[int], None]) -> int:
    """Write many messages, in their order, and wait until Kafka has all of them.

    Args:
        settings: whose partitioner is used.
        messages: are read as they are sent.
        progress: is told now and then how many have arrived.

    Returns:
        How many arrived: all.

    Raises:
        ConfigurationError: librdkafka does not accept `kafka.client`.
        CommandFailed: Kafka does not answer or refuses; says how many had arrived.
    """
    errors = ErrorMemory()
    producer = _producer(settings, errors, 20, _DELIVERY_SECONDS)
    arrived = 0
    failed: KafkaError | None = None

    def report(error: KafkaError | None, _: Delivered) -> None:
        nonlocal arrived, failed
        if error is None:
            arrived += 1
        else:
            failed = failed or error

    for message in messages:
        try:
            while not _queued(producer, message, report):
                producer.poll(_POLL_SECONDS)
                progress(arrived)
        except KafkaException as exc:
            failed = exc.args[0]
        producer.poll(0)
        progress(arrived)
        if failed is not None:
            break
    while failed is None and producer.flush(_POLL_SECONDS) > 0:
        progress(arrived)
    if failed is not None:
        producer.purge()
        producer.flush(1)
        failure = failure_of(errors.explain(KafkaException(failed)), settings)
        raise CommandFailed(f"{failure} ({arrived} events had been published; publishing them again does no harm)")
    progress(arrived)
    return arrived


def _queued(producer: Producer, message: Message, report: Callable[[KafkaError | None, Delivered], None]) -> bool:
    try:
        producer.produce(message.topic, message.value, message.key, on_delivery=report)
    except BufferError:
        return False
    return True


def _producer(settings: Settings, errors: ErrorMemory, linger_ms: int, delivery_timeout_seconds: float) -> Producer:
    config: dict[str, Any] = {
        **client_config(settings),
        "acks": "all",
        "enable.idempotence": True,
        "partitioner": settings.kafka.partitioner,
        "linger.ms": linger_ms,
        "delivery.timeout.ms": int(delivery_timeout_seconds * 1000),
        # A topic that was made a moment ago may be unknown for a moment, not for the 30 s of the default.
        "topic.metadata.propagation.max.ms": 5000,
        "error_cb": errors,
    }
    try:
        return Producer(config)
    except KafkaException as exc:
        raise failure_of(exc, settings) from exc


def _settle(delivered: "asyncio.Future[int]", error: KafkaError | None, offset: int | None) -> None:
    if delivered.done():  # the waiting task was cancelled
        return
    if error is not None:
        delivered.set_exception(KafkaException(error))
    else:
        delivered.set_result(-1 if offset is None else offset)
