"""One way in: whatever a timer, the view or a command wants of an entity is asked of its owner through Kafka.

A Faust table is written only while an event of its partition is handled, and so one writer, one order and one code path
serve everybody (design section 4).
"""

import asyncio
import random
from collections import OrderedDict
from time import monotonic
from typing import Final, Protocol, Self, TypeAlias

import orjson
import structlog

from schemas.errors import CommandFailed, Retryable
from schemas.events import EventType, Kind, RedriveReason
from schemas.states import Revision
from streams.kafka.publisher import Headers
from streams.settings import Settings

log = structlog.get_logger(__name__)

SENDERS: Final = 128  # redrives under way at once
_RETRY_SECONDS: Final = (0.2, 5.0)
# When one that is not known to be handled may be sent again: at the next sweep, then after double the time each time.
_ASK_AGAIN_SECONDS: Final = (20.0, 3600.0)

_Key: TypeAlias = tuple[Kind, str, Revision, RedriveReason]


def redrive_value(identifier: str, revision: Revision, reason: RedriveReason) -> bytes:
    """The event `ldapflow:redrive` (contract section 2)."""
    body = {"id": identifier, "revision": list(revision), "reason": reason.value}
    return orjson.dumps({"eventType": EventType.REDRIVE.value, "bizData": body})


class Redrives(Protocol):
    """Whom the watches ask."""

    def ask(self, kind: Kind, identifier: str, partition: int, revision: Revision, reason: RedriveReason) -> None:
        """Have a state applied again, if it is still the one of `revision`."""


class Sends(Protocol):
    """What a redriver needs of `Publisher`."""

    async def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> int:
        """Write one message and wait until Kafka has it."""


class Redriver:
    """Publishes redrives to the partition that holds the state, each until Kafka has it; used as `async with`."""

    def __init__(self, settings: Settings, publisher: Sends) -> None:
        topics = settings.topics
        self._topics = {Kind.ORGANIZATION: topics.organization_events, Kind.ACCOUNT: topics.account_events}
        self._publisher = publisher
        self._queue: OrderedDict[_Key, int] = OrderedDict()  # with their partitions
        self._under_way: dict[_Key, object] = {}  # with a mark of the attempt; until it is known to be handled
        # Not known to be handled, oldest first: when it was sent, and for how long the same asks nothing.
        self._sent: OrderedDict[_Key, tuple[float, float]] = OrderedDict()
        self._delayed: set[_Key] = set()  # since Kafka refused or did not answer
        self._delays = 0  # of this outage
        self._senders: set[asyncio.Task[None]] = set()
        self._sending = 0  # senders that will look at the queue again; a task that ends is a sender for a while longer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        senders = list(self._senders)
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)

    def ask(self, kind: Kind, identifier: str, partition: int, revision: Revision, reason: RedriveReason) -> None:
        """Have a state applied again, if it is still that of `revision`; asking again meanwhile asks nothing."""
        key = (kind, identifier, revision, reason)
        now = monotonic()
        if key in self._queue or key in self._under_way or self._was_sent(key, now):
            return
        self._queue[key] = partition
        if self._sending < SENDERS:
            self._sending += 1
            sender = asyncio.create_task(self._send_queued())
            self._senders.add(sender)
            sender.add_done_callback(self._end)

    def handled(self, kind: Kind, identifier: str, revision: Revision, reason: RedriveReason) -> None:
        """Take note that a redrive is being handled: from now on the same may be asked again."""
        key = (kind, identifier, revision, reason)
        self._sent.pop(key, None)
        self._under_way.pop(key, None)

    def forget_sent(self) -> None:
        """Take note that partitions were taken away: what was sent may have been handled by others."""
        self._sent.clear()

    def _end(self, sender: asyncio.Task[None]) -> None:
        self._senders.discard(sender)
        if not sender.cancelled():
            sender.result()  # a fault of ours: the loop's exception handler ends the worker

    def _was_sent(self, key: _Key, now: float) -> bool:
        """Whether it was sent of late and is not known to be handled."""
        for _ in range(2):  # more than one comes; not all at once, there may be hundreds of thousands
            if self._sent and now - next(iter(self._sent.values()))[0] >= _ASK_AGAIN_SECONDS[1]:
                self._sent.popitem(last=False)
        sent, wait = self._sent.get(key, (now, 0.0))
        return now - sent < wait

    async def _send_queued(self) -> None:
        """Send until nothing is left to send."""
        wait = _RETRY_SECONDS[0]
        while self._queue:
            key, partition = self._queue.popitem(last=False)
            mark = self._under_way[key] = object()
            try:
                await self._send(key, partition)
            except (Retryable, CommandFailed) as exc:
                if self._ends(key, mark):
                    self._delay(key, partition, exc)
                else:
                    self._arrive(key)  # only its acknowledgement was lost
                await asyncio.sleep(random.uniform(0, wait))  # noqa: S311 - spreads clients, hides nothing
                wait = min(wait * 2, _RETRY_SECONDS[1])
            else:
                wait = _RETRY_SECONDS[0]
                if self._ends(key, mark):
                    self._note_sent(key)
                self._arrive(key)
        self._sending -= 1

    async def _send(self, key: _Key, partition: int) -> None:
        kind, identifier, revision, reason = key
        value = redrive_value(identifier, revision, reason)
        await self._publisher.send(self._topics[kind], identifier.encode(), value, partition=partition)

    def _note_sent(self, key: _Key) -> None:
        _, wait = self._sent.pop(key, (0.0, 0.0))
        self._sent[key] = (monotonic(), min(max(2 * wait, _ASK_AGAIN_SECONDS[0]), _ASK_AGAIN_SECONDS[1]))

    def _ends(self, key: _Key, mark: object) -> bool:
        """Take an attempt off; tells whether nothing was handled meanwhile."""
        if self._under_way.get(key) is not mark:
            return False
        del self._under_way[key]
        return True

    def _delay(self, key: _Key, partition: int, problem: Exception) -> None:
        self._queue[key] = partition
        if not self._delayed:
            log.warning("redrives_delayed", waiting=len(self._queue) + len(self._under_way), error=str(problem))
        if key not in self._delayed:
            self._delayed.add(key)
            self._delays += 1

    def _arrive(self, key: _Key) -> None:
        self._delayed.discard(key)
        if self._delays and not self._delayed:
            log.info("redrives_sent_again", delayed=self._delays)
            self._delays = 0
