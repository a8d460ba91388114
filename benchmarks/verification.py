"""How long a verification takes that finds nothing to do, beside `ldapsearch` reading the same tree in the same run.

Run from the checkout: `python -m benchmarks.verification [--json] [--entries N] [--rounds N]`. `ldapflow verify` runs
in a process of its own, with its start, Kafka and the comparison in its time; both read the same attributes, page by
page. It must find every entry as it should be, write nothing to LDAP and ask nothing of the workers, or there is no
result.
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

from benchmarks.company import ORGANIZATIONS, Company
from benchmarks.installation import PASSWORD_FILE, environment, install
from ldap_sink.protocol.connection import Connection
from ldap_sink.protocol.controls import Control
from ldap_sink.reading import asked
from ldap_sink.subschema import Subschema
from schemas.entries import FoundEntry
from streams.kafka import Cluster, Message, publish_all
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd, SlapdOptions
from streams.settings import Settings
from streams.verification.yardstick import Yardstick

ENTRIES: Final = 50_000
ROUNDS: Final = 3
PAGE: Final = 1000  # as a verification asks
RELAX: Final = Control("1.3.6.1.4.1.4203.666.5.12", critical=True)  # lets the rootdn choose an entryUUID
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


def measure(command: list[str], folder: Path, output: Path, environ: dict[str, str]) -> Measured:
    """Run a process to its end; what it says goes to a file.

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
    if process.returncode:
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


async def fill(slapd: Slapd, company: Company) -> None:
    """Add all entries, with the entryUUIDs that the states name."""
    connection = await Connection.open(slapd.host, slapd.port)
    await connection.bind(slapd.admin_dn, slapd.admin_password.encode())
    for page in company.pages():  # organizations come in pages of their own: no child overtakes its parent
        await asyncio.gather(*(add(connection, entry) for entry in page))
    await connection.close()


async def add(connection: Connection, entry: FoundEntry) -> None:
    """Add one entry."""
    attributes = {**entry.attributes, "entryUUID": (entry.entry_uuid.encode(),)}
    await connection.add(str(entry.dn), attributes, [RELAX])


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
        output = self._folder / "job.json"
        command = [sys.executable, "-m", "streams.cli.main", "verify", "--json"]
        measured = measure(command, self._folder, output, environment())
        job: dict[str, Any] = orjson.loads(output.read_bytes())
        counts = job["report"]["counts"]
        same = sum(of_kind.get("same", 0) for of_kind in counts.values())
        if (job["state"], same, job["report"]["differences"]) != ("done", entries, []):
            raise Failed(f"the verification is {job['state']} and found {counts}")
        return measured

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
    connection = await Connection.open(slapd.host, slapd.port)
    await connection.bind(slapd.admin_dn, slapd.admin_password.encode())
    total = 0
    for operation in WRITES:
        entry = await connection.read(f"cn={operation},cn=Operations,cn=Monitor", ["monitorOpCompleted"])
        if entry is None:
            raise Failed(f"slapd does not count {operation}")
        total += int(entry.attributes["monitorOpCompleted"][0])
    await connection.close()
    return total


def compare(folder: Path, slapd: Slapd, kafka: Kafka, entries: int, rounds: int) -> dict[str, Any]:
    """Make the company, and measure."""
    settings = install(folder, slapd, kafka, sync={"disabled_accounts": "keep"})
    yardstick = Yardstick.of(settings, Subschema.parse((), ()))
    company = Company(settings, yardstick, entries - ORGANIZATIONS)
    asyncio.run(fill(slapd, company))
    messages = (Message(message.topic, message.key or b"", message.value) for message in company.messages())
    publish_all(settings, messages, lambda _: None)
    race = Race(folder, slapd, settings, asked(yardstick.attributes))
    race.ldapsearch(entries)  # warms slapd up
    writes, events = race.writes(), race.events()
    searches, verifications = [], []
    for _ in range(rounds):
        verifications.append(race.verification(entries))
        searches.append(race.ldapsearch(entries))
    seconds, search_seconds = (median(one.seconds for one in measured) for measured in (verifications, searches))
    return {
        "cores": os.cpu_count(),
        "entries": entries,
        "rounds": rounds,
        "verification": {
            "seconds": seconds,
            "cpu_seconds": median(one.cpu_seconds for one in verifications),
            "peak_mib": max(one.peak_bytes for one in verifications) / (1 << 20),
        },
        "ldapsearch": {"seconds": search_seconds, "cpu_seconds": median(one.cpu_seconds for one in searches)},
        "ratio": seconds / search_seconds,
        "directory_writes": race.writes() - writes,
        "redrives": race.events() - events,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--entries", type=int, default=ENTRIES, help=f"more than {ORGANIZATIONS}; default {ENTRIES}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"the medians of so many; default {ROUNDS}")
    arguments = parser.parse_args()
    options = SlapdOptions(global_lines=("database monitor",))
    with (
        tempfile.TemporaryDirectory(prefix="ldapflow-verification-") as name,
        Kafka() as kafka,
        Slapd(options) as slapd,
    ):
        found = compare(Path(name), slapd, kafka, arguments.entries, arguments.rounds)
    if found["directory_writes"] or found["redrives"]:
        raise Failed(f"it wrote something: {found}")
    if arguments.json:
        sys.stdout.write(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    for what in ("verification", "ldapsearch"):
        sys.stdout.write(f"{what:<14}{found[what]['seconds']:>8.2f} s{found[what]['cpu_seconds']:>8.2f} s of CPU\n")
    sys.stdout.write(f"ratio{found['ratio']:>17.2f}\npeak{found['verification']['peak_mib']:>18.0f} MiB\n")


if __name__ == "__main__":
    main()
