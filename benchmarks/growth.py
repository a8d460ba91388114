"""What one event costs when the directory is small and when it is large, beside raw writes on the same slapd.

Run from the checkout: `python -m benchmarks.growth [--json] [--sizes N ...] [--events N] [--rounds N]`. The target is a
cost that does not grow: within 10 % from 1,000 to 1,000,000 entries.

For each size slapd holds so many entries below the target, Kafka as many states, and one worker runs. A round is half
creates and half updates of accounts in a hundred organizations all over the tree, published at once; an event is done
when Kafka has its state. Beside it as many Adds and Modifies, in the same round, straight to the same slapd, 32 in
flight. Given are medians of the rounds; processor times are those of the processes, from the first event of a round to
its last. A round before them does not count: in it the worker reads the organizations' entries, each of them once.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import Final

import orjson

from benchmarks.company import Company, account, dn_of, organization
from benchmarks.installation import install
from benchmarks.load import Worker, event, organizations
from benchmarks.machine import machine
from benchmarks.usage import MONITOR, OPERATIONS, administrator, completed, cpu_seconds
from ldap_sink.diffing import creation
from ldap_sink.protocol.connection import Connection
from ldap_sink.subschema import Subschema
from schemas.entries import AttributeChange, FoundEntry, ModifyOperation
from schemas.events import EventType, Kind, Record
from streams.kafka import Cluster, Message, publish_all
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd, SlapdOptions
from streams.settings import Settings
from streams.verification.yardstick import Yardstick

SIZES: Final = (1_000, 10_000, 100_000)
EVENTS: Final = 600
ROUNDS: Final = 5
IN_FLIGHT: Final = 32
HOMES: Final = 100
STRANGERS: Final = 10_000_000  # from there on come those of whom the worker never hears
NAMED: Final = ("cn", "sn", "displayName")  # what a display name becomes by the default mapping
COSTS: Final = ("worker_cpu_ms_per_event", "slapd_cpu_ms_per_event", "directory_operations_per_event", "ms_per_event")
_NO_SCHEMA: Final = Subschema.parse((), ())
_SMALLEST_DATABASE: Final = 1 << 30
_BYTES_EACH: Final = 8_000  # of slapd's database, generously: its file is sparse
_QUIET_SHARE: Final = 0.05


class Scene:
    """A directory and topics of one size.

    Args:
        settings: of the installation.
        slapd: with nothing below the target.
        entries: how many there shall be.
    """

    def __init__(self, settings: Settings, slapd: Slapd, entries: int) -> None:
        self.settings, self.slapd = settings, slapd
        self.units = organizations(entries)
        self.accounts = entries - self.units
        yardstick = Yardstick.of(settings, _NO_SCHEMA)
        self._rules = yardstick.rules
        self._homes = range(0, self.units, max(1, self.units // HOMES))[:HOMES]
        self._company = Company(settings, yardstick, self.accounts, self.units)

    def fill(self, folder: Path) -> None:
        """Load slapd, and publish the states."""
        path = folder / "entries.ldif"
        with path.open("wb") as stream:
            for page in self._company.pages():
                stream.writelines(map(ldif, page))
        self.slapd.stop()
        self.slapd.load(path)
        self.slapd.start()
        path.unlink()
        messages = (Message(one.topic, one.key or b"", one.value) for one in self._company.messages())
        publish_all(self.settings, messages, lambda _: None)

    def settled(self, count: int, first: int) -> list[int]:
        """Numbers of so many accounts that are there."""
        each = self.accounts // self.units
        return [self._number(place, (first + place * each // count) % each) for place in range(count)]

    def newcomers(self, count: int, first: int) -> list[int]:
        """Numbers of so many accounts that are not there yet."""
        each = self.accounts // self.units
        return [self._number(place, each + 1 + place // len(self._homes)) for place in range(first, first + count)]

    def _number(self, place: int, turn: int) -> int:
        """Of an account that is number `turn` in its organization, where each organization has its turn."""
        return turn * self.units + self._homes[place % len(self._homes)]

    def account(self, number: int) -> Record:
        """In its organization."""
        return account(number, self.units)

    def entry(self, number: int) -> tuple[str, dict[str, tuple[bytes, ...]]]:
        """DN and attributes of an account."""
        home = organization(number % self.units)
        above = dn_of(self._rules[Kind.ORGANIZATION], home, self.settings.sync.target_dn)
        wanted = self._rules[Kind.ACCOUNT].wanted(self.account(number), None)
        change = creation(wanted, above.child(wanted.rdn), _NO_SCHEMA)
        return str(change.dn), dict(change.attributes)


def ldif(entry: FoundEntry) -> bytes:
    """An entry in LDIF (RFC 2849), every value in Base64."""
    attributes = {**entry.attributes, "entryUUID": (entry.entry_uuid.encode(),)}
    lines = [b"dn:: " + b64encode(str(entry.dn).encode())]
    lines += [name.encode() + b":: " + b64encode(value) for name, values in attributes.items() for value in values]
    return b"\n".join(lines) + b"\n\n"


class Rounds:
    """Measures rounds of the worker, and of raw writes.

    Args:
        scene: filled.
        worker: ready, and with nothing to do.
        connection: of the administrator.
        events: of one round.
    """

    def __init__(self, scene: Scene, worker: Worker, connection: Connection, events: int) -> None:
        self._scene, self._worker, self._connection = scene, worker, connection
        self._half = events // 2
        self._number = 0

    async def one(self) -> dict[str, float]:
        """What one round costs, each figure for one event or one raw write."""
        count = 2 * self._half
        events, writes = self._events(), self._writes()
        before = await completed(self._connection)
        by_worker = await self._cost(lambda: asyncio.to_thread(self._work, events))
        after = await completed(self._connection)
        raw = await self._cost(lambda: in_flight(writes))
        self._number += 1
        operations = sum(after.values()) - sum(before.values()) - len(OPERATIONS)
        return {
            "worker_cpu_ms_per_event": by_worker["worker"] / count,
            "slapd_cpu_ms_per_event": by_worker["slapd"] / count,
            "directory_operations_per_event": operations / count,
            "ms_per_event": by_worker["wall"] / count,
            "raw_slapd_cpu_ms_per_write": raw["slapd"] / count,
            "raw_ms_per_write": raw["wall"] / count,
        }

    async def _cost(self, act: Callable[[], Awaitable[None]]) -> dict[str, float]:
        """Milliseconds that something takes, and of CPU."""
        pids = {"worker": self._worker.child.pid, "slapd": self._scene.slapd.pid}
        before, began = {name: cpu_seconds(pid) for name, pid in pids.items()}, time.perf_counter()
        await act()
        wall = time.perf_counter() - began
        used = {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()}
        return {name: seconds * 1000 for name, seconds in {**used, "wall": wall}.items()}

    def _events(self) -> list[Message]:
        scene, half = self._scene, self._half
        creates, updates = scene.newcomers(half, half * self._number), scene.settled(half, self._number)
        changes = {"displayName": f"Mei {self._number}"}
        made = [event(scene.settings, EventType.ACCOUNT_CREATE, scene.account(number)) for number in creates]
        made += [event(scene.settings, EventType.ACCOUNT_UPDATE, scene.account(number), changes) for number in updates]
        return made

    def _work(self, events: list[Message]) -> None:
        settings = self._scene.settings
        with Cluster(settings) as cluster:

            def states() -> int:
                return sum(cluster.end_offsets((settings.topics.account_states,)).values())

            expected = states() + len(events)
            publish_all(settings, events, lambda _: None)
            self._worker.wait(lambda: states() >= expected, "a state of each event")

    def _writes(self) -> list[Callable[[], Awaitable[object]]]:
        """The same straight to slapd, of other accounts."""
        scene, half, connection = self._scene, self._half, self._connection
        creates, updates = (
            scene.newcomers(half, STRANGERS + half * self._number),
            scene.settled(half, -1 - self._number),
        )
        values = (b"Mei Raw %d" % self._number,)
        changes = [AttributeChange(ModifyOperation.REPLACE, name, values) for name in NAMED]
        adds: list[Callable[[], Awaitable[object]]] = [partial(connection.add, *scene.entry(one)) for one in creates]
        return [*adds, *(partial(connection.modify, scene.entry(one)[0], changes) for one in updates)]


async def in_flight(writes: list[Callable[[], Awaitable[object]]]) -> None:
    """Do all of them, so many at a time."""
    left = iter(writes)

    async def work() -> None:
        for write in left:
            await write()

    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))


async def measure(scene: Scene, worker: Worker, events: int, rounds: int) -> dict[str, float]:
    """The medians of the rounds; the first one, for which caches are cold, does not count."""
    connection = await administrator(scene.slapd)
    measured = Rounds(scene, worker, connection, events)
    await measured.one()
    found = [await measured.one() for _ in range(rounds)]
    await connection.close()
    return {name: round(median(one[name] for one in found), 4) for name in found[0]}


def of_size(entries: int, events: int, rounds: int) -> dict[str, float]:
    """All of it for one size."""
    options = SlapdOptions(global_lines=MONITOR, max_size=max(_SMALLEST_DATABASE, entries * _BYTES_EACH))
    with tempfile.TemporaryDirectory(prefix="ldapflow-growth-") as name, Kafka() as kafka, Slapd(options) as slapd:
        folder = Path(name)
        settings = install(folder, slapd, kafka, sync={"disabled_accounts": "keep"})
        scene = Scene(settings, slapd, entries)
        scene.fill(folder)
        began = time.perf_counter()
        with Worker(folder, "worker") as worker:
            worker.wait(lambda: worker.page("readyz")[0] == HTTPStatus.OK, "a worker that is ready")
            ready = time.perf_counter() - began
            worker.wait(lambda: is_quiet(worker.child.pid), "a worker without work")
            found = asyncio.run(measure(scene, worker, events, rounds))
    return {"entries": entries, "worker_ready_seconds": round(ready, 1), **found}


def is_quiet(pid: int) -> bool:
    """Whether a process has next to nothing to do, for a second."""
    before = cpu_seconds(pid)
    time.sleep(1)
    return cpu_seconds(pid) - before < _QUIET_SHARE


def grown(results: list[dict[str, float]]) -> dict[str, float]:
    """What the largest directory costs, as a multiple of the smallest."""
    return {f"{name}_ratio": round(results[-1][name] / results[0][name], 3) for name in COSTS}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help=f"default {SIZES}; at least {EVENTS}")
    parser.add_argument("--events", type=int, default=EVENTS, help=f"of a round; default {EVENTS}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"default {ROUNDS}")
    arguments = parser.parse_args()
    results = []
    for entries in sorted(arguments.sizes):
        results.append(of_size(entries, arguments.events, arguments.rounds))
        if not arguments.json:
            sys.stdout.write(table(results[-1]))
    if not arguments.json:
        sys.stdout.writelines(f"{name}: {value}\n" for name, value in grown(results).items())
        return
    document = {
        "benchmark": "growth",
        "machine": machine(),
        "events": arguments.events,
        "rounds": arguments.rounds,
        "results": results,
        **grown(results),
    }
    sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")


def table(found: dict[str, float]) -> str:
    """One size, for people."""
    return f"{found['entries']:,.0f} entries\n" + "".join(
        f"  {name:<34}{value:>10.3f}\n" for name, value in found.items() if name != "entries"
    )


if __name__ == "__main__":
    main()
