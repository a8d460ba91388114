"""A large release: how long the event loop is busy without a pause."""

from collections.abc import Mapping
from typing import Any, Final

from benchmarks.report.axis import shown
from benchmarks.report.charts import Bar, BarChart, Target
from benchmarks.report.view import Goal, View

_HEADING: Final = ("", "takes, s", "longest turn of the event loop, ms")


def release(document: Mapping[str, Any]) -> View:
    """See `View`."""
    results, heartbeat = document["results"], document["heartbeat_seconds"] * 1000
    groups = tuple((one["what"], (Bar("", one["longest_turn_ms"]),)) for one in results)
    title = f"Longest turn of the event loop, {document['accounts']:,} accounts"
    target = Target(heartbeat, f"a heartbeat: {heartbeat:,.0f} ms")
    chart = BarChart(title, "milliseconds", groups, (target,))
    longest = max(one["longest_turn_ms"] for one in results)
    goal = Goal(
        f"longest turn of the event loop when {document['accounts']:,} accounts are released",
        f"less than a heartbeat ({heartbeat:,.0f} ms)",
        f"{longest:,.0f} ms",
        longest < heartbeat,
    )
    rows = [(one["what"], shown(one["seconds"]), shown(one["longest_turn_ms"])) for one in results]
    rows += [
        (f"an account that is {status} needs {document[f'{status}_account_bytes']:,} bytes", "", "")
        for status in ("waiting", "applied")
    ]
    return View(_HEADING, tuple(rows), {"release": chart}, (goal,))
