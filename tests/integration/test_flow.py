"""Events on Kafka become entries in slapd: the worker as a process, on real servers."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streams.kafka import Message as Outgoing
from streams.kafka import publish_all
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from tests.support.directory_dump import admin_connection, read_tree
from tests.support.flow import Flow, until
from tests.support.identity_source import Emitted, IdentitySource, entry_uuids, found_entries


@pytest.fixture
def flow(tmp_path: Path, kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str) -> Iterator[Flow]:
    with Flow(tmp_path, kafka, fresh_slapd(), topic_prefix) as running:
        yield running


def small_company() -> IdentitySource:
    source = IdentitySource()
    source.add_organization("rd", "R&D")
    source.add_organization("rd_cn", "研发, 中国", "rd")
    source.add_organization("sales", ' "Sales" + #1 ')
    source.add_account("a1", "mei", "rd_cn", name="王 梅", mail="mei@example.com", phone="13800000001")
    source.add_account("a2", "omar,x+y", "sales", name="عمر")
    source.add_account("a3", "ivan", "rd", "sales", name="Иван", description="two homes")
    return source


def test_events_become_the_expected_tree_in_whatever_order_the_topics_are_read(flow: Flow) -> None:
    """Accounts before their organizations, children before their parents."""
    source = small_company()
    flow.publish(reversed(source.events))
    flow.worker()
    flow.settle(source)


def test_renames_and_moves_keep_the_entry(flow: Flow) -> None:
    """Organizations with people below, and people: one ModifyDN each, so the entryUUID survives."""
    source = small_company()
    flow.publish(source.events)
    flow.worker()
    flow.settle(source)
    before = entry_uuids(flow.slapd)
    done = len(source.events)
    source.rename_organization("rd", "Forschung")
    source.move_organization("rd_cn", "sales")
    source.move_account("a3", "sales")
    source.change_account("a1", username="mei.wang", name="王梅", phone=None)
    flow.publish(source.events[done:])
    flow.settle(source)
    after = entry_uuids(flow.slapd)
    assert after["mei.wang"] == before["mei"]
    assert after["ivan"] == before["ivan"]


def test_a_leaver_and_an_emptied_organization_go(flow: Flow) -> None:
    """The organization's delete comes first and waits for its people."""
    source = small_company()
    flow.publish(source.events)
    flow.worker()
    flow.settle(source)
    done = len(source.events)
    source.delete_account("a1")
    source.delete_organization("rd_cn")
    flow.publish(reversed(source.events[done:]))
    flow.settle(source)


def test_an_organization_is_replaced_by_a_new_one_of_the_same_name(flow: Flow) -> None:
    """The new one waits for the name, the old one for its people to leave, and they for the new one's entry."""
    source = small_company()
    flow.publish(source.events)
    flow.worker()
    flow.settle(source)
    before, done = entry_uuids(flow.slapd), len(source.events)
    source.add_organization("rd_new", "R&D", description="the new one")
    source.move_organization("rd_cn", "rd_new")
    source.move_account("a3", "rd_new", "sales")
    source.delete_organization("rd")
    flow.publish(source.events[done:])
    flow.settle(source)
    after = entry_uuids(flow.slapd)
    assert (after["mei"], after["ivan"]) == (before["mei"], before["ivan"])


def test_an_organization_takes_the_name_of_one_above_it_that_goes(flow: Flow) -> None:
    """It cannot be moved to the DN of an entry that it stands below (slapd: 53), nor can that one go before it."""
    source = small_company()
    source.add_organization("inner", "inner", "rd_cn")
    flow.publish(source.events)
    flow.worker()
    flow.settle(source)
    done = len(source.events)
    source.rename_organization("inner", "R&D")
    source.move_organization("inner", "ou_root")
    source.move_organization("rd_cn", "inner")
    source.move_account("a3", "inner", "sales")
    source.delete_organization("rd")
    flow.publish(source.events[done:])
    flow.settle(source)
    assert not flow.messages(flow.settings.topics.dead_letters)


def test_publishing_the_same_file_twice_changes_nothing(flow: Flow) -> None:
    """Neither modifyTimestamp nor entryCSN of any entry."""
    source = small_company()
    source.rename_organization("rd", "Forschung")
    source.move_account("a3", "sales")
    flow.publish(source.events)
    worker = flow.worker()
    flow.settle(source)
    before = read_tree(flow.slapd)
    writes = sum(worker.metric("ldapflow_directory_operations_total", operation=o) for o in ("add", "modify", "delete"))
    flow.publish(source.events)
    until(flow.is_idle, "an idle worker")
    assert read_tree(flow.slapd) == before
    assert writes == sum(
        worker.metric("ldapflow_directory_operations_total", operation=o) for o in ("add", "modify", "delete")
    )


def test_what_is_not_ours_is_left_alone(flow: Flow) -> None:
    """An entry of other classes under the wanted DN is not touched, nor are unmapped attributes of our entries."""
    source = small_company()
    source.accounts.pop("a3")
    stranger = f"uid=ivan,ou=R&D,{flow.slapd.target_dn}"
    flow.publish(source.events[:3])
    worker = flow.worker()
    until(lambda: len(read_tree(flow.slapd)) == 4, "the organizations")
    with admin_connection(flow.slapd) as connection:
        connection.add(stranger, ["account"], {"description": "not yours"})  # type: ignore[no-untyped-call]
    before = read_tree(flow.slapd)[stranger]
    flow.publish(source.events[3:])
    expected = source.expected()
    until(lambda: found_entries(flow.slapd).keys() >= expected.keys() and flow.is_idle(), "the others")
    with admin_connection(flow.slapd) as connection:
        connection.modify(  # type: ignore[no-untyped-call]
            f"uid=mei,ou=研发\\2C 中国,ou=R&D,{flow.slapd.target_dn}", {"title": [("MODIFY_ADD", ["Dr."])]}
        )
    source.change_account("a1", name="Mei")
    flow.publish(source.events[-1:])
    expected = source.expected()
    until(lambda: all(found_entries(flow.slapd).get(path) == entry for path, entry in expected.items()), "the change")
    tree = read_tree(flow.slapd)
    assert tree[stranger] == before
    assert [entry["title"] for entry in tree.values() if "title" in entry] == [[b"Dr."]]
    # The gauges are set every other second.
    until(lambda: worker.metric("ldapflow_waiting", kind="account", reason="foreign_entry") == 1, "the gauge")


