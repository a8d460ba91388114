"""What a worker keeps of full pushes, and what it does when it is asked to sweep or to forget."""

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from schemas.events import Event, EventType, Kind, PushMark, RedriveReason
from schemas.jobs import FullPush
from schemas.jobs_codec import decode_job
from schemas.state_codec import encode_state
from schemas.states import Status
from streams.kafka import Cluster, Publisher
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd, SlapdOptions
from streams.snapshot import Stored, read_states
from streams.worker.push_marks import PushMarks
from streams.worker.watching.redriving import redrive_value
from tests.support.deciding import account_state
from tests.support.flow import Flow, until
from tests.support.identity_source import IdentitySource, entry_uuids
from tests.support.program import ldapflow

BAD_MAIL = "müll@example.com"  # mail is an IA5 string: the directory refuses it
LONG_GONE = account_state("long-gone", Status.APPLIED, deleted_at=7, binding=None)


@dataclass
class Company:
    """An installation with one worker that holds every deletion of an account, and its source."""

    flow: Flow
    source: IdentitySource
    published: int = 0

    def tell(self) -> None:
        """Publish the source's new events, and wait until the directory has them."""
        self.flow.publish(self.source.events[self.published :])
        self.published = len(self.source.events)
        self.flow.settle(self.source)

    def stored(self, identifier: str, kind: Kind = Kind.ACCOUNT) -> Stored | None:
        """The state of an entity."""
        return read_states(self.flow.settings, lambda *subject: subject == (kind, identifier)).get((kind, identifier))

    def status(self, identifier: str) -> Status | None:
        """Its status."""
        stored = self.stored(identifier)
        return None if stored is None else stored.state.status

    def redrive(self, identifier: str, reason: RedriveReason, kind: Kind = Kind.ACCOUNT, *, older: int = 0) -> None:
        """Be the verifier: ask the owner of a state; `older`, as if so many writes of it had not been seen."""
        stored, topics = self.stored(identifier, kind), self.flow.settings.topics
        assert stored is not None
        generation, number = stored.state.writer
        value = redrive_value(identifier, (generation, number - older), reason)
        topic = topics.account_events if kind is Kind.ACCOUNT else topics.organization_events
        self.run(lambda publisher: publisher.send(topic, identifier.encode(), value, partition=stored.partition))

    def run(self, act: Callable[[Publisher], Coroutine[Any, Any, object]]) -> None:
        """Do something with a publisher."""

        async def acting() -> None:
            async with Publisher(self.flow.settings) as publisher:
                await act(publisher)

        asyncio.run(acting())

    def pushes(self) -> dict[str, FullPush]:
        """The records of full pushes."""
        jobs = [decode_job(message.value()) for message in self.flow.messages(self.flow.settings.topics.jobs)]
        return {job.id: job for job in jobs if isinstance(job, FullPush)}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, kafka: Kafka) -> Iterator[Company]:
    """One for all tests: each has accounts of its own."""
    guard = {"accounts": 0, "organizations": 10}
    with (
        Slapd(SlapdOptions(policy={})) as slapd,
        Flow(
            tmp_path_factory.mktemp("company"),
            kafka,
            slapd,
            f"t{uuid.uuid4().hex[:12]}",
            sync={"deletion_guard": guard},
        ) as flow,
    ):
        source = IdentitySource()
        for organization in ("o", "empty"):
            source.add_organization(organization, organization)
        for name in ("mei", "ivan", "olga"):
            source.add_account(name, name, "o")
        states = flow.settings.topics.account_states
        made = Company(flow, source)
        made.run(lambda publisher: publisher.send(states, b"long-gone", encode_state(LONG_GONE)))
        flow.worker()
        made.tell()
        yield made


@pytest.fixture(scope="module")
def push(company: Company) -> FullPush:
    """A full push of records: of what is there already, and of one that the directory refuses; all of it is handled."""
    records = [*(orjson.loads(event.value["bizData"]) for event in company.source.events if event.key != "empty")]
    home = {"organizationalUnitId": "o", "primary": True}
    records.append({"userId": "refused", "username": "refused", "email": BAD_MAIL, "organizationalUnits": [home]})
    (company.flow.folder / "records.jsonl").write_bytes(b"\n".join(map(orjson.dumps, records)))
    done = ldapflow("publish", "--push", "records.jsonl", folder=company.flow.folder)
    assert (done.returncode, done.stderr) == (0, "")
    push_id = done.stdout.split()[-1]
    until(lambda: company.flow.is_idle() and push_id in company.pushes(), "the record of the push")
    return company.pushes()[push_id]


