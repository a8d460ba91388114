"""Workers that are killed when slapd has written and nobody has recorded it yet."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from tests.faults.faulty_run import FaultyRun
from tests.support.flow import RunningWorker, until
from tests.support.proxy import Proxy

_RESPONSES = b"\x67\x69\x6d\x6b"  # to Modify, Add, ModifyDN and Delete (RFC 4511 appendix B)
_SUCCESS = b"\x0a\x01\x00"


class Assassin:
    """Kills a worker at the moment when slapd tells it of a success; the reply never arrives.

    Attributes:
        victim: whom; None for as long as nobody is to be killed.
        struck: whether it was done.
    """

    def __init__(self, response: int) -> None:
        self.victim: RunningWorker | None = None
        self.struck = False
        self._response = response

    def on_reply(self, chunk: bytes) -> bytes | None:
        """Be the proxy's hook."""
        if self.struck:
            return None
        if self.victim is None or not self._tells_success(chunk):
            return chunk
        self.struck = True
        self.victim.process.kill()
        return None

    def _tells_success(self, chunk: bytes) -> bool:
        # slapd writes each reply in one piece; one that is cut in two is simply not the chosen one.
        at = 0
        while at + 2 < len(chunk):
            at = chunk.find(bytes([self._response]), at)
            if at < 0:
                return False
            if chunk[at + 1 : at + 7].find(_SUCCESS) >= 0:
                return True
            at += 1
        return False


def killed_after_writes(run: FaultyRun) -> None:
    """Four workers join, each of which dies after another sort of write."""
    assassins = [Assassin(response) for response in _RESPONSES]
    with ExitStack() as stack:
        for assassin in assassins:
            proxy = stack.enter_context(Proxy(run.slapd.port, on_reply=assassin.on_reply))
            run.gone.add(run.flow.worker(wait=False, ldap_port=proxy.port))
        victims = run.flow.workers[-len(assassins) :]
        until(lambda: all(victim.ready() for victim in victims), "victims", 120)
        for assassin, victim in zip(assassins, victims, strict=True):
            assassin.victim = victim
        until(lambda: all(assassin.struck for assassin in assassins), "four deaths", 120)
    run.goes_on()


@pytest.mark.timeout(240)
def test_killed_between_write_and_record(
    tmp_path: Path, kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str
) -> None:
    """Whoever is next finds the work done, and does not do it twice: no account gets a second entry."""
    with FaultyRun(tmp_path, kafka, fresh_slapd(), topic_prefix, events=1500, seconds=20, workers=1) as run:
        killed_after_writes(run)


@pytest.mark.soak
def test_five_thousand_events_while_workers_are_killed_between_write_and_record(
    tmp_path: Path, kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str
) -> None:
    """The long form: sixteen deaths."""
    with FaultyRun(tmp_path, kafka, fresh_slapd(), topic_prefix, events=5000, seconds=120, workers=1) as run:
        for _ in range(4):
            killed_after_writes(run)
