"""Delivery without loss: a Faust consumer whose own watermarks are the only truth (design section 2).

Stock faust-streaming 0.15.3 loses events at every rebalance of an app with tables: recovery resumes the stream
partitions, then seeks, then clears the agents' queues that were filled meanwhile. Here every event is handed over once
and in order, what may have been thrown away is read again from the watermark, and only the watermark is committed.

The private methods overridden here are pinned by tests/contract/test_faust_internals.py.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from time import monotonic
from typing import Any, Final

from aiokafka.errors import IllegalStateError, KafkaError
from faust.transport.consumer import ensure_TP
from faust.types import TP, Message
from mode import Service
from mode.utils.futures import notify

from streams.worker.delivery.consumer_thread import LOGGER, ConsumerThread
from streams.worker.delivery.progress import Progress
from streams.worker.delivery.quick_consumer import QuickConsumer
from streams.worker.delivery.resuming import Loss
from streams.worker.delivery.stalls import STALL_SECONDS, Stalls

EXIT_LOST_PLACE: Final = 75  # contract section 5
_FETCH_SECONDS: Final = 0.25


class OrderedConsumer(QuickConsumer):
    """Hands every event over once and in order, and commits only what is done.

    Attributes:
        progress: one watermark for each partition that this worker owns.
        leaving: partitions are being taken away, or the worker ends: who waits must give up.
        on_leave: called when `leaving` becomes true.
        on_begin: called after partitions became ours to handle: not when they are assigned, but when recovery is over;
            and after the end of a history that was read again.
        send_failed: Kafka refused a write of a table: nothing may be committed any more.
        rereads: why and how often partitions were read again; metric `ldapflow_rereads_total`.
    """

    logger = LOGGER

    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        conf = self.app.conf
        self.progress: dict[TP, Progress] = {}
        self.leaving = False
        self.send_failed = False
        self.on_leave: list[Callable[[], None]] = []
        self.on_begin: Callable[[], None] | None = None
        self.rereads: dict[str, int] = {"rebalance": 0, "partial": 0, "out_of_step": 0, "stall": 0}
        self.lease_seconds = conf.broker_session_timeout - conf.broker_heartbeat_interval
        self._ending = False
        self._epoch = 0  # changes whenever delivered events may have been thrown away
        self._between_fetches = asyncio.Event()
        self._between_fetches.set()
        self._tick = monotonic()
        self._full: set[TP] = set()

    def _new_consumer_thread(self) -> ConsumerThread:
        thread = ConsumerThread(self, loop=self.loop, beacon=self.beacon)
        thread.origins = self._own_app.origins
        return thread

    @property
    def _own_app(self) -> Any:
        """The `WorkerApp`, whose module imports this one."""
        return self.app

    # -- the fence -------------------------------------------------------------------------------------------------

    def holds_lease(self) -> bool:
        """Tell whether the group still surely counts this worker as the owner of its partitions."""
        return monotonic() - self._thread.last_heartbeat < self.lease_seconds

    def owns(self, message: Message) -> bool:
        """Tell whether an event that was handed over may still be begun."""
        return (
            not self.leaving
            and message.generation_id == self.app.consumer_generation_id
            and ensure_TP(message.tp) in self.progress
        )

    # -- reading: everything below runs in the drain task, the only one that seeks ------------------------------------

    def forget(self) -> None:
        """Read every partition again from its watermark: the agents' queues were emptied."""
        self._epoch += 1
        for progress in self.progress.values():
            progress.forget()
        self._get_active_partitions().update(self._buffered_partitions - self._paused_partitions)
        self._buffered_partitions.clear()

    async def perform_seek(self) -> None:
        """Faust's recovery calls this from outside the drain task, which is too early: only note it."""
        self.forget()

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Seek changelogs, but not while a fetch is under way."""
        await self._between_fetches.wait()
        await super().seek_wait(partitions)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Gaps are `Progress`'s business."""

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's
        active = {ensure_TP(tp) for tp in active_partitions or () if tp not in self._paused_partitions}
        epoch = self._epoch
        if not await self._rewind({tp for tp in active if not self._is_changelog_tp(tp) and self._must_rewind(tp)}):
            return {}
        wanted = {tp for tp in active if self._is_changelog_tp(tp) or tp in self.progress}
        if epoch != self._epoch or not wanted:
            await self.sleep(0.05)
            return {}
        fetched = None
        self._between_fetches.clear()
        try:
            fetched = dict(await super()._getmany(wanted, min(timeout, _FETCH_SECONDS)))
        finally:
            self._between_fetches.set()
            if fetched is None:  # cancelled: what was fetched is lost
                self.forget()
        self._own_app.restore(fetched)
        if self._epoch != epoch:
            return {tp: records for tp, records in fetched.items() if self._is_changelog_tp(tp)}
        lacking = {
            ensure_TP(tp): self.progress[ensure_TP(tp)].fetch([record.offset for record in records])
            for tp, records in fetched.items()
            if records and not self._is_changelog_tp(tp)
        }
        self._pass_over({tp: at for tp, at in self._thread.positions.items() if not fetched.get(tp)})
        await self._judge_lacking({tp: missing for tp, missing in lacking.items() if missing})
        return fetched

    def _pass_over(self, positions: Mapping[TP, int]) -> None:
        """Do not wait for events where only a marker of a transaction follows."""
        for tp, position in positions.items():
            progress = self.progress.get(tp)
            if progress is not None:
                was_in_history = progress.is_in_history
                progress.pass_over(position)
                if was_in_history and not progress.is_in_history:
                    self._tell_begin()

    def _must_rewind(self, tp: TP) -> bool:
        progress = self.progress.get(tp)
        return progress is None or progress.must_rewind

    async def _rewind(self, partitions: set[TP]) -> bool:
        if not partitions:
            return True
        epoch = self._epoch
        wanted = {tp: self.progress[tp].next if tp in self.progress else None for tp in partitions}
        try:
            start = await self._thread.call_thread(self._thread.rewind, wanted)
        except (KafkaError, IllegalStateError) as exc:  # revoked meanwhile, or Kafka is down
            self.log.warning("cannot seek yet, trying again: %r", exc)
            await self.sleep(0.2)
            return False
        if self._epoch != epoch:
            return False
        begun = False
        for tp, found in start.items():
            known, loss = self.progress.get(tp), found.loss
            if known is None:
                self.progress[tp] = known = Progress(found.offset, found.committed, found.history_end, found.told_end)
                self.rereads["rebalance"] += 1
                begun = True
            elif known.begins_at(found.offset):
                loss = Loss.DELETED_UNREAD
            if loss is not None:
                self._tell_loss(tp, loss, f"it is read from {found.offset}")
            known.rewind(found.offset)
            self._read_offset[tp] = found.offset or None
        if begun:
            self._tell_begin()
        return True

    def _tell_begin(self) -> None:
        if self.on_begin is not None:
            asyncio.get_running_loop().call_soon(self.on_begin)  # its faults are not the caller's

    async def _judge_lacking(self, lacking: Mapping[TP, list[range]]) -> None:
        """Tell what nobody misses, of transactions, from events that were deleted before they were read."""
        if not lacking:
            return
        try:
            logs = await self._thread.call_thread(self._thread.logs, lacking)
        except (KafkaError, IllegalStateError) as exc:
            self.log.warning("cannot ask where the log begins: %r", exc)
            return
        for tp, missing in ((tp, missing) for tp, several in lacking.items() for missing in several):
            if missing.start < logs[tp].begin:
                self._tell_loss(tp, Loss.DELETED_UNREAD, f"it has no records {missing[0]} to {missing[-1]}")
            elif len(missing) > 1:
                self.log.info("%s-%d: there are no events %d to %d", *tp, missing[0], missing[-1])

    def _tell_loss(self, tp: TP, loss: Loss, detail: str) -> None:
        self.log.error("topic %s %s: partition %d: %s", tp.topic, loss.value, tp.partition, detail)
        self._own_app.on_loss(tp.topic, loss)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109 - Faust's
        """Give the events of one fetch to Faust; what no longer fits is left out and read again."""
        async for tp, message in super().getmany(timeout):
            if not self._is_changelog_tp(tp):
                progress = self.progress.get(ensure_TP(tp))
                if progress is None or not progress.deliver(message.offset):
                    self.rereads["out_of_step"] += 1
                    continue
            yield tp, message

    # -- handling ----------------------------------------------------------------------------------------------------

    def take(self, message: Message) -> bool:
        """Hand an event over, once and in order.

        False: it is in work already, or done, or not ours any more; drop it.

        Raises:
            Hole: an earlier event of the partition never came; the worker must end.
        """
        self.leave_if_frozen()
        tp = ensure_TP(message.tp)
        progress = self.progress.get(tp)
        if progress is None or not self.owns(message):
            return False
        if progress.is_full:
            # One entity that retries for ever must not make this worker's memory grow: come back to this partition.
            progress.refuse()
            self._full.add(tp)
            self.pause_partitions({tp})
            return False
        return progress.take(message.offset)

    def drop(self, message: Message) -> None:
        """Let go of an event without having done it."""
        message.acked = True
        self._unacked_messages.discard(message)
        notify(self._waiting_for_ack)

    def ack(self, message: Message) -> bool:
        """Note that an event is done."""
        if message.acked:
            return False
        self.drop(message)
        tp = ensure_TP(message.tp)
        progress = self.progress.get(tp)
        if progress is not None and message.generation_id == self.app.consumer_generation_id:
            was_in_history = progress.is_in_history
            progress.finish(message.offset)
            if was_in_history and not progress.is_in_history:
                self._tell_begin()
            self._n_acked += 1
            if tp in self._full and not progress.is_full:
                self._full.discard(tp)
                self.resume_partitions({tp})
        return True

    # -- committing: the watermark is the only truth -----------------------------------------------------------------

    def _filter_tps_with_pending_acks(self, topics: Iterable[Any] | None = None) -> Any:
        chosen = None if topics is None else set(topics)
        return [tp for tp in self.progress if chosen is None or tp in chosen or tp.topic in chosen]

    def _new_offset(self, tp: TP) -> int | None:
        progress = self.progress.get(tp)
        return None if progress is None else progress.next

    def _should_commit(self, tp: TP, offset: int) -> bool:
        return self.progress[tp].must_commit(offset)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        await asyncio.sleep(0)  # let the errors of the producer arrive
        if self.send_failed:  # a table write got lost: its event must come again
            return False
        # A commit that waited through a rebalance must not move the group backwards.
        chosen = {
            tp: offset
            for tp, offset in offsets.items()
            if tp in self.progress and self.progress[tp].must_commit(offset)
        }
        if not chosen or not await super()._commit(chosen):
            return False
        for tp, offset in chosen.items():
            if tp in self.progress:
                self.progress[tp].durable = offset
        return True

    # -- rebalancing ---------------------------------------------------------------------------------------------------

    def leave(self, *, for_good: bool = False) -> None:
        """Ask everybody who waits for a directory to give up; what they hold is read again."""
        self.leaving = True
        self._ending = self._ending or for_good
        for callback in self.on_leave:
            callback()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish what is in work, commit, forget."""
        self.leave()
        try:
            await super().on_partitions_revoked(revoked)  # waits for the agents, then commits
        finally:
            self.leaving = self._ending
            self._epoch += 1
            for tp in revoked:
                self.progress.pop(ensure_TP(tp), None)
                self._full.discard(ensure_TP(tp))

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Begin a generation; the coordinator has just answered, which counts as a heartbeat."""
        self._thread.last_heartbeat = monotonic()
        await super().on_partitions_assigned(assigned, generation_id)

    # -- last line of defence ------------------------------------------------------------------------------------------

    def leave_if_frozen(self) -> None:
        """End the process if it stood still longer than the broker waits (SIGSTOP, VM pause).

        Somebody else owns our partitions then. Call it before a table is written.
        """
        if monotonic() - self._tick > self.lease_seconds:
            os._exit(EXIT_LOST_PLACE)

    @Service.task
    async def _heart(self) -> None:
        self._tick = monotonic()
        while not self.should_stop:
            self.leave_if_frozen()
            self._tick = monotonic()
            await self.sleep(0.25)

    @Service.task
    async def _stall_watch(self) -> None:
        """Look for partitions that stand still although there is something to read, and nothing of them is in work."""
        stalls = Stalls()
        while not self.should_stop:
            await self.sleep(STALL_SECONDS / 4)
            if self.app.rebalancing or not self.flow_active:
                stalls.forget()
                continue
            now = monotonic()
            idle = stalls.idle(self.progress, {ensure_TP(message.tp) for message in self._unacked_messages}, now)
            for tp in stalls.stalled(idle, await self._are_behind(idle), now):
                self._read_again(tp)

    async def _are_behind(self, idle: Mapping[TP, int]) -> dict[TP, bool]:
        """Whether the log of each partition goes on beyond its `next`; nothing when Kafka cannot tell."""
        if not idle:
            return {}
        try:
            ends = await self.highwaters(*idle)
        except KafkaError as exc:
            self.log.warning("cannot ask for the ends of the log: %r", exc)
            return {}
        return {tp: (ends.get(tp) or 0) > mark for tp, mark in idle.items() if tp in self.progress}

    def _read_again(self, tp: TP) -> None:
        self.rereads["stall"] += 1
        self.log.error("%s-%d stands still at %d: reading again", tp.topic, tp.partition, self.progress[tp].next)
        self.forget()
        self.resume_partitions({tp})
