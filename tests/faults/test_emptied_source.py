"""A source that deletes everybody empties the directory only if a person says so (design section 5, "Guard")."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from tests.support.flow import Flow, until
from tests.support.identity_source import IdentitySource, entry_uuids, found_entries
from tests.support.program import ldapflow

_ACCOUNTS = 80
_ORGANIZATIONS = 12
_GUARD = {"accounts": 10, "organizations": 3}
_WORKERS = 2


@pytest.fixture
def source() -> IdentitySource:
    """Organizations side by side, and people in each."""
    source = IdentitySource()
    for number in range(_ORGANIZATIONS):
        source.add_organization(f"o{number}", f"Org {number}")
    for number in range(_ACCOUNTS):
        source.add_account(f"a{number}", f"user{number}", f"o{number % _ORGANIZATIONS}")
    return source


@pytest.fixture
def emptied(
    tmp_path: Path, kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str, source: IdentitySource
) -> Iterator[Flow]:
    """Two workers whose source has just deleted everybody and everything; they hold what is held."""
    with Flow(tmp_path, kafka, fresh_slapd(), topic_prefix, sync={"deletion_guard": _GUARD}) as flow:
        for _ in range(_WORKERS):
            flow.worker(wait=False)
        for worker in flow.workers:
            until(worker.ready, "a worker that is ready")
        flow.publish(source.events)
        flow.settle(source, 120)
        made = len(source.events)
        for identifier in list(source.accounts):
            source.delete_account(identifier)
        for identifier in list(source.organizations):
            source.delete_organization(identifier)
        flow.publish(source.events[made:])
        until(flow.is_idle, "decisions on all deletions", 120)
        yield flow


def statuses(flow: Flow, topic: str) -> Counter[str]:
    """How many states there are of each status."""
    return Counter(state["status"] for state in flow.states(topic).values())


def few(limit: int) -> range:
    """How many entries may go where so many are allowed: a worker does not yet know what another one just did."""
    return range(limit, limit + _WORKERS)


@pytest.mark.timeout(300)
def test_an_emptied_source_deletes_few_and_approval_finishes_it(emptied: Flow) -> None:
    """Also when all workers are started anew; organizations have their turn when nobody is in them any more."""
    topics = emptied.settings.topics
    left = len(entry_uuids(emptied.slapd))
    assert _ACCOUNTS - left in few(_GUARD["accounts"])
    assert statuses(emptied, topics.account_states) == {"held": left, "applied": _ACCOUNTS - left}
    for worker in emptied.workers:
        worker.stop()
    for _ in range(_WORKERS):
        emptied.worker()
    assert len(entry_uuids(emptied.slapd)) == left

    approve(emptied)
    assert not entry_uuids(emptied.slapd)
    until(lambda: statuses(emptied, topics.organization_states).keys() == {"held", "applied"}, "organizations held")
    assert _ORGANIZATIONS - len(found_entries(emptied.slapd)) in few(_GUARD["organizations"])
    approve(emptied)
    assert found_entries(emptied.slapd) == {}


def approve(flow: Flow) -> None:
    """Have everything that is held now deleted."""
    done = ldapflow("guard", "approve", folder=flow.folder)
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(300)
def test_discarding_keeps_the_entries(emptied: Flow) -> None:
    """They stay as they are, nothing is held any more, and the guard is open again."""
    before = found_entries(emptied.slapd)
    discarded = ldapflow("guard", "discard", folder=emptied.folder)
    assert discarded.returncode == 0, discarded.stderr
    until(emptied.is_idle, "redrives that are done")
    assert found_entries(emptied.slapd) == before
    states = emptied.states(emptied.settings.topics.account_states)
    assert not [state for state in states.values() if state["status"] == "held" or state["binding"]]
