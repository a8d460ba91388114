"""A broker that is killed and starts again costs no event, and no worker ends because of it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from tests.faults.faulty_run import FaultyRun
from tests.support.flow import until


def broker_killed(run: FaultyRun, seconds: float) -> None:
    """The broker is killed and later started on the same data."""
    run.kafka.kill()
    run.lasts(seconds, lambda: run.none_ready("kafka"))
    run.kafka.start()
    run.goes_on()


def told(log: Path) -> list[str]:
    """What a worker's log says of Kafka."""
    return re.findall("kafka_up|kafka_down", log.read_text())


@pytest.mark.timeout(240)
def test_a_broker_killed_while_the_directory_is_read_only(
    tmp_path: Path, fresh_kafka: Callable[..., Kafka], fresh_slapd: Callable[..., Slapd], topic_prefix: str
) -> None:
    """Two faults in one run, because workers look again at a refusal only after 30 s; Kafka's is told in the log."""
    with FaultyRun(tmp_path, fresh_kafka(), fresh_slapd(), topic_prefix, events=1500, seconds=20) as run:
        run.slapd.set_read_only(True)
        run.lasts(0, lambda: run.none_ready("halted"))
        run.kafka.kill()
        run.lasts(3, lambda: run.none_ready("kafka"))
        run.slapd.set_read_only(False)
        run.kafka.start()
        run.goes_on()
        until(lambda: all(told(worker.log)[-2:] == ["kafka_down", "kafka_up"] for worker in run.workers), "words", 10)


@pytest.mark.soak
def test_five_thousand_events_through_a_killed_broker(
    tmp_path: Path, fresh_kafka: Callable[..., Kafka], fresh_slapd: Callable[..., Slapd], topic_prefix: str
) -> None:
    """For 3 s, and for longer than the group waits for a member."""
    with FaultyRun(tmp_path, fresh_kafka(), fresh_slapd(), topic_prefix, events=5000, seconds=60) as run:
        broker_killed(run, 3)
        broker_killed(run, 12)
