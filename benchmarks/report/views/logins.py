"""Delegated authentication beside raw binds."""

from collections.abc import Mapping
from typing import Any, Final

from benchmarks.report.axis import shown
from benchmarks.report.charts import Bar, BarChart
from benchmarks.report.view import View

_HEADING: Final = ("", "a second", "half of them within, ms", "99 % within, ms")
_WHAT: Final = {"logins": "logins over HTTP", "raw_binds": "simple binds"}
_COLUMNS: Final = ("per_second", "p50_ms", "p99_ms")


def logins(document: Mapping[str, Any]) -> View:
    """See `View`."""
    groups = tuple((words, (Bar("", document[name]["per_second"]),)) for name, words in _WHAT.items())
    title = f"Logins, {document['at_once']} at a time, one process"
    rows = tuple((words, *(shown(document[name][column]) for column in _COLUMNS)) for name, words in _WHAT.items())
    return View(_HEADING, rows, {"logins": BarChart(title, "a second", groups)})
