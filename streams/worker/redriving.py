"""One way in: whatever a timer, the view or a command wants of an entity is asked of its owner through Kafka.

A Faust table is written only while an event of its partition is handled, and so one writer, one order and one code path
serve everybody (design section 4).
"""

import asyncio
import random
from collections import OrderedDict
from time import monotonic
from typing import Final, Protocol, Self

import orjson
import structlog

from schemas.errors import CommandFailed, Retryable
from schemas.events import EventType, Kind, RedriveReason
from schemas.states import Revision
from streams.kafka.publisher import Headers
from streams.settings import Settings

log = structlog.get_logger(__name__)

_RETRY_SECONDS: Final = (0.2, 5.0)
_ASK_AGAIN_SECONDS: Final = 20.0  # if it was not handled by then; shorter than the sweep of the waiting room


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
        self._asked: OrderedDict[tuple[Kind, str, Revision, RedriveReason], float] = OrderedDict()  # oldest first
        self._tasks: set[asyncio.Task[None]] = set()
        self._on_the_way: dict[tuple[Kind, str, Revision, RedriveReason], asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def ask(self, kind: Kind, identifier: str, partition: int, revision: Revision, reason: RedriveReason) -> None:
        """Have a state applied again, if it is still that of `revision`; asking again meanwhile asks nothing."""
        key = (kind, identifier, revision, reason)
        now = monotonic()
        while self._asked and now - next(iter(self._asked.values())) >= _ASK_AGAIN_SECONDS:
            self._asked.popitem(last=False)
        if key in self._asked or key in self._on_the_way:
            return
        self._asked[key] = now
        task = asyncio.create_task(self._publish(kind, identifier, partition, revision, reason))
        self._tasks.add(task)
        self._on_the_way[key] = task
        task.add_done_callback(lambda done: self._sent(key, done))

    def handled(self, kind: Kind, identifier: str, revision: Revision, reason: RedriveReason) -> None:
        """Take note that a redrive is being handled: from now on the same may be asked again."""
        key = (kind, identifier, revision, reason)
        self._asked.pop(key, None)
        self._on_the_way.pop(key, None)

    def _sent(self, key: tuple[Kind, str, Revision, RedriveReason], done: asyncio.Task[None]) -> None:
        self._tasks.discard(done)
        if self._on_the_way.get(key) is done:
            del self._on_the_way[key]

    async def _publish(
        self, kind: Kind, identifier: str, partition: int, revision: Revision, reason: RedriveReason
    ) -> None:
        value = redrive_value(identifier, revision, reason)
        wait = _RETRY_SECONDS[0]
        while True:
            try:
                await self._publisher.send(self._topics[kind], identifier.encode(), value, partition=partition)
            except (Retryable, CommandFailed) as exc:
                log.warning("redrive_delayed", kind=kind.value, id=identifier, reason=reason.value, error=str(exc))
                await asyncio.sleep(random.uniform(0, wait))  # noqa: S311 - spreads clients, hides nothing
                wait = min(wait * 2, _RETRY_SECONDS[1])
            else:
                return
