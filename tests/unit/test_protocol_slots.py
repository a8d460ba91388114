"""Back-pressure: who may send, and when."""

import asyncio
from collections.abc import Sequence

import pytest

from ldap_sink.protocol.slots import Slots
from schemas.errors import NotSent


async def ask(slots: Slots, *weights: int) -> list[asyncio.Task[None]]:
    """Ask for slots in this order, and let everybody who may go on do so."""
    tasks = [asyncio.create_task(slots.acquire(weight)) for weight in weights]
    await settle()
    return tasks


async def settle() -> None:
    """Let all callbacks run that are due."""
    for _ in range(3):
        await asyncio.sleep(0)


def through(tasks: Sequence[asyncio.Task[None]]) -> list[bool]:
    return [task.done() for task in tasks]


async def end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_count() -> None:
    """No more than the window goes through, and one for each that comes back, in order."""
    slots = Slots(2)
    tasks = await ask(slots, 1, 1, 1, 1)
    assert through(tasks) == [True, True, False, False]
    slots.release(1)
    await settle()
    assert through(tasks) == [True, True, True, False]
    await end(tasks)


async def test_weight() -> None:
    """Octets are bounded too, and a heavy request is not overtaken by light ones for ever."""
    slots = Slots(10, max_weight=100)
    tasks = await ask(slots, 60, 60, 1)
    assert through(tasks) == [True, False, False]
    slots.release(60)
    await settle()
    assert through(tasks) == [True, True, True]
    await end(tasks)


async def test_one_goes_through_whatever_it_weighs() -> None:
    """A request above the bound does not wait for ever."""
    slots = Slots(10, max_weight=100)
    tasks = await ask(slots, 500, 1)
    assert through(tasks) == [True, False]
    await end(tasks)


async def test_pause() -> None:
    """While the transport's buffer is full nobody goes through."""
    slots = Slots(10)
    slots.pause()
    tasks = await ask(slots, 1)
    assert through(tasks) == [False]
    slots.resume()
    await settle()
    assert through(tasks) == [True]
    await end(tasks)


async def test_a_cancelled_waiter_passes_its_slot_on() -> None:
    """A slot that was given to one who is cancelled in the same turn is not lost."""
    slots = Slots(1)
    tasks = await ask(slots, 1, 1, 1)
    slots.release(1)  # the second has the slot now, and does not know it yet
    tasks[1].cancel()
    await settle()
    assert tasks[1].cancelled()
    assert through(tasks) == [True, True, True]
    assert (slots.taken, slots.weight) == (1, 1)


async def test_a_cancelled_waiter_holds_nobody_up() -> None:
    """Who stands behind a heavy one that gives up goes on at once."""
    slots = Slots(10, max_weight=100)
    tasks = await ask(slots, 60, 60, 1)
    tasks[1].cancel()
    await settle()
    assert through(tasks) == [True, True, True]
    assert (slots.taken, slots.weight) == (2, 61)


async def test_close_refuses_everybody() -> None:
    """Who waits and who comes learns that nothing was sent, each by an exception of their own."""
    slots = Slots(1)
    tasks = await ask(slots, 1, 1, 1)
    slots.close(NotSent("timeout", "no reply"))
    outcomes = await asyncio.gather(*tasks[1:], slots.acquire(1), return_exceptions=True)
    assert [outcome.reason for outcome in outcomes if isinstance(outcome, NotSent)] == ["timeout"] * 3
    assert len(set(map(id, outcomes))) == 3


async def test_alone() -> None:
    """A request that goes alone refuses to begin beside others, and others wait for it."""
    slots = Slots(10)
    slots.acquire_all()
    tasks = await ask(slots, 1)
    slots.release(0)
    await settle()
    assert through(tasks) == [False]
    slots.release_all()
    await settle()
    assert through(tasks) == [True]
    with pytest.raises(RuntimeError, match="nothing in flight"):
        slots.acquire_all()


async def test_drained() -> None:
    """Everybody who waits for the end of what is in flight learns of it."""
    slots = Slots(10)
    await ask(slots, 1, 1)
    waiting = [asyncio.create_task(slots.drained()) for _ in range(2)]
    slots.release(1)
    await settle()
    assert through(waiting) == [False, False]
    slots.release(1)
    await asyncio.gather(*waiting)
    await slots.drained()
