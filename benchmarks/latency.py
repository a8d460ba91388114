"""How long an event takes to LDAP, at steady rates, beside the round trips that it is made of, in the same run.

Run from the checkout: `python -m benchmarks.latency [--json] [--rates N ...] [--seconds N] [--volatile]`.

Open loop: events are produced at fixed times, whatever became of those before. Half of them create accounts, most
others update one, one in twenty moves one to another organization; each account comes once. From the moment before the
event was handed to the producer it takes

- *written*: until slapd gave the entry the CSN of its change, which it does right before it commits. Taken from the
  directory when all is done.
- *recorded*: until Kafka had acknowledged the state, after the reply to the write. Taken from the worker's log.

An event is visible in LDAP between the two. The yardsticks: one Add after the other straight to the same slapd, and one
message after the other through Kafka, from a producer to a consumer.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson
from confluent_kafka import OFFSET_END, Consumer, TopicPartition

from benchmarks.company import account
from benchmarks.installation import install
from benchmarks.load import Worker, creations, event, organizations
from benchmarks.machine import machine
from benchmarks.usage import administrator, change_times
from ldap_sink.protocol.connection import Connection
from schemas.dn import DN
from schemas.events import EventType, Json
from streams.kafka import Cluster, Message, Publisher, publish_all
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd, SlapdOptions
from streams.settings import Settings

RATES: Final = (10, 100, 500)
SECONDS: Final = 20
ROUND_TRIPS: Final = 500
YARDSTICK: Final = "ou=yardstick,dc=example,dc=com"
MOVE_EVERY: Final = 20
_NODE: Final = f"dn: {YARDSTICK}\nobjectClass: organizationalUnit\nou: yardstick\n\n"
_POLL_SECONDS: Final = 0.2


def percentiles(seconds: Sequence[float], prefix: str) -> dict[str, float | None]:
    """In milliseconds; None where there are too few for it to mean anything."""
    ordered = sorted(seconds)
    found: dict[str, float | None] = {}
    for name, share in (("p50", 0.5), ("p99", 0.99), ("p99_9", 0.999)):
        enough = len(ordered) * (1 - share) >= 1
        found[f"{prefix}_{name}_milliseconds"] = (
            round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 2) if enough else None
        )
    return found


class Stream:
    """Events, each of another account.

    Args:
        settings: which topics there are.
        present: so many accounts are there already.
    """

    def __init__(self, settings: Settings, present: int) -> None:
        self._settings = settings
        self._units = organizations(present)
        self._old, self._new = iter(range(present)), present

    def next(self, number: int) -> tuple[int, Message]:
        """The account's number, and the event: odd ones create."""
        if number % 2:
            self._new += 1
            return self._new - 1, event(self._settings, EventType.ACCOUNT_CREATE, account(self._new - 1, self._units))
        old = next(self._old)
        event_type, changes = EventType.ACCOUNT_UPDATE, {"displayName": f"Wang Mei {old}"}
        if number % MOVE_EVERY == 0:
            event_type, changes = EventType.ACCOUNT_MOVE, {"organizationalUnits": self._elsewhere(old)}
        return old, event(self._settings, event_type, account(old, self._units), changes)

    def _elsewhere(self, number: int) -> Any:
        unit: dict[str, Json] = {"organizationalUnitId": f"ou_{(number + 1) % self._units:06}", "primary": True}
        return [unit]


class Run:
    """Events of one rate, and what became of them."""

    def __init__(self, stream: Stream, rate: int, seconds: int) -> None:
        self._stream, self._rate, self._count = stream, rate, rate * seconds
        self.produced: dict[str, tuple[str, float]] = {}  # login and time, by the event's id

    async def produce(self, publisher: Publisher) -> None:
        """Produce each event when its time has come."""
        async with asyncio.TaskGroup() as tasks:
            loop = asyncio.get_running_loop()
            begin = loop.time() + 0.1
            for number in range(self._count):
                account_number, message = self._stream.next(number)
                await asyncio.sleep(begin + number / self._rate - loop.time())
                login = f"mei.wang{account_number}"
                self.produced[orjson.loads(message.value or b"")["eventId"]] = (login, time.time())
                tasks.create_task(publisher.send(message.topic, message.key, message.value))

    async def done(self, worker: Worker) -> dict[str, float]:
        """Wait until the worker is done with all; when it was with each, by the event's id."""
        while True:
            found = {key: at for key, at in handled(worker.log) if key in self.produced}
            if len(found) == len(self.produced):
                return found
            worker.require_running()
            await asyncio.sleep(_POLL_SECONDS)

    def figures(self, written: Mapping[str, float], recorded: Mapping[str, float]) -> dict[str, Any]:
        """For the result."""
        return {
            "events_per_second": self._rate,
            "events": self._count,
            **percentiles([written[login] - at for login, at in self.produced.values()], "written"),
            **percentiles([recorded[key] - at for key, (_, at) in self.produced.items()], "recorded"),
        }


