"""What an operator is told when all writing stops."""

import pytest
from structlog.testing import capture_logs

from ldap_sink.upkeep import DirectoryState
from schemas.errors import Halting
from schemas.halt_reasons import REMEDIES, HaltReason
from streams.metrics import Metrics
from streams.worker.condition import Condition
from streams.worker.gate import Gate
from streams.worker.states.state_view import StateView

REFUSED = Halting(HaltReason.INVALID_CREDENTIALS, "bind: invalidCredentials(49)")
LINE = "bind: invalidCredentials(49): correct connection.admin_dn or the password"


def condition() -> Condition:
    """Of a worker whose consumer is not there yet."""
    return Condition(Metrics(), "ldap://ldap.example.com", StateView("target"), Gate(), lambda: None)


@pytest.mark.parametrize("reason", HaltReason)
def test_every_reason_has_a_remedy_of_one_line(reason: HaltReason) -> None:
    """A reason that is added without one would halt with a KeyError."""
    text = str(Halting(reason, "found"))
    assert text == f"found: {REMEDIES[reason]}"
    assert len(text.splitlines()) == 1
    assert len(REMEDIES[reason]) > len("do it")


def test_readyz_says_what_to_do() -> None:
    told = condition()
    told.directory.take(DirectoryState(up=False, problem=REFUSED))
    assert told.readiness()["halted"] == LINE


def test_the_log_says_what_to_do() -> None:
    told = condition()
    with capture_logs() as logs:
        told.directory.take(DirectoryState(up=False, problem=REFUSED))
    (line,) = logs
    assert (line["event"], line["reason"], line["detail"]) == ("halted", "invalid_credentials", LINE)
