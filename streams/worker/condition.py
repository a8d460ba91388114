"""How the worker is: what /readyz, the metrics and the log say of its parts."""

from collections.abc import Callable, Mapping

import structlog

from ldap_sink.upkeep import DirectoryState
from schemas.errors import Halting
from schemas.events import Kind
from schemas.states import Status
from streams.metrics import Metrics
from streams.worker.delivery.ordered_consumer import OrderedConsumer
from streams.worker.gate import Gate
from streams.worker.states.state_view import StateView

log = structlog.get_logger(__name__)


class Condition:
    """Gathers what the parts report.

    Args:
        server: the directory's address, for the log.
        consumer: None until Faust has made it.

    Attributes:
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
        self.is_loaded = False
        self.full_push_needed: Callable[[], str | None] = lambda: None
        self._metrics = metrics
        self._server = server
        self._view = view
        self._gate = gate
        self._consumer = consumer
        self._directory = DirectoryState(up=False)
        self._shown_waiting: set[tuple[str, str]] = set()
        self._shown_halts: set[str] = set()
        self._shown_lags: set[tuple[str, str]] = set()
        self._counted_rereads: dict[str, int] = {}

    def on_directory_state(self, state: DirectoryState) -> None:
        """Take in that the directory's state is another one; told in the log once."""
        before, self._directory = self._directory, state
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

    def on_operation(self, operation: str, result: str, seconds: float) -> None:
        """Count an operation on the directory."""
        self._metrics.directory_operations.labels(operation, result).inc()
        self._metrics.directory_operation_time.labels(operation).observe(seconds)

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
        state = self._directory
        if not state.up:
            kind = "halted" if isinstance(state.problem, Halting) else "ldap"
            reasons[kind] = str(state.problem or "connecting")
        consumer = self._consumer()
        if consumer is None:
            reasons["kafka"] = "the worker is starting"
        elif not consumer.holds_lease():
            reasons["kafka"] = "no heartbeat was acknowledged in time: Kafka is away, or the group is being joined"
        return reasons

    def show_halts(self) -> None:
        """Set the gauge of everything that stops all writing."""
        problem = self._directory.problem
        halts = set(self._gate.halts)
        if isinstance(problem, Halting):
            halts.add(problem.reason)
        for reason in self._shown_halts | halts:
            self._metrics.halted.labels(reason).set(int(reason in halts))
        self._shown_halts |= halts

    def measure(self, owns: Callable[[Kind, int], bool]) -> None:
        """Set the gauges that nobody else sets."""
        self.show_halts()
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
