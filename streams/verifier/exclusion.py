"""One verification at a time, in the whole cluster: who runs one owns the control topic in a consumer group.

Nothing is read. Kafka gives the topic's one partition to one member; a newcomer goes away with empty hands, because the
cooperative-sticky assignment takes nothing from whom has it; and a member that is killed is missed after its session.
"""

import asyncio
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any, Final, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.errors import CommandFailed, LdapflowError
from streams.kafka import client_config, failure_of
from streams.kafka.client import ErrorMemory, does_not_answer
from streams.settings import Settings

_POLL_SECONDS: Final = 0.02
_LEAVING_SECONDS: Final = 1.0
# A killed predecessor is missed after a session; the broker may wait some seconds for more members of a new group.
_JOIN_SECONDS: Final = 30.0


class Occupied(CommandFailed):
    """Somebody else has it."""


def group_of(settings: Settings) -> str:
    """The consumer group of those who verify."""
    return f"{settings.kafka.application_id}-verification"


class Exclusion:
    """The right to run a verification; used as `async with`, in one event loop.

    Entering it takes up to the session timeout and some seconds.

    Args:
        settings: how Kafka is reached.
        lost: called in the event loop when the right is gone: Kafka heard nothing of us for a session.

    Raises:
        Occupied: on entering, somebody else has it.
        CommandFailed: on entering, Kafka does not answer or refuses.
    """

    def __init__(self, settings: Settings, lost: Callable[[], None]) -> None:
        self._settings = settings
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._given: asyncio.Future[bool] = self._loop.create_future()
        self._closing = threading.Event()
        self._owns = False  # known to the thread alone
        self._errors = ErrorMemory()
        config: dict[str, Any] = {
            **client_config(settings),
            "group.id": group_of(settings),
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": round(settings.kafka.session_timeout_seconds * 1000),
            "heartbeat.interval.ms": round(settings.kafka.heartbeat_seconds * 1000),
            "enable.auto.commit": False,
            "auto.offset.reset": "latest",
            "error_cb": self._errors,
        }
        try:
            self._consumer = Consumer(config)
        except KafkaException as exc:
            raise failure_of(exc, settings) from exc
        self._thread = threading.Thread(target=self._run, name="exclusion", daemon=True)

    async def __aenter__(self) -> Self:
        self._thread.start()
        try:
            async with asyncio.timeout(self._settings.kafka.session_timeout_seconds + _JOIN_SECONDS):
                given = await self._given
        except TimeoutError:
            await self._leave()
            silent = KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - a public constant of librdkafka
            raise failure_of(self._errors.explain(silent), self._settings) from None
        except BaseException:
            await self._leave()
            raise
        if not given:
            await self._leave()
            raise Occupied("a verification runs already")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._leave()

    async def _leave(self) -> None:
        self._closing.set()
        await asyncio.to_thread(self._thread.join)

    # -- in the thread -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        consumer = self._consumer
        try:
            consumer.subscribe(
                [self._settings.topics.control], on_assign=self._assigned, on_revoke=self._gone, on_lost=self._gone
            )
            while not self._closing.is_set():
                message = consumer.poll(_POLL_SECONDS)
                error = None if message is None else message.error()
                if error is not None and not does_not_answer(error):
                    self._tell(self._fail, failure_of(KafkaException(error), self._settings))
        except KafkaException as exc:
            self._tell(self._fail, failure_of(exc, self._settings))
        finally:
            # A member that only closes is missed after its session, and delays the next one for so long.
            consumer.unsubscribe()
            deadline = monotonic() + _LEAVING_SECONDS
            while self._owns and monotonic() < deadline:
                consumer.poll(_POLL_SECONDS)
            consumer.close()

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.incremental_assign(partitions)
        if partitions:
            consumer.pause(partitions)
        self._owns = bool(partitions)
        self._tell(self._give, self._owns)

    def _gone(self, _: Consumer, __: list[TopicPartition]) -> None:
        self._owns = False
        if not self._closing.is_set():
            self._tell(self._lost)

    def _tell(self, listener: Callable[..., None], *arguments: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(listener, *arguments)

    # -- in the event loop ---------------------------------------------------------------------------------------------

    def _give(self, given: bool) -> None:  # noqa: FBT001 - called through the loop
        if not self._given.done():
            self._given.set_result(given)

    def _fail(self, failure: LdapflowError) -> None:
        if not self._given.done():
            self._given.set_exception(failure)
