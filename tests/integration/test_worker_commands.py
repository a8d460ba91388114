"""What people and other processes tell a running worker, and what it does with names and entries that two want."""

import asyncio
import signal
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from schemas.events import Kind
from schemas.state_codec import decode_state, encode_state
from schemas.states import State
from streams.kafka import Publisher
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd, SlapdOptions
from streams.sandbox.slapd_configuration import DATABASE_CONFIG_DN
from tests.support.directory_dump import admin_connection, read_tree
from tests.support.flow import Flow, RunningWorker, until
from tests.support.identity_source import IdentitySource, entry_uuids
from tests.support.program import ldapflow

BAD_MAIL = "müll@example.com"  # mail is an IA5 string: the directory refuses it


@dataclass
class Company:
    """An installation with one worker; what its source holds is in the directory before each test."""

    flow: Flow
    worker: RunningWorker
    source: IdentitySource
    published: int = 0

    def tell(self) -> None:
        """Publish the source's new events."""
        self.flow.publish(self.source.events[self.published :])
        self.published = len(self.source.events)

    def await_lag(self, events: int) -> None:
        """Wait until so many events have come and wait."""
        until(lambda: self.worker.metric("ldapflow_consumer_lag") == events, f"{events} events that wait")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, kafka: Kafka) -> Iterator[Company]:
    """For the tests that neither end the worker nor break the directory."""
    with (
        Slapd(SlapdOptions(policy={})) as slapd,
        Flow(tmp_path_factory.mktemp("company"), kafka, slapd, f"t{uuid.uuid4().hex[:12]}") as flow,
    ):
        yield Company(flow, flow.worker(), staff())


@pytest.fixture
def company(running: Company) -> Company:
    running.tell()
    running.flow.settle(running.source)
    return running


@pytest.fixture
def flow(tmp_path: Path, kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str) -> Iterator[Flow]:
    with Flow(tmp_path, kafka, fresh_slapd(), topic_prefix) as running:
        yield running


def run(flow: Flow, *arguments: str) -> str:
    """One command; returns what it says."""
    done = ldapflow(*arguments, folder=flow.folder)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def staff(*usernames: str) -> IdentitySource:
    """Accounts `a0`, `a1`, … of one organization."""
    source = IdentitySource()
    source.add_organization("o", "Org")
    for number, username in enumerate(usernames):
        source.add_account(f"a{number}", username, "o")
    return source


# -- pause and brake ---------------------------------------------------------------------------------------------------


def test_a_pause_stops_all_writing_until_a_resume(company: Company) -> None:
    """Events wait meanwhile, the directory stays as it is, and /readyz says why."""
    worker, source = company.worker, company.source
    run(company.flow, "pause")
    until(lambda: worker.get("readyz")[0] == 503, "a pause")
    assert "ldapflow resume" in worker.get("readyz")[1]
    before = read_tree(company.flow.slapd)
    source.add_account("late", "late", "o")
    source.describe_organization("o", "paused meanwhile")
    company.tell()
    company.await_lag(2)
    assert read_tree(company.flow.slapd) == before
    run(company.flow, "resume")
    company.flow.settle(source)
    until(worker.ready, "a worker that is ready")


def test_a_pause_holds_for_workers_that_start_later(flow: Flow) -> None:
    source = staff("mei")
    run(flow, "pause")
    worker = flow.worker(wait=False)
    flow.publish(source.events)
    until(lambda: worker.metric("ldapflow_consumer_lag") == 2, "two events that wait")
    assert len(read_tree(flow.slapd)) == 1
    run(flow, "resume")
    flow.settle(source)


def test_twenty_refusals_in_a_row_stop_all_writing_until_a_resume(company: Company) -> None:
    """Rather than send everybody to the dead letters because our mapping, or the schema, is wrong."""
    worker, source = company.worker, company.source
    bad = [f"bad{number}" for number in range(20)]
    for name in bad:
        source.add_account(name, name, "o", mail=BAD_MAIL)
    company.tell()
    until(lambda: worker.metric("ldapflow_halted", reason="brake") == 1, "the brake")
    for name in bad:
        del source.accounts[name]
    status, body = worker.get("readyz")
    assert (status, "ldapflow resume" in body) == (503, True)
    source.add_account("good", "good", "o")
    before = read_tree(company.flow.slapd)
    company.tell()
    company.await_lag(1)
    assert read_tree(company.flow.slapd) == before
    run(company.flow, "resume")
    company.flow.settle(source)
    until(lambda: worker.metric("ldapflow_halted", reason="brake") == 0, "the end of the brake")
    assert worker.metric("ldapflow_dead_letters_total", reason="refused_by_directory") == 20


