"""Topics read from their beginning and on, in a thread of its own, delivered into the event loop.

No consumer group: whoever tails reads everything.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Generic, Self, TypeVar

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from schemas.errors import CommandFailed, Retryable
from streams.kafka.client import client_config
from streams.kafka.cluster import Cluster, Partition
from streams.kafka.received import Received, received
from streams.settings import Settings

log = structlog.get_logger(__name__)

_BATCH: Final = 500
_POLL_SECONDS: Final = 0.2
_QUEUE_KIB: Final = 8192  # fetched and not yet taken: much less than librdkafka's own 64 MiB, and as fast
_QUEUE_BACKOFF_MS: Final = 10  # until a full queue is looked at again; with librdkafka's own 1000 it would run empty
_END_OF_PARTITION: Final = KafkaError._PARTITION_EOF  # noqa: SLF001 - a public constant of librdkafka's own errors

T = TypeVar("T")


class TopicTail(Generic[T]):
    """Reads all partitions of some topics; used as `async with`, in one event loop.

    Entering it returns when everything that the topics held then was delivered.

    Args:
        settings: how Kafka is reached.
        topics: their names.
        parse: makes of a message what is delivered, or None; runs in the reading thread, and must not raise.
        deliver: takes a batch in, in the order of each partition; runs in the event loop.

    Raises:
        CommandFailed: on entering, Kafka does not answer or a topic is missing.
    """

    def __init__(
        self,
        settings: Settings,
        topics: Iterable[str],
        parse: Callable[[Received], T | None],
        deliver: Callable[[Sequence[T]], None],
    ) -> None:
        self._settings = settings
        self._topics = tuple(topics)
        self._parse = parse
        self._deliver = deliver
        self._positions: dict[Partition, int] = {}
        self._moved = asyncio.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        ends = await asyncio.to_thread(self._ends)
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, args=(loop, list(ends)), name="topic-tail", daemon=True)
        self._thread.start()
        try:
            await self.reach(ends)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def reach(self, ends: Mapping[Partition, int]) -> None:
        """Wait until everything before the given offsets was delivered."""
        while any(self._positions.get(place, 0) < end for place, end in ends.items()):
            await self._moved.wait()

    async def catch_up(self) -> None:
        """Wait until everything that was written until now was delivered.

        A look at the ends that begins later serves all who came before it began.

        Raises:
            Retryable: Kafka does not answer.
        """
        if self._looking is not None:
            await asyncio.wait({self._looking})
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            await asyncio.shield(self._looking)
        except CommandFailed as exc:
            raise Retryable("kafka_unavailable", str(exc)) from exc

    async def _look(self) -> None:
        await self.reach(await asyncio.to_thread(self._ends))

    async def _stop(self) -> None:
        self._closing.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _ends(self) -> dict[Partition, int]:
        with Cluster(self._settings) as cluster:
            return dict(cluster.end_offsets(self._topics))

    # -- in the reading thread ---------------------------------------------------------------------------------------

    def _run(self, loop: asyncio.AbstractEventLoop, places: list[Partition]) -> None:
        try:
            self._read(loop, places)
        except Exception as exc:  # noqa: BLE001 - nobody joins a thread that breaks: the loop must be told
            if not loop.is_closed():
                loop.call_soon_threadsafe(loop.call_exception_handler, {"message": "topic-tail", "exception": exc})

    def _read(self, loop: asyncio.AbstractEventLoop, places: list[Partition]) -> None:
        consumer = Consumer(
            {
                **client_config(self._settings),
                "group.id": f"{self._settings.kafka.application_id}-view",  # demanded, but never joined
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "queued.max.messages.kbytes": _QUEUE_KIB,
                "fetch.queue.backoff.ms": _QUEUE_BACKOFF_MS,
                "auto.offset.reset": "earliest",
            }
        )
        try:
            consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in places])
            while not self._closing.is_set():
                first = consumer.poll(_POLL_SECONDS)
                if first is None:
                    continue
                positions: dict[Partition, int] = {}
                parsed = [
                    found
                    for message in (first, *consumer.consume(_BATCH, timeout=0))
                    if (found := self._take(message, positions)) is not None
                ]
                if not loop.is_closed():
                    loop.call_soon_threadsafe(self._arrive, parsed, positions)
        finally:
            consumer.close()

    def _take(self, message: Message, positions: dict[Partition, int]) -> T | None:
        found, error = received(message), message.error()
        if found is None:
            log.warning("topic_tail_trouble", error=str(error))
            return None
        place = (found.topic, found.partition)
        if error is None:
            positions[place] = found.offset + 1
            return self._parse(found)
        if error.code() == _END_OF_PARTITION:
            positions[place] = found.offset
        else:
            log.warning("topic_tail_trouble", error=error.str(), topic=found.topic, partition=found.partition)
        return None

    # -- in the event loop -------------------------------------------------------------------------------------------

    def _arrive(self, parsed: Sequence[T], positions: Mapping[Partition, int]) -> None:
        self._deliver(parsed)
        self._positions.update(positions)
        self._moved.set()
        self._moved = asyncio.Event()
