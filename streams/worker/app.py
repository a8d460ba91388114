"""`ldapflow worker`: puts the worker's parts together and runs them."""

import asyncio
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from importlib.metadata import version
from time import monotonic, time
from typing import Final

import structlog

from ldap_sink.directory import Directory
from ldap_sink.sink import Sink
from ldap_sink.upkeep import DirectoryState
from processors.mapping import compile_mapping
from processors.wanted import EntryRules
from schemas.errors import CommandFailed, ConfigurationError, Halting, Permanent
from schemas.events import Kind
from streams.dead_letters import Original, send_dead_letter
from streams.kafka import Cluster, Publisher
from streams.metrics import Metrics
from streams.services.health import Health
from streams.settings import Settings
from streams.settings.directory import directory_settings
from streams.worker.agents import add_agent, build_app, wirings
from streams.worker.applying import Applier
from streams.worker.delivery import OrderedConsumer
from streams.worker.faust_app import WorkerApp
from streams.worker.not_yet import refuse_what_is_missing
from streams.worker.pipeline import Guards, Pipeline, Tables
from streams.worker.redriving import Redriver
from streams.worker.serving import serve, stop_on_signals
from streams.worker.state_reader import StateReader
from streams.worker.state_view import StateView
from streams.worker.waiting_room import WaitingRoom

log = structlog.get_logger(__name__)

_GAUGE_SECONDS: Final = 2.0


def run_worker(settings: Settings) -> int:
    """Run the Faust agents until SIGTERM or SIGINT.

    Returns:
        The exit code.

    Raises:
        ConfigurationError: the configuration or the topics do not fit.
        CommandFailed: Kafka does not answer at start.
    """
    refuse_what_is_missing(settings)
    if settings.sync.target_entry_uuid is None:
        raise ConfigurationError("sync.target_entry_uuid is not recorded: run `ldapflow pin`")
    return asyncio.run(_run(settings))


async def _run(settings: Settings) -> int:
    stopping = stop_on_signals()
    await asyncio.to_thread(check_topics, settings)
    worker = Worker(settings)
    async with AsyncExitStack() as stack:
        running = asyncio.create_task(worker.run(stack))
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            worker.stopping.set()
            if not worker.serving:  # still waiting for something at start
                running.cancel()
        stopped.cancel()
        try:
            problem = await running
        except asyncio.CancelledError:
            return 0
    if problem is not None:
        raise CommandFailed(f"the worker broke off and must be started again: {problem!r}")
    return 0


def check_topics(settings: Settings) -> None:
    """Make sure that the topics are there and have the partitions that the configuration says.

    Raises:
        CommandFailed: Kafka does not answer, or a topic is missing.
        ConfigurationError: the number of partitions is another one.
    """
    with Cluster(settings) as cluster:
        counts = cluster.partition_counts()
    missing = [name for name in settings.topics.all if name not in counts]
    if missing:
        raise CommandFailed(f"Kafka has no topic {', '.join(missing)}: run `ldapflow topics create`")
    problems = [
        f"topic {topic} has {counts[topic]} partitions, the configuration wants {wiring.partitions}:"
        " the number is fixed once there are states; correct kafka.account_partitions"
        for wiring in wirings(settings)
        for topic in (wiring.input_topic, wiring.state_topic)
        if counts[topic] != wiring.partitions
    ]
    if problems:
        raise ConfigurationError(*problems)


