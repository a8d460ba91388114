"""Reading what a topic holds now, for commands: to its present end, or one message of it."""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from typing import Any, Final, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.kafka.client import ErrorMemory, client_config, does_not_answer, failure_of
from streams.kafka.cluster import Cluster, Partition
from streams.kafka.received import Received, received
from streams.settings import Settings

_BATCH: Final = 500
_POLL_SECONDS: Final = 0.2
_SILENT_SECONDS: Final = 15.0
_END_OF_PARTITION: Final = KafkaError._PARTITION_EOF  # noqa: SLF001 - a public constant of librdkafka's own errors


def read_to_end(settings: Settings, topics: Iterable[str]) -> Iterator[Received]:
    """Everything that lies on some topics now, in the order of each partition.

    Args:
        settings: how Kafka is reached.
        topics: their names.

    Raises:
        CommandFailed: Kafka does not answer, or a topic is missing.
    """
    with closing(TopicReader(settings, topics)) as reader:
        yield from reader.read()


class TopicReader:
    """Reads some topics again and again, each time from where the last reading ended, by one client.

    It blocks, and serves one thread at a time. Where a thread may still read when nobody waits for it any more, leave
    it unclosed: its client leaves Kafka with the last reference to it.

    Args:
        settings: how Kafka is reached.
        topics: their names.
    """

    def __init__(self, settings: Settings, topics: Iterable[str]) -> None:
        self._topics = tuple(topics)
        self._cluster = Cluster(settings)
        self._log = _Log(settings)
        self._positions: dict[Partition, int] = {}

    def close(self) -> None:
        """Leave Kafka."""
        self._log.close()

    def read(self) -> Iterator[Received]:
        """What has come since the last reading that went to its end, in the order of each partition.

        Raises:
            CommandFailed: Kafka does not answer, or a topic is missing.
        """
        return (found for found in map(received, self.messages()) if found is not None)

    def messages(self) -> Iterator[Message]:
        """As `read`, in the words of librdkafka: for who reads millions."""
        begin = self._positions
        offsets = self._cluster.end_offsets(self._topics)
        ends = {place: end for place, end in offsets.items() if end > begin.get(place, 0)}
        reached = dict(ends)
        # From 0, even where the log begins later: librdkafka looks for the beginning only every half second.
        self._log.assign([TopicPartition(*place, begin.get(place, 0)) for place in ends])
        try:
            while ends:
                for message in self._log.next():
                    # Their declared types allow None, which is for errors of no place.
                    place: Any = (message.topic(), message.partition())
                    offset: Any = message.offset()
                    end = ends.get(place)
                    if end is None:
                        continue
                    if message.error() is not None:
                        del ends[place]
                        continue
                    if offset < end:
                        yield message
                    if offset + 1 >= end:
                        del ends[place]
        finally:
            self._log.assign([])  # else it would go on and fetch what follows
        begin.update(reached)


class MessageReader:
    """Reads single messages; used as `with`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._log = _Log(settings)
        self._ends: dict[Partition, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._log.close()

    def reaches(self, topic: str, partition: int, offset: int) -> bool:
        """Whether the log has come as far as to an offset; what lay there may be gone again.

        Raises:
            CommandFailed: Kafka does not answer, or the topic is missing.
        """
        place = (topic, partition)
        if offset >= self._ends.get(place, 0):
            with Cluster(self._settings) as cluster:
                self._ends.update(cluster.end_offsets([topic]))
        return offset < self._ends.get(place, 0)

    def read(self, topic: str, partition: int, offset: int) -> Received | None:
        """One message; None when it is gone.

        Raises:
            CommandFailed: Kafka does not answer, or the topic is missing.
        """
        if not self.reaches(topic, partition, offset):
            return None
        # Below the log's start librdkafka goes to what is left: another offset.
        self._log.assign([TopicPartition(topic, partition, offset)])
        try:
            while True:
                for message in self._log.next(1):
                    found = received(message)
                    if found is not None:
                        return found if message.error() is None and found.offset == offset else None
        finally:
            self._log.assign([])  # else it would go on and fetch what follows


class _Log:
    """A consumer without a group that fails when Kafka is silent for long."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._errors = ErrorMemory()
        self._knows_topics = False
        try:
            self._consumer = Consumer(
                {
                    **client_config(settings),
                    "group.id": f"{settings.kafka.application_id}-command",  # demanded, but never joined
                    "enable.auto.commit": False,
                    "enable.partition.eof": True,
                    # What is asked for lies there; one request that waits for more holds up the next by half a second.
                    "fetch.wait.max.ms": 10,
                    # Who reads faster than Kafka gives would wait for a second once the queue was full.
                    "fetch.queue.backoff.ms": 10,
                    "queued.max.messages.kbytes": 16 << 10,
                    "auto.offset.reset": "earliest",
                    "error_cb": self._errors,
                }
            )
        except KafkaException as exc:
            raise failure_of(exc, settings) from exc

    def assign(self, places: list[TopicPartition]) -> None:
        """Read from these places on."""
        if places and not self._knows_topics:
            # Who leads a partition librdkafka asks but once a second, or at once when it is told all topics.
            with suppress(KafkaException):  # the reading will say what is wrong
                self._consumer.list_topics(timeout=_SILENT_SECONDS)
            self._knows_topics = True
        self._consumer.assign(places)

    def close(self) -> None:
        """Leave Kafka."""
        self._consumer.close()

    def next(self, most: int = _BATCH) -> list[Message]:
        """The next messages and ends of partitions, at least one.

        Raises:
            CommandFailed: there was none for 15 s, or Kafka refuses.
        """
        deadline = time.monotonic() + _SILENT_SECONDS
        while time.monotonic() < deadline:
            # `consume` alone would wait for as many as were asked for.
            first = self._consumer.poll(_POLL_SECONDS)
            messages = [] if first is None else [first, *self._more(most - 1)]
            for message in messages:
                error = message.error()
                if error is not None and error.code() != _END_OF_PARTITION and not does_not_answer(error):
                    raise failure_of(KafkaException(error), self._settings)
            useful = [m for m in messages if m.error() is None or _is_end(m)]
            if useful:
                return useful
        silent = KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001
        raise failure_of(self._errors.explain(silent), self._settings) from None

    def _more(self, most: int) -> list[Message]:
        return self._consumer.consume(most, timeout=0) if most else []


def _is_end(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == _END_OF_PARTITION
