"""Verifications that find nothing, and dry runs that do."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from benchmarks.report.axis import shown
from benchmarks.report.charts import LineChart, Series, Target
from benchmarks.report.view import Goal, View

_HEADING: Final = (
    "entries",
    "`ldapflow verify`, s",
    "CPU of it, s",
    "most memory, MiB",
    "`ldapsearch`, s",
    "CPU of it, s",
    "times as long",
    "dry run with damage, s",
)
_COLUMNS: Final = (
    "entries",
    "verification_seconds",
    "verification_cpu_seconds",
    "verification_peak_mib",
    "ldapsearch_seconds",
    "ldapsearch_cpu_seconds",
    "ratio_to_ldapsearch",
    "dry_run_seconds",
)
_TIMES: Final = {"ldapflow verify": "verification_seconds", "ldapsearch": "ldapsearch_seconds"}
_RATIO: Final = 2
_MILLION: Final = 1_000_000
_MEMORY_MIB: Final = 1024


def verification(document: Mapping[str, Any]) -> View:
    """See `View`."""
    results = document["results"]

    def series(name: str, column: str) -> Series:
        return Series(name, tuple((one["entries"], one[column]) for one in results))

    times = tuple(series(name, column) for name, column in _TIMES.items())
    ratio, memory = series("ratio", "ratio_to_ldapsearch"), series("ldapflow verify", "verification_peak_mib")
    most, limit = Target(_RATIO, "target: at most twice as long"), Target(_MEMORY_MIB, "target for a million: 1 GiB")
    charts = {
        "verification": LineChart("A verification that finds nothing", "entries", "seconds", times, log_y=True),
        "verification-ratio": LineChart(
            "A verification, as a multiple of ldapsearch", "entries", "times as long", (ratio,), (most,), log_y=True
        ),
        "verification-memory": LineChart("Most memory of a verification", "entries", "MiB", (memory,), (limit,)),
    }
    rows = tuple(tuple(shown(one[column]) if column in one else "-" for column in _COLUMNS) for one in results)
    return View(_HEADING, rows, charts, tuple(_goals(results[-1])))


def _goals(largest: Mapping[str, Any]) -> Iterator[Goal]:
    count = f"{largest['entries']:,} entries"
    ratio = largest["ratio_to_ldapsearch"]
    yield Goal(
        f"a verification of {count}, beside `ldapsearch`",
        "at most twice as long",
        f"{shown(ratio)} times",
        ratio <= _RATIO,
    )
    writes = largest["directory_writes"]
    yield Goal("writes to LDAP of a verification that finds nothing", "none", shown(writes), writes == 0)
    if largest["entries"] >= _MILLION:
        most = largest["verification_peak_mib"]
        wanted = f"at most {_MEMORY_MIB:,} MiB"
        yield Goal(f"memory of a verification of {count}", wanted, f"{shown(most)} MiB", most <= _MEMORY_MIB)
