"""How long an event takes to LDAP."""

from collections.abc import Mapping
from typing import Any, Final

from benchmarks.report.axis import shown
from benchmarks.report.charts import LineChart, Series, Target
from benchmarks.report.view import Goal, View

_HEADING: Final = (
    "",
    "written: half within, ms",
    "99 % within, ms",
    "99.9 % within, ms",
    "recorded: half within, ms",
    "99 % within, ms",
    "99.9 % within, ms",
)
_SHARES: Final = ("p50", "p99", "p99_9")
_LINES: Final = {
    "99.9 % recorded within": "recorded_p99_9_milliseconds",
    "99 % recorded within": "recorded_p99_milliseconds",
    "99 % written within": "written_p99_milliseconds",
    "half recorded within": "recorded_p50_milliseconds",
}
_RATE: Final = 100
_LIMIT: Final = 25


def latency(document: Mapping[str, Any]) -> View:
    """See `View`."""
    results = document["results"]
    durable = "durable" if document["durable"] else "not durable"
    series = (
        Series(name, tuple((one["events_per_second"], one[column]) for one in results if one[column] is not None))
        for name, column in _LINES.items()
    )
    chart = LineChart(
        f"From the event to LDAP, slapd {durable}",
        "events/s",
        "milliseconds",
        tuple(one for one in series if one.points),
        (Target(_LIMIT, f"target at {_RATE} events/s: 99 % within {_LIMIT} ms"),),
        log_y=True,
    )
    rows = [
        (f"{one['events_per_second']} events/s", *_cells(one, "written"), *_cells(one, "recorded")) for one in results
    ]
    rows += [
        (f"one {what} after the other", "", "", "", *_cells(document, name))
        for name, what in {"add": "Add", "kafka": "message through Kafka"}.items()
    ]
    # An event is in LDAP before it is recorded, and soon after what is counted as written.
    goals = tuple(
        Goal(
            f"from the event to its record, {_RATE} events/s, slapd {durable}",
            f"99 % within {_LIMIT} ms",
            f"{shown(one['recorded_p99_milliseconds'])} ms",
            one["recorded_p99_milliseconds"] <= _LIMIT,
        )
        for one in results
        if one["events_per_second"] == _RATE
    )
    return View(_HEADING, tuple(rows), {"latency": chart}, goals)


def _cells(found: Mapping[str, Any], what: str) -> tuple[str, ...]:
    values = [found[f"{what}_{share}_milliseconds"] for share in _SHARES]
    return tuple("-" if value is None else shown(value) for value in values)