def test_a_full_push_leaves_a_record_of_what_it_declared_and_when(company: Company, push: FullPush) -> None:
    """And of how far the topics went when it ended."""
    assert (push.organizations, push.accounts) == (1, 4)
    assert push.began is not None
    assert push.ended is not None
    assert push.began <= push.ended
    topics = company.flow.settings.topics
    with Cluster(company.flow.settings) as cluster:
        ends = cluster.end_offsets((topics.organization_events, topics.account_events))
    assert push.input_ends == ends


def test_an_end_that_is_handled_again_leaves_the_record_as_it_is(company: Company, push: FullPush) -> None:
    """A crash before the commit delivers it again, when the topics go on already; nothing is written."""
    settings, mark = company.flow.settings, PushMark(begins=False, organizations=1, accounts=4)
    event = Event(EventType.PUSH_END, Kind.ORGANIZATION, push.id, None, 1, push.ended or 0, mark)
    before = len(company.flow.messages(settings.topics.jobs))
    company.run(lambda publisher: PushMarks(settings, publisher).note(event, mark))
    assert len(company.flow.messages(settings.topics.jobs)) == before


def test_the_states_tell_which_entities_a_push_has_reached(company: Company, push: FullPush) -> None:
    """Also those that it told nothing new about; of what it did not bring they do not."""
    carried = {name: stored.state.push_id for name in ("mei", "ivan", "olga") if (stored := company.stored(name))}
    assert carried == dict.fromkeys(("mei", "ivan", "olga"), push.id)
    empty = company.stored("empty", Kind.ORGANIZATION)
    assert empty is not None
    assert empty.state.push_id is None


def test_an_event_of_a_push_that_fails_is_known_by_its_state(company: Company, push: FullPush) -> None:
    """Who judges the push leaves dead-lettered states out, and so it is not complete."""
    refused = company.stored("refused")
    assert refused is not None
    assert (refused.state.push_id, refused.state.status) == (push.id, Status.DEAD_LETTERED)


def test_what_has_changed_since_is_not_swept(company: Company) -> None:
    """The redrive names a state that is not the last one any more."""
    company.redrive("mei", RedriveReason.SWEEP, older=1)
    until(company.flow.is_idle, "the sweep")
    stored = company.stored("mei")
    assert stored is not None
    assert stored.state.deleted_at is None


def test_what_is_swept_is_deleted(company: Company) -> None:
    """As by its own event; it is remembered as deleted at its own newest time."""
    stored = company.stored("empty", Kind.ORGANIZATION)
    assert stored is not None
    company.redrive("empty", RedriveReason.SWEEP, kind=Kind.ORGANIZATION)
    del company.source.organizations["empty"]
    company.flow.settle(company.source)
    after = company.stored("empty", Kind.ORGANIZATION)
    assert after is not None
    assert (after.state.deleted_at, after.state.status) == (stored.state.event_time, Status.APPLIED)


def test_a_sweep_that_the_guard_holds_deletes_when_it_is_approved(company: Company) -> None:
    """Until then the entry stays."""
    company.redrive("ivan", RedriveReason.SWEEP)
    until(lambda: company.status("ivan") is Status.HELD, "a held deletion")
    assert "ivan" in entry_uuids(company.flow.slapd)
    assert ldapflow("guard", "approve", "ivan", folder=company.flow.folder).returncode == 0
    del company.source.accounts["ivan"]
    company.flow.settle(company.source)


def test_a_sweep_that_is_discarded_leaves_the_entry_to_nobody(company: Company) -> None:
    """As every discarded deletion does."""
    company.redrive("olga", RedriveReason.SWEEP)
    until(lambda: company.status("olga") is Status.HELD, "a held deletion")
    assert ldapflow("guard", "discard", "olga", folder=company.flow.folder).returncode == 0
    stored = company.stored("olga")
    assert stored is not None
    assert (stored.state.status, stored.state.binding) == (Status.APPLIED, None)
    assert "olga" in entry_uuids(company.flow.slapd)


def test_a_state_that_nothing_depends_on_any_more_is_forgotten(company: Company) -> None:
    """Kafka has a tombstone, and the worker does not know the state any more, either."""
    company.redrive("long-gone", RedriveReason.FORGET)
    until(lambda: company.stored("long-gone") is None, "the tombstone")


def test_a_state_that_is_in_use_is_not_forgotten(company: Company) -> None:
    """Whoever asks for it may be wrong."""
    company.redrive("mei", RedriveReason.FORGET)
    until(company.flow.is_idle, "the redrive")
    assert company.stored("mei") is not None
