"""A coroutine that is begun without a task."""

import asyncio

import pytest

from streams.worker.delivery.begun import Begun


async def answer() -> int:
    return 42


async def test_what_waits_for_nothing_is_done_at_once() -> None:
    """No turn of the event loop is needed."""
    begun = Begun(answer())
    assert (begun.is_done, begun.result) == (True, 42)


async def test_what_waits_goes_on_when_it_is_awaited() -> None:
    """It is begun once, and its result is that of the whole."""
    happened: list[str] = []
    gate = asyncio.Event()

    async def wait() -> int:
        happened.append("begun")
        await gate.wait()
        happened.append("ended")
        return 42

    begun = Begun(wait())
    assert (begun.is_done, happened) == (False, ["begun"])
    task = asyncio.ensure_future(begun)
    gate.set()
    assert (await task, happened) == (42, ["begun", "ended"])


async def test_several_waits_are_gone_through() -> None:
    """Not only the first wait is handed on."""

    async def wait() -> int:
        for _ in range(3):
            await asyncio.sleep(0)
        return await asyncio.shield(asyncio.ensure_future(answer()))

    assert await Begun(wait()) == 42


async def test_what_is_awaited_is_cancelled_with_who_waits() -> None:
    """The coroutine itself is told, and can clean up."""
    told = asyncio.Event()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.set()
            raise

    task = asyncio.ensure_future(Begun(wait()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told.is_set()


async def test_a_failure_after_the_wait_is_who_awaits() -> None:
    """As of any coroutine."""

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await Begun(fail())
