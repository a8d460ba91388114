"""How long a worker takes to start, and to take over from one that was killed, when there are many states already.

Run from the checkout: `python -m benchmarks.recovery [--json] [--states N] [--store memory rocksdb]`. A worker must
have read all states before it takes an event, and those of its own partitions twice: once to know who is bound to
which entry, once as its table. The end of each step is an event applied in every partition: an account more in slapd.
Beside it, in the same run, a bare confluent-kafka consumer reads the same topics.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final

import orjson
from aiokafka.partitioner import murmur2
from confluent_kafka import Consumer, TopicPartition

from benchmarks.company import ORGANIZATIONS, Company
from benchmarks.installation import CONFIGURATION, install
from benchmarks.load import Worker, event
from benchmarks.machine import machine
from benchmarks.usage import cpu_seconds
from ldap_sink.protocol.connection import Connection
from ldap_sink.subschema import Subschema
from schemas.events import ROOT_ORGANIZATION, EventType, Kind
from schemas.records import record_of
from streams.kafka import Cluster, Message, publish_all
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from streams.settings import Settings
from streams.verification.yardstick import Yardstick

STATES: Final = 100_000
STORES: Final = ("memory", "rocksdb")
OK: Final = 200  # of HTTP
_BATCH: Final = 10_000


class Scene:
    """Kafka with many states, and a slapd that holds just the target."""

    def __init__(self, folder: Path, slapd: Slapd, kafka: Kafka, states: int) -> None:
        self.folder, self.slapd = folder, slapd
        self.settings: Settings = install(folder, slapd, kafka, sync={"disabled_accounts": "keep"})
        yardstick = Yardstick.of(self.settings, Subschema.parse((), ()))
        company = Company(self.settings, yardstick, states - ORGANIZATIONS)
        messages = (Message(message.topic, message.key or b"", message.value) for message in company.messages())
        publish_all(self.settings, messages, lambda _: None)
        self.partitions = self.settings.kafka.account_partitions + 1
        self._numbers = count()

    def keep_states_in(self, store: str) -> None:
        """Configure workers to come."""
        path = self.folder / CONFIGURATION
        path.write_bytes(orjson.dumps({**orjson.loads(path.read_bytes()), "state_store": store}))

    def bare_read(self) -> float:
        """Read both state topics to their ends, and do nothing with it; returns seconds."""
        topics = self.settings.topics
        with Cluster(self.settings) as cluster:
            ends = {
                place: end
                for place, end in cluster.end_offsets((topics.account_states, topics.organization_states)).items()
                if end
            }
        began = time.perf_counter()
        consumer = Consumer(
            {"bootstrap.servers": self.settings.kafka.bootstrap_servers, "group.id": "yardstick", "log_level": 0}
        )
        consumer.assign([TopicPartition(topic, partition, 0) for topic, partition in ends])
        missing = sum(ends.values())
        while missing:
            missing -= sum(message.error() is None for message in consumer.consume(_BATCH, timeout=1))
        consumer.close()
        return time.perf_counter() - began

    def send_probes(self) -> Callable[[], bool]:
        """Send one event to each partition; returns whether all of them are applied."""
        wanted = list(self._one_in_each_partition())
        publish_all(
            self.settings,
            [event(self.settings, EventType.ACCOUNT_CREATE, account(name)) for name in wanted],
            lambda _: None,
        )
        return lambda: asyncio.run(self._has(wanted))

    def _one_in_each_partition(self) -> Iterator[str]:
        missing = set(range(self.settings.kafka.account_partitions))
        while missing:
            name = f"probe{next(self._numbers)}"
            partition = (murmur2(name.encode()) & 0x7FFFFFFF) % self.settings.kafka.account_partitions
            if partition in missing:
                missing.discard(partition)
                yield name

    async def _has(self, names: list[str]) -> bool:
        connection = await Connection.open(self.slapd.host, self.slapd.port)
        await connection.bind(self.slapd.admin_dn, self.slapd.admin_password.encode())
        found = [await connection.read(f"uid={name},{self.slapd.target_dn}", ["uid"]) for name in names]
        await connection.close()
        return None not in found


def account(name: str) -> Any:
    """Somebody right below the target."""
    units: Any = [{"organizationalUnitId": ROOT_ORGANIZATION, "primary": True}]
    return record_of(
        Kind.ACCOUNT, {"userId": name, "username": name, "displayName": name, "organizationalUnits": units}
    )


def memory_mib(worker: Worker, field: str) -> float:
    """`VmHWM`, the most a process has had, or `VmRSS`, what it has now (proc(5))."""
    for line in Path(f"/proc/{worker.child.pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return round(int(line.split()[1]) / 1024, 1)
    raise LookupError(field)


def measure(scene: Scene, store: str) -> dict[str, Any]:
    """Start one worker, then another, and kill the first."""
    scene.keep_states_in(store)
    applied, began = scene.send_probes(), time.perf_counter()
    with Worker(scene.folder, f"{store}-first") as first:
        first.wait(lambda: first.page("readyz")[0] == OK, "a worker")
        start_seconds = since(began)
        first.wait(applied, "the first events")
        found = {
            "start_seconds": start_seconds,
            "first_events_seconds": since(began),
            "start_cpu_seconds": round(cpu_seconds(first.child.pid), 2),
            "peak_mib": memory_mib(first, "VmHWM"),
            "steady_mib": memory_mib(first, "VmRSS"),
        }
        began = time.perf_counter()
        with Worker(scene.folder, f"{store}-second") as second:
            second.wait(lambda: second.page("readyz")[0] == OK, "another worker")
            found["second_start_seconds"] = since(began)
            second.wait(lambda: 0 < second.partitions < scene.partitions, "the second worker's share")
            second.wait(scene.send_probes(), "events applied by both")
            found["second_events_seconds"] = since(began)
            applied, began = scene.send_probes(), time.perf_counter()
            first.child.kill()
            second.wait(applied, "the partitions of the dead")
            found["failover_seconds"] = since(began)
            found["alone_peak_mib"] = memory_mib(second, "VmHWM")
            found["alone_steady_mib"] = memory_mib(second, "VmRSS")
    return found


def since(began: float) -> float:
    """Seconds."""
    return round(time.perf_counter() - began, 2)


def run(folder: Path, states: int, stores: list[str]) -> dict[str, Any]:
    """Measure all of it."""
    with Kafka() as kafka, Slapd() as slapd:
        scene = Scene(folder, slapd, kafka, states)
        bare_seconds = round(min(scene.bare_read() for _ in range(2)), 2)
        by_store = {store: measure(scene, store) for store in stores}
    return {
        "benchmark": "recovery",
        "machine": machine(),
        "states": states,
        "bare_read_seconds": bare_seconds,
        "session_timeout_seconds": scene.settings.kafka.session_timeout_seconds,
        "stores": {
            store: {**found, "start_ratio": round(found["start_seconds"] / bare_seconds, 1)}
            for store, found in by_store.items()
        },
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--states", type=int, default=STATES, help=f"more than {ORGANIZATIONS}; default {STATES}")
    parser.add_argument("--store", nargs="+", choices=STORES, default=list(STORES), help="default: both")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ldapflow-recovery-") as name:
        found = run(Path(name), arguments.states, arguments.store)
    if arguments.json:
        sys.stdout.write(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    for store, values in found["stores"].items():
        sys.stdout.writelines(f"{store:<10}{what:<24}{value:>10.1f}\n" for what, value in values.items())


if __name__ == "__main__":
    main()
