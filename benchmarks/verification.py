"""How long a verification takes that finds nothing to do, beside `ldapsearch` reading the same tree in the same run.

Run from the checkout: `python -m benchmarks.verification [--json] [--entries N ...] [--rounds N] [--drift PERCENT]`.
`ldapflow verify` runs in a process of its own, with its start, Kafka and the comparison in its time; both read the same
attributes, page by page. It must find every entry as it should be, write nothing to LDAP and ask nothing of the
workers, or there is no result. Then so many percent of the entries are damaged, and a dry run must report exactly that.

The target is half the speed of `ldapsearch` (`ratio_to_ldapsearch`, of durations, is 2 at most), in a gigabyte for a
million accounts.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import orjson

from benchmarks.company import Company
from benchmarks.damage import KINDS, Damage
from benchmarks.growth import ldif
from benchmarks.installation import PASSWORD_FILE, environment, install
from benchmarks.load import organizations
from benchmarks.machine import machine
from benchmarks.usage import MONITOR, administrator
from ldap_sink.subschema import Subschema
from streams.kafka import Cluster, Message, publish_all
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd, SlapdOptions
from streams.settings import Settings
from streams.verification.yardstick import Yardstick

ENTRIES: Final = (5_000, 50_000, 200_000)
ROUNDS: Final = 3
DRIFT: Final = 1.0
PAGE: Final = 1000  # as a verification asks
DIFFERS: Final = 3  # the exit code of a dry run that found something
NO_SCHEMA: Final = Subschema.parse((), ())
SMALLEST_DATABASE: Final = 1 << 30
BYTES_EACH: Final = 8_000  # of slapd's database, generously: its file is sparse
WRITES: Final = ("Add", "Modify", "Modrdn", "Delete", "Extended")
_SAMPLING_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class Measured:
    """What a process took.

    Attributes:
        seconds: from its start to its end.
        cpu_seconds: of itself, in user and system mode.
        peak_bytes: the most memory that was resident. Not `ru_maxrss`, which begins with what its parent had.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int


class Failed(Exception):
    """There is no result, for that reason."""


def measure(command: list[str], folder: Path, output: Path, environ: dict[str, str], expected: int = 0) -> Measured:
    """Run a process to its end, with that exit code; what it says goes to a file.

    Raises:
        Failed: it did not end well; with its last words.
    """
    peak, began, errors = 0, time.perf_counter(), output.with_suffix(".err")
    with output.open("wb") as stdout, errors.open("wb") as stderr:
        process = subprocess.Popen(command, cwd=folder, stdout=stdout, stderr=stderr, env=environ)  # noqa: S603 - our own
        while True:
            ended, code, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            peak = max(peak, resident_peak(process.pid))
            time.sleep(_SAMPLING_SECONDS)
    process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode != expected:
        words = errors.read_text().strip().rpartition("\n")[2]
        raise Failed(f"{command[0]} ended with {process.returncode}: {words}")
    return Measured(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, peak)


def resident_peak(pid: int) -> int:
    """The most bytes of memory that a process has had until now; 0 when it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    return 0


def fill(settings: Settings, slapd: Slapd, company: Company, folder: Path) -> None:
    """Load slapd, with the entryUUIDs that the states name, and publish the states."""
    path = folder / "entries.ldif"
    with path.open("wb") as stream:
        for page in company.pages():
            stream.writelines(map(ldif, page))
    slapd.stop()
    slapd.load(path)
    slapd.start()
    path.unlink()
    messages = (Message(message.topic, message.key or b"", message.value) for message in company.messages())
    publish_all(settings, messages, lambda _: None)


def bind(slapd: Slapd, folder: Path) -> tuple[str, ...]:
    """How ldap-utils get to the server as the administrator."""
    return ("-x", "-H", slapd.uri, "-D", slapd.admin_dn, "-y", str(folder / PASSWORD_FILE))


class Race:
    """Runs both, in turns."""

    def __init__(self, folder: Path, slapd: Slapd, settings: Settings, attributes: tuple[str, ...]) -> None:
        self._folder, self._slapd, self._settings = folder, slapd, settings
        self._attributes = attributes

    def verification(self, entries: int) -> Measured:
        """`ldapflow verify`, which must find as many entries, all of them as they should be."""
        measured, job = self._verify()
        counts = job["report"]["counts"]
        same = sum(of_kind.get("same", 0) for of_kind in counts.values())
        if (job["state"], same, job["report"]["differences"]) != ("done", entries, []):
            raise Failed(f"the verification is {job['state']} and found {counts}")
        return measured

    def dry_run(self, damage: Damage) -> Measured:
        """`ldapflow verify --dry-run`, which must find all of the damage, and nothing else."""
        measured, job = self._verify("--dry-run", expected=DIFFERS)
        counts = {state: count for state, count in job["report"]["counts"]["account"].items() if count}
        wrong = [one for one in job["report"]["differences"] if one["id"] not in damage.ids[one["state"]]]
        if counts != damage.found or wrong:
            raise Failed(f"the dry run found {counts} instead of {damage.found}, and {wrong[:3]}")
        return measured

    def _verify(self, *options: str, expected: int = 0) -> tuple[Measured, dict[str, Any]]:
        output = self._folder / "job.json"
        command = [sys.executable, "-m", "streams", "verify", "--json", *options]
        measured = measure(command, self._folder, output, environment(), expected)
        job: dict[str, Any] = orjson.loads(output.read_bytes())
        return measured, job

    def ldapsearch(self, entries: int) -> Measured:
        """The same attributes of the same entries."""
        output = self._folder / "tree.ldif"
        paged = ("-LLL", "-o", "ldif-wrap=no", "-E", f"pr={PAGE}/noprompt", "-b", self._slapd.target_dn)
        command = ["ldapsearch", *bind(self._slapd, self._folder), *paged, "(objectClass=*)", *self._attributes]
        measured = measure(command, self._folder, output, {**os.environ, "LDAPNOINIT": "1"})
        with output.open("rb") as stream:
            found = sum(line.startswith(b"dn:") for line in stream) - 1  # the target
        if found != entries:
            raise Failed(f"ldapsearch found {found} entries")
        return measured

    def writes(self) -> int:
        """How many operations that write slapd has completed, whoever asked for them (slapd-monitor(5))."""
        return asyncio.run(completed_writes(self._slapd))

    def events(self) -> int:
        """How many messages lie on the input topics; what a verification asks of the workers comes there."""
        topics = self._settings.topics
        with Cluster(self._settings) as cluster:
            return sum(cluster.end_offsets((topics.organization_events, topics.account_events)).values())


async def completed_writes(slapd: Slapd) -> int:
    """Read the server's own counters."""
    connection = await administrator(slapd)
    total = 0
    for operation in WRITES:
        entry = await connection.read(f"cn={operation},cn=Operations,cn=Monitor", ["monitorOpCompleted"])
        if entry is None:
            raise Failed(f"slapd does not count {operation}")
        total += int(entry.attributes["monitorOpCompleted"][0])
    await connection.close()
    return total


