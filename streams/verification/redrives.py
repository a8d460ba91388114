"""Has the owners of many states apply them again, and waits until they have (design section 4, "One way in")."""

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final, Protocol

from schemas.errors import CommandFailed
from schemas.events import Kind, RedriveReason
from streams.kafka import Publisher
from streams.settings import Settings
from streams.snapshot import Stored
from streams.verification.workers import Patience, Workers
from streams.worker.watching.redriving import redrive_value

_AT_ONCE: Final = 500
_POLL_SECONDS: Final = 0.25


class Advances(Protocol):
    """Whom the waiting tells how far it is."""

    def advance(self, count: int) -> None:
        """So many more are done."""


class StandStill(CommandFailed):
    """The workers do not move; what was asked of them stays valid."""


class Redrives:
    """Publishes redrives and waits for the workers.

    Args:
        patience: seconds without any progress after which the workers count as standing still.
    """

    def __init__(self, settings: Settings, publisher: Publisher, workers: Workers, patience: float) -> None:
        topics = settings.topics
        self._topics: Mapping[Kind, str] = {
            Kind.ORGANIZATION: topics.organization_events,
            Kind.ACCOUNT: topics.account_events,
        }
        self._publisher = publisher
        self._workers = workers
        self._patience = patience

    async def ask(self, wishes: Iterable[tuple[Stored, RedriveReason]], progress: Advances) -> None:
        """Have states applied again, in the order of each partition, and wait until that is done.

        Raises:
            StandStill: it is not being done.
            Retryable, CommandFailed: Kafka does not answer.
        """
        offsets: dict[tuple[str, int], list[int]] = defaultdict(list)
        todo = iter(wishes)
        while batch := list(islice(todo, _AT_ONCE)):
            for place, offset in await asyncio.gather(*(self._send(*wish) for wish in batch)):
                offsets[place].append(offset)
        for sent in offsets.values():
            sent.sort()
        await self._wait(offsets, progress)

    async def drain(self) -> None:
        """Wait until everything that lies on the input topics now is done.

        Raises:
            StandStill: it is not being done.
            CommandFailed: Kafka does not answer.
        """
        if not await self._workers.reach(await self._workers.ends(), self._patience):
            raise StandStill(await self._workers.why_still())

    async def _send(self, stored: Stored, reason: RedriveReason) -> tuple[tuple[str, int], int]:
        topic = self._topics[stored.kind]
        value = redrive_value(stored.id, stored.state.writer, reason)
        offset = await self._publisher.send(topic, stored.id.encode(), value, partition=stored.partition)
        return (topic, stored.partition), offset

    async def _wait(self, offsets: Mapping[tuple[str, int], list[int]], progress: Advances) -> None:
        total, told = sum(map(len, offsets.values())), 0
        patience = Patience(self._patience)
        while told < total:
            committed = await self._workers.committed()
            done = sum(bisect_left(sent, committed.get(place, 0)) for place, sent in offsets.items())
            progress.advance(done - told)
            told = done
            if told < total:
                if patience.is_over([committed.get(place) for place in offsets]):
                    raise StandStill(await self._workers.why_still())
                await asyncio.sleep(_POLL_SECONDS)
