"""Passwords on their way to LDAP, on a slapd with a password policy; proved by real binds."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd, SlapdOptions
from tests.support.broker import delete_records
from tests.support.certificates import Authority
from tests.support.directory_dump import admin_connection
from tests.support.flow import Flow, until
from tests.support.identity_source import IdentitySource
from tests.support.passwords import (
    LOCK,
    MARKER,
    POLICY,
    TOO_SHORT,
    Staff,
    fresh_password,
    lets_in,
    rewind,
    set_policy,
    sync_administrator,
)
from tests.support.program import ldapflow
from tests.support.proxy import Proxy

_EXTENDED_RESPONSE = 0x78
_SUCCESS = b"\x0a\x01\x00"


@pytest.fixture(scope="module")
def staff(tmp_path_factory: pytest.TempPathFactory, kafka: Kafka) -> Iterator[Staff]:
    """An installation with an organization; its worker reaches slapd by StartTLS."""
    folder = tmp_path_factory.mktemp("passwords")
    authority = Authority.make(folder)
    options = SlapdOptions(policy=POLICY, tls=authority.issue("server", "127.0.0.1"))
    connection = {"start_tls": True, "ca_file": str(authority.file), "admin_dn": Slapd.sync_dn}
    name = f"t{uuid.uuid4().hex[:12]}"
    with Slapd(options) as slapd:
        flow = Flow(folder, kafka, slapd, name, connection=connection, sync={"passwords": True})
        sync_administrator(flow)
        with flow:
            yield started(flow)


def started(flow: Flow, ldap_port: int | None = None) -> Staff:
    source = IdentitySource()
    source.add_organization("o", "Org")
    staff = Staff(flow, source, flow.worker(ldap_port=ldap_port))
    staff.publish(*source.events)
    return staff


def test_a_new_account_logs_on_with_the_password_that_came_with_it(staff: Staff) -> None:
    password = fresh_password()
    staff.publish(staff.created("anna", password))
    assert staff.lets_in("anna", password)
    assert staff.state("anna")["password"]["status"] == "applied"


def test_a_new_password_takes_the_place_of_the_old_one(staff: Staff) -> None:
    """The event says nothing else, whatever else it carries."""
    old, new = fresh_password(), fresh_password()
    staff.publish(staff.created("bert", old))
    staff.publish(staff.set("bert", new, username="robert", email="robert@example.com"))
    assert (staff.lets_in("bert", new), staff.lets_in("bert", old)) == (True, False)
    assert "mail" not in staff.entry("bert")


def test_who_waits_for_an_organization_gets_the_password_with_the_entry(staff: Staff) -> None:
    """Its message is read again."""
    first, last = fresh_password(), fresh_password()
    staff.publish(staff.created("cora", first, "o2"), staff.set("cora", last))
    assert staff.state("cora")["password"]["status"] == "pending"
    staff.source.add_organization("o2", "Later")
    staff.publish(staff.source.events[-1])
    until(lambda: staff.state("cora")["status"] == "applied", "the entry")
    assert staff.lets_in("cora", last, "Later")


def test_only_the_password_is_refused_and_all_else_is_applied(staff: Staff) -> None:
    """The dead letter has the policy's words; the old password goes on opening the door."""
    old = fresh_password()
    staff.publish(staff.created("dora", old))
    staff.publish(staff.changed("dora", TOO_SHORT, mail="dora@example.com"))
    [letter] = staff.refusals("dora")
    assert letter["ldapflow-reason"] == "password_refused"
    assert "Password fails quality checking policy" in letter["ldapflow-detail"]
    assert staff.entry("dora")["mail"] == [b"dora@example.com"]
    assert staff.lets_in("dora", old)
    state = staff.state("dora")
    assert (state["status"], state["password"]["status"]) == ("applied", "refused")


def test_a_refused_password_is_written_when_it_is_retried_under_another_policy(staff: Staff) -> None:
    staff.publish(staff.created("lara", fresh_password()), staff.set("lara", TOO_SHORT))
    [letter] = staff.refusals("lara")
    set_policy(staff.slapd, "pwdMinLength", "4")
    try:
        retried = ldapflow("dead-letters", "retry", "--all", "--key", "lara", folder=staff.flow.folder)
        assert retried.returncode == 0, retried.stderr
        until(lambda: staff.lets_in("lara", TOO_SHORT), "the password")
    finally:
        set_policy(staff.slapd, "pwdMinLength", POLICY["pwdMinLength"])
    until(staff.flow.is_idle, "an idle worker")
    assert staff.refusals("lara") == [letter]


def test_a_former_password_is_refused_by_the_policy_and_the_present_one_is_there_already(staff: Staff) -> None:
    """Both are breaches of the history for slapd; the second one is what was wanted."""
    first, second = fresh_password(), fresh_password()
    staff.publish(staff.created("emil", first), staff.set("emil", second), staff.set("emil", second))
    assert staff.refusals("emil") == []
    assert staff.state("emil")["password"]["status"] == "applied"
    staff.publish(staff.set("emil", first))
    [letter] = staff.refusals("emil")
    assert "history" in letter["ldapflow-detail"]
    assert staff.lets_in("emil", second)


def test_events_that_come_again_write_nothing(staff: Staff) -> None:
    """As new messages, all of them: neither the entry changes nor is a password refused."""
    events = [staff.created("finn", fresh_password()), staff.set("finn", fresh_password()), staff.changed("finn")]
    staff.publish(*events)
    before = staff.entry("finn")
    staff.publish(*events)
    assert staff.entry("finn")["entryCSN"] == before["entryCSN"]
    assert staff.refusals("finn") == []


