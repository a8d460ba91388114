"""What the gauges say of the states of our partitions."""

from schemas.events import Kind
from schemas.states import Status
from streams.metrics import Metrics
from streams.worker.condition import Condition
from streams.worker.gate import Gate
from streams.worker.states.state_view import StateView
from tests.support.redrives import TARGET, again, seen, unit


class Scene:
    """A worker's condition; partitions 1 and 2 are its own."""

    def __init__(self) -> None:
        self.view, self._metrics = StateView(TARGET), Metrics()
        self._condition = Condition(self._metrics, "ldap://ldap.example.com", self.view, Gate(), lambda: None)

    def gauge(self, name: str, **labels: str) -> float | None:
        """What a gauge says after measuring; None if it says nothing."""
        self._condition.measure(lambda _, partition: partition in {1, 2})
        return self._metrics.registry.get_sample_value(name, labels)


def test_who_waits_is_counted_by_reason_over_our_partitions() -> None:
    scene = Scene()
    for number, partition in enumerate([1, 1, 2, 3]):
        scene.view.absorb(seen(f"a{number}", status=Status.WAITING, reason="r", partition=partition))
    scene.view.absorb(seen("b", status=Status.WAITING, reason="other"))
    scene.view.absorb(unit("o", status=Status.WAITING, reason="r", partition=1))
    assert scene.gauge("ldapflow_waiting", kind="account", reason="r") == 3
    assert scene.gauge("ldapflow_waiting", kind="account", reason="other") == 1
    assert scene.gauge("ldapflow_waiting", kind="organization", reason="r") == 1


def test_a_reason_for_which_nobody_waits_any_more_goes_back_to_nothing() -> None:
    """A gauge keeps what it was told last."""
    scene = Scene()
    waits = seen("a", status=Status.WAITING, reason="r")
    scene.view.absorb(waits)
    assert scene.gauge("ldapflow_waiting", kind="account", reason="r") == 1
    scene.view.absorb(again(waits, status=Status.APPLIED, reason=None))
    assert scene.gauge("ldapflow_waiting", kind="account", reason="r") == 0


def test_what_is_held_is_counted_over_our_partitions() -> None:
    scene = Scene()
    for partition in (1, 2, 3):
        scene.view.absorb(seen(f"a{partition}", status=Status.HELD, reason="deletion_guard", partition=partition))
    assert scene.gauge("ldapflow_deletions_held", kind=Kind.ACCOUNT.value) == 2
