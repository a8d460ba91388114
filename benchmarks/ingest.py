"""How fast workers bring a company into an empty directory, beside a load generator and `ldapadd` on the same slapd.

Run from the checkout: `python -m benchmarks.ingest [--json] [--accounts N] [--workers N ...] [--durability WORD ...]`.

All events lie on Kafka and all workers share the partitions before the first write: writing is paused until then. Time
runs from the first entry to the last one, by their entryCSN. Below two other nodes of the same slapd the same entries
are made by a generator that only adds (our own LDAP connection, 32 requests in flight, organizations first) and by
`ldapadd`, which waits for each reply. The worker reads before it writes; its operations are counted by slapd.

A durable slapd syncs every write to its disk.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from subprocess import run
from typing import Any, Final

import orjson

from benchmarks.company import account, organization
from benchmarks.installation import PASSWORD_FILE, install
from benchmarks.load import PATIENCE_SECONDS, Worker, creations, organizations
from benchmarks.machine import machine
from benchmarks.usage import MONITOR, Usage, administrator, change_times, completed
from ldap_sink.diffing import creation
from ldap_sink.protocol.connection import Connection
from ldap_sink.reading import read_subschema
from ldap_sink.subschema import Subschema
from schemas.control import Decision, Pause, Resume
from schemas.dn import DN
from schemas.entries import Add
from schemas.events import Record
from streams.control import decide
from streams.kafka import Publisher, publish_all
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd, SlapdOptions
from streams.settings import Settings
from streams.verification.yardstick import Yardstick

ACCOUNTS: Final = 20_000
IN_FLIGHT: Final = 32
GENERATOR: Final = "ou=generator,dc=example,dc=com"
LDAPADD: Final = "ou=ldapadd,dc=example,dc=com"
DURABLE: Final = {"durable": True, "volatile": False}
_NODE: Final = "dn: ou={0},dc=example,dc=com\nobjectClass: organizationalUnit\nou: {0}\n\n"
_POLL_SECONDS: Final = 0.2


class Entries:
    """The company as entries below any node.

    Args:
        rules: as the worker has them.
        subschema: of the server.
        accounts: how many.
    """

    def __init__(self, yardstick: Yardstick, subschema: Subschema, accounts: int) -> None:
        self._rules, self._subschema, self._accounts = yardstick.rules, subschema, accounts

    def organizations(self, base: str) -> Iterator[Add]:
        """Of the organizations, right below the base."""
        return (self._add(organization(n), DN.parse(base)) for n in range(organizations(self._accounts)))

    def accounts(self, base: str) -> Iterator[Add]:
        """Of the accounts, below their organizations."""
        parents = [change.dn for change in self.organizations(base)]
        units = len(parents)
        return (self._add(account(n, units), parents[n % units]) for n in range(self._accounts))

    def _add(self, record: Record, parent: DN) -> Add:
        wanted = self._rules[record.kind].wanted(record, None)
        return creation(wanted, parent.child(wanted.rdn), self._subschema)


async def generate(connection: Connection, entries: Entries) -> None:
    """Add all entries, so many at a time."""
    for changes in (entries.organizations(GENERATOR), entries.accounts(GENERATOR)):
        prepared = iter([(str(change.dn), change.attributes) for change in changes])

        async def work(source: Iterator[tuple[str, Any]] = prepared) -> None:
            for dn, attributes in source:
                await connection.add(dn, attributes)

        await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))


def ldif(entries: Entries, path: Path) -> None:
    """Write all entries as LDIF (RFC 2849)."""
    with path.open("w") as stream:
        for change in (*entries.organizations(LDAPADD), *entries.accounts(LDAPADD)):
            stream.write(f"dn: {change.dn}\n")
            stream.writelines(
                f"{name}: {value.decode()}\n" for name, values in change.attributes.items() for value in values
            )
            stream.write("\n")


def ldapadd(slapd: Slapd, folder: Path, path: Path) -> None:
    """Add all entries by OpenLDAP's own tool."""
    login = ("-x", "-H", slapd.uri, "-D", slapd.admin_dn, "-y", str(folder / PASSWORD_FILE))
    run(  # noqa: S603 - our own
        ["/usr/bin/ldapadd", *login, "-f", str(path)], check=True, capture_output=True, env={"LDAPNOINIT": "1"}
    )


