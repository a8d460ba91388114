"""Puts the worker's parts together and runs them."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from importlib.metadata import version
from time import time
from typing import Any, Final

import structlog
from faust.types import TP

from ldap_sink.directory import Directory
from ldap_sink.lock_proof import prove_lock
from ldap_sink.locking import Locker
from ldap_sink.passwords import PasswordWriter
from ldap_sink.probing import Prober
from ldap_sink.sink import Sink
from schemas.errors import Halting, Permanent, Retryable
from schemas.events import Kind, RedriveReason
from schemas.states import Revision
from streams.control import ControlReader
from streams.dead_letters import Original, send_dead_letter
from streams.kafka import Publisher
from streams.metrics import Metrics
from streams.services.health import Health
from streams.settings import DisabledAccounts, Settings
from streams.settings.directory import directory_settings
from streams.settings.entry_rules import entry_rules
from streams.settings.guard import guard_limits
from streams.topic_identity import present_ids
from streams.worker.applying.account_locks import AccountLocks
from streams.worker.applying.applier import Applier, Parts, id_mark
from streams.worker.applying.password_messages import PasswordMessages
from streams.worker.applying.passwords import Courier, Passwords
from streams.worker.background import Background
from streams.worker.condition import Condition
from streams.worker.delivery.agents import add_agent, build_app, wirings
from streams.worker.delivery.faust_app import WorkerApp
from streams.worker.delivery.ordered_consumer import OrderedConsumer
from streams.worker.delivery.progress import Progress
from streams.worker.gate import Gate
from streams.worker.pipeline import Hooks, Pipeline
from streams.worker.push_marks import PushMarks
from streams.worker.resync import Resync
from streams.worker.serving import serve
from streams.worker.states.freezing import freeze, freeze_states
from streams.worker.states.recorder import Recorder
from streams.worker.states.state_reader import StateReader
from streams.worker.states.state_view import StateView
from streams.worker.watching.deletion_guard import DeletionGuard
from streams.worker.watching.redriving import Redriver
from streams.worker.watching.watches import Watches

log = structlog.get_logger(__name__)

_GAUGE_SECONDS: Final = 2.0
_SWEEP_SECONDS: Final = 30.0


class Worker:
    """One worker process.

    Attributes:
        stopping: set it to end the worker in good order.
        serving: the Faust app runs; before that, ending needs no order.
        broken: what broke it where nobody waited for the outcome.
    """

    def __init__(self, settings: Settings) -> None:
        self.stopping = asyncio.Event()
        self.serving = False
        self._settings = settings
        self._rules = entry_rules(settings)
        self._metrics = Metrics(settings.name, version("ldapflow"))
        self._view = StateView((settings.sync.target_entry_uuid or "").lower())
        freeze_states(self._view)
        self._gate = Gate()
        self._app: WorkerApp | None = None
        self.broken: BaseException | None = None
        self._condition = Condition(
            self._metrics, str(settings.connection.server), self._view, self._gate, lambda: self._consumer
        )

    async def run(self, stack: AsyncExitStack) -> BaseException | None:
        """Run until `stopping`; returns what broke it, if anything did."""
        settings, condition = self._settings, self._condition
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self._break_off(context))
        health = Health(self._metrics, condition.readiness)
        await health.start(settings.metrics.listen)
        stack.push_async_callback(health.stop)
        publisher = await stack.enter_async_context(Publisher(settings))
        directory = await stack.enter_async_context(
            Directory(
                directory_settings(settings),
                may_write=self._may_write,
                on_state_change=condition.directory.take,
                observe=condition.directory.count,
            )
        )
        redriver = await stack.enter_async_context(Redriver(settings, publisher))
        control = ControlReader(settings)
        uses_path = self._rules[Kind.ORGANIZATION].uses_path
        watches = Watches(settings, self._view, control.view, redriver, self._owns, uses_path=uses_path)
        await stack.enter_async_context(control)
        self._obey(control, watches)
        control.listen(lambda: self._obey(control, watches))
        resync = await stack.enter_async_context(Resync(settings, publisher, control))
        condition.full_push_needed = lambda: resync.reason
        reader = await stack.enter_async_context(StateReader(settings, self._view))
        condition.is_loaded = True
        await directory.up()
        if settings.sync.disabled_accounts is DisabledAccounts.LOCK:
            await self._prove_lock(directory)
        parts = self._parts(directory, reader, redriver, resync)
        tasks = await stack.enter_async_context(Background(self._break_off))
        tasks.start(watches.work())
        tasks.start(self._sweep(watches))
        tasks.start(self._measure())
        tasks.start(resync.watch())
        passwords = Passwords(self._metrics, await self._courier(stack, parts, reader))
        pipeline = self._pipeline(publisher, control, parts, passwords, reader, watches)
        app = self._faust_app(pipeline, watches, redriver)
        app.origins, app.on_loss = resync.origins, resync.note
        freeze()  # or a round through all that was imported would hold up some event
        self.serving = True
        log.info("worker_starts", name=settings.name, group=settings.kafka.application_id)
        try:
            problem = await serve(app, self.stopping)
            return self.broken or problem
        finally:
            log.info("worker_ends", name=settings.name)

    # -- the parts -----------------------------------------------------------------------------------------------------

    @staticmethod
    async def _prove_lock(directory: Directory) -> None:
        """See that a locked entry cannot log on; while it can, nothing is written at all."""
        settings = directory.settings
        while True:
            try:
                await prove_lock(settings)
            except Halting as exc:
                directory.halt(exc, lambda _: prove_lock(settings))
                await directory.up()
            except Retryable as exc:
                log.warning("lock_not_proved_yet", detail=str(exc))
                await asyncio.sleep(1)
            else:
                return

    def _parts(self, directory: Directory, reader: StateReader, redriver: Redriver, resync: Resync) -> Parts:
        return Parts(
            directory=directory,
            sink=Sink(directory, reader, _now),
            prober=Prober(directory),
            view=self._view,
            redriver=redriver,
            guard=DeletionGuard(self._view, guard_limits(self._settings), _now, lambda: resync.lost_states),
            locks=AccountLocks(Locker(directory), self._settings.sync.disabled_accounts),
            rules=self._rules,
        )

    async def _courier(self, stack: AsyncExitStack, parts: Parts, reader: StateReader) -> Courier | None:
        """Who writes passwords; None when they are not synchronized."""
        settings = self._settings
        if not settings.sync.passwords:
            return None
        topic = settings.topics.account_events
        topic_id = (await asyncio.to_thread(present_ids, settings))[topic]
        return Courier(
            await stack.enter_async_context(PasswordMessages(settings, topic_id)),
            PasswordWriter(parts.directory, parts.prober),
            parts.prober,
            parts.locks,
            self._view,
            reader.catch_up,
            partial(id_mark, self._rules[Kind.ACCOUNT]),
        )

    def _pipeline(
        self,
        publisher: Publisher,
        control: ControlReader,
        parts: Parts,
        passwords: Passwords,
        reader: StateReader,
        watches: Watches,
    ) -> Pipeline:
        settings = self._settings
        topic = settings.topics.dead_letters

        async def dead_letter(original: Original, failure: Permanent) -> None:
            await send_dead_letter(publisher, topic, original, failure, _now())

        return Pipeline(
            Recorder(self._view, self._generation, self._leave_if_frozen, reader.read_again, reader.catch_up),
            control.view,
            Applier(parts, settings.sync.source_node, settings.sync.disabled_accounts),
            passwords,
            self._gate,
            Hooks(
                dead_letter,
                parts.directory.up,
                watches.room.recheck,
                watches.strangers.note,
                parts.redriver.handled,
                partial(_look_again, parts.redriver),
                PushMarks(settings, publisher).note,
                self._is_history,
                self._was_told,
            ),
            self._metrics,
            max_event_bytes=settings.max_event_bytes,
            incremental=settings.sync.incremental,
        )

    def _faust_app(self, pipeline: Pipeline, watches: Watches, redriver: Redriver) -> WorkerApp:
        self._app = app = build_app(self._settings)
        for wiring in wirings(self._settings):
            pipeline.recorder.tables[wiring.kind] = add_agent(app, wiring, partial(pipeline.handle, wiring.kind))

        @app.on_partitions_assigned.connect(weak=False)
        async def assigned(*_: object, **__: object) -> None:
            consumer = app.ordered_consumer
            if consumer is not None:
                consumer.on_begin = watches.look_at_everything

        @app.on_partitions_revoked.connect(weak=False)
        async def revoked(*_: object, **__: object) -> None:
            redriver.forget_sent()

        return app

    # -- what the parts ask of each other ------------------------------------------------------------------------------

    @property
    def _consumer(self) -> OrderedConsumer | None:
        return None if self._app is None else self._app.ordered_consumer

    def _may_write(self) -> bool:
        consumer = self._consumer
        return self._gate.is_open and consumer is not None and consumer.holds_lease()

    def _owns(self, kind: Kind, partition: int) -> bool:
        """Whether a partition is ours, and none of its states is still to be made again from history."""
        topics = self._settings.topics
        topic = topics.account_events if kind is Kind.ACCOUNT else topics.organization_events
        progress = self._progress(topic, partition)
        return progress is not None and not progress.is_in_history

    def _is_history(self, original: Original) -> bool:
        progress = self._progress(original.topic, original.partition)
        return progress is not None and original.offset < progress.history_end

    def _was_told(self, original: Original) -> bool:
        progress = self._progress(original.topic, original.partition)
        return progress is not None and original.offset < progress.told_end

    def _progress(self, topic: str, partition: int) -> Progress | None:
        consumer = self._consumer
        return None if consumer is None else consumer.progress.get(TP(topic, partition))

    def _generation(self) -> int:
        return 0 if self._app is None else self._app.consumer_generation_id

    def _leave_if_frozen(self) -> None:
        consumer = self._consumer
        if consumer is not None:
            consumer.leave_if_frozen()

    def _break_off(self, context: Mapping[str, Any]) -> None:
        """A fault of ours where nobody waits for the outcome: end, and be started again, rather than go on halved."""
        problem = context.get("exception") or RuntimeError(str(context.get("message")))
        log.error("worker_breaks_off", error=repr(problem), exc_info=problem)
        self.broken = self.broken or problem
        self.stopping.set()

    def _obey(self, control: ControlReader, watches: Watches) -> None:
        """Do what people said last."""
        view, before = control.view, self._gate.paused
        self._gate.obey(paused=view.paused, resumed_at=None if view.last_resume is None else view.last_resume.offset)
        if self._gate.paused != before:
            log.warning("paused" if self._gate.paused else "resumed")
        watches.held.look()

    # -- from time to time ---------------------------------------------------------------------------------------------

    async def _sweep(self, watches: Watches) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            watches.look()

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(_GAUGE_SECONDS)
            self._condition.measure(self._owns)


def _look_again(redriver: Redriver, kind: Kind, identifier: str, partition: int, revision: Revision) -> None:
    redriver.ask(kind, identifier, partition, revision, RedriveReason.RELEASE)


def _now() -> int:
    return round(time() * 1000)
