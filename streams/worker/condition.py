"""How the worker is: what /readyz, the metrics and the log say of its parts."""

from collections.abc import Callable, Mapping
from typing import Final

import structlog

from schemas.events import Kind
from schemas.states import Status
from streams.metrics import Metrics
from streams.services.directory_condition import DirectoryCondition
from streams.worker.delivery.ordered_consumer import OrderedConsumer
from streams.worker.gate import Gate
from streams.worker.states.state_view import StateView

log = structlog.get_logger(__name__)

_NO_LEASE: Final = "no heartbeat was acknowledged in time: Kafka is away, or the group is being joined"


class Condition:
    """Gathers what the parts report.

    Args:
        server: the directory's address, for the log.
        consumer: None until Faust has made it.

    Attributes:
        directory: takes what `Directory` reports.
        is_loaded: the state view has reached the ends that it saw at the start.
        full_push_needed: why only a full push makes the states whole, with its remedy; None when they are.
    """

    def __init__(
        self,
        metrics: Metrics,
        server: str,
        view: StateView,
        gate: Gate,
        consumer: Callable[[], OrderedConsumer | None],
    ) -> None:
        self.directory = DirectoryCondition(server, metrics)
        self.is_loaded = False
        self.full_push_needed: Callable[[], str | None] = lambda: None
        self._metrics = metrics
        self._view = view
        self._gate = gate
        self._consumer = consumer
        self._shown_waiting: set[tuple[str, str]] = set()
        self._has_lease = False
        self._shown_lags: set[tuple[str, str]] = set()
        self._counted_rereads: dict[str, int] = {}

    def readiness(self) -> Mapping[str, str]:
        """What the worker needs and has not; empty when it is ready."""
        reasons = dict(self._gate.reasons)
        if not self.is_loaded:
            reasons["states"] = "the state topics are being read"
        if full_push := self.full_push_needed():
            reasons["resync_needed"] = full_push
        if self._view.in_two_partitions:
            reasons["partitions"] = (
                f"{len(self._view.in_two_partitions)} ids have states in two partitions: a producer hashes keys"
                " differently; all must use murmur2"
            )
        reasons |= self.directory.readiness()
        consumer = self._consumer()
        if consumer is None:
            reasons["kafka"] = "the worker is starting"
        elif not consumer.holds_lease():
            reasons["kafka"] = _NO_LEASE
        return reasons

    def show_halts(self) -> None:
        """Set the gauge of everything that stops all writing."""
        self.directory.show_halts(self._gate.halts)

    def measure(self, owns: Callable[[Kind, int], bool]) -> None:
        """Set the gauges that nobody else sets."""
        self.show_halts()
        self._tell_of_kafka()
        self._metrics.resync_needed.set(int(self.full_push_needed() is not None))
        self._metrics.duplicate_partitions.set(len(self._view.in_two_partitions))
        waiting: dict[tuple[str, str], int] = dict.fromkeys(self._shown_waiting, 0)
        for kind in Kind:
            held = self._view.tallies(kind, Status.HELD)
            ours = sum(count for (partition, _), count in held.items() if owns(kind, partition))
            self._metrics.deletions_held.labels(kind.value).set(ours)
            for (partition, reason), count in self._view.tallies(kind, Status.WAITING).items():
                if owns(kind, partition):
                    key = (kind.value, reason or "")
                    waiting[key] = waiting.get(key, 0) + count
        for labels, count in waiting.items():
            self._metrics.waiting.labels(*labels).set(count)
        self._shown_waiting = set(waiting)
        consumer = self._consumer()
        if consumer is not None:
            self._measure_consumer(consumer)

    def _tell_of_kafka(self) -> None:
        consumer = self._consumer()
        has_lease = consumer is not None and consumer.holds_lease()
        if has_lease is self._has_lease:
            return
        self._has_lease = has_lease
        if has_lease:
            log.info("kafka_up")
        else:
            log.warning("kafka_down", detail=_NO_LEASE)

    def _measure_consumer(self, consumer: OrderedConsumer) -> None:
        for reason, count in consumer.rereads.items():
            self._metrics.rereads.labels(reason).inc(count - self._counted_rereads.get(reason, 0))
            self._counted_rereads[reason] = count
        owned = {(tp.topic, str(tp.partition)): (tp, progress) for tp, progress in consumer.progress.items()}
        for labels in self._shown_lags - owned.keys():
            self._metrics.consumer_lag.remove(*labels)
        self._shown_lags = set(owned)
        for labels, (tp, progress) in owned.items():
            self._metrics.consumer_lag.labels(*labels).set(max(0, (consumer.highwater(tp) or 0) - progress.next))
