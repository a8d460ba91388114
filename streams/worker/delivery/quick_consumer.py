"""Faust's consumer without two of its detours that every event would pay for."""

import asyncio
from collections.abc import Mapping
from typing import Any

from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.services import WaitResults

from streams.worker.delivery.begun import Begun


class QuickConsumer(driver.Consumer):
    """Hands events over without tasks, and commits without a flush."""

    async def wait_first(self, *awaited: Any, timeout: Any = None) -> Any:  # noqa: ASYNC109 - Faust's
        """Wait for the first of several; what needs no waiting is done at once.

        Faust puts every event into a queue by four tasks, in case the queue is full or a rebalance begins.
        """
        first, *others = awaited
        if not asyncio.iscoroutine(first) or self.should_stop:
            return await super().wait_first(*awaited, timeout=timeout)
        begun = None
        try:
            begun = Begun(first)
        finally:
            if begun is None or begun.is_done:
                for other in filter(asyncio.iscoroutine, others):
                    other.close()
        if begun.is_done:
            return WaitResults([first], [begun.result], stopped=False)
        return await super().wait_first(begun, *others, timeout=timeout)

    async def _commit_offsets(self, offsets: Mapping[TP, int], *_: Any, **__: Any) -> bool:
        """Commit without flushing the producer first: what is done has waited for Kafka to have its state."""
        committable = {tp: offset for tp, offset in offsets.items() if tp in self.assignment()}
        if not committable:
            return False
        is_committed = await self._commit(committable)
        if is_committed:
            self.app.tables.on_commit(committable)
        self._committed_offset.update(committable)
        return is_committed
