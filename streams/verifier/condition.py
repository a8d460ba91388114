"""What the verifier needs and has not: for /readyz, and for a run that must wait until it is there."""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from ldap_sink.upkeep import DirectoryState
from schemas.control import ResyncNeeded
from schemas.errors import CommandFailed
from streams.control import ControlView
from streams.kafka import Cluster
from streams.metrics import Metrics
from streams.services.directory_condition import DirectoryCondition
from streams.settings import Settings

log = structlog.get_logger(__name__)

_LOOK_SECONDS: Final = 2.0


class Condition:
    """Gathers what the parts report.

    Args:
        settings: the configuration.
        metrics: whose gauges of the directory and of a resync are kept.

    Raises:
        ConfigurationError: librdkafka does not accept `kafka.client`.

    Attributes:
        directory: counts its operations.
        control: what people decided; None until that was read.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.directory: Final = DirectoryCondition(str(settings.connection.server), metrics)
        self.control: ControlView | None = None
        self._settings = settings
        self._metrics = metrics
        self._cluster = Cluster(settings)
        self._kafka: str | None = "connecting"
        self._changed = asyncio.Event()

    def readiness(self) -> Mapping[str, str]:
        """What the verifier needs and has not; empty when it is ready."""
        reasons: dict[str, str] = {}
        if self._kafka is not None:
            reasons["kafka"] = self._kafka
        reasons |= self.directory.readiness()
        if self.control is None:
            reasons["control"] = "the control topic is being read"
            return reasons
        if self.control.paused:
            reasons["paused"] = "writing is paused: `ldapflow resume` goes on"
        needed = self.control.resync_needed
        if needed is not None and isinstance(needed.decision, ResyncNeeded):
            reasons["resync_needed"] = needed.decision.reason
        return reasons

    async def usable(self) -> None:
        """Wait until Kafka and the directory are there."""
        while self._kafka is not None or not self.directory.is_up:
            await self._changed.wait()

    async def kafka_up(self) -> None:
        """Wait until Kafka is there, with our topics."""
        while self._kafka is not None:
            await self._changed.wait()

    def on_directory_state(self, state: DirectoryState) -> None:
        """Take in that the directory's state is another one."""
        self.directory.take(state)
        self._announce()

    def on_control(self) -> None:
        """Take in that people decided something."""
        needed = self.control is not None and self.control.resync_needed is not None
        self._metrics.resync_needed.set(int(needed))

    async def watch_kafka(self) -> None:
        """Look from time to time, for ever, whether Kafka answers."""
        while True:
            problem = await asyncio.to_thread(self._look)
            if problem != self._kafka:
                self._kafka = problem
                self._announce()
                if problem is None:
                    log.info("kafka_up")
                else:
                    log.warning("kafka_down", detail=problem)
            await asyncio.sleep(_LOOK_SECONDS)

    def _look(self) -> str | None:
        try:
            counts = self._cluster.partition_counts()
        except CommandFailed as exc:
            return str(exc)
        missing = [name for name in self._settings.topics.all if name not in counts]
        return f"Kafka has no topic {', '.join(missing)}: run `ldapflow topics create`" if missing else None

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