def test_a_password_whose_message_is_gone_is_lost_and_the_entry_is_made_without(staff: Staff) -> None:
    staff.publish(staff.created("gerd", fresh_password(), "o3"))
    topic = staff.flow.settings.topics.account_events
    message = next(message for message in staff.flow.messages(topic) if message.key() == b"gerd")
    delete_records(staff.flow.settings, topic, {message.partition() or 0: (message.offset() or 0) + 1})
    staff.source.add_organization("o3", "Late")
    staff.publish(staff.source.events[-1])
    until(lambda: staff.state("gerd")["status"] == "applied", "the entry")
    assert staff.state("gerd")["password"]["status"] == "lost"
    assert staff.worker.metric("ldapflow_passwords_total", result="lost") == 1


def test_a_disabled_account_stays_locked_though_its_password_changes(staff: Staff) -> None:
    """The server lifts the lock with each change; enabled again, the account logs on with the new password."""
    password = fresh_password()
    staff.publish(staff.created("hans", fresh_password()), staff.changed("hans", enabled=False))
    staff.publish(staff.set("hans", password))
    assert staff.state("hans")["password"]["status"] == "applied"
    assert staff.entry("hans")[LOCK] == [b"000001010000Z"]
    assert not staff.lets_in("hans", password)
    staff.publish(staff.changed("hans", enabled=True))
    assert staff.lets_in("hans", password)


def test_an_entry_that_is_made_anew_gets_the_password_again(staff: Staff) -> None:
    """Somebody removed the entry."""
    password = fresh_password()
    staff.publish(staff.created("ida", password))
    with admin_connection(staff.slapd) as connection:
        connection.delete(staff.dn("ida"))  # type: ignore[no-untyped-call]  # ldap3 gives it no types
    staff.publish(staff.changed("ida"))
    assert staff.lets_in("ida", password)


def test_a_password_is_written_though_the_other_attributes_are_refused(staff: Staff) -> None:
    old, new = fresh_password(), fresh_password()
    staff.publish(staff.created("jörg", old))
    staff.publish(staff.changed("jörg", new, mail="jörg@example.com"))  # mail is an IA5 string
    assert staff.state("jörg")["status"] == "dead_lettered"
    assert (staff.lets_in("jörg", new), staff.lets_in("jörg", old)) == (True, False)


def test_no_password_is_anywhere_but_in_the_input(staff: Staff) -> None:
    """Not in states, dead letters, decisions, logs or metrics; also not one that was refused."""
    staff.publish(
        staff.created("kai", fresh_password()), staff.set("kai", fresh_password()), staff.set("kai", TOO_SHORT)
    )
    assert len(staff.refusals("kai")) == 1
    topics = staff.flow.settings.topics
    others = set(topics.all) - {topics.account_events}
    texts = {name: repr([(m.value(), m.headers()) for m in staff.flow.messages(name)]) for name in others}
    texts |= {"log": staff.worker.log.read_text(), "metrics": staff.worker.get("metrics")[1]}
    assert {name for name, text in texts.items() if MARKER in text} == set()


class Assassin:
    """Kills a worker at the moment when slapd tells it that a password was changed; the reply never arrives."""

    def __init__(self) -> None:
        self.victim: Staff | None = None
        self.struck = False

    def on_reply(self, chunk: bytes) -> bytes | None:
        """Be the proxy's hook."""
        at = chunk.find(bytes([_EXTENDED_RESPONSE]))
        if self.victim is None or at < 0 or _SUCCESS not in chunk[at : at + 8]:
            return chunk
        self.victim.worker.process.kill()
        self.victim, self.struck = None, True
        return None


def test_killed_between_the_password_and_its_record_and_all_events_once_more(
    tmp_path: Path,
    kafka: Kafka,
    fresh_slapd: Callable[..., Slapd],
    proxy: Callable[..., Proxy],
    topic_prefix: str,
) -> None:
    """Whoever reads the topic from its beginning again finds the password done, and changes nothing."""
    slapd = fresh_slapd(SlapdOptions(policy=POLICY))
    assassin = Assassin()
    front = proxy(slapd.port, on_reply=assassin.on_reply)
    connection = {"allow_plaintext": True, "admin_dn": slapd.sync_dn}
    sync = {"passwords": True, "disabled_accounts": "keep"}
    flow = Flow(tmp_path, kafka, slapd, topic_prefix, connection=connection, sync=sync)
    sync_administrator(flow)
    with flow:
        staff = started(flow, front.port)
        last = fresh_password()
        staff.publish(staff.created("anna", fresh_password()), staff.set("anna", fresh_password()))
        assassin.victim = staff
        flow.publish([staff.set("anna", last)])
        until(lambda: assassin.struck, "a death")
        staff.worker.process.wait(10)
        note, before = staff.state("anna")["password"], staff.entry("anna")
        assert (note["status"], note["tried"]) == ("pending", True)
        rewind(flow.settings, flow.settings.topics.account_events)
        worker = flow.worker()
        until(flow.is_idle, "an idle worker")
        assert worker.metric("ldapflow_events_total", kind="account") == 3
        assert staff.state("anna")["password"] == {**note, "status": "applied", "tried": False}
        assert (staff.entry("anna"), staff.refusals("anna")) == (before, [])
        assert lets_in(slapd, staff.dn("anna"), last)
