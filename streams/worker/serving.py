"""Runs a Faust app until it is told to stop or breaks."""

import asyncio
import signal

from streams.worker.faust_app import WorkerApp


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set; only inside a running loop."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


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
    consumer = app.ordered_consumer
    if consumer is not None:
        consumer.leave(for_good=True)
    await app.stop()
    for task in (starting, told, crashed):
        task.cancel()
    await asyncio.gather(starting, told, crashed, return_exceptions=True)
    reason: BaseException | None = app.crash_reason
    return reason
