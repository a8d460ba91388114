"""The cost of an event in directories of different sizes."""

from collections.abc import Mapping
from typing import Any, Final

from benchmarks.report.axis import shown
from benchmarks.report.charts import LineChart, Series, Target
from benchmarks.report.view import Goal, View

_LIMIT: Final = 1.1
_HEADING: Final = (
    "entries",
    "CPU of the worker, ms an event",
    "operations an event",
    "CPU of slapd, ms an event",
    "ms an event",
    "raw writes: CPU of slapd, ms a write",
)
_COLUMNS: Final = (
    "entries",
    "worker_cpu_ms_per_event",
    "directory_operations_per_event",
    "slapd_cpu_ms_per_event",
    "ms_per_event",
    "raw_slapd_cpu_ms_per_write",
)
_LINES: Final = {
    "CPU of the worker": "worker_cpu_ms_per_event",
    "operations": "directory_operations_per_event",
    "CPU of slapd": "slapd_cpu_ms_per_event",
    "CPU of slapd for raw writes": "raw_slapd_cpu_ms_per_write",
}


def growth(document: Mapping[str, Any]) -> View:
    """See `View`."""
    results = document["results"]
    first, last = results[0], results[-1]
    series = tuple(
        Series(name, tuple((one["entries"], one[column] / first[column]) for one in results))
        for name, column in _LINES.items()
    )
    chart = LineChart(
        "What an event costs, by the size of the directory",
        "entries below the target",
        f"as a multiple of {shown(first['entries'])} entries",
        series,
        (Target(_LIMIT, "target: at most 1.1"),),
    )
    sizes = f"from {shown(first['entries'])} to {shown(last['entries'])} entries"
    goals = (
        _goal(document, f"time of an event, {sizes}", "ms_per_event_ratio"),
        _goal(document, f"CPU of the worker for an event, {sizes}", "worker_cpu_ms_per_event_ratio"),
        _goal(document, f"directory operations for an event, {sizes}", "directory_operations_per_event_ratio"),
    )
    rows = tuple(tuple(shown(one[column]) for column in _COLUMNS) for one in results)
    return View(_HEADING, rows, {"growth": chart}, goals)


def _goal(document: Mapping[str, Any], what: str, name: str) -> Goal:
    return Goal(what, "at most 1.1 times as much", f"{document[name]:.2f} times", document[name] <= _LIMIT)
