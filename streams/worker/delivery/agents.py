"""One agent and one table for each kind; the table's changelog is the full snapshot (design section 2)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from faust import SASLCredentials, Schema, SSLCredentials
from faust.types import EventT
from mode import CrashingSupervisor

from schemas.events import Kind
from streams.settings import Settings
from streams.worker.delivery.faust_app import WorkerApp
from streams.worker.delivery.kafka_security import KafkaSecurity, kafka_security
from streams.worker.delivery.lanes import WINDOW, Lanes
from streams.worker.delivery.state_table import StateTable
from streams.worker.states.stores import new_store

Handler = Callable[[EventT[Any]], Awaitable[None]]

_DAY_SECONDS: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Wiring:
    """What an agent reads and writes.

    Attributes:
        input_topic: events.
        state_topic: the table's changelog.
        partitions: of both topics.
        window: keys at work at once.
    """

    kind: Kind
    input_topic: str
    state_topic: str
    partitions: int
    window: int


def wirings(settings: Settings) -> tuple[Wiring, ...]:
    """Tell which topics belong together."""
    topics = settings.kafka.topics
    return (
        Wiring(Kind.ORGANIZATION, topics.organization_events, topics.organization_states, 1, 1),
        Wiring(
            Kind.ACCOUNT,
            topics.account_events,
            topics.account_states,
            settings.kafka.account_partitions,
            WINDOW,
        ),
    )


def build_app(settings: Settings) -> WorkerApp:
    """Make the Faust app with the settings that were tested; nothing is connected yet."""
    kafka = settings.kafka
    servers = ";".join(f"kafka://{server.strip()}" for server in kafka.bootstrap_servers.split(","))
    return WorkerApp(
        kafka.application_id,
        state_store=settings.state_store,
        broker=servers,
        broker_credentials=_credentials(kafka_security(settings)),
        Table=StateTable,
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        table_standby_replicas=0,
        stream_wait_empty=True,
        stream_buffer_maxsize=256,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=float(kafka.session_timeout_seconds),
        broker_heartbeat_interval=float(kafka.heartbeat_seconds),
        broker_rebalance_timeout=float(kafka.rebalance_timeout_seconds),
        broker_commit_interval=0.5,
        # A day: the heartbeat and the freeze watch tell who is alive, not how long one event takes.
        broker_max_poll_interval=_DAY_SECONDS,
        loghandlers=[],
        logging_config={"version": 1, "disable_existing_loggers": False},
    )


def _credentials(security: KafkaSecurity) -> SASLCredentials | SSLCredentials | None:
    login, tls = security.login, security.tls
    if login is not None:
        return SASLCredentials(
            mechanism=login.mechanism, username=login.username, password=login.password, ssl_context=tls
        )
    return None if tls is None else SSLCredentials(tls)


def add_agent(app: WorkerApp, wiring: Wiring, handle: Handler) -> Any:
    """Add the agent of one kind and return its table (id in UTF-8 to the state's JSON)."""
    raw: Schema[Any, Any] = Schema(key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
    table: Any = app.Table(
        f"{wiring.kind.value}s",
        partitions=wiring.partitions,
        changelog_topic=app.topic(wiring.state_topic, partitions=wiring.partitions, schema=raw),
        schema=raw,
        states=new_store(app.state_store),
    )
    app.restoring[wiring.state_topic] = table.restore
    source = app.topic(wiring.input_topic, partitions=wiring.partitions, schema=raw)

    async def process(stream: Any) -> None:
        consumer = app.ordered_consumer
        if consumer is None:
            raise RuntimeError("the agent runs before its consumer")
        await Lanes(consumer, handle, wiring.window).run(stream.noack().events())

    app.agent(
        source,
        name=f"{wiring.kind.value}s",
        concurrency=1,
        supervisor_strategy=CrashingSupervisor,
    )(process)
    return table
