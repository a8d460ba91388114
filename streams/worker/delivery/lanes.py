"""Events of one key one after the other, events of different keys side by side (design section 2, rule 4)."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Any, Final, Protocol

from faust.types import EventT, Message

WINDOW: Final = 64  # keys at work at once
GRACE_SECONDS: Final = 1.0  # for what is in work when partitions are taken away


class Deliveries(Protocol):
    """What a lane asks of `OrderedConsumer`, which says what it means."""

    leaving: bool
    on_leave: list[Callable[[], None]]

    def take(self, message: Message) -> bool:
        """Hand an event over, once and in order."""

    def owns(self, message: Message) -> bool:
        """Tell whether an event that was handed over may still be begun."""

    def drop(self, message: Message) -> None:
        """Let go of an event without having done it."""


class Lanes:
    """Runs a handler for every event of a stream.

    A key holds one of `window` slots for as long as it has events; its further events wait behind the one in work and
    cost no slot, so that an entity that is tried again for ever stops nobody else. `Progress.is_full` bounds their
    number.
    """

    def __init__(
        self,
        consumer: Deliveries,
        handle: Callable[[EventT[Any]], Awaitable[None]],
        window: int = WINDOW,
    ) -> None:
        self._consumer = consumer
        self._handle = handle
        self._slots = asyncio.Semaphore(window)
        self._tails: dict[bytes | None, asyncio.Task[None]] = {}
        self._in_work: set[asyncio.Task[None]] = set()
        self._given_up: set[asyncio.Task[None]] = set()
        consumer.on_leave.append(self._give_up_soon)

    async def run(self, events: AsyncIterable[EventT[Any]]) -> None:
        """Handle events until the stream ends; the first failure of a handler ends it.

        Each task is created inside the loop's body, where Faust's current event is set: only so may it write tables.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                async for event in events:
                    if not self._consumer.take(event.message):
                        self._consumer.drop(event.message)
                        continue
                    key = event.message.key
                    earlier = self._tails.get(key)
                    if earlier is None:
                        await self._slots.acquire()
                    self._tails[key] = tasks.create_task(self._handle_after(earlier, event))
        finally:
            self._consumer.on_leave.remove(self._give_up_soon)

    async def _handle_after(self, earlier: "asyncio.Task[None] | None", event: EventT[Any]) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("not inside a task")
        try:
            if earlier is not None:
                await asyncio.wait({earlier})
            if self._consumer.owns(event.message):
                await self._work(task, event)
            else:
                self._consumer.drop(event.message)
        finally:
            if self._tails.get(event.message.key) is task:
                del self._tails[event.message.key]
                self._slots.release()

    async def _work(self, task: "asyncio.Task[None]", event: EventT[Any]) -> None:
        self._in_work.add(task)
        try:
            await self._handle(event)
        except asyncio.CancelledError:
            self._consumer.drop(event.message)  # not done: whoever owns the partition next reads it again
            if task not in self._given_up:
                raise
            task.uncancel()
        else:
            event.ack()
        finally:
            self._in_work.discard(task)
            self._given_up.discard(task)

    def _give_up_soon(self) -> None:
        asyncio.get_running_loop().call_later(GRACE_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if self._consumer.leaving:
            for task in self._in_work:
                self._given_up.add(task)
                task.cancel()
