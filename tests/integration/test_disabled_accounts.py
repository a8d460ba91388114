"""Disabled accounts: locked, kept or removed; proved by real binds."""

from collections.abc import Callable
from pathlib import Path

import ldap3
import pytest
from ldap3.core.exceptions import LDAPInvalidCredentialsResult

from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd, SlapdOptions
from tests.support.directory_dump import admin_connection, connected, read_tree
from tests.support.flow import Flow, until
from tests.support.identity_source import IdentitySource

PASSWORD = "correct horse battery"  # noqa: S105 - of a test's account
LOCK = "pwdAccountLockedTime"


def staff() -> IdentitySource:
    source = IdentitySource()
    source.add_organization("o", "Org")
    source.add_account("a1", "mei", "o")
    source.add_account("a2", "ivan", "o")
    return source


def dn_of(slapd: Slapd, username: str) -> str:
    return f"uid={username},ou=Org,{slapd.target_dn}"


def set_password(slapd: Slapd, username: str) -> None:
    with admin_connection(slapd) as connection:
        connection.extend.standard.modify_password(dn_of(slapd, username), new_password=PASSWORD)


def can_log_on(slapd: Slapd, username: str) -> bool:
    try:
        with connected(slapd, dn_of(slapd, username), PASSWORD) as connection:
            connection.bind()
    except LDAPInvalidCredentialsResult:
        return False
    return True


def locks(slapd: Slapd) -> dict[str, list[bytes]]:
    with admin_connection(slapd) as connection:
        connection.search(slapd.target_dn, f"({LOCK}=*)", search_scope=ldap3.SUBTREE, attributes=[LOCK])
        return {entry["dn"].split(",")[0]: entry["raw_attributes"][LOCK] for entry in connection.response or ()}


def publish_new(flow: Flow, source: IdentitySource, done: int) -> int:
    flow.publish(source.events[done:])
    until(flow.is_idle, "an idle worker")
    return len(source.events)


def test_a_disabled_account_cannot_log_on_until_it_is_enabled(
    tmp_path: Path, kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str
) -> None:
    slapd = fresh_slapd()
    source = staff()
    with Flow(tmp_path, kafka, slapd, topic_prefix) as flow:
        flow.worker()
        done = publish_new(flow, source, 0)
        set_password(slapd, "mei")
        assert can_log_on(slapd, "mei")
        source.change_account("a1", enabled=False)
        done = publish_new(flow, source, done)
        assert not can_log_on(slapd, "mei")
        source.change_account("a1", enabled=True)
        publish_new(flow, source, done)
        assert can_log_on(slapd, "mei")


def test_the_lock_comes_first_and_does_not_depend_on_the_other_attributes(
    tmp_path: Path, kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str
) -> None:
    """A leaver whose record the schema refuses is locked all the same."""
    slapd = fresh_slapd()
    source = staff()
    with Flow(tmp_path, kafka, slapd, topic_prefix) as flow:
        flow.worker()
        done = publish_new(flow, source, 0)
        set_password(slapd, "mei")
        source.change_account("a1", enabled=False, mail="müll@example.com")  # mail is an IA5 string
        publish_new(flow, source, done)
        assert not can_log_on(slapd, "mei")
        assert flow.states(flow.settings.topics.account_states)["a1"]["status"] == "dead_lettered"


def test_only_our_own_lock_is_undone(
    tmp_path: Path, kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str
) -> None:
    """An administrator's lock, set before ours was needed, stays when the account is enabled again."""
    slapd = fresh_slapd()
    source = staff()
    with Flow(tmp_path, kafka, slapd, topic_prefix) as flow:
        flow.worker()
        done = publish_new(flow, source, 0)
        with admin_connection(slapd) as connection:
            change = {LOCK: [("MODIFY_REPLACE", ["000001010000Z"])]}
            connection.modify(dn_of(slapd, "mei"), change)  # type: ignore[no-untyped-call]
        for account in ("a1", "a2"):
            source.change_account(account, enabled=False)
        done = publish_new(flow, source, done)
        assert locks(slapd).keys() == {"uid=mei", "uid=ivan"}
        for account in ("a1", "a2"):
            source.change_account(account, enabled=True)
        publish_new(flow, source, done)
        assert locks(slapd).keys() == {"uid=mei"}


def test_a_new_account_that_is_disabled_is_created_locked(
    tmp_path: Path, kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str
) -> None:
    slapd = fresh_slapd()
    source = staff()
    source.add_account("a3", "olga", "o", enabled=False)
    with Flow(tmp_path, kafka, slapd, topic_prefix) as flow:
        flow.worker()
        publish_new(flow, source, 0)
        until(lambda: locks(slapd).keys() == {"uid=olga"}, "the lock")


def test_a_lock_that_does_nothing_halts_the_worker(
    tmp_path: Path, kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str
) -> None:
    """Without the overlay the attribute would be accepted or refused, and everybody could log on."""
    slapd = fresh_slapd(SlapdOptions())
    source = staff()
    with Flow(tmp_path, kafka, slapd, topic_prefix) as flow:
        worker = flow.worker(wait=False)
        flow.publish(source.events)
        until(lambda: worker.metric("ldapflow_halted", reason="lock_ineffective") == 1, "a halt")
        status, body = worker.get("readyz")
        assert status == 503
        assert "pwdLockout" in body
        assert len(read_tree(slapd)) == 1


def test_removed_when_disabled_and_made_anew_when_enabled(
    tmp_path: Path, kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str
) -> None:
    slapd = fresh_slapd()
    source = staff()
    with Flow(tmp_path, kafka, slapd, topic_prefix, sync={"disabled_accounts": "remove"}) as flow:
        flow.worker()
        done = publish_new(flow, source, 0)
        source.change_account("a1", enabled=False)
        done = publish_new(flow, source, done)
        assert dn_of(slapd, "mei") not in read_tree(slapd)
        assert dn_of(slapd, "ivan") in read_tree(slapd)
        source.change_account("a1", enabled=True)
        publish_new(flow, source, done)
        assert dn_of(slapd, "mei") in read_tree(slapd)


@pytest.mark.parametrize("enabled", [True, False])
def test_kept_whatever_the_status(
    tmp_path: Path, kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str, *, enabled: bool
) -> None:
    slapd = fresh_slapd()
    source = staff()
    source.add_account("a3", "olga", "o", enabled=enabled)
    with Flow(tmp_path, kafka, slapd, topic_prefix, sync={"disabled_accounts": "keep"}) as flow:
        flow.worker()
        flow.publish(source.events)
        flow.settle(source)
        assert locks(slapd) == {}
