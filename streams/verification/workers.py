"""How far the workers are: the committed offsets of their consumer group."""

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Final, Self

from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.control import view_of
from streams.kafka import Cluster, client_config, failure_of, read_to_end
from streams.kafka.client import ErrorMemory
from streams.settings import Settings

_TIMEOUT_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.25


class Workers:
    """Watches the group, and is no member of it; used as `with`. Its methods raise CommandFailed without Kafka."""

    def __init__(self, settings: Settings) -> None:
        topics = settings.topics
        self._settings = settings
        self._topics = (topics.organization_events, topics.account_events)
        self._cluster = Cluster(settings)
        self._errors = ErrorMemory()
        try:
            self._consumer = Consumer(
                {
                    **client_config(settings),
                    "group.id": settings.kafka.application_id,
                    "enable.auto.commit": False,
                    "error_cb": self._errors,
                }
            )
        except KafkaException as exc:
            raise failure_of(exc, settings) from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    async def ends(self) -> Mapping[tuple[str, int], int]:
        """The ends that the input topics have now."""
        return await asyncio.to_thread(self._cluster.end_offsets, self._topics)

    async def committed(self) -> dict[tuple[str, int], int]:
        """The offset before which everything is done, of each partition of the input topics; 0 where none is known."""
        return await asyncio.to_thread(self._committed)

    def _committed(self) -> dict[tuple[str, int], int]:
        counts = self._cluster.partition_counts()
        places = [TopicPartition(topic, number) for topic in self._topics for number in range(counts.get(topic, 0))]
        try:
            found = self._consumer.committed(places, timeout=_TIMEOUT_SECONDS)
        except KafkaException as exc:
            raise failure_of(self._errors.explain(exc), self._settings) from exc
        return {(place.topic, place.partition): max(place.offset, 0) for place in found}

    async def reach(self, ends: Mapping[tuple[str, int], int], patience: float) -> bool:
        """Wait until everything before these offsets is done; False when nothing of it is for so many seconds."""
        waiting = Patience(patience)
        while True:
            committed = await self.committed()
            left = {place: committed.get(place, 0) for place, end in ends.items() if committed.get(place, 0) < end}
            if not left or waiting.is_over(left):
                return not left
            await asyncio.sleep(_POLL_SECONDS)

    async def are_there(self) -> bool:
        """Whether any worker is in the group; one that was killed counts until its session is over."""
        return await asyncio.to_thread(self._cluster.has_members, self._settings.kafka.application_id)

    async def why_still(self) -> str:
        """Why no offset moves, for people: what can be seen from here."""

        def ask() -> str:
            if not self._cluster.has_members(self._settings.kafka.application_id):
                return "no worker runs: start one"
            if view_of(read_to_end(self._settings, [self._settings.topics.control])).paused:
                return "the workers are paused: `ldapflow resume`"
            return "the workers are halted, or wait for the directory: see /readyz of each"

        return await asyncio.to_thread(ask)


class Patience:
    """Ends a wait in which nothing happens.

    Args:
        seconds: without a change.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: object = None
        self._since = monotonic()

    def is_over(self, now: object) -> bool:
        """Whether what is waited for has been the same for so long."""
        if now != self._seen:
            self._seen, self._since = now, monotonic()
        return monotonic() - self._since >= self._seconds
