"""The LDAP connection beside ldap3."""

from collections.abc import Mapping
from typing import Any, Final

from benchmarks.report.axis import shown
from benchmarks.report.charts import Bar, BarChart
from benchmarks.report.view import View

_HEADING: Final = ("", "a second", "CPU of the client, µs each", "ldap3, a second", "ldap3, CPU, µs each")
_WHAT: Final = {"adds": "adds", "paged_read": "entries of a paged read"}
_COLUMNS: Final = ("per_second", "cpu_us_each", "ldap3_per_second", "ldap3_cpu_us_each")


def protocol(document: Mapping[str, Any]) -> View:
    """See `View`."""
    groups = tuple(
        (words, (Bar("ldapflow", document[name]["cpu_us_each"]), Bar("ldap3", document[name]["ldap3_cpu_us_each"])))
        for name, words in _WHAT.items()
    )
    chart = BarChart("Processor time of the LDAP client", "microseconds each", groups)
    rows = tuple((words, *(shown(document[name][column]) for column in _COLUMNS)) for name, words in _WHAT.items())
    return View(_HEADING, rows, {"protocol": chart})
