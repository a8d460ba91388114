"""A worker that keeps states and leaves LDAP to verifications: `sync.incremental: false`."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from schemas.events import Kind, RedriveReason
from schemas.states import Status
from streams.kafka import Publisher
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from streams.snapshot import Stored, read_states
from streams.worker.watching.redriving import redrive_value
from tests.support.flow import Flow, until
from tests.support.identity_source import IdentitySource, found_entries


@pytest.fixture
def flow(tmp_path: Path, kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str) -> Iterator[Flow]:
    sync = {"incremental": False, "disabled_accounts": "keep"}
    with Flow(tmp_path, kafka, fresh_slapd(), topic_prefix, sync=sync) as running:
        yield running


def stored(flow: Flow, kind: Kind, identifier: str) -> Stored:
    """The state of an entity."""
    return read_states(flow.settings, lambda *subject: subject == (kind, identifier))[kind, identifier]


def correct(flow: Flow, kind: Kind, identifier: str) -> None:
    """Be the verifier: have an entity corrected."""
    found, topics = stored(flow, kind, identifier), flow.settings.topics
    topic = topics.account_events if kind is Kind.ACCOUNT else topics.organization_events
    value = redrive_value(identifier, found.state.writer, RedriveReason.CORRECT)

    async def send() -> None:
        async with Publisher(flow.settings) as publisher:
            await publisher.send(topic, identifier.encode(), value, partition=found.partition)

    asyncio.run(send())


def test_events_are_kept_as_pending_and_only_corrections_write(flow: Flow) -> None:
    """Also the one that first had to wait for another; what comes after it is pending again."""
    source = IdentitySource()
    source.add_organization("o", "Org")
    source.add_account("a", "mei", "o")
    worker = flow.worker()
    flow.publish(source.events)
    until(flow.is_idle, "the events")
    assert found_entries(flow.slapd) == {}
    assert worker.metric("ldapflow_events_total", outcome="pending") == 2
    correct(flow, Kind.ACCOUNT, "a")
    until(lambda: stored(flow, Kind.ACCOUNT, "a").state.status is Status.WAITING, "a wait for the organization")
    correct(flow, Kind.ORGANIZATION, "o")
    corrected = flow.settle(source)
    source.change_account("a", username="mei-li")
    source.rename_organization("o", "Renamed")
    flow.publish(source.events[2:])
    until(flow.is_idle, "the events")
    assert stored(flow, Kind.ACCOUNT, "a").state.status is Status.PENDING
    assert found_entries(flow.slapd) == corrected
