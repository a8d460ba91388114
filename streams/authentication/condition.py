"""How the service is: what /readyz, the metrics and the log say of it."""

from collections.abc import Mapping

from streams.authentication.bearer import BearerToken
from streams.metrics import Metrics
from streams.services.directory_condition import DirectoryCondition


class Condition:
    """Gathers what the parts report.

    Args:
        server: the directory's address, for the log.
        token: whose file may be unreadable.
        metrics: whose gauges of the directory are kept.

    Attributes:
        directory: takes what `Directory` reports.
        is_loaded: the states of the accounts were read to the end that their topic had at the start. Kafka is not
            needed any more then: what is known stays, and who was disabled before stays outside.
    """

    def __init__(self, server: str, token: BearerToken, metrics: Metrics) -> None:
        self.directory = DirectoryCondition(server, metrics)
        self.is_loaded = False
        self._token = token

    def readiness(self) -> Mapping[str, str]:
        """What the service needs and has not; empty when it is ready."""
        reasons: dict[str, str] = {}
        if not self.is_loaded:
            reasons["states"] = "the account states are being read"
        reasons |= self.directory.readiness()
        self._token.look()
        if self._token.problem is not None:
            reasons["token"] = self._token.problem
        return reasons
