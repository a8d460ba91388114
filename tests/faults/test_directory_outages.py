"""Nothing is lost when the directory is away, silent or closed for writing, and nobody has to do anything."""

from collections.abc import Callable
from pathlib import Path

import pytest

from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd, SlapdOptions
from tests.faults.faulty_run import FaultyRun

# A slapd that is killed must have kept what it acknowledged.
_DURABLE = SlapdOptions(durable=True, policy={})
_SHORT_TIMEOUT = {"operation_timeout_seconds": 2}


def killed(run: FaultyRun, seconds: float) -> None:
    """Slapd is killed, and starts again later."""
    run.slapd.kill()
    run.lasts(seconds, lambda: run.none_ready("ldap"))
    run.slapd.start()
    run.goes_on()


def killed_while_workers_come_and_go(run: FaultyRun, seconds: float) -> None:
    """One worker joins and another leaves while slapd is away."""
    run.slapd.kill()
    run.lasts(seconds / 3, lambda: run.none_ready("ldap"))
    run.flow.worker(wait=False)
    run.lasts(seconds / 3)
    run.leaves(run.workers[0])
    run.lasts(seconds / 3)
    run.slapd.start()
    run.goes_on()


def frozen(run: FaultyRun, seconds: float) -> None:
    """Slapd stands still: its connections stay open and nothing is answered."""
    run.slapd.freeze()
    run.lasts(seconds)
    run.slapd.thaw()
    run.goes_on()


def replies_dropped(run: FaultyRun, seconds: float) -> None:
    """Slapd does what it is asked for, and nobody hears of it."""
    before = run.proxy.swallowed
    run.proxy.drop_replies(True)
    run.lasts(seconds, lambda: run.proxy.swallowed > before)
    run.proxy.drop_replies(False)
    run.goes_on()


def cut(run: FaultyRun, times: int) -> None:
    """The connections are reset again and again, each time as soon as writing goes on."""
    for _ in range(times):
        run.proxy.cut()
        run.goes_on()


def read_only(run: FaultyRun, seconds: float) -> None:
    """Slapd refuses every write."""
    run.slapd.set_read_only(True)
    run.lasts(seconds, lambda: run.none_ready("halted"))
    run.slapd.set_read_only(False)
    run.goes_on()


@pytest.mark.timeout(240)
def test_short_outages_of_every_sort(
    tmp_path: Path, kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str
) -> None:
    """One after the other in one run: silent, deaf, cut off, and dead while one worker joins and another leaves."""
    with FaultyRun(
        *(tmp_path, kafka, fresh_slapd(_DURABLE), topic_prefix), events=1500, seconds=25, connection=_SHORT_TIMEOUT
    ) as run:
        frozen(run, 3)
        replies_dropped(run, 3)
        cut(run, 5)
        killed_while_workers_come_and_go(run, 3)


@pytest.mark.soak
@pytest.mark.parametrize(
    ("fault", "length", "seconds"),
    [
        pytest.param(killed, 3, 40, id="killed for 3 s"),
        pytest.param(killed, 60, 90, id="killed for 60 s"),
        pytest.param(killed_while_workers_come_and_go, 180, 210, id="killed for 3 min, workers come and go"),
        pytest.param(frozen, 15, 45, id="frozen for 15 s"),
        pytest.param(replies_dropped, 10, 45, id="replies dropped for 10 s"),
        pytest.param(cut, 40, 60, id="cut 40 times"),
        pytest.param(read_only, 30, 75, id="read-only for 30 s"),
    ],
)
@pytest.mark.parametrize("timeout", [30, 2])
def test_five_thousand_events_through_an_outage(
    tmp_path: Path,
    kafka: Kafka,
    fresh_slapd: Callable[..., Slapd],
    topic_prefix: str,
    fault: Callable[[FaultyRun, int], None],
    length: int,
    seconds: float,
    timeout: int,
) -> None:
    """Both when lost replies are noticed during the fault and when they are not."""
    with FaultyRun(
        *(tmp_path, kafka, fresh_slapd(_DURABLE), topic_prefix),
        events=5000,
        seconds=seconds,
        connection={"operation_timeout_seconds": timeout},
    ) as run:
        fault(run, length)
