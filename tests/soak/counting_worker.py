"""A worker whose handler only counts: what is left is delivery.

`python -m tests.soak.counting_worker CONFIG_JSON LOG_FILE [--stock]`

Each event is `{"key": k, "n": n}`; the state of a key is `{"n": last, "digest": d}` where the digest chains every n in
order. Each handled event is one line `partition offset key n verdict` in the log, written before the table.
"""

import asyncio
import hashlib
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import faust
from faust.types import EventT
from mode import CrashingSupervisor

from schemas.events import Kind
from streams.services.stopping import stop_on_signals
from streams.settings import Settings
from streams.worker.delivery.agents import Wiring, add_agent, build_app
from streams.worker.serving import serve


def settings_from(document: dict[str, Any]) -> Settings:
    """Only what `build_app` reads."""
    kafka = SimpleNamespace(client={}, **document["kafka"])
    return cast("Settings", SimpleNamespace(kafka=kafka, state_store=document["state_store"]))


def chain(digest: str, number: int) -> str:
    """Add one event to the digest of a key."""
    return hashlib.sha256(f"{digest}{number}".encode()).hexdigest()[:16]


class Counter:
    """Folds events into the table and writes down what it was given."""

    def __init__(self, log: Path) -> None:
        self.table: Any = None
        self.before_writing: Callable[[], None] = lambda: None
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def handle(self, event: EventT[Any]) -> None:
        """Take some time, then count the event."""
        await asyncio.sleep(random.random() * 0.004)
        self.before_writing()
        if self.count(event):
            # As the product does: the event is done only when Kafka has what the table was given.
            await asyncio.shield(self.table.last_write)

    def count(self, event: EventT[Any]) -> bool:
        """Fold one event into the table; whether that wrote it."""
        message = event.message
        key = message.key or b""
        document = json.loads(message.value or b"")
        stored = self.table.get(key)
        state: dict[str, Any] = json.loads(stored) if stored else {"n": 0, "digest": ""}
        number = document["n"]
        verdict = "next" if number == state["n"] + 1 else "repeat" if number <= state["n"] else "GAP"
        line = f"{message.partition} {message.offset} {key.decode()} {number} {verdict}"
        self.note(line)
        if verdict == "repeat":
            return False
        self.table[key] = json.dumps({"n": number, "digest": chain(state["digest"], number)}).encode()
        return True

    def note(self, line: str) -> None:
        """Add a line to the log, which all workers share."""
        os.write(self._log, f"{line}\n".encode())


def note_assignments(app: faust.App, counter: Counter) -> None:
    """Write down every generation of the group."""

    @app.on_partitions_assigned.connect(weak=False)
    async def note(_sender: Any, partitions: Any, **_: Any) -> None:
        counter.note(f"generation {app.consumer_generation_id} {len(partitions)}")


async def run(document: dict[str, Any], log: Path) -> int:
    """The worker as ldapflow builds it."""
    app = build_app(settings_from(document))
    counter = Counter(log)
    wiring = Wiring(Kind.ACCOUNT, document["input"], document["state"], document["partitions"], document["window"])
    counter.table = add_agent(app, wiring, counter.handle)
    note_assignments(app, counter)

    @app.on_partitions_assigned.connect(weak=False)
    async def assigned(*_: Any, **__: Any) -> None:
        consumer = app.ordered_consumer
        if consumer is not None:
            counter.before_writing = consumer.leave_if_frozen

    problem = await serve(app, stop_on_signals())
    if problem is not None:
        sys.stderr.write(f"crashed: {problem!r}\n")
        return 1
    return 0


async def run_stock(document: dict[str, Any], log: Path) -> int:
    """The same with stock Faust: kept to show what the delivery rules are for (scripts/soak --stock)."""
    with tempfile.TemporaryDirectory() as folder:
        kafka = document["kafka"]
        app = faust.App(
            kafka["application_id"],
            broker=f"kafka://{kafka['bootstrap_servers']}",
            datadir=folder,
            store="memory://",
            autodiscover=False,
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            table_standby_replicas=0,
            stream_wait_empty=True,
            consumer_auto_offset_reset="earliest",
            broker_session_timeout=6.0,
            broker_heartbeat_interval=2.0,
            broker_rebalance_timeout=6.0,
            broker_commit_interval=0.5,
        )
        counter = Counter(log)
        raw: faust.Schema[Any, Any] = faust.Schema(
            key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
        )
        partitions = document["partitions"]
        changelog = app.topic(document["state"], partitions=partitions, schema=raw)
        counter.table = app.Table("accounts", partitions=partitions, changelog_topic=changelog, schema=raw)

        async def process(stream: Any) -> None:
            async for event in stream.events():
                await asyncio.sleep(random.random() * 0.0005)
                counter.count(event)

        source = app.topic(document["input"], partitions=partitions, schema=raw)
        app.agent(source, name="accounts", concurrency=1, supervisor_strategy=CrashingSupervisor)(process)
        note_assignments(app, counter)
        app.in_worker = True
        stopping = stop_on_signals()
        await app.start()
        await stopping.wait()
        await app.stop()
    return 0


if __name__ == "__main__":
    configuration = json.loads(sys.argv[1])
    runner = run_stock if "--stock" in sys.argv else run
    sys.exit(asyncio.run(runner(configuration, Path(sys.argv[2]))))