class Measured:
    """The entries below a node, once they are all there."""

    def __init__(self, times: dict[str, float], expected: int) -> None:
        if len(times) != expected:
            raise AssertionError(f"there are {len(times)} entries instead of {expected}")
        self.begin, self.end = min(times.values()), max(times.values())
        self.seconds = self.end - self.begin
        self.entries = len(times)

    def figures(self, operations: int, usage: dict[str, float]) -> dict[str, Any]:
        """For the result."""
        return {
            "seconds": round(self.seconds, 2),
            "entries_per_second": round(self.entries / self.seconds),
            "operations_per_second": round(operations / self.seconds),
            "operations_per_entry": round(operations / self.entries, 2),
            **{f"{name}_cpu_seconds": seconds for name, seconds in usage.items()},
        }


class Ingest:
    """One measurement: so many workers, on a slapd of one sort."""

    def __init__(self, folder: Path, accounts: int, workers: int, *, durable: bool) -> None:
        self._folder, self._accounts, self._workers = folder, accounts, workers
        self._expected = accounts + organizations(accounts)
        nodes = "".join(_NODE.format(name) for name in ("generator", "ldapadd"))
        self._options = SlapdOptions(durable=durable, entries=nodes, global_lines=MONITOR)

    def result(self) -> dict[str, Any]:
        """Measure."""
        with Kafka() as kafka, Slapd(self._options) as slapd:
            settings = install(self._folder, slapd, kafka, sync={"disabled_accounts": "keep"})
            return asyncio.run(self._measure(settings, kafka, slapd))

    async def _measure(self, settings: Settings, kafka: Kafka, slapd: Slapd) -> dict[str, Any]:
        async with self._session(slapd) as connection:
            subschema = await read_subschema(connection, DN.parse(slapd.target_dn))
            entries = Entries(Yardstick.of(settings, subschema), subschema, self._accounts)
            product = await self._work(settings, kafka, slapd, connection)
            generator = await self._generate(slapd, connection, entries)
            tool = await self._ldapadd(slapd, connection, entries)
        return {
            "durable": self._options.durable,
            "workers": self._workers,
            "worker": product,
            "generator": generator,
            "ldapadd": tool,
            "ratio_operations": round(product["operations_per_second"] / generator["operations_per_second"], 3),
            "ratio_entries": round(product["entries_per_second"] / generator["entries_per_second"], 3),
            "ratio_entries_to_ldapadd": round(product["entries_per_second"] / tool["entries_per_second"], 3),
        }

    @asynccontextmanager
    async def _session(self, slapd: Slapd) -> AsyncIterator[Connection]:
        connection = await administrator(slapd)
        yield connection
        await connection.close()

    async def _work(self, settings: Settings, kafka: Kafka, slapd: Slapd, connection: Connection) -> dict[str, Any]:
        await say(settings, Pause())
        await asyncio.to_thread(publish_all, settings, creations(settings, self._accounts), lambda _: None)
        with ExitStack() as stack:
            workers = [stack.enter_context(Worker(self._folder, f"worker-{n}")) for n in range(self._workers)]
            await asyncio.to_thread(self._await_shares, workers, settings.kafka.account_partitions + 1)
            before = await completed(connection)
            processes = {f"worker_{n}": worker.child.pid for n, worker in enumerate(workers)}
            with Usage({**processes, "slapd": slapd.pid, "kafka": kafka.pid}) as usage:
                await say(settings, Resume())
                polls = await self._await_entries(connection, before["Add"] + self._expected, workers)
                after = await completed(connection)
            measured = Measured(await change_times(connection, slapd.target_dn), self._expected)
            operations = sum(after.values()) - sum(before.values()) - polls - len(after)
            waited = sum(
                worker.metric("ldapflow_events_total").get('kind="account",outcome="waiting"', 0) for worker in workers
            )
        figures = measured.figures(operations, usage.between(measured.begin, measured.end))
        return {**figures, "accounts_that_came_before_their_organization": round(waited)}

    def _await_shares(self, workers: list[Worker], partitions: int) -> None:
        """Wait until the partitions are shared out, about evenly."""
        least = partitions // len(workers) - 1
        for worker in workers:
            worker.wait(lambda each=worker: each.partitions >= least, "a worker with its partitions")  # type: ignore[misc]

        def is_shared() -> bool:
            shares = [worker.partitions for worker in workers]
            return sum(shares) == partitions and min(shares) >= least

        workers[0].wait(is_shared, "workers that share the partitions")

    async def _await_entries(self, connection: Connection, adds: int, workers: list[Worker]) -> int:
        """Wait until slapd has added so many; returns how often it was asked."""
        polls, deadline = 0, time.monotonic() + PATIENCE_SECONDS
        while True:
            polls += 1
            entry = await connection.read("cn=Add,cn=Operations,cn=Monitor", ["monitorOpCompleted"])
            if entry is not None and int(entry.attributes["monitorOpCompleted"][0]) >= adds:
                return polls
            for worker in workers:
                worker.require_running()
            if time.monotonic() > deadline:
                raise TimeoutError("the entries are not all there")
            await asyncio.sleep(_POLL_SECONDS)

    async def _generate(self, slapd: Slapd, connection: Connection, entries: Entries) -> dict[str, Any]:
        own = time.process_time()
        with Usage({"slapd": slapd.pid}) as usage:
            await generate(connection, entries)
        own = time.process_time() - own
        measured = Measured(await change_times(connection, GENERATOR), self._expected)
        figures = measured.figures(self._expected, usage.between(measured.begin, measured.end))
        return {**figures, "generator_cpu_seconds": round(own, 2)}

    async def _ldapadd(self, slapd: Slapd, connection: Connection, entries: Entries) -> dict[str, Any]:
        path = self._folder / "entries.ldif"
        ldif(entries, path)
        with Usage({"slapd": slapd.pid}) as usage:
            await asyncio.to_thread(ldapadd, slapd, self._folder, path)
        measured = Measured(await change_times(connection, LDAPADD), self._expected)
        return measured.figures(self._expected, usage.between(measured.begin, measured.end))