def handled(log: Path) -> Iterator[tuple[str, float]]:
    """The ids of the events that a worker has handled, with the times."""
    for line in log.read_bytes().splitlines():
        if not line.endswith(b"}"):
            continue  # not written to its end yet
        document = orjson.loads(line)
        if document["event"] == "event" and document["outcome"] == "applied":
            yield document["event_id"], datetime.fromisoformat(document["time"]).timestamp()


async def written_at(connection: Connection, target: str) -> dict[str, float]:
    """When each account's entry was changed last, by its login."""
    times = await change_times(connection, target)
    rdns = {dn: DN.parse(dn).rdn.avas[0] for dn in times}
    return {str(ava.value): times[dn] for dn, ava in rdns.items() if ava.attribute == "uid"}


async def add_round_trips(connection: Connection) -> list[float]:
    """Add one entry after the other."""
    durations = []
    for number in range(ROUND_TRIPS):
        attributes = {"objectClass": (b"inetOrgPerson",), "cn": (b"Mei Wang",), "sn": (b"Wang",)}
        begin = time.perf_counter()
        await connection.add(f"uid={number},{YARDSTICK}", attributes)
        durations.append(time.perf_counter() - begin)
    return durations


def kafka_round_trips(settings: Settings) -> list[float]:
    """Send one message after the other, and wait for it at the other end; over a topic that is empty."""
    topic = settings.topics.dead_letters
    consumer = Consumer({"bootstrap.servers": settings.kafka.bootstrap_servers, "group.id": "none", "log_level": 0})
    with Cluster(settings) as cluster:
        partitions = cluster.partition_counts()[topic]
    consumer.assign([TopicPartition(topic, partition, OFFSET_END) for partition in range(partitions)])
    consumer.poll(1)
    durations: list[float] = []

    async def send() -> None:
        async with Publisher(settings) as publisher:
            for number in range(ROUND_TRIPS + 1):
                begin = time.perf_counter()
                sent = asyncio.create_task(publisher.send(topic, b"%d" % number, b"yardstick"))
                if await asyncio.to_thread(consumer.poll, 10) is None:
                    raise TimeoutError("a message got lost")
                durations.append(time.perf_counter() - begin)
                await sent

    asyncio.run(send())
    consumer.close()
    return durations[1:]  # the first waits for connections


def measure(folder: Path, rates: Sequence[int], seconds: int, *, durable: bool) -> dict[str, Any]:
    """Fill the directory, and measure."""
    present = max(200, sum(rates) * seconds // 2 + len(rates))
    with Kafka() as kafka, Slapd(SlapdOptions(durable=durable, entries=_NODE)) as slapd:
        settings = install(folder, slapd, kafka, sync={"disabled_accounts": "keep"})
        messages = creations(settings, present)
        publish_all(settings, islice(messages, organizations(present)), lambda _: None)
        with Worker(folder, "worker") as worker:
            publish_all(settings, messages, lambda _: None)
            worker.wait(lambda: sum(1 for _ in handled(worker.log)) >= present, "a directory with all accounts")
            runs = asyncio.run(_runs(settings, slapd, worker, Stream(settings, present), rates, seconds))
            yardsticks = asyncio.run(_yardstick(slapd))
            through_kafka = kafka_round_trips(settings)
    return {
        "durable": durable,
        "entries": present,
        "results": runs,
        **percentiles(yardsticks, "add"),
        **percentiles(through_kafka, "kafka"),
    }


async def _runs(
    settings: Settings, slapd: Slapd, worker: Worker, stream: Stream, rates: Sequence[int], seconds: int
) -> list[dict[str, Any]]:
    connection = await administrator(slapd)
    results = []
    async with Publisher(settings) as publisher:
        for rate in rates:
            run = Run(stream, rate, seconds)
            await run.produce(publisher)
            recorded = await run.done(worker)
            results.append(run.figures(await written_at(connection, slapd.target_dn), recorded))
    await connection.close()
    return results


async def _yardstick(slapd: Slapd) -> list[float]:
    connection = await administrator(slapd)
    durations = await add_round_trips(connection)
    await connection.close()
    return durations


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--rates", type=int, nargs="+", default=list(RATES), help="events per second, one after another"
    )
    parser.add_argument("--seconds", type=int, default=SECONDS, help=f"of each rate; default {SECONDS}")
    parser.add_argument("--volatile", action="store_true", help="a slapd that does not sync its writes to the disk")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ldapflow-latency-") as name:
        found = measure(Path(name), arguments.rates, arguments.seconds, durable=not arguments.volatile)
    if arguments.json:
        document = {"benchmark": "latency", "machine": machine(), **found}
        sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    for run in found["results"]:
        sys.stdout.write(f"{run['events_per_second']:>5} events/s:{_shown(run, 'written')};{_shown(run, 'recorded')}\n")
    sys.stdout.write(f"yardsticks:{_shown(found, 'add')};{_shown(found, 'kafka')}\n")


def _shown(figures: Mapping[str, Any], what: str) -> str:
    values = [figures[f"{what}_{name}_milliseconds"] for name in ("p50", "p99", "p99_9")]
    return f" {what} " + ", ".join("-" if value is None else f"{value}" for value in values) + " ms"


if __name__ == "__main__":
    main()
