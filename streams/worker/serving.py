"""Runs a Faust app until it is told to stop or breaks."""

import asyncio
import os
from typing import Final

from streams.worker.delivery.consumer_thread import LOGGER
from streams.worker.delivery.faust_app import WorkerApp

START_SECONDS: Final = 5.0
STOP_SECONDS: Final = 20.0
EXIT_HANGING: Final = 1


async def serve(app: WorkerApp, stopping: asyncio.Event) -> BaseException | None:
    """Start the app, wait, stop it in good order.

    Returns:
        What broke it; None when it was told to stop.
    """
    app.in_worker = True
    starting = asyncio.create_task(app.start())
    told = asyncio.create_task(stopping.wait())
    crashed = asyncio.create_task(app._crashed.wait())  # noqa: SLF001 - mode tells of a crash nowhere else
    await asyncio.wait({told, crashed}, return_when=asyncio.FIRST_COMPLETED)
    if not crashed.done():
        # Faust's threads cannot be stopped while they start.
        await asyncio.wait({starting, crashed}, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    consumer = app.ordered_consumer
    if consumer is not None:
        consumer.leave(for_good=True)
    stop = asyncio.create_task(app.stop())
    _, hanging = await asyncio.wait({stop}, timeout=STOP_SECONDS)
    if hanging:
        LOGGER.error("the worker does not end in good order: nothing is lost, what is not committed is read again")
        os._exit(EXIT_HANGING)
    for task in (starting, told, crashed):
        task.cancel()
    await asyncio.gather(starting, told, crashed, return_exceptions=True)
    reason: BaseException | None = app.crash_reason
    return reason
