"""Reads again, from Kafka, the messages that brought passwords: nothing else holds them (design section 4)."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from schemas.errors import CommandFailed, Retryable
from schemas.states import PasswordNote
from streams.dead_letters import Original
from streams.kafka import MessageReader
from streams.settings import Settings


class PasswordMessages:
    """Reads single messages of the accounts' events, one after the other; used as `async with`.

    Args:
        topic_id: Kafka's id of that topic.
    """

    def __init__(self, settings: Settings, topic_id: str) -> None:
        self._settings = settings
        self._topic_id = topic_id
        # One thread: the reader must not be shared, and whoever gives up waiting cannot stop it.
        self._thread = ThreadPoolExecutor(1, "passwords")
        self._reader: MessageReader | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def note(self, original: Original, time: int) -> PasswordNote:
        """Where a password lies that came with a message.

        Args:
            original: the message.
            time: of its event, in milliseconds.
        """
        return PasswordNote(self._topic_id, original.partition, original.offset, time)

    async def read(self, note: PasswordNote) -> Original | None:
        """The message that a note is about; None when it is not retained any more.

        Raises:
            Retryable: Kafka does not answer.
        """
        if note.topic_id != self._topic_id:
            return None
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._read, note.partition, note.offset)
        except CommandFailed as exc:
            raise Retryable("kafka_unavailable", str(exc)) from exc

    def _read(self, partition: int, offset: int) -> Original | None:
        if self._reader is None:
            self._reader = MessageReader(self._settings)
        topic = self._settings.topics.account_events
        try:
            found = self._reader.read(topic, partition, offset)
        except CommandFailed:
            self._close()
            raise
        if found is None:
            return None
        return Original(found.topic, found.partition, found.offset, found.key, found.value, found.headers)

    def _close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.__exit__()
