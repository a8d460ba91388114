"""Starting, and taking over from a worker that was killed."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from benchmarks.report.axis import shown
from benchmarks.report.charts import Bar, BarChart, Target
from benchmarks.report.view import Goal, View

_HEADING: Final = (
    "`state_store`",
    "ready after, s",
    "as a multiple of a bare read",
    "first events applied after, s",
    "CPU until then, s",
    "fail-over, s",
    "most memory, MiB",
    "memory afterwards, MiB",
)
_STEPS: Final = {"ready": "start_seconds", "first events": "first_events_seconds", "fail-over": "failover_seconds"}
_FAILOVER_SECONDS: Final = 60
_MEMORY_MIB: Final = 1024
_FRUGAL: Final = "rocksdb"


def recovery(document: Mapping[str, Any]) -> View:
    """See `View`."""
    stores, count = document["stores"], f"{document['states']:,} states"
    steps = tuple(
        (store, tuple(Bar(name, found[column]) for name, column in _STEPS.items())) for store, found in stores.items()
    )
    memory = tuple((store, (Bar("", _most_mib(found)),)) for store, found in stores.items())
    charts = {
        "recovery": BarChart(
            f"A worker with {count}", "seconds", steps, (Target(_FAILOVER_SECONDS, "target: fail-over within 60 s"),)
        ),
        "recovery-memory": BarChart(
            f"Most memory of a worker with {count}", "MiB", memory, (Target(_MEMORY_MIB, "target with rocksdb: 1 GiB"),)
        ),
    }
    return View(_HEADING, tuple(map(_row, stores.items())), charts, tuple(_goals(stores, count)))


def _row(item: tuple[str, Mapping[str, Any]]) -> tuple[str, ...]:
    store, found = item
    columns = ("start_seconds", "start_ratio", "first_events_seconds", "start_cpu_seconds", "failover_seconds")
    steady = max(found["steady_mib"], found["alone_steady_mib"])
    return store, *(shown(found[column]) for column in columns), shown(_most_mib(found)), shown(steady)


def _goals(stores: Mapping[str, Mapping[str, Any]], count: str) -> Iterator[Goal]:
    for store, found in stores.items():
        seconds = found["failover_seconds"]
        what = f"fail-over with {count}, `state_store: {store}`"
        yield Goal(what, f"within {_FAILOVER_SECONDS} s", f"{shown(seconds)} s", seconds <= _FAILOVER_SECONDS)
        if store == _FRUGAL:
            most = _most_mib(found)
            what = f"memory of a worker with {count}, `state_store: {store}`"
            yield Goal(what, f"at most {_MEMORY_MIB:,} MiB", f"{shown(most)} MiB", most <= _MEMORY_MIB)


def _most_mib(found: Mapping[str, Any]) -> float:
    """Of the worker that started first, and of the one that has taken over all partitions."""
    return float(max(found["peak_mib"], found["alone_peak_mib"]))
