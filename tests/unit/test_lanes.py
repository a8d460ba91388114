"""Events of one key one after the other, events of different keys side by side."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from faust.types import EventT

from streams.worker.delivery import lanes
from streams.worker.delivery.lanes import Lanes


class FakeMessage:
    """What a lane reads of Faust's."""

    def __init__(self, key: bytes | None, offset: int) -> None:
        self.key, self.offset = key, offset


class FakeEvent:
    """What a lane does with Faust's."""

    def __init__(self, log: list[str], key: bytes | None, offset: int) -> None:
        self.message = FakeMessage(key, offset)
        self._log = log

    def ack(self) -> bool:
        """Note that it is done."""
        self._log.append(f"ack {self.message.offset}")
        return True


class Rig:
    """Stands where Faust's consumer and stream are; one lane runs between them.

    Attributes:
        log: what was begun, acknowledged and dropped, by offset, in order.
        untaken: offsets that are repeats.
        lost: offsets whose partition was taken away after they were handed over.
        broken: offsets whose handling fails.
    """

    def __init__(self, window: int = 4) -> None:
        self.log: list[str] = []
        self.untaken: set[int] = set()
        self.lost: set[int] = set()
        self.broken: set[int] = set()
        self.leaving = False
        self.on_leave: list[Callable[[], None]] = []
        self._stream: asyncio.Queue[FakeEvent | None] = asyncio.Queue()
        self._done: dict[int, asyncio.Event] = {}
        self._count = 0
        self.lanes = Lanes(self, self._handle, window)

    # -- the consumer --------------------------------------------------------------------------------------------------

    def take(self, message: Any) -> bool:
        """As `OrderedConsumer.take`."""
        return message.offset not in self.untaken

    def owns(self, message: Any) -> bool:
        """As `OrderedConsumer.owns`."""
        return message.offset not in self.lost

    def drop(self, message: Any) -> None:
        """As `OrderedConsumer.drop`."""
        self.log.append(f"drop {message.offset}")

    def leave(self, *, leaving: bool = True) -> None:
        """A rebalance begins; `leaving` tells whether it is still going on when the grace is over."""
        for callback in self.on_leave:
            callback()
        self.leaving = leaving

    # -- the stream and the handler ------------------------------------------------------------------------------------

    async def feed(self, *keys: str) -> None:
        """Let events with these keys arrive, and let everybody do what can be done now."""
        for key in keys:
            self._stream.put_nowait(FakeEvent(self.log, key.encode(), self._count))
            self._done[self._count] = asyncio.Event()
            self._count += 1
        await self.rest()

    async def finish(self, *offsets: int) -> None:
        """Let handlers come to their ends, and everybody do what can be done then."""
        for offset in offsets:
            self._done[offset].set()
        await self.rest()

    async def rest(self) -> None:
        """Let everybody do what can be done now."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def events(self) -> AsyncIterator[EventT[Any]]:
        """The stream."""
        while (event := await self._stream.get()) is not None:
            yield cast("EventT[Any]", event)

    async def _handle(self, event: EventT[Any]) -> None:
        offset = event.message.offset
        self.log.append(f"begin {offset}")
        await self._done[offset].wait()
        if offset in self.broken:
            raise ZeroDivisionError(offset)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the lane; at the end the stream ends, and so must it."""
        run = asyncio.create_task(self.lanes.run(self.events()))
        try:
            yield
            self._stream.put_nowait(None)
            await run
        finally:
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)


# -- order -------------------------------------------------------------------------------------------------------------


async def test_events_of_one_key_are_handled_one_after_the_other() -> None:
    rig = Rig()
    async with rig.running():
        await rig.feed("a", "a", "a")
        assert rig.log == ["begin 0"]
        await rig.finish(1, 0)
        await rig.finish(2)
    assert rig.log == ["begin 0", "ack 0", "begin 1", "ack 1", "begin 2", "ack 2"]


async def test_events_of_different_keys_are_handled_side_by_side() -> None:
    rig = Rig()
    async with rig.running():
        await rig.feed("a", "b", "a", "c")
        assert rig.log == ["begin 0", "begin 1", "begin 3"]
        for offset in (3, 1, 0, 2):
            await rig.finish(offset)
    assert rig.log[3:] == ["ack 3", "ack 1", "ack 0", "begin 2", "ack 2"]


async def test_an_event_is_acknowledged_when_it_is_done_and_not_before() -> None:
    rig = Rig()
    async with rig.running():
        await rig.feed("a")
        assert "ack 0" not in rig.log
        await rig.finish(0)
        assert "ack 0" in rig.log


async def test_no_more_keys_are_at_work_than_the_window_has() -> None:
    """A key keeps its place until its last event is done."""
    rig = Rig(window=2)
    async with rig.running():
        await rig.feed("a", "b", "a", "c")
        assert rig.log == ["begin 0", "begin 1"]
        await rig.finish(0)
        assert rig.log[2:] == ["ack 0", "begin 2"]
        await rig.finish(2)
        assert rig.log[4:] == ["ack 2", "begin 3"]
        await rig.finish(1, 3)


