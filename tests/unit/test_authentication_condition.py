"""What the service says of itself on /readyz and in its metrics."""

from pydantic import SecretStr

from ldap_sink.upkeep import DirectoryState
from schemas.errors import Halting, Retryable
from schemas.halt_reasons import HaltReason
from streams.authentication.bearer import BearerToken
from streams.authentication.condition import Condition
from streams.metrics import Metrics
from streams.settings.sections import Authentication

_HALT = Halting(HaltReason.TARGET_MISSING, "there is no target")


def condition(metrics: Metrics | None = None) -> Condition:
    """The condition of a service that has read the states."""
    settings = Authentication(enabled=True, token=SecretStr("unused"))
    made = Condition("ldap://localhost", BearerToken(settings), metrics or Metrics())
    made.is_loaded = True
    return made


def test_it_is_ready_when_states_and_directory_are_there() -> None:
    made = condition()
    made.directory.take(DirectoryState(up=True))
    assert made.readiness() == {}


def test_it_says_what_it_waits_for() -> None:
    """Before the first look at the directory, too."""
    made = condition()
    made.is_loaded = False
    assert made.readiness() == {"states": "the account states are being read", "ldap": "connecting"}


def test_an_outage_and_a_halt_are_told_apart() -> None:
    """One ends by itself, the other needs a person."""
    made = condition()
    made.directory.take(DirectoryState(up=False, problem=Retryable("connect_failed", "refused")))
    outage = made.readiness()
    made.directory.take(DirectoryState(up=False, problem=_HALT))
    assert (outage, made.readiness()) == ({"ldap": "refused"}, {"halted": str(_HALT)})


def test_a_halt_is_a_metric_as_long_as_it_lasts() -> None:
    metrics = Metrics()
    made = condition(metrics)
    shown = []
    for state in (DirectoryState(up=False, problem=_HALT), DirectoryState(up=True)):
        made.directory.take(state)
        halted = metrics.registry.get_sample_value("ldapflow_halted", {"reason": "target_missing"})
        shown.append((halted, metrics.registry.get_sample_value("ldapflow_directory_up")))
    assert shown == [(1, 0), (0, 1)]