def test_a_bad_event_goes_to_the_dead_letters_and_nobody_waits_for_it(flow: Flow) -> None:
    source = small_company()
    source.add_account("bad", "x" * 5000, "rd")  # longer than slapd and we take for an RDN
    bad = source.events[-1]
    source.accounts.pop("bad")
    source.add_account("a4", "last", "rd")
    flow.publish(source.events)
    flow.worker()
    flow.settle(source)
    letters = flow.messages(flow.settings.topics.dead_letters)
    assert [(letter.key() or b"").decode() for letter in letters] == [bad.key]
    headers = dict(letters[0].headers() or ())
    assert headers["ldapflow-reason"] == b"bad_rdn"


def test_two_workers_share_the_partitions(flow: Flow) -> None:
    """Both apply events; what one of them holds when it ends is taken over."""
    source = IdentitySource()
    source.add_organization("o", "Org")
    workers = [flow.worker(), flow.worker()]
    for number in range(300):
        source.add_account(f"a{number}", f"user{number}", "o")
    flow.publish(source.events)
    flow.settle(source)
    shares = [worker.metric("ldapflow_events_total", kind="account", outcome="applied") for worker in workers]
    assert min(shares) > 0
    workers[0].stop()
    source.add_account("late", "late", "o")
    flow.publish(source.events[-1:])
    flow.settle(source)


def test_a_zombies_late_write_does_not_win(flow: Flow) -> None:
    """The state topic ends with an older state; who reads it from its start still goes on from the newer one."""
    source = small_company()
    flow.publish(source.events)
    worker = flow.worker()
    flow.settle(source)
    worker.stop()
    topic = flow.settings.topics.account_states
    older = flow.messages(topic)
    source.change_account("a1", name="王 小梅", mail="new@example.com")
    flow.publish(source.events[-1:])
    worker = flow.worker()
    flow.settle(source)
    worker.stop()
    newest = flow.states(topic)["a1"]
    # It was written by the generation before, and arrives late.
    late = next(message for message in older if message.key() == b"a1" and message.value())
    publish_all(flow.settings, [Outgoing(topic, b"a1", late.value())], lambda _: None)
    source.add_account("a9", "somebody.else", "rd")
    flow.publish(source.events[-1:])
    flow.worker()
    flow.settle(source)
    # A partial event: it would bring the older record back if the older state counted.
    value = {
        "eventType": "ud:organizational_unit:add_user",
        "bizData": {"organizationalUnitId": "sales", "userId": "a1"},
    }
    flow.publish([Emitted("a1", account=True, value=value)])
    source.accounts["a1"].homes.append("sales")
    flow.settle(source)
    state = flow.states(topic)["a1"]
    assert state["record"]["email"] == "new@example.com"
    assert state["writer"] > newest["writer"]


def test_a_stale_event_does_not_take_a_redrive_away(flow: Flow) -> None:
    """It gives the state a new revision while the redrive, say of an organization that moved, is on its way."""
    source = small_company()
    source.change_account("a1", name="王梅")
    flow.publish(source.events)
    flow.worker()
    flow.settle(source)
    with admin_connection(flow.slapd) as connection:
        dn = f"uid=mei,ou=研发\\2C 中国,ou=R&D,{flow.slapd.target_dn}"
        connection.modify(dn, {"mail": [("MODIFY_REPLACE", ["damaged@example.com"])]})  # type: ignore[no-untyped-call]
    revision = flow.states(flow.settings.topics.account_states)["a1"]["writer"]
    stale = next(event for event in source.events if event.key == "a1")
    body = {"id": "a1", "revision": revision, "reason": "correct"}
    flow.publish([stale, Emitted("a1", account=True, value={"eventType": "ldapflow:redrive", "bizData": body})])
    flow.settle(source)


def test_an_event_whose_state_kafka_would_refuse_is_a_dead_letter(flow: Flow) -> None:
    """It is shorter than max_event_bytes, but numbers are written at length in the state; the worker goes on."""
    source = small_company()
    flow.publish(source.events)
    worker = flow.worker()
    flow.settle(source)
    field = b'{"fieldName": "x", "fieldValue": [%s]}' % b",".join([b"1E9"] * 120_000)
    value = (
        b'{"eventType": "ud:user:create", "bizData": {"userId": "big", "username": "big", "displayName": "B",'
        b'"organizationalUnits": [{"organizationalUnitId": "rd", "primary": true}], "customFields": [%s]}}' % field
    )
    publish_all(flow.settings, [Outgoing(flow.settings.topics.account_events, b"big", value)], lambda _: None)
    source.add_account("a4", "last", "rd")
    flow.publish(source.events[-1:])
    flow.settle(source)
    letters = flow.messages(flow.settings.topics.dead_letters)
    assert [dict(letter.headers() or ())["ldapflow-reason"] for letter in letters] == [b"too_large"]
    assert letters[0].value() is None
    assert worker.stop() == 0
