"""Reads the two state topics to their ends and on, in a thread of its own, into a `StateView`.

No consumer group: every worker reads everything. (Faust's GlobalTable would do the same, but its documentation warns of
endless recovery with several workers.)
"""

import asyncio
import threading
from typing import Final, Self

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from schemas.errors import CommandFailed, Retryable
from schemas.events import Kind
from schemas.state_codec import decode_state
from streams.kafka import Cluster, client_config
from streams.settings import Settings
from streams.worker.state_view import Place, Reading, StateView, seen_of

log = structlog.get_logger(__name__)

_BATCH: Final = 500
_POLL_SECONDS: Final = 0.2
_END_OF_PARTITION: Final = KafkaError._PARTITION_EOF  # noqa: SLF001 - a public constant of librdkafka's own errors


class StateReader:
    """Feeds a view; used as `async with`, in the view's event loop.

    Entering it returns when the view has reached the ends that the topics had then.
    """

    def __init__(self, settings: Settings, view: StateView) -> None:
        topics = settings.topics
        self._settings = settings
        self._view = view
        self._kinds = {topics.organization_states: Kind.ORGANIZATION, topics.account_states: Kind.ACCOUNT}
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        ends = await asyncio.to_thread(self._ends)
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._read, args=(loop, list(ends)), name="state-reader", daemon=True)
        self._thread.start()
        await self._view.reach(ends)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    async def holder_of(self, entry_uuid: str) -> str | None:
        """The id of the entity bound to an entry, by all that was written until now.

        Raises:
            Retryable: Kafka does not answer.
        """
        await self.catch_up()
        holder = self._view.holder(entry_uuid)
        return None if holder is None else holder[1]

    async def catch_up(self) -> None:
        """Wait until the view has everything that was written until now.

        A look at the ends that begins later serves all who came before it began.
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
        await self._view.reach(await asyncio.to_thread(self._ends))

    def _ends(self) -> dict[Place, int]:
        with Cluster(self._settings) as cluster:
            return dict(cluster.end_offsets(self._kinds))

    def _read(self, loop: asyncio.AbstractEventLoop, places: list[Place]) -> None:
        consumer = Consumer(
            {
                **client_config(self._settings),
                "group.id": f"{self._settings.kafka.application_id}-view",  # demanded, but never joined
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
            }
        )
        try:
            consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in places])
            while not self._closing.is_set():
                first = consumer.poll(_POLL_SECONDS)
                if first is None:
                    continue
                messages = [first, *consumer.consume(_BATCH, timeout=0)]
                readings = [reading for reading in map(self._reading, messages) if reading is not None]
                if not loop.is_closed():
                    loop.call_soon_threadsafe(self._view.take_in, readings)
        finally:
            consumer.close()

    def _reading(self, message: Message) -> Reading | None:
        topic, partition, offset, error = message.topic(), message.partition(), message.offset(), message.error()
        if topic is None or partition is None or offset is None:
            log.warning("state_reader_trouble", error=str(error))
            return None
        place = (topic, partition)
        if error is not None:
            if error.code() == _END_OF_PARTITION:
                return Reading(place, offset, None, None)
            log.warning("state_reader_trouble", error=error.str(), topic=topic, partition=partition)
            return None
        kind, key, value = self._kinds[topic], message.key() or b"", message.value()
        identifier = key.decode("utf-8", "surrogatepass")
        if value is None:
            return Reading(place, offset, (kind, identifier), None)
        try:
            state = decode_state(kind, value)
        except (ValueError, KeyError, TypeError) as exc:
            # No traceback: it would quote the state.
            log.error(  # noqa: TRY400
                "state_unreadable", topic=topic, partition=partition, offset=offset, error=type(exc).__name__
            )
            return Reading(place, offset + 1, None, None)
        seen = seen_of(kind, identifier, partition, state, self._view.target)
        return Reading(place, offset, (kind, identifier), seen)
