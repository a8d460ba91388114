"""Thousands of logins at once while the directory restarts: late is allowed, wrong is not."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from streams.sandbox.slapd import Slapd
from tests.support.logging_on import PASSWORD, POLICY, serving

_REQUESTS = 2000
_AT_ONCE = 40
_PER_LOGIN = 1200


async def test_a_storm_of_logins_gets_no_wrong_answer(fresh_slapd: Callable[..., Slapd], tmp_path: Path) -> None:
    """Right passwords: yes, too many, or no answer. Wrong ones: no, too many, or no answer. Nothing else."""
    slapd = fresh_slapd(POLICY)
    numbers = iter(range(_REQUESTS))
    half_done, told = asyncio.Event(), Counter[tuple[bool, int]]()
    async with serving(slapd, tmp_path, per_login=_PER_LOGIN) as service:

        async def ask() -> None:
            for number in numbers:
                if number == _REQUESTS // 2:
                    half_done.set()
                right = number % 4 != 0
                login, password = ("mei", PASSWORD) if right else ("jo", b"password of nobody")
                told[right, (await service.ask(login, password))[0]] += 1

        async def restart() -> None:
            await half_done.wait()
            await asyncio.to_thread(slapd.restart)

        await asyncio.gather(restart(), *(ask() for _ in range(_AT_ONCE)))
        await service.directory.up()
        assert (await service.ask("jo", b"password of jo"))[0] == 200
    assert told.total() == _REQUESTS
    assert {status for right, status in told if right} == {200, 429, 503}, told
    assert {status for right, status in told if not right} - {429} == {401, 503}, told
    assert told[True, 200] <= _PER_LOGIN