async def say(settings: Settings, decision: Decision) -> None:
    """Tell all workers."""
    async with Publisher(settings) as publisher:
        await decide(publisher, settings, decision)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--accounts", type=int, default=ACCOUNTS, help=f"default {ACCOUNTS}")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="one measurement for each number")
    parser.add_argument("--durability", nargs="+", choices=DURABLE, default=list(DURABLE), help="one for each word")
    arguments = parser.parse_args()
    results = []
    for durability in arguments.durability:
        for workers in arguments.workers:
            with tempfile.TemporaryDirectory(prefix="ldapflow-ingest-") as name:
                found = Ingest(Path(name), arguments.accounts, workers, durable=DURABLE[durability]).result()
            results.append(found)
            if not arguments.json:
                sys.stdout.write(table(found))
    if arguments.json:
        document = {"benchmark": "ingest", "machine": machine(), "accounts": arguments.accounts, "results": results}
        sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")


def table(found: dict[str, Any]) -> str:
    """One measurement, for people."""
    lines = [f"{found['workers']} worker(s), {'durable' if found['durable'] else 'not durable'}"]
    for what in ("worker", "generator", "ldapadd"):
        figures = found[what]
        cpu = ", ".join(f"{key.removesuffix('_cpu_seconds')} {value}" for key, value in figures.items() if "cpu" in key)
        lines.append(
            f"  {what:<10}{figures['seconds']:>8.2f} s{figures['entries_per_second']:>7} entries/s"
            f"{figures['operations_per_second']:>7} operations/s; CPU seconds: {cpu}"
        )
    lines.append(f"  operations as of the generator: {found['ratio_operations']}, entries: {found['ratio_entries']}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
