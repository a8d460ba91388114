"""Long looks are taken in slices, each item once, as things are when its turn comes."""

import asyncio
from collections.abc import Iterator
from time import thread_time

import pytest

from streams.worker.watching import backlog
from streams.worker.watching.backlog import Backlog


def noting(done: list[str], steps: int = 1) -> tuple[Backlog, "Look"]:
    """A backlog, and a look that notes each of its steps."""
    return Backlog(), Look(done, steps)


class Look:
    """Notes each step."""

    def __init__(self, done: list[str], steps: int) -> None:
        self._done = done
        self._steps = steps

    def __call__(self, item: str) -> Iterator[None]:
        """Look at an item."""
        for _ in range(self._steps):
            self._done.append(item)
            yield


async def test_looks_are_taken_in_order_each_once() -> None:
    """However often it is asked for while it is queued."""
    done = list[str]()
    queue, look = noting(done)
    for item in "baba":
        queue.add(look, item)
    await queue.drain()
    assert done == ["b", "a"]


async def test_what_is_asked_for_while_its_look_is_taken_is_taken_again() -> None:
    """The first look may have passed what has changed."""
    done, queue = list[str](), Backlog()

    def look(item: str) -> Iterator[None]:
        done.append(item)
        if len(done) == 1:
            queue.add(look, item)
        yield

    queue.add(look, "a")
    await queue.drain()
    assert done == ["a", "a"]


async def test_a_look_sees_what_has_changed_since_it_was_asked_for() -> None:
    """Nothing is called before its turn comes."""
    state, seen, queue = ["before"], list[str](), Backlog()

    def look(_: str) -> Iterator[None]:
        seen.extend(state)
        return iter(())

    queue.add(look, "a")
    state[0] = "after"
    await queue.drain()
    assert seen == ["after"]


async def test_others_have_their_turn_when_a_slice_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also between two steps of one look."""
    monkeypatch.setattr(backlog, "SLICE_SECONDS", 0.0)
    done = list[str]()
    queue, look = noting(done, steps=2)
    queue.add(look, "step")

    async def other() -> None:
        done.append("other")

    asking = asyncio.create_task(other())
    await queue.drain()
    await asking
    assert done == ["step", "other", "step"]


async def test_work_takes_what_comes_later() -> None:
    """Before it began, while it rests, and again after that."""
    done = list[str]()
    queue, look = noting(done)
    queue.add(look, "a")
    work = asyncio.create_task(queue.work())
    for item in "bc":
        for _ in range(5):
            await asyncio.sleep(0)
        queue.add(look, item)
    for _ in range(5):
        await asyncio.sleep(0)
    work.cancel()
    assert done == ["a", "b", "c"]


async def test_what_is_forgotten_is_not_taken() -> None:
    done = list[str]()
    queue, look = noting(done)
    queue.add(look, "a")
    queue.forget()
    await queue.drain()
    assert done == []


async def test_a_slice_is_short_whatever_is_queued() -> None:
    """A hundred thousand items."""
    queue, look = noting([])
    for number in range(100_000):
        queue.add(look, str(number))
    work, longest = asyncio.create_task(queue.drain()), 0.0
    while not work.done():
        before = thread_time()
        await asyncio.sleep(0)
        longest = max(longest, thread_time() - before)
    assert 0 < longest < 0.1
