"""However many wait for one organization, their release leaves the event loop free for others."""

import asyncio
from dataclasses import replace
from time import thread_time

from schemas.dn import DN
from schemas.events import Kind
from schemas.states import AwaitsOrganization, Status
from streams.worker.states.state_view import Seen, StateView
from streams.worker.watching.backlog import Backlog
from streams.worker.watching.scope_watch import ScopeWatch
from streams.worker.watching.waiting_room import WaitingRoom
from tests.support.redrives import TARGET, RecordedRedrives, bound, seen, unit

ACCOUNTS = 20_000
SOURCE = "src"
MANY = 4
LONGEST = 0.25  # seconds of CPU, where a few hundredths are usual: other tests share the processor's caches


class Scene:
    """Accounts that wait for `u`, which is known and has no entry."""

    def __init__(self) -> None:
        self.view = StateView(TARGET)
        self.redrives = RecordedRedrives()
        self.backlog = Backlog()
        WaitingRoom(self.view, self.redrives, SOURCE, owns_all, lambda: 0.0, self.backlog)
        ScopeWatch(self.view, self.redrives, SOURCE, DN.parse("dc=example"), owns_all, self.backlog)
        self.view.absorb(unit("u", SOURCE))
        first = seen("a", "u", status=Status.WAITING, reason="why", awaited=AwaitsOrganization("u"))
        for number in range(ACCOUNTS):
            self.view.absorb(replace(first, id=f"a{number}"))
        self.backlog.forget()

    async def turns(self, change: Seen) -> list[float]:
        """Take in a change, and do all that follows from it; returns the turns of the loop, CPU seconds."""
        before = thread_time()
        self.view.absorb(change)
        turns, work = [thread_time() - before], asyncio.create_task(self.backlog.drain())
        while not work.done():
            before = thread_time()
            await asyncio.sleep(0)
            turns.append(thread_time() - before)
        return turns


def owns_all(_kind: Kind, _partition: int) -> bool:
    return True


async def test_no_turn_of_the_loop_is_long() -> None:
    """Neither when the organization gets its entry, nor when it leaves the scope."""
    scene = Scene()
    for change in (bound(unit("u", SOURCE, revision=(1, 2))), unit("u", revision=(1, 3))):
        scene.redrives.take()
        turns = await scene.turns(change)
        assert max(turns) < LONGEST
        assert len(turns) >= MANY
        assert len(dict.fromkeys(scene.redrives.asked)) == ACCOUNTS