class Worker:
    """One worker process.

    Attributes:
        stopping: set it to end the worker in good order.
        serving: the Faust app runs; before that, ending needs no order.
    """

    def __init__(self, settings: Settings) -> None:
        self.stopping = asyncio.Event()
        self.serving = False
        self._settings = settings
        self._metrics = Metrics(settings.name, version("ldapflow"))
        self._view = StateView((settings.sync.target_entry_uuid or "").lower())
        self._view_loaded = False
        self._app: WorkerApp | None = None
        self._directory_state = DirectoryState(up=False)
        self._halted_for: str | None = None

    async def run(self, stack: AsyncExitStack) -> BaseException | None:
        """Run until `stopping`; returns what broke it, if anything did."""
        settings = self._settings
        health = Health(self._metrics, self._readiness)
        await health.start(settings.metrics.listen)
        stack.push_async_callback(health.stop)
        publisher = await stack.enter_async_context(Publisher(settings))
        directory = await stack.enter_async_context(
            Directory(
                directory_settings(settings),
                may_write=self._may_write,
                on_state_change=self._on_directory_state,
                observe=self._observe,
            )
        )
        redriver = await stack.enter_async_context(Redriver(settings, publisher))
        reader = StateReader(settings, self._view)
        room = WaitingRoom(self._view, redriver, settings.sync.source_node, self._owns, monotonic)
        await stack.enter_async_context(reader)
        self._view_loaded = True
        await directory.up()

        rules = entry_rules(settings)
        sink = Sink(directory, reader, lambda: round(time() * 1000))
        applier = Applier(directory, sink, self._view, redriver, rules, settings.sync.source_node)

        async def dead_letter(original: Original, failure: Permanent) -> None:
            now = round(time() * 1000)
            await send_dead_letter(publisher, settings.topics.dead_letters, original, failure, now)

        tables = Tables()
        guards = Guards(self._generation, self._leave_if_frozen, directory.up)
        pipeline = Pipeline(tables, self._view, applier, dead_letter, guards, self._metrics, settings.max_event_bytes)
        with tempfile.TemporaryDirectory(prefix="ldapflow-worker-") as folder:
            self._app = app = build_app(settings, folder)
            for wiring in wirings(settings):
                kind = wiring.kind
                tables.of[kind] = add_agent(app, wiring, partial(pipeline.handle, kind))

            @app.on_partitions_assigned.connect(weak=False)
            async def assigned(*_: object, **__: object) -> None:
                room.sweep()

            background = [asyncio.create_task(room.run()), asyncio.create_task(self._measure(room))]
            self.serving = True
            log.info("worker_starts", name=settings.name, group=settings.kafka.application_id)
            try:
                return await serve(app, self.stopping)
            finally:
                for task in background:
                    task.cancel()
                await asyncio.gather(*background, return_exceptions=True)
                log.info("worker_ends", name=settings.name)

    # -- what the parts ask of each other ----------------------------------------------------------------------------

    @property
    def _consumer(self) -> OrderedConsumer | None:
        return None if self._app is None else self._app.ordered_consumer

    def _may_write(self) -> bool:
        consumer = self._consumer
        return consumer is not None and consumer.holds_lease()

    def _owns(self, kind: Kind, partition: int) -> bool:
        consumer = self._consumer
        if consumer is None:
            return False
        topic = next(wiring.input_topic for wiring in wirings(self._settings) if wiring.kind is kind)
        return any(tp.topic == topic and tp.partition == partition for tp in consumer.progress)

    def _generation(self) -> int:
        return 0 if self._app is None else self._app.consumer_generation_id

    def _leave_if_frozen(self) -> None:
        consumer = self._consumer
        if consumer is not None:
            consumer.leave_if_frozen()

    def _on_directory_state(self, state: DirectoryState) -> None:
        self._metrics.directory_up.set(int(state.up))
        problem = state.problem
        halted_for = problem.reason if isinstance(problem, Halting) else None
        if self._halted_for not in {None, halted_for}:
            self._metrics.halted.labels(self._halted_for).set(0)
        if halted_for is not None:
            self._metrics.halted.labels(halted_for).set(1)
        if str(problem) != str(self._directory_state.problem) or state.up != self._directory_state.up:
            if state.up:
                log.info("directory_up", server=str(self._settings.connection.server))
            elif isinstance(problem, Halting):
                log.error("halted", reason=problem.reason, detail=problem.detail)
            else:
                log.warning("directory_down", server=str(self._settings.connection.server), detail=str(problem))
        self._halted_for = halted_for
        self._directory_state = state

    def _observe(self, operation: str, result: str, seconds: float) -> None:
        self._metrics.directory_operations.labels(operation, result).inc()
        self._metrics.directory_operation_time.labels(operation).observe(seconds)

    def _readiness(self) -> Mapping[str, str]:
        reasons = {}
        if not self._view_loaded:
            reasons["states"] = "the state topics are being read"
        state = self._directory_state
        if not state.up:
            kind = "halted" if isinstance(state.problem, Halting) else "ldap"
            reasons[kind] = str(state.problem or "connecting")
        consumer = self._consumer
        if consumer is None:
            reasons["kafka"] = "the worker is starting"
        elif not consumer.holds_lease():
            reasons["kafka"] = "no heartbeat was acknowledged in time: Kafka is away, or the group is being joined"
        return reasons

    async def _measure(self, room: WaitingRoom) -> None:
        """Keep the gauges that nobody else sets."""
        shown: set[tuple[str, str]] = set()
        rereads: dict[str, int] = {}
        while True:
            await asyncio.sleep(_GAUGE_SECONDS)
            counts: dict[tuple[str, str], int] = dict.fromkeys(shown, 0)
            for seen in room.waiting():
                if self._owns(seen.kind, seen.partition):
                    key = (seen.kind.value, seen.reason or "")
                    counts[key] = counts.get(key, 0) + 1
            for labels, count in counts.items():
                self._metrics.waiting.labels(*labels).set(count)
            shown = set(counts)
            consumer = self._consumer
            if consumer is None:
                continue
            for reason, count in consumer.rereads.items():
                self._metrics.rereads.labels(reason).inc(count - rereads.get(reason, 0))
                rereads[reason] = count
            for tp, progress in list(consumer.progress.items()):
                lag = max(0, (consumer.highwater(tp) or 0) - progress.next)
                self._metrics.consumer_lag.labels(tp.topic, str(tp.partition)).set(lag)


def entry_rules(settings: Settings) -> Mapping[Kind, EntryRules]:
    """The configured rules of both kinds."""
    users, organizations = settings.users, settings.organizations
    return {
        Kind.ACCOUNT: EntryRules(users.object_classes, users.rdn, compile_mapping(users.rows, "user")),
        Kind.ORGANIZATION: EntryRules(
            organizations.object_classes, organizations.rdn, compile_mapping(organizations.rows, "organization")
        ),
    }
