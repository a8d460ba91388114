"""Locks on DNs hold for any set of writes."""

import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ldap_sink.protocol.ordering import DnLocks

PATHS = st.lists(st.sampled_from("ab"), max_size=3).map(tuple)
WRITES = st.lists(st.tuples(st.lists(PATHS, min_size=1, max_size=2), st.integers(0, 4), st.booleans()), max_size=12)

Write = tuple[list[tuple[str, ...]], int, bool]


def conflict(one: list[tuple[str, ...]], other: list[tuple[str, ...]]) -> bool:
    """Whether any DN of one is, or is above, a DN of the other."""
    return any(a[: len(b)] == b or b[: len(a)] == a for a in one for b in other)


@given(WRITES)
def test_writes_that_conflict_run_in_the_order_in_which_they_came(writes: list[Write]) -> None:
    """Never side by side, never out of order; all of them end, whoever is cancelled; nothing is left behind."""
    asyncio.run(asyncio.wait_for(run(writes), 10))


async def run(writes: list[Write]) -> None:
    locks = DnLocks()
    running: list[int] = []
    begun: list[int] = []

    async def write(number: int, paths: list[tuple[str, ...]], turns: int) -> None:
        async with locks.holding(*paths):
            assert not any(conflict(paths, writes[other][0]) for other in running)
            running.append(number)
            begun.append(number)
            try:
                for _ in range(turns):
                    await asyncio.sleep(0)
            finally:
                running.remove(number)

    tasks = [asyncio.create_task(write(number, paths, turns)) for number, (paths, turns, _) in enumerate(writes)]
    for task, (_, turns, cancelled) in zip(tasks, writes, strict=True):
        if cancelled:
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(outcome is None or isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
    for earlier, later in pairwise(begun):
        assert earlier < later or not conflict(writes[earlier][0], writes[later][0])
    assert not locks
    assert not locks._root.children  # noqa: SLF001 - a leak would not show otherwise
