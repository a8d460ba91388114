"""How the service is: what /readyz, the metrics and the log say of it."""

from collections.abc import Mapping

import structlog

from ldap_sink.upkeep import DirectoryState
from schemas.errors import Halting
from streams.authentication.bearer import BearerToken
from streams.metrics import Metrics

log = structlog.get_logger(__name__)


class Condition:
    """Gathers what the parts report.

    Args:
        server: the directory's address, for the log.
        token: whose file may be unreadable.
        metrics: whose gauges of the directory are kept.

    Attributes:
        is_loaded: the states of the accounts were read to the end that their topic had at the start. Kafka is not
            needed any more then: what is known stays, and who was disabled before stays outside.
    """

    def __init__(self, server: str, token: BearerToken, metrics: Metrics) -> None:
        self.is_loaded = False
        self._server = server
        self._token = token
        self._metrics = metrics
        self._directory = DirectoryState(up=False)
        self._halt: str | None = None

    def readiness(self) -> Mapping[str, str]:
        """What the service needs and has not; empty when it is ready."""
        reasons = {}
        if not self.is_loaded:
            reasons["states"] = "the account states are being read"
        if not self._directory.up:
            problem = self._directory.problem
            reasons["halted" if isinstance(problem, Halting) else "ldap"] = str(problem or "connecting")
        self._token.look()
        if self._token.problem is not None:
            reasons["token"] = self._token.problem
        return reasons

    def on_directory_state(self, state: DirectoryState) -> None:
        """Take in that the directory's state is another one; told in the log once."""
        before, self._directory = self._directory, state
        self._metrics.directory_up.set(int(state.up))
        halt = state.problem.reason.value if isinstance(state.problem, Halting) else None
        for shown in {self._halt, halt} - {None}:
            self._metrics.halted.labels(shown).set(int(shown == halt))
        self._halt = halt
        if (str(state.problem), state.up) == (str(before.problem), before.up):
            return
        if state.up:
            log.info("directory_up", server=self._server)
        elif halt is not None:
            log.error("halted", reason=halt, detail=str(state.problem))
        else:
            log.warning("directory_down", server=self._server, detail=str(state.problem))

    def on_operation(self, operation: str, result: str, seconds: float) -> None:
        """Count an operation on the directory."""
        self._metrics.directory_operations.labels(operation, result).inc()
        self._metrics.directory_operation_time.labels(operation).observe(seconds)