async def test_a_key_that_stands_still_takes_one_place_however_many_events_it_has() -> None:
    """An entity that is tried again for ever must not stop the others."""
    rig = Rig(window=2)
    async with rig.running():
        await rig.feed(*"aaaaaaaab")
        assert rig.log == ["begin 0", "begin 8"]
        await rig.finish(*range(9))


async def test_with_a_window_of_one_everything_is_in_order() -> None:
    """Organizations."""
    rig = Rig(window=1)
    async with rig.running():
        await rig.feed("a", "b", "c")
        await rig.finish(2, 1)
        assert rig.log == ["begin 0"]
        await rig.finish(0)
    assert rig.log == ["begin 0", "ack 0", "begin 1", "ack 1", "begin 2", "ack 2"]


# -- what is not ours --------------------------------------------------------------------------------------------------


async def test_a_repeat_is_dropped_unhandled() -> None:
    rig = Rig()
    rig.untaken = {1}
    async with rig.running():
        await rig.feed("a", "b", "c")
        await rig.finish(0, 2)
    assert sorted(rig.log) == ["ack 0", "ack 2", "begin 0", "begin 2", "drop 1"]


async def test_an_event_whose_partition_was_taken_away_while_it_waited_is_dropped() -> None:
    """It waited behind another of its key."""
    rig = Rig()
    async with rig.running():
        await rig.feed("a", "a", "a")
        rig.lost = {1}
        await rig.finish(0, 2)
    assert rig.log == ["begin 0", "ack 0", "drop 1", "begin 2", "ack 2"]


# -- leaving -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in work is given up at once."""
    monkeypatch.setattr(lanes, "GRACE_SECONDS", 0)


@pytest.mark.usefixtures("no_grace")
async def test_what_is_in_work_when_partitions_are_taken_away_is_given_up_and_not_acknowledged() -> None:
    """It waits, maybe for ever, for a directory; whoever gets the partition reads the event again."""
    rig = Rig()
    async with rig.running():
        await rig.feed("a", "b")
        rig.leave()
        await rig.rest()
        assert sorted(rig.log) == ["begin 0", "begin 1", "drop 0", "drop 1"]


@pytest.mark.usefixtures("no_grace")
async def test_the_lane_goes_on_after_a_rebalance() -> None:
    """What was given up comes again, and its key is free."""
    rig = Rig(window=1)
    async with rig.running():
        await rig.feed("a")
        rig.leave()
        await rig.rest()
        rig.leaving = False
        await rig.feed("a")
        await rig.finish(1)
    assert rig.log == ["begin 0", "drop 0", "begin 1", "ack 1"]


@pytest.mark.usefixtures("no_grace")
async def test_who_waited_behind_one_that_was_given_up_is_dropped_too() -> None:
    rig = Rig()
    async with rig.running():
        await rig.feed("a", "a")
        rig.lost = {0, 1}
        rig.leave()
        await rig.rest()
    assert rig.log == ["begin 0", "drop 0", "drop 1"]


@pytest.mark.usefixtures("no_grace")
async def test_nothing_is_given_up_when_the_rebalance_is_over_already() -> None:
    rig = Rig()
    async with rig.running():
        await rig.feed("a")
        rig.leave(leaving=False)
        await rig.rest()
        await rig.finish(0)
    assert rig.log == ["begin 0", "ack 0"]


async def test_what_is_in_work_has_a_while_to_come_to_its_end() -> None:
    rig = Rig()
    async with rig.running():
        await rig.feed("a")
        rig.leave()
        await rig.rest()
        await rig.finish(0)
    assert rig.log == ["begin 0", "ack 0"]


# -- failing -----------------------------------------------------------------------------------------------------------


async def test_the_first_failure_of_a_handler_ends_the_run() -> None:
    """Neither it nor what else is in work is acknowledged; the worker ends and is started again."""
    rig = Rig()
    rig.broken = {1}
    run = asyncio.create_task(rig.lanes.run(rig.events()))
    await rig.feed("a", "b", "b")
    await rig.finish(1)
    with pytest.raises(ExceptionGroup) as caught:
        await run
    assert [type(failure) for failure in caught.value.exceptions] == [ZeroDivisionError]
    assert rig.log[:2] == ["begin 0", "begin 1"]
    assert not {"ack 0", "ack 1", "ack 2", "begin 2"} & set(rig.log)


async def test_who_stops_the_run_stops_all_that_is_in_work() -> None:
    """Not to be taken for a rebalance, after which it would go on."""
    rig = Rig()
    run = asyncio.create_task(rig.lanes.run(rig.events()))
    await rig.feed("a", "a")
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert rig.log == ["begin 0", "drop 0"]
    assert rig.on_leave == []
