"""Which state of an entity counts, when the table and the view say different things; and when it counts."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from schemas.errors import Retryable
from schemas.events import ConnectivityTest, Event, EventType, Kind
from schemas.state_codec import encode_state
from schemas.states import Revision, State, Status
from streams.worker.states.recorder import Recorder
from streams.worker.states.state_view import Seen, StateView, seen_of
from tests.support.redrives import TARGET

EVENT = Event(EventType.TEST, Kind.ACCOUNT, "a", None, 1, 1, ConnectivityTest())


class Stored(dict[bytes, bytes]):
    """A table whose writes Kafka has when the test says so."""

    last_write: Awaitable[Any]

    def __init__(self, states: Mapping[bytes, bytes]) -> None:
        super().__init__(states)
        self.last_write = self.acknowledged = asyncio.get_running_loop().create_future()


def state(revision: Revision) -> State:
    return State(None, 1, 1, 1, Status.APPLIED, 1, revision)


OLD, NEW, NEWEST = state((1, 1)), state((1, 2)), state((1, 3))


class Scene:
    """The table has the old state.

    Attributes:
        log: what Kafka still holds, by offset.
    """

    def __init__(self, log: Mapping[int, State]) -> None:
        self.log = log
        self.view = StateView(TARGET)
        self.catch_up: Callable[[], None] = lambda: None
        self.recorder = Recorder(self.view, lambda: 1, lambda: None, self._read_again, self._catch_up)
        self.recorder.tables[Kind.ACCOUNT] = Stored({b"a": encode_state(OLD)})

    def show(self, one: State, offset: int) -> None:
        """Let the view know a state."""
        self.view.absorb(seen_of(Kind.ACCOUNT, "a", 0, one, TARGET, offset))

    async def _read_again(self, seen: Seen) -> State | None:
        return None if seen.offset is None else self.log.get(seen.offset)

    async def _catch_up(self) -> None:
        self.catch_up()


async def test_the_newer_state_of_the_view_counts() -> None:
    """The table has what a zombie wrote last."""
    scene = Scene({7: NEW})
    scene.show(NEW, 7)
    assert await scene.recorder.current(EVENT) == NEW


async def test_a_state_that_compaction_took_is_followed_by_a_newer_one() -> None:
    """The view has not read it yet: the older state of the table must not be gone on with."""
    scene = Scene({9: NEWEST})
    scene.show(NEW, 7)
    scene.catch_up = lambda: scene.show(NEWEST, 9)
    assert await scene.recorder.current(EVENT) == NEWEST


async def test_a_state_that_is_nowhere_any_more_is_not_waited_for() -> None:
    """A zombie's late write took its place, and compaction took it."""
    scene = Scene({})
    scene.show(NEW, 7)
    assert await scene.recorder.current(EVENT) == OLD


async def test_a_state_that_cannot_be_read_now_is_waited_for() -> None:
    """Nor is the older one gone on with meanwhile."""
    scene = Scene({})
    scene.show(NEW, 7)

    def fail() -> None:
        raise Retryable("kafka_unavailable")

    scene.catch_up = fail
    with pytest.raises(Retryable):
        await scene.recorder.current(EVENT)


async def beginnings() -> None:
    """Let all tasks come to what they wait for."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("forgets", [False, True])
async def test_what_was_written_by_who_gave_up_counts_when_kafka_has_it(*, forgets: bool) -> None:
    """An event that changes nothing more would be done, and its offset committed, on a state that may yet get lost."""
    scene = Scene({})
    table = scene.recorder.tables[Kind.ACCOUNT]
    assert isinstance(table, Stored)
    recorder = scene.recorder
    writing = asyncio.ensure_future(recorder.forget(EVENT) if forgets else recorder.record(EVENT, 0, OLD))
    await beginnings()
    writing.cancel()  # the partition is taken away, and comes back
    await asyncio.wait({writing})
    reading = asyncio.ensure_future(recorder.current(EVENT))
    await beginnings()
    was_done = reading.done()
    table.acknowledged.set_result(None)
    found = await reading
    assert (was_done, None if found is None else found.writer) == (False, None if forgets else (1, 2))
    assert await recorder.current(EVENT) == found
