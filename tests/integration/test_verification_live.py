"""Verifications beside a running worker: full pushes, the guard, a restored directory, events that go on coming."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from ldap3.core.exceptions import LDAPNoSuchObjectResult

from schemas.control import Decision, ResyncNeeded
from schemas.jobs import JobState
from streams.control import decide
from streams.kafka import Publisher
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from tests.support.damage import company
from tests.support.directory_dump import Tree, admin_connection, read_tree
from tests.support.flow import Flow, until
from tests.support.identity_source import IdentitySource
from tests.support.passwords import fresh_password, lets_in, password_event
from tests.support.pushes import full_push
from tests.support.verification import counted, counted_states, lines, report_of, verify

SIZE = 50
GONE = ("a1", "a12", "a23", "a34", "a45")


@pytest.fixture
def start(
    tmp_path: Path, kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str
) -> Iterator[Callable[..., Flow]]:
    """Start an installation whose guard lets three of a kind go; with further sections of the configuration."""
    guard = {"accounts": 3, "organizations": 3, "percent": None}
    with ExitStack() as stack:

        def run(**sections: Any) -> Flow:
            sync = {"deletion_guard": guard, **sections.pop("sync", {})}
            flow = stack.enter_context(Flow(tmp_path, kafka, fresh_slapd(), topic_prefix, sync=sync, **sections))
            flow.worker()
            return flow

        yield run


@pytest.fixture
def flow(start: Callable[..., Flow]) -> Flow:
    return start()


def pushed(
    flow: Flow, source: IdentitySource, push_id: str, without: tuple[str, ...] = (), *, ends: bool = True
) -> None:
    flow.publish(full_push(source, push_id, without, ends=ends))
    until(flow.is_idle, "an idle worker", detail=lambda: "\n".join(flow.tails()))


def forgetful(source: IdentitySource) -> IdentitySource:
    """The source as it is when the deletion of some accounts told nobody."""
    for identifier in GONE:
        del source.accounts[identifier]
    return source


def accounts(slapd: Slapd) -> set[str]:
    return {entry["uid"][0].decode() for entry in read_tree(slapd).values() if "uid" in entry}


def account_events(flow: Flow) -> int:
    return len(flow.messages(flow.settings.topics.account_events))


def test_a_complete_push_deletes_whom_it_lacks_and_the_guard_holds_what_is_too_much(flow: Flow) -> None:
    """Three of five go, two are held until they are approved; then nothing is left to do."""
    source = company(SIZE)
    pushed(flow, source, "first")
    source = forgetful(source)
    pushed(flow, source, "second")
    found = verify(flow.settings, dry_run=True)
    assert found.swept == "second"
    assert lines(found) == [("orphan", identifier, ()) for identifier in GONE]
    first = verify(flow.settings)
    assert (first.state, counted(first)) == (JobState.STOPPED, {"deleted": 3})
    assert "2 deletions are held" in (first.detail or "")
    asked = account_events(flow)
    assert {state for state, *_ in lines(verify(flow.settings))} == {"held"}
    assert account_events(flow) == asked
    second = verify(flow.settings, approve=True)
    assert (second.state, counted(second)) == (JobState.DONE, {"deleted": 2})
    assert accounts(flow.slapd) == {account.username for account in source.accounts.values()}
    assert lines(verify(flow.settings)) == []


def test_who_was_swept_by_mistake_comes_back_with_the_next_push(start: Callable[..., Flow]) -> None:
    """It brings the very records that were there before; the password comes from the message that once brought it."""
    flow, source = start(sync={"passwords": True}, connection={"allow_plaintext": True}), company(SIZE)
    whole, password = dict(source.accounts), fresh_password()
    pushed(flow, source, "first")
    flow.publish([password_event(source, "a1", password)])
    flow.settle(source)
    pushed(flow, forgetful(source), "mistaken")
    swept = verify(flow.settings, approve=True)
    assert (swept.state, counted(swept)) == (JobState.DONE, {"deleted": len(GONE)})
    flow.settle(source)
    source.accounts = whole
    pushed(flow, source, "mended")
    flow.settle(source)
    assert lets_in(flow.slapd, f"uid=user1,ou=Middle 0,ou=Top\\, 0,{flow.slapd.target_dn}", password)


def test_a_branch_goes_from_its_leaves_to_its_root(flow: Flow) -> None:
    """A push lacks an organization and all below it: no deletion waits for children that go too."""
    source = company(2 * SIZE)
    pushed(flow, source, "first")
    for identifier in [one.id for one in source.accounts.values() if one.homes[0].endswith("0")]:
        del source.accounts[identifier]
    for identifier in ("t0", "m0", "l0"):
        del source.organizations[identifier]
    pushed(flow, source, "second")
    job = verify(flow.settings, approve=True)
    assert (job.state, counted(job), job.failures) == (JobState.DONE, {"deleted": SIZE + 3}, ())
    flow.settle(source)


def test_where_events_write_nothing_a_verification_makes_the_tree(start: Callable[..., Flow]) -> None:
    """With `incremental: false`: parents first, all in one run."""
    flow, source = start(sync={"incremental": False}), company(SIZE)
    flow.publish(source.events)
    until(flow.is_idle, "an idle worker")
    found = verify(flow.settings, dry_run=True)
    assert {state for state, *_ in lines(found)} == {"missing"}
    assert len(read_tree(flow.slapd)) == 1
    made = verify(flow.settings)
    assert (made.state, counted(made)) == (JobState.DONE, {"created": SIZE + 3})
    flow.settle(source)
    assert lines(verify(flow.settings)) == []


def test_two_entries_that_carry_one_id_are_told_and_left_to_a_person(start: Callable[..., Flow]) -> None:
    """Somebody copied an entry with its id: neither of them is deleted, and the run has not succeeded."""
    flow, source = start(users={"id_attribute": "employeeNumber"}), company(SIZE)
    flow.publish(source.events)
    until(flow.is_idle, "an idle worker")
    dn, entry = next(one for one in read_tree(flow.slapd, operational=False).items() if one[1].get("uid") == [b"user7"])
    with admin_connection(flow.slapd) as connection:
        connection.add(dn.replace("uid=user7", "uid=copy"), None, {**entry, "uid": [b"copy"]})  # type: ignore[no-untyped-call]
    before = read_tree(flow.slapd)
    job = verify(flow.settings)
    assert (job.state, lines(job), counted(job)) == (JobState.DONE, [("duplicate", "a7", ())], {"failed": 1})
    assert [failure.id for failure in job.failures] == ["a7"]
    assert read_tree(flow.slapd) == before


def test_what_was_refused_is_tried_once_in_each_run(flow: Flow) -> None:
    """It fails again, and that is no new dead letter, nor a failure of the run."""
    source = company(SIZE)
    source.change_account("a1", mail="müll@example.com")  # mail is an IA5 string
    flow.publish(source.events)
    until(flow.is_idle, "an idle worker")
    asked, letters = account_events(flow), len(flow.messages(flow.settings.topics.dead_letters))
    job = verify(flow.settings)
    assert (job.state, lines(job), counted(job)) == (JobState.DONE, [("dead_lettered", "a1", ())], {})
    assert account_events(flow) == asked + 1
    assert len(flow.messages(flow.settings.topics.dead_letters)) == letters


def test_a_push_that_is_not_complete_deletes_nobody(flow: Flow) -> None:
    """Without its end mark; lacking one record that was declared; when a later one has begun."""
    source = company(SIZE)
    pushed(flow, source, "first")
    before = read_tree(flow.slapd)
    forgetful(source)
    for push_id, without, ends in (("endless", (), False), ("lacking", ("a2",), True), ("begun", (), False)):
        pushed(flow, source, push_id, without, ends=ends)
        job = verify(flow.settings, approve=True)
        assert (job.state, job.swept, lines(job)) == (JobState.DONE, None, [])
    assert read_tree(flow.slapd) == before


def test_a_directory_from_a_backup_is_adopted_again(flow: Flow) -> None:
    """All entries have other entryUUIDs: told, and nothing done; with `rebind` they are taken, and none is deleted."""
    source = company(SIZE)
    flow.publish(source.events)
    flow.settle(source)
    before = read_tree(flow.slapd, operational=False)
    restore(flow.slapd, before)
    stopped = verify(flow.settings)
    assert (stopped.state, counted(stopped)) == (JobState.STOPPED, {})
    assert "--rebind" in (stopped.detail or "")
    rebound = verify(flow.settings, rebind=True)
    assert (rebound.state, counted(rebound), rebound.failures) == (JobState.DONE, {"updated": SIZE + 3}, ())
    assert lines(verify(flow.settings, dry_run=True)) == []
    assert read_tree(flow.slapd, operational=False) == before


def test_after_events_were_lost_nothing_is_corrected_before_a_full_push(flow: Flow) -> None:
    """The states may be wrong: it is reported, and left; then all is mended, and the workers are ready again."""
    source = company(SIZE)
    flow.publish(source.events)
    flow.settle(source)
    asyncio.run(note(flow, ResyncNeeded("idaas.accounts was made anew")))
    until(lambda: not flow.workers[0].ready(), "a worker that is not ready")
    with admin_connection(flow.slapd) as connection:
        connection.delete(f"uid=user1,ou=Middle 0,ou=Top\\, 0,{flow.slapd.target_dn}")  # type: ignore[no-untyped-call]
    refused = verify(flow.settings)
    assert (refused.state, lines(refused), counted(refused)) == (JobState.STOPPED, [("missing", "a1", ())], {})
    assert "was made anew: publish a full push" in (refused.detail or "")
    pushed(flow, source, "first")
    assert verify(flow.settings).state is JobState.DONE
    flow.settle(source)
    until(flow.workers[0].ready, "a worker that is ready")


async def note(flow: Flow, decision: Decision) -> None:
    async with Publisher(flow.settings) as publisher:
        await decide(publisher, flow.settings, decision)


def restore(slapd: Slapd, tree: Tree) -> None:
    """Remove all entries and add them again: the server gives them new entryUUIDs."""
    below = sorted((dn for dn in tree if dn != slapd.target_dn), key=lambda dn: dn.count(","))
    with admin_connection(slapd) as connection:
        for dn in reversed(below):
            connection.delete(dn)  # type: ignore[no-untyped-call]
        for dn in below:
            connection.add(dn, None, tree[dn])  # type: ignore[no-untyped-call]


def test_events_that_come_meanwhile_are_never_overwritten(flow: Flow) -> None:
    """While entries are damaged and verified again and again, people go on changing; it ends as the source is."""
    source = company(SIZE)
    flow.publish(source.events)
    flow.settle(source)
    done, ended = len(source.events), threading.Event()

    def change() -> None:
        nonlocal done
        for turn in range(12):
            for number in range(turn % 5, SIZE, 5):
                source.change_account(f"a{number}", mail=f"turn{turn}@example.com")
            source.move_account(f"a{turn}", "l0" if turn % 2 else "t0")
            source.rename_organization("m0", f"Middle {turn}")
            flow.publish(source.events[done:])
            done = len(source.events)
        ended.set()

    changing = threading.Thread(target=change)
    changing.start()
    verified = 0
    while not ended.is_set() or not verified:
        with admin_connection(flow.slapd) as connection:
            connection.search(flow.slapd.target_dn, "(uid=user4*)", attributes=["uid"])
            for entry in connection.response or ():
                with suppress(LDAPNoSuchObjectResult):  # it has moved since it was found
                    connection.modify(entry["dn"], {"displayName": [("MODIFY_REPLACE", ["damaged"])]})  # type: ignore[no-untyped-call]
        assert verify(flow.settings).state is JobState.DONE
        verified += 1
    changing.join()
    until(flow.is_idle, "an idle worker")
    assert verify(flow.settings).state is JobState.DONE
    flow.settle(source)
    final = verify(flow.settings, dry_run=True)
    assert (report_of(final).has_drift, counted_states(final)) == (False, {"same": SIZE})
