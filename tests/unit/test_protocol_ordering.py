"""Locks on DNs: what waits for what."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

import pytest

from ldap_sink.protocol.ordering import DnLocks

PARENT = ("dc=com", "ou=a")
CHILD = (*PARENT, "cn=x")
SIBLING = (*PARENT, "cn=y")
ELSEWHERE = ("dc=com", "ou=b")
BEGINS_ALIKE = ("dc=com", "ou=ab")


class Writers:
    """Writes that begin when they may, and end when they are told."""

    def __init__(self) -> None:
        self.locks = DnLocks()
        self.running: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def begin(self, name: str, *paths: Sequence[str]) -> None:
        """Ask for the locks, and begin if they are free."""
        self._ends[name] = asyncio.Event()
        self._tasks[name] = asyncio.create_task(self._write(name, paths))
        await settle()

    async def end(self, name: str) -> None:
        """Finish a write that runs."""
        self._ends[name].set()
        await settle()

    async def cancel(self, name: str) -> None:
        """Cancel a write that waits or runs."""
        self._tasks[name].cancel()
        await settle()

    async def _write(self, name: str, paths: Sequence[Sequence[str]]) -> None:
        async with self.locks.holding(*paths):
            self.running.append(name)
            try:
                await self._ends[name].wait()
            finally:
                self.running.remove(name)


async def settle() -> None:
    """Let all callbacks run that are due."""
    for _ in range(4):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([PARENT], [PARENT]),
        ([PARENT], [CHILD]),
        ([CHILD], [PARENT]),
        ([CHILD, ELSEWHERE], [ELSEWHERE]),  # a ModifyDN has two ends
        ([ELSEWHERE], [CHILD, ELSEWHERE]),
        ([()], [CHILD]),
    ],
)
async def test_what_depends_on_each_other_goes_one_after_the_other(
    first: list[Sequence[str]], second: list[Sequence[str]]
) -> None:
    """The same DN, ancestors and descendants, both ends of a move."""
    writers = Writers()
    await writers.begin("first", *first)
    await writers.begin("second", *second)
    assert writers.running == ["first"]
    await writers.end("first")
    assert writers.running == ["second"]
    await writers.end("second")
    assert not writers.locks


@pytest.mark.parametrize(("first", "second"), [(CHILD, SIBLING), (PARENT, ELSEWHERE), (ELSEWHERE, BEGINS_ALIKE)])
async def test_what_does_not_goes_side_by_side(first: Sequence[str], second: Sequence[str]) -> None:
    """Siblings, and other branches."""
    writers = Writers()
    await writers.begin("first", first)
    await writers.begin("second", second)
    assert writers.running == ["first", "second"]
    await writers.end("first")
    await writers.end("second")


async def test_first_come_first_served() -> None:
    """A parent is not starved by its children: who comes behind it waits behind it."""
    writers = Writers()
    await writers.begin("child", CHILD)
    await writers.begin("parent", PARENT)
    await writers.begin("sibling", SIBLING)
    await writers.begin("elsewhere", ELSEWHERE)  # nobody's dependent
    assert writers.running == ["child", "elsewhere"]
    await writers.end("child")
    assert writers.running == ["elsewhere", "parent"]
    await writers.end("parent")
    assert writers.running == ["elsewhere", "sibling"]
    await writers.end("sibling")
    await writers.end("elsewhere")


async def test_a_waiter_that_is_cancelled_holds_nobody_up() -> None:
    """Whoever stood behind it goes on as if it had never come."""
    writers = Writers()
    await writers.begin("child", CHILD)
    await writers.begin("parent", PARENT)
    await writers.begin("sibling", SIBLING)
    await writers.cancel("parent")
    assert writers.running == ["child", "sibling"]
    await writers.end("child")
    await writers.end("sibling")
    assert not writers.locks


async def test_cancelled_in_the_turn_in_which_it_was_let_in() -> None:
    """The lock is given back although its holder never ran."""
    writers = Writers()
    await writers.begin("first", PARENT)
    await writers.begin("second", PARENT)
    await writers.begin("third", PARENT)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(settle)
        writers._ends["first"].set()  # noqa: SLF001 - to act before the loop does
        await asyncio.sleep(0)
        writers._tasks["second"].cancel()  # noqa: SLF001
    assert writers.running == ["third"]
    await writers.end("third")
    assert not writers.locks


async def test_a_failed_write_gives_its_lock_back() -> None:
    """An exception inside the block leaves it like any other end."""
    locks = DnLocks()
    with pytest.raises(LookupError):
        async with locks.holding(PARENT, CHILD):  # its own DNs do not conflict with each other
            raise LookupError
    assert not locks
