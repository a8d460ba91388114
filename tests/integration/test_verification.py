"""The compaction job on real servers: it finds exactly what was damaged, and mends exactly that."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from schemas.jobs import JobState
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from tests.support.damage import CLASSES, Vandal, company
from tests.support.directory_dump import Tree, admin_connection, read_tree
from tests.support.flow import Flow, until
from tests.support.identity_source import IdentitySource
from tests.support.verification import Counted, counted, counted_states, lines, verify

CORRECTING = {"organizations", "accounts", "deletions", "looking again"}


@contextmanager
def installation(folder: Path, kafka: Kafka, slapd: Slapd, name: str, **sections: Any) -> Iterator[Flow]:
    users = {"object_classes": CLASSES}
    with Flow(folder, kafka, slapd, name, users=users, **sections) as flow:
        yield flow


def filled(flow: Flow, source: IdentitySource) -> None:
    """Have a worker make the tree."""
    flow.publish(source.events)
    flow.worker()
    until(flow.is_idle, "an idle worker", 120, detail=lambda: "\n".join(flow.tails()))


def input_ends(flow: Flow) -> int:
    topics = flow.settings.topics
    return sum(len(flow.messages(topic)) for topic in (topics.organization_events, topics.account_events))


def content(slapd: Slapd) -> Tree:
    """What people see of the tree; the order of values says nothing."""
    tree = read_tree(slapd, operational=False)
    return {dn: {name: sorted(values) for name, values in entry.items()} for dn, entry in tree.items()}


def prove_repair(flow: Flow, size: int, damaged: int) -> None:
    source = company(size)
    filled(flow, source)
    untouched = verify(flow.settings, dry_run=True)
    assert (untouched.state, lines(untouched)) == (JobState.DONE, [])
    assert counted_states(untouched) == {"same": size}
    before = content(flow.slapd)
    with admin_connection(flow.slapd) as connection:
        vandal = Vandal(flow.slapd, connection)
        for number in range(damaged):
            vandal.damage(number)
        vandal.damage_more(damaged)
    tree, events = read_tree(flow.slapd), input_ends(flow)
    found = verify(flow.settings, dry_run=True)
    assert lines(found) == sorted(vandal.expected, key=str)
    assert (read_tree(flow.slapd), input_ends(flow)) == (tree, events)

    progress = Counted()
    repaired = verify(flow.settings, progress)
    assert (repaired.state, repaired.failures) == (JobState.DONE, ())
    assert lines(repaired) == lines(found)
    assert [(name, done) for name, _, done in progress.steps if name in CORRECTING] == [
        ("organizations", 2),
        ("accounts", damaged + 1),
        ("deletions", 0),
        ("looking again", damaged + 3),
    ]
    assert all(done == total for name, total, done in progress.steps if name in CORRECTING)
    each = damaged // 8
    assert counted(repaired) == {"created": each, "updated": 5 * each + 2, "moved": 2 * each + 1}
    after = content(flow.slapd)
    foreign = {dn: after.pop(dn) for dn in list(after.keys() - before.keys())}
    assert sorted(dn.split(",")[0] for dn in foreign) == ["cn=printer", "uid=stranger"]
    assert [entry.pop("title") for entry in after.values() if "title" in entry] == [[b"Dr."]]
    assert after == before

    tree, events = read_tree(flow.slapd), input_ends(flow)
    again = verify(flow.settings)
    assert (again.state, lines(again), counted(again)) == (JobState.DONE, [("unmanaged", None, ())], {})
    assert (read_tree(flow.slapd), input_ends(flow)) == (tree, events)


def test_damage_is_found_exactly_and_repaired_exactly(
    tmp_path: Path, kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str
) -> None:
    """Eight ways for accounts, three for organizations and locks; what is foreign stays; a second run does nothing."""
    with installation(tmp_path, kafka, fresh_slapd(), topic_prefix) as flow:
        prove_repair(flow, 500, 80)


@pytest.mark.soak
def test_a_larger_tree_is_repaired_exactly(
    tmp_path: Path, kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str
) -> None:
    """The same with 5,000."""
    with installation(tmp_path, kafka, fresh_slapd(), topic_prefix) as flow:
        prove_repair(flow, 5000, 800)
