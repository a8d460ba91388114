"""How the directory is, as a process sees it: for /readyz, the metrics and the log."""

from collections.abc import Iterable

import structlog
from prometheus_client import Counter, Histogram

from ldap_sink.upkeep import DirectoryState
from schemas.errors import Halting
from streams.metrics import Metrics

log = structlog.get_logger(__name__)


class DirectoryCondition:
    """Keeps what `Directory` reports; a change is told in the log once.

    Args:
        server: the directory's address, for the log.
        metrics: whose gauges of the directory are kept, and whose operations are counted.
    """

    def __init__(self, server: str, metrics: Metrics) -> None:
        self._server = server
        self._metrics = metrics
        self._state = DirectoryState(up=False)
        self._shown: set[str] = set()
        self._counted: dict[tuple[str, str], tuple[Counter, Histogram]] = {}

    @property
    def is_up(self) -> bool:
        """Whether the directory answers, and nothing is halted because of it."""
        return self._state.up

    def take(self, state: DirectoryState) -> None:
        """Take in that the directory's state is another one."""
        before, self._state = self._state, state
        self._metrics.directory_up.set(int(state.up))
        self.show_halts()
        problem = state.problem
        if (str(problem), state.up) == (str(before.problem), before.up):
            return
        if state.up:
            log.info("directory_up", server=self._server)
        elif isinstance(problem, Halting):
            log.error("halted", reason=problem.reason.value, detail=str(problem))
        else:
            log.warning("directory_down", server=self._server, detail=str(problem))

    def readiness(self) -> dict[str, str]:
        """Why the directory cannot be used; empty when it can."""
        if self._state.up:
            return {}
        problem = self._state.problem
        return {"halted" if isinstance(problem, Halting) else "ldap": str(problem or "connecting")}

    def show_halts(self, others: Iterable[str] = ()) -> None:
        """Set the gauge of everything that stops all work: the directory's reason, and those of others."""
        problem = self._state.problem
        halts = {*others, *([problem.reason.value] if isinstance(problem, Halting) else [])}
        self._shown |= halts
        for reason in self._shown:
            self._metrics.halted.labels(reason).set(int(reason in halts))

    def count(self, operation: str, result: str, seconds: float) -> None:
        """Count an operation on the directory; for `Directory`'s `observe`."""
        counted = self._counted.get((operation, result))
        if counted is None:
            metrics = self._metrics
            counted = (
                metrics.directory_operations.labels(operation, result),
                metrics.directory_operation_time.labels(operation),
            )
            self._counted[operation, result] = counted
        counter, time = counted
        counter.inc()
        time.observe(seconds)
