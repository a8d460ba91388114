"""Everything fails, partly at once, while five thousand events come in."""

from collections.abc import Callable
from pathlib import Path

import pytest

from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd, SlapdOptions
from tests.faults.faulty_run import FaultyRun
from tests.faults.test_directory_outages import (
    cut,
    killed_while_workers_come_and_go,
    read_only,
    replies_dropped,
)
from tests.faults.test_kafka_outages import broker_killed
from tests.faults.test_killed_after_write import killed_after_writes


def everything_killed(run: FaultyRun, seconds: float) -> None:
    """Slapd, the broker and a worker are killed together."""
    run.kafka.kill()
    run.slapd.kill()
    run.lasts(seconds, lambda: run.none_ready("ldap") and run.none_ready("kafka"))
    run.slapd.start()
    run.kafka.start()
    run.dies(run.workers[0])
    run.goes_on()


def worker_killed_while_slapd_is_frozen(run: FaultyRun, seconds: float) -> None:
    """Its requests lie in slapd's sockets and are carried out when somebody else has its partitions."""
    run.slapd.freeze()
    run.lasts(1)
    run.dies(run.workers[0])
    run.lasts(seconds)
    run.slapd.thaw()
    run.goes_on()


@pytest.mark.soak
def test_all_together(
    tmp_path: Path, fresh_kafka: Callable[..., Kafka], fresh_slapd: Callable[..., Slapd], topic_prefix: str
) -> None:
    """The worst day: one fault after the other, some of them together."""
    with FaultyRun(
        *(tmp_path, fresh_kafka(), fresh_slapd(SlapdOptions(durable=True, policy={})), topic_prefix),
        events=5000,
        seconds=300,
        connection={"operation_timeout_seconds": 3},
    ) as run:
        everything_killed(run, 3)
        worker_killed_while_slapd_is_frozen(run, 15)
        killed_after_writes(run)
        replies_dropped(run, 10)
        broker_killed(run, 12)
        cut(run, 10)
        read_only(run, 15)
        killed_while_workers_come_and_go(run, 60)
        everything_killed(run, 12)
