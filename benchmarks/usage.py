"""What a benchmark reads of the servers while it runs: processor time of processes, and operations of slapd."""

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from ldap_sink.protocol.connection import Connection
from streams.sandbox.slapd import Slapd

OPERATIONS: Final = ("Add", "Modify", "Modrdn", "Delete", "Search")
MONITOR: Final = ("database monitor",)
"""Lines of slapd's configuration: it counts its operations (slapd-monitor(5))."""

_OF_PROCESS: Final = 2  # CPUCLOCK_SCHED of the kernel: what glibc makes a process's clock of
_SAMPLING_SECONDS: Final = 0.05


def cpu_seconds(pid: int) -> float:
    """What a process and its threads have used until now, in user and system mode; 0 when it has ended.

    By the clock of the process (clock_getcpuclockid(3)): /proc/PID/stat counts hundredths of a second.
    """
    with suppress(OSError):
        return time.clock_gettime(~pid << 3 | _OF_PROCESS)
    return 0.0


class Usage:
    """Samples how much processor time processes have used, so that it can be told of any stretch of time afterwards.

    Used as `with`.

    Args:
        processes: process id by name.
    """

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._processes = dict(processes)
        self._samples: list[tuple[float, dict[str, float]]] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()

    def between(self, begin: float, end: float) -> dict[str, float]:
        """CPU seconds of each process from one time to another (Unix time)."""
        first, last = self._at(begin), self._at(end)
        return {name: round(last[name] - first[name], 2) for name in self._processes}

    def _at(self, moment: float) -> dict[str, float]:
        """The sample next to a moment."""
        return min(self._samples, key=lambda sample: abs(sample[0] - moment))[1]

    def _sample(self) -> None:
        while True:
            self._samples.append((time.time(), {name: cpu_seconds(pid) for name, pid in self._processes.items()}))
            if self._ending.wait(_SAMPLING_SECONDS):
                self._samples.append((time.time(), {name: cpu_seconds(pid) for name, pid in self._processes.items()}))
                return


async def administrator(slapd: Slapd) -> Connection:
    """A connection of the rootdn."""
    connection = await Connection.open(slapd.host, slapd.port)
    await connection.bind(slapd.admin_dn, slapd.admin_password.encode())
    return connection


async def completed(connection: Connection) -> dict[str, int]:
    """How many operations slapd has completed, by their names; the reads of its counters are among the searches."""
    counts = {}
    for operation in OPERATIONS:
        entry = await connection.read(f"cn={operation},cn=Operations,cn=Monitor", ["monitorOpCompleted"])
        if entry is None:
            raise LookupError(f"slapd does not count {operation}: its configuration lacks {MONITOR[0]!r}")
        counts[operation] = int(entry.attributes["monitorOpCompleted"][0])
    return counts


async def change_times(connection: Connection, base: str) -> dict[str, float]:
    """When each entry below a base was changed last (Unix time), by its DN: its entryCSN has microseconds.

    slapd makes the CSN when it begins a write, before it commits.
    """
    found = {}
    async for page in connection.pages(base, "(objectClass=*)", ["entryCSN"]):
        found.update({entry.dn: csn_time(entry.attributes["entryCSN"][0]) for entry in page if entry.dn != base})
    return found


def csn_time(csn: bytes) -> float:
    """The Unix time in an entryCSN (`YYYYmmddHHMMSS.ffffffZ#…`)."""
    text = csn.partition(b"#")[0].decode()
    return datetime.strptime(text, "%Y%m%d%H%M%S.%fZ").replace(tzinfo=UTC).timestamp()
