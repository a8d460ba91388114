"""Topics that are made anew, or lose what nobody has read yet, while no worker runs."""

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
import pytest

from schemas.control import TopicIds
from streams.control import decide
from streams.kafka import Cluster, Publisher
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd, SlapdOptions
from streams.topic_identity import present_ids
from tests.support.broker import delete_records, make_anew, set_committed
from tests.support.flow import Flow, RunningWorker, until
from tests.support.identity_source import Emitted, IdentitySource, entry_uuids


@dataclass
class Company:
    """An installation whose worker is stopped; the directory holds what its source does."""

    flow: Flow
    source: IdentitySource
    published: int = 0

    def tell(self) -> None:
        """Publish the source's new events."""
        self.flow.publish(self.source.events[self.published :])
        self.published = len(self.source.events)

    def start(self) -> RunningWorker:
        """Start a worker that finds something wrong, and nothing else."""
        worker = self.flow.worker(wait=False)
        until(lambda: list(reasons(worker)) == ["resync_needed"], "the finding", detail=worker.log.read_text)
        return worker

    def record_topics(self) -> None:
        """Be the verifier: a full push was complete."""

        async def record() -> None:
            async with Publisher(self.flow.settings) as publisher:
                await decide(publisher, self.flow.settings, TopicIds(present_ids(self.flow.settings)))

        asyncio.run(record())


def reasons(worker: RunningWorker) -> dict[str, str]:
    """Why it is not ready."""
    status, body = worker.get("readyz")
    found: dict[str, str] = orjson.loads(body)["reasons"] if status == 503 else {}
    return found


@pytest.fixture(scope="module")
def existing(tmp_path_factory: pytest.TempPathFactory, kafka: Kafka) -> Iterator[Company]:
    """One for all tests; each leaves it as it found it."""
    with (
        Slapd(SlapdOptions(policy={})) as slapd,
        Flow(tmp_path_factory.mktemp("company"), kafka, slapd, f"t{uuid.uuid4().hex[:12]}") as flow,
    ):
        company = Company(flow, IdentitySource())
        company.source.add_organization("o", "Org")
        company.source.add_account("a0", "mei", "o")
        company.source.add_account("a1", "ivan", "o")
        worker = flow.worker()
        company.tell()
        flow.settle(company.source)
        worker.stop()
        yield company


@pytest.fixture
def company(existing: Company) -> Iterator[Company]:
    yield existing
    existing.record_topics()
    for worker in existing.flow.workers:
        worker.stop()


def test_after_an_input_topic_was_made_anew_its_events_flow_and_a_full_push_is_asked_for(company: Company) -> None:
    """From its first event on, although more had been read of the former one."""
    flow, source = company.flow, company.source
    topic = flow.settings.topics.account_events
    before = entry_uuids(flow.slapd)
    make_anew(flow.settings, topic)
    source.change_account("a0", name="Mei Wang")
    company.tell()
    worker = company.start()
    flow.settle(source)
    assert reasons(worker)["resync_needed"].startswith(f"topic {topic} was made anew (")
    assert entry_uuids(flow.slapd) == before
    until(lambda: worker.metric("ldapflow_resync_needed") == 1, "the gauge")
    company.record_topics()
    until(worker.ready, "a worker that is ready after a full push", seconds=10)


def test_offsets_that_the_topics_do_not_have_ask_for_a_full_push(company: Company) -> None:
    """Deleted before they were read, or beyond the end; a worker that starts later knows it too."""
    flow, source = company.flow, company.source
    topic, short = flow.settings.topics.account_events, flow.settings.topics.organization_events
    source.change_account("a0", name="Mei of the lost event")
    source.change_account("a1", name="Ivan of the lost event")
    company.tell()
    with Cluster(flow.settings) as cluster:
        ends = cluster.end_offsets([topic])
    delete_records(flow.settings, topic, {partition: end for (_, partition), end in ends.items() if end})
    set_committed(flow.settings, short, 1000)
    source.change_account("a0", name="Mei")
    source.change_account("a1", name="Ivan")
    source.describe_organization("o", "of the topic that is short")
    company.tell()
    worker = company.start()
    flow.settle(source)
    reason = reasons(worker)["resync_needed"]
    assert f"topic {topic} lost events before they were read" in reason
    assert f"topic {short} ends before what was read of it" in reason
    worker.stop()
    company.start()


def test_after_a_state_topic_was_made_anew_its_states_come_from_history_and_nothing_is_deleted(
    company: Company,
) -> None:
    """Not each event of the past is done again: who left does not come back, and who was renamed is not made twice.

    What could never succeed is no second dead letter, unless nobody had read it yet.
    What is deleted afterwards is held, since nobody knows for sure any more whose an entry is.
    """
    flow, source = company.flow, company.source
    source.add_account("former", "olga", "o")
    source.delete_account("former")
    source.add_account("present", "olga", "o")
    source.add_account("renamed", "yuki", "o")
    source.change_account("renamed", username="yuki-sato")
    company.tell()
    flow.publish([Emitted("a0", account=True, value={"eventType": "of the past"})])
    flow.worker()
    flow.settle(source)
    flow.workers[-1].stop()
    before = entry_uuids(flow.slapd)
    topic = flow.settings.topics.account_states
    make_anew(flow.settings, topic)
    source.change_account("renamed", name="Yuki")
    company.tell()
    flow.publish([Emitted("a0", account=True, value={"eventType": "not read yet"})])
    worker = company.start()
    flow.settle(source)
    assert reasons(worker)["resync_needed"].startswith(f"topic {topic} was made anew (")
    until(lambda: {s["status"] for s in flow.states(topic).values()} == {"applied"}, "the end of all that is pending")
    assert entry_uuids(flow.slapd) == before
    letters = [orjson.loads(letter.value() or b"") for letter in flow.messages(flow.settings.topics.dead_letters)]
    assert letters == [{"eventType": "of the past"}, {"eventType": "not read yet"}]
    source.delete_account("present")
    company.tell()
    until(lambda: flow.states(topic)["present"]["status"] == "held", "a deletion that is held")
    assert entry_uuids(flow.slapd) == before
