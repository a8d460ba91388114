"""Tasks beside the events: sweeps and gauges."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Self


class Background:
    """Tasks that end with the worker.

    Args:
        failed: told, as asyncio's exception handlers are, when one fails.
    """

    def __init__(self, failed: Callable[[Mapping[str, Any]], None]) -> None:
        self._failed = failed
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def start(self, coroutine: Coroutine[None, None, None]) -> None:
        """Run it."""
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failed({"exception": task.exception()})
