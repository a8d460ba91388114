"""The delivery guarantee: joins, ends, kills and freezes lose nothing and keep the order of each key."""

import random
import signal
import time
from pathlib import Path

import pytest

from streams.sandbox.kafka import Kafka
from tests.soak.delivery import Group, Source, Verdict, caught_up, errors, everyday_chaos, judge


def finish(group: Group, source: Source, folder: Path) -> Verdict:
    group.until(lambda: caught_up(group), "the commit of the last event", 90)
    verdict = judge(group, source)
    print(verdict)  # noqa: T201 - the figures belong into CI's output
    assert not verdict.faults, f"{verdict}\n{errors(folder)}"
    return verdict


@pytest.mark.timeout(240)
def test_rebalances_of_every_sort_lose_nothing(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    """330 events a second, all the way through a join, a SIGTERM, a kill -9, a freeze and more joins."""
    with Group(kafka.bootstrap_servers, topic_prefix, tmp_path) as group:
        first = group.join()
        group.until(lambda: group.generation() > 0, "the first worker")
        with Source(group, per_second=330, most=60_000) as source:
            group.after_rebalance(group.join)
            group.after_rebalance(lambda: group.end(first, signal.SIGTERM))
            group.after_rebalance(group.join)
            group.after_rebalance(lambda: group.end(group.living()[0], signal.SIGKILL))
            group.after_rebalance(group.join)
            group.after_rebalance(lambda: group.freeze(group.living()[0]))
            group.after_rebalance(group.join)
        verdict = finish(group, source, tmp_path)
    assert verdict.rebalances >= 6


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_long_time_of_rebalances_loses_nothing(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    """400 events a second while the group changes at random, again and again, for four minutes."""
    chooser = random.Random(time.time_ns())
    with Group(kafka.bootstrap_servers, topic_prefix, tmp_path) as group:
        group.join()
        group.until(lambda: group.generation() > 0, "the first worker")
        with Source(group, per_second=400, most=200_000) as source:
            deadline = time.monotonic() + 250
            while time.monotonic() < deadline:
                everyday_chaos(group, chooser)
        verdict = finish(group, source, tmp_path)
    assert verdict.rebalances >= 20
