"""Reads the two state topics to their ends and on into a `StateView`.

No consumer group: every worker reads everything. (Faust's GlobalTable would do the same, but its documentation warns of
endless recovery with several workers.)
"""

import asyncio
from typing import Self

import structlog

from schemas.errors import CommandFailed, Retryable
from schemas.events import Kind, Subject
from schemas.state_codec import decode_state
from schemas.states import State
from streams.kafka import MessageReader, Received, TopicTail
from streams.settings import Settings
from streams.worker.states.seen import Seen, glance
from streams.worker.states.state_view import Reading, StateView

log = structlog.get_logger(__name__)


class StateReader:
    """Feeds a view; used as `async with`, in the view's event loop.

    Entering it returns when the view has reached the ends that the topics had then.
    """

    def __init__(self, settings: Settings, view: StateView) -> None:
        topics = settings.topics
        self._settings = settings
        self._view = view
        self._kinds = {topics.organization_states: Kind.ORGANIZATION, topics.account_states: Kind.ACCOUNT}
        self._tail = TopicTail(settings, self._kinds, self._reading, view.take_in)

    async def __aenter__(self) -> Self:
        await self._tail.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._tail.__aexit__(*error)

    async def holder_of(self, entry_uuid: str) -> Subject | None:
        """The entity bound to an entry, by all that was written until now.

        Raises:
            Retryable: Kafka does not answer.
        """
        await self.catch_up()
        return self._view.holder(entry_uuid)

    async def catch_up(self) -> None:
        """Wait until the view has everything that was written until now.

        Raises:
            Retryable: Kafka does not answer.
        """
        await self._tail.catch_up()

    async def read_again(self, seen: Seen) -> State | None:
        """The state that the view has seen, from where it lies; None when it is gone from there for good.

        Raises:
            Retryable: Kafka does not answer, or its log is not the one that the view has read: `state_unread`.
        """
        offset = seen.offset
        if offset is None:
            return None
        topic = next(topic for topic, kind in self._kinds.items() if kind is seen.kind)
        try:
            message = await asyncio.to_thread(self._read_one, topic, seen.partition, offset)
        except CommandFailed as exc:
            raise Retryable("kafka_unavailable", str(exc)) from exc
        if message is None:
            return None
        if message.value is not None and message.identifier == seen.id:
            state = decode_state(seen.kind, message.value)
            if state.writer == seen.revision:
                return state
        # Nothing ever takes a message's place. The topic was made anew, for which the worker will end in a moment
        # (`Resync.watch`), or Kafka lost what it had acknowledged: then only who reads all again knows what there is.
        raise Retryable("state_unread", f"{topic}-{seen.partition} has another message at {offset} than it had")

    def _read_one(self, topic: str, partition: int, offset: int) -> Received | None:
        with MessageReader(self._settings) as reader:
            if not reader.reaches(topic, partition, offset):
                # A new leader of the partition may not know for a moment how far it was read; else as above.
                raise Retryable("state_unread", f"{topic}-{partition} has not come as far as {offset}, which it had")
            return reader.read(topic, partition, offset)

    def _reading(self, message: Received) -> Reading | None:
        kind, identifier = self._kinds[message.topic], message.identifier
        subject = (kind, identifier)
        if message.value is None:
            return Reading(subject, None)
        try:
            target = self._view.target
            seen = glance(kind, identifier, message.partition, message.value, target, message.offset)
        except (ValueError, KeyError, TypeError) as exc:
            # No traceback: it would quote the state.
            log.error(  # noqa: TRY400
                "state_unreadable",
                topic=message.topic,
                partition=message.partition,
                offset=message.offset,
                error=type(exc).__name__,
            )
            return None
        return Reading(subject, seen)