def test_a_dead_letter_that_is_retried_after_its_cause_was_mended_is_applied(
    tmp_path: Path, kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str
) -> None:
    """The directory did not take the mail address, until its administrator changed that."""
    constraint = ("overlay constraint", "constraint_attribute mail regex ^[^@]+@example[.]org$")
    slapd = fresh_slapd(SlapdOptions(policy={}, modules=("constraint",), overlays=constraint))
    source = staff()
    source.add_account("a0", "mei", "o", mail="mei@example.com")
    with Flow(tmp_path, kafka, slapd, topic_prefix) as flow:
        worker = flow.worker()
        flow.publish(source.events)
        until(lambda: worker.metric("ldapflow_dead_letters_total") == 1, "a dead letter")
        until(flow.is_idle, "an idle worker")
        overlay = f"dn: olcOverlay={{1}}constraint,{DATABASE_CONFIG_DN}"
        slapd.modify_configuration(f"{overlay}\nchangetype: modify\ndelete: olcConstraintAttribute\n")
        run(flow, "dead-letters", "retry", "--all")
        flow.settle(source)


# -- what two want -----------------------------------------------------------------------------------------------------


def test_accounts_that_change_their_names_in_a_circle_keep_their_entries(company: Company) -> None:
    """Two swap and three rotate; soon, and not at the next look of every 30 s."""
    flow, source = company.flow, company.source
    names = ["mei", "ivan", "olga", "omar", "yuki"]
    turned = ["ivan", "mei", "omar", "yuki", "olga"]
    for name in names:
        source.add_account(f"id-of-{name}", name, "o")
    company.tell()
    flow.settle(source)
    before = entry_uuids(flow.slapd)
    for name, new in zip(names, turned, strict=True):
        source.change_account(f"id-of-{name}", username=new)
    company.tell()
    flow.settle(source, seconds=20)
    after = entry_uuids(flow.slapd)
    assert [after[name] for name in turned] == [before[name] for name in names]


@pytest.mark.parametrize("is_older", [True, False])
def test_of_two_that_are_bound_to_one_entry_the_older_keeps_it_and_the_other_gets_its_own(
    flow: Flow, *, is_older: bool
) -> None:
    """It was so before any worker ran: `a1` has come to be bound to the entry of `a0`, and its own is gone."""
    source = staff("mei", "ivan")
    worker = flow.worker()
    flow.publish(source.events)
    flow.settle(source)
    worker.stop()
    before = entry_uuids(flow.slapd)
    states = account_states(flow)
    (_, first), (partition, second) = states["a0"], states["a1"]
    assert first.binding is not None
    binding = replace(first.binding, bound_at=first.binding.bound_at + (-1 if is_older else 1))
    written = replace(second, binding=binding, writer=(second.writer[0], second.writer[1] + 1))
    write_account_state(flow, "a1", partition, written)
    with admin_connection(flow.slapd) as connection:
        connection.delete(f"uid=ivan,ou=Org,{flow.slapd.target_dn}")  # type: ignore[no-untyped-call]
    flow.worker()
    flow.settle(source, seconds=20)
    after = entry_uuids(flow.slapd)
    assert after["ivan" if is_older else "mei"] == before["mei"]
    bound = [state.binding.entry_uuid for _, state in account_states(flow).values() if state.binding is not None]
    assert sorted(bound) == sorted(value.decode() for value in after.values())


def account_states(flow: Flow) -> dict[str, tuple[int, State]]:
    """The partition and the last state of each account."""
    found: dict[str, tuple[int, State]] = {}
    for message in flow.messages(flow.settings.topics.account_states):
        key, value = (message.key() or b"").decode(), message.value() or b""
        found[key] = (message.partition() or 0, decode_state(Kind.ACCOUNT, value))
    return found


def write_account_state(flow: Flow, identifier: str, partition: int, state: State) -> None:
    """Be a worker: write a state."""

    async def write() -> None:
        async with Publisher(flow.settings) as publisher:
            topic = flow.settings.topics.account_states
            await publisher.send(topic, identifier.encode(), encode_state(state), partition=partition)

    asyncio.run(write())


# -- ending ------------------------------------------------------------------------------------------------------------


def test_a_worker_ends_in_good_order_while_the_directory_does_not_answer(flow: Flow) -> None:
    """Within 10 s; what it had in work is done by the next one."""
    source = staff("mei")
    worker = flow.worker()
    flow.publish(source.events)
    flow.settle(source)
    done = len(source.events)
    flow.slapd.freeze()
    for number in range(1, 30):
        source.add_account(f"a{number}", f"user{number}", "o")
    flow.publish(source.events[done:])
    until(lambda: worker.metric("ldapflow_consumer_lag") == 29, "events that wait for the directory")
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(10) == 0
    flow.slapd.thaw()
    flow.worker()
    flow.settle(source)