def compare(folder: Path, slapd: Slapd, settings: Settings, company: Company, rounds: int) -> dict[str, Any]:
    """Measure both, in turns, while nothing differs."""
    entries = company.accounts + company.organizations
    race = Race(folder, slapd, settings, (*Yardstick.of(settings, NO_SCHEMA).attributes, "entryUUID"))
    race.ldapsearch(entries)  # warms slapd up
    writes, events = race.writes(), race.events()
    searches, verifications = [], []
    for _ in range(rounds):
        verifications.append(race.verification(entries))
        searches.append(race.ldapsearch(entries))
    found = {
        "entries": entries,
        **figures("verification", verifications),
        **figures("ldapsearch", searches),
        "ratio_to_ldapsearch": ratio(verifications, searches),
        "directory_writes": race.writes() - writes,
        "redrives": race.events() - events,
    }
    if found["directory_writes"] or found["redrives"]:
        raise Failed(f"it wrote something: {found}")
    return found


def compare_damaged(folder: Path, slapd: Slapd, settings: Settings, company: Company, percent: float) -> dict[str, Any]:
    """Damage so many percent, and measure a dry run."""
    count = max(1, round(company.accounts * percent / 100 / len(KINDS)))
    damage = Damage(company, count)

    async def inflict() -> None:
        connection = await administrator(slapd)
        await damage.inflict(connection)
        await connection.close()

    asyncio.run(inflict())
    measured = Race(folder, slapd, settings, ()).dry_run(damage)
    return {"damaged": count * len(KINDS), **figures("dry_run", [measured])}


def figures(what: str, measured: list[Measured]) -> dict[str, float]:
    """Medians, and the highest peak."""
    return {
        f"{what}_seconds": round(median(one.seconds for one in measured), 3),
        f"{what}_cpu_seconds": round(median(one.cpu_seconds for one in measured), 3),
        f"{what}_peak_mib": round(max(one.peak_bytes for one in measured) / (1 << 20)),
    }


def ratio(ours: list[Measured], theirs: list[Measured]) -> float:
    """Of the medians of durations."""
    return round(median(one.seconds for one in ours) / median(one.seconds for one in theirs), 2)


def of_size(entries: int, rounds: int, percent: float) -> dict[str, Any]:
    """All of it for one size, on servers of its own."""
    options = SlapdOptions(global_lines=MONITOR, max_size=max(SMALLEST_DATABASE, entries * BYTES_EACH))
    with (
        tempfile.TemporaryDirectory(prefix="ldapflow-verification-") as name,
        Kafka() as kafka,
        Slapd(options) as slapd,
    ):
        folder = Path(name)
        settings = install(folder, slapd, kafka, sync={"disabled_accounts": "keep"})
        units = organizations(entries)
        company = Company(settings, Yardstick.of(settings, NO_SCHEMA), entries - units, units)
        fill(settings, slapd, company, folder)
        found = compare(folder, slapd, settings, company, rounds)
        if percent:
            found.update(compare_damaged(folder, slapd, settings, company, percent))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--entries", type=int, nargs="+", default=list(ENTRIES), help="one measurement for each size")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"the medians of so many; default {ROUNDS}")
    parser.add_argument("--drift", type=float, default=DRIFT, help=f"percent that are damaged; default {DRIFT}")
    arguments = parser.parse_args()
    results = []
    for entries in arguments.entries:
        results.append(of_size(entries, arguments.rounds, arguments.drift))
        if not arguments.json:
            sys.stdout.write("".join(f"{name:<26}{value:>12,}\n" for name, value in results[-1].items()) + "\n")
    if arguments.json:
        document = {
            "benchmark": "verification",
            "machine": machine(),
            "rounds": arguments.rounds,
            "drift_percent": arguments.drift,
            "results": results,
        }
        sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")


if __name__ == "__main__":
    main()
