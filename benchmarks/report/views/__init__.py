"""How the result of each benchmark is shown: one module for each, named after it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from benchmarks.report.view import View
from benchmarks.report.views.growth import growth
from benchmarks.report.views.ingest import ingest
from benchmarks.report.views.latency import latency
from benchmarks.report.views.logins import logins
from benchmarks.report.views.protocol import protocol
from benchmarks.report.views.recovery import recovery
from benchmarks.report.views.release import release
from benchmarks.report.views.verification import verification

VIEWS: Final[Mapping[str, Callable[[Mapping[str, Any]], View]]] = {
    "verification": verification,
    "ingest": ingest,
    "latency": latency,
    "recovery": recovery,
    "growth": growth,
    "protocol": protocol,
    "logins": logins,
    "release": release,
}
"""By the name of the benchmark, in the order of the page."""
