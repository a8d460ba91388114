"""Workers are upgraded one after the other, and their number changes, while events come in."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from tests.faults.faulty_run import FaultyRun
from tests.support.flow import RunningWorker

_ADDED = 2
_LATENCY = "ldapflow_event_latency_seconds_bucket"


class Latencies:
    """From Kafka to LDAP, of all workers together; those that leave are asked just before."""

    def __init__(self) -> None:
        self._counts: Counter[float] = Counter()

    def add(self, worker: RunningWorker) -> None:
        """Take in what a worker has measured so far; once for each worker."""
        for line in worker.get("metrics")[1].splitlines():
            series, _, value = line.rpartition(" ")
            if series.startswith(_LATENCY):
                self._counts[float(series.partition('le="')[2].partition('"')[0])] += int(float(value))

    def __str__(self) -> str:
        """Upper bounds of the histogram's buckets in which so many events end."""
        return f"p50 <= {self._bound(0.5)} s, p99 <= {self._bound(0.99)} s of {max(self._counts.values())} events"

    def _bound(self, share: float) -> float:
        due = share * max(self._counts.values())
        return min(bound for bound, count in self._counts.items() if count >= due)


@pytest.mark.parametrize(
    ("workers", "events", "seconds"),
    [
        pytest.param(3, 700, 20, marks=pytest.mark.timeout(240)),
        pytest.param(4, 6000, 120, marks=[pytest.mark.soak, pytest.mark.timeout(900)]),
    ],
)
def test_workers_that_are_restarted_added_and_removed_under_load_lose_nothing(
    tmp_path: Path,
    kafka: Kafka,
    fresh_slapd: Callable[..., Slapd],
    topic_prefix: str,
    workers: int,
    events: int,
    seconds: float,
) -> None:
    """Each by SIGTERM, as a service manager does; `FaultyRun` compares the tree with the source at the end."""
    latencies = Latencies()
    with FaultyRun(
        *(tmp_path, kafka, fresh_slapd(), topic_prefix), events=events, seconds=seconds, workers=workers
    ) as run:

        def leave(worker: RunningWorker) -> None:
            latencies.add(worker)
            run.leaves(worker)

        for worker in run.workers:
            leave(worker)
            run.flow.worker(wait=False)
            run.goes_on()
        for _ in range(_ADDED):
            run.flow.worker(wait=False)
        run.goes_on()
        for worker in run.workers[:_ADDED]:
            leave(worker)
        run.goes_on()
        assert len(run.workers) == workers
        for worker in run.workers:
            latencies.add(worker)
    print(f"from Kafka to LDAP: {latencies}")  # noqa: T201 - the figures belong into CI's output
