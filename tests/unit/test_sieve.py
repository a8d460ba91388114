"""What the sieve recognizes, and what it leaves to the full comparison."""

import tracemalloc
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from ldap_sink.drift import DriftFinder
from processors.mapping import MappingRow, compile_mapping
from processors.wanted import EntryRules
from schemas.dn import RDN
from schemas.events import Kind
from schemas.records import record_of
from schemas.states import AwaitsTime, Binding, PasswordNote, PasswordStatus, State, Status
from streams.verification import sieve
from streams.verification.yardstick import Yardstick
from tests.support.schema import small_schema
from tests.support.sieving import TARGET, TARGET_DN, UNIT_RULES, Scene, uuid_of
from tests.support.wire_entries import search_entry

ROWS = (
    MappingRow("uid", field="user.username"),
    MappingRow("cn", expression="Coalesce(user.displayName, user.username)"),
    MappingRow("sn", field="user.username"),
    MappingRow("mail", field="user.email"),
    MappingRow("mobile", expression='IIF(IsNull(user.phone), null, Append("+", user.phone))'),
    MappingRow("description", expression="user.customFieldMap.level.fieldValue"),
)
RULES = EntryRules(("inetOrgPerson",), "uid", compile_mapping(ROWS, "user"), frozenset({"cn", "sn"}))
RECORD: dict[str, Any] = {
    "userId": "a1",
    "username": "mei",
    "email": "mei@example.com",
    "phone": "5",
    "createTime": 5,
    "organizationalUnits": [{"organizationalUnitId": "o1", "primary": True}],
}
STATE = State(
    record_of(Kind.ACCOUNT, RECORD), 5, 5, 5, Status.APPLIED, 5, (1, 9), binding=Binding(uuid_of("a1"), "", TARGET, 5)
)
DN = f"uid=mei,ou=o1,{TARGET_DN}"
ATTRIBUTES = {
    "objectClass": [b"inetOrgPerson", b"top"],
    "uid": [b"mei"],
    "cn": [b"mei"],
    "sn": [b"mei"],
    "mail": [b"mei@example.com"],
    "mobile": [b"+5"],
    "entryUUID": [uuid_of("a1").encode()],
}


def yardstick(rules: EntryRules = RULES) -> Yardstick:
    drifts = DriftFinder(small_schema(), locks=True)
    kinds = {Kind.ACCOUNT: rules, Kind.ORGANIZATION: UNIT_RULES}
    return Yardstick(TARGET_DN, "ou_root", kinds, drifts, removes_disabled=False, passwords=True, attributes=())


def recognizes(
    state: State = STATE,
    dn: str = DN,
    rules: EntryRules = RULES,
    attributes: Mapping[str, list[bytes] | None] = MappingProxyType({}),
) -> bool:
    """Whether the entry is recognized by its octets, with other attributes, or without those that are None."""
    written = {name: values for name, values in {**ATTRIBUTES, **attributes}.items() if values}
    return Scene(yardstick(rules), {"a1": state}).recognizes(search_entry(dn, written.items()))


def with_record(**fields: Any) -> State:
    return replace(STATE, record=record_of(Kind.ACCOUNT, {**RECORD, **fields}))


def test_an_entry_as_it_should_be_is_recognized() -> None:
    """Else none of the refusals below would say anything."""
    assert recognizes()


@pytest.mark.parametrize("order", [sorted(ATTRIBUTES), sorted(ATTRIBUTES, reverse=True)])
def test_the_order_of_attributes_says_nothing(order: list[str]) -> None:
    scene = Scene(yardstick(), {"a1": STATE})
    assert scene.recognizes(search_entry(DN, [(name, ATTRIBUTES[name]) for name in order]))


@pytest.mark.parametrize("length", [1, 100, 130, 400, 4000])
def test_entries_of_any_length_are_recognized(length: int) -> None:
    """Lengths are written in one octet, or in several (X.690 section 8.1.3); a value of the same length is another."""
    state = with_record(email="m" * length)
    assert recognizes(state, attributes={"mail": [b"m" * length]})
    assert not recognizes(state, attributes={"mail": [b"m" * (length - 1) + b"n"]})


def test_what_is_missing_is_missed_though_other_entries_lack_it_rightly() -> None:
    """The order of attributes that was learnt of them has no place for it."""
    plain = with_record(email=None)
    scene = Scene(yardstick(), {"a1": plain})
    without = {name: values for name, values in ATTRIBUTES.items() if name != "mail"}
    entry = search_entry(DN, without.items())
    assert scene.recognizes(entry)
    scene.take("ldapflow.accounts", "a1", replace(STATE, writer=(1, 10)))
    assert not scene.recognizes(entry)


@pytest.mark.parametrize(
    "attributes",
    [
        {"mail": [b"Mei@example.com"]},
        {"mail": None},
        {"mail": [b"mei@example.com", b"other@example.com"]},
        {"description": [b"5"]},
        {"objectClass": [b"person", b"top"]},
        {"objectClass": None},
        {"entryUUID": [uuid_of("a2").encode()]},
        {"entryUUID": None},
        {"pwdAccountLockedTime": [b"000001010000Z"]},
        {"cn;lang-en": [b"mei"]},
        {"commonName": [b"mei"]},
    ],
)
def test_other_attributes_are_left_to_the_comparison(attributes: dict[str, list[bytes] | None]) -> None:
    """One more, one less, or another value."""
    assert not recognizes(attributes=attributes)


@pytest.mark.parametrize(
    "dn", [f"UID=Mei,ou=o1,{TARGET_DN}", f"uid=mei+cn=mei,ou=o1,{TARGET_DN}", f"cn=mei,ou=o1,{TARGET_DN}"]
)
def test_another_name_is_left_to_the_comparison(dn: str) -> None:
    assert not recognizes(dn=dn)


@pytest.mark.parametrize(
    "state",
    [
        replace(STATE, status=Status.PENDING),
        replace(STATE, deleted_at=5),
        replace(STATE, record_time=-1),
        replace(STATE, record=None),
        replace(STATE, awaited=AwaitsTime()),
        replace(STATE, binding=Binding(uuid_of("a1"), "", uuid_of("another target"), 5)),
        replace(STATE, password=PasswordNote("t", 0, 1, 5, PasswordStatus.PENDING)),
        with_record(status="disabled"),  # and not locked
        with_record(userId="a2"),
        with_record(organizationalUnits=[]),
        with_record(organizationalUnits=[{"organizationalUnitId": "unknown"}]),
    ],
)
def test_a_state_that_asks_for_more_or_less_is_left_to_the_comparison(state: State) -> None:
    assert not recognizes(state)


def test_a_password_that_is_written_changes_nothing() -> None:
    assert recognizes(replace(STATE, password=PasswordNote("t", 0, 1, 5, PasswordStatus.APPLIED)))


def test_a_locked_account_is_recognized_by_its_lock() -> None:
    """If it is disabled, and by a lock for good alone."""
    state = with_record(status="disabled")
    assert recognizes(state, attributes={"pwdAccountLockedTime": [b"000001010000Z"]})
    assert not recognizes(state, attributes={"pwdAccountLockedTime": [b"20260101000000Z"]})


def test_a_qualified_name_is_left_to_the_comparison() -> None:
    """Whether it is kept, the whole rule must say; a plain one is recognized where names may be qualified."""
    rules = replace(
        RULES, mapping=compile_mapping([*ROWS[:3], replace(ROWS[3], identifier=True), *ROWS[4:]], "user"), qualify=True
    )
    qualified = Binding(uuid_of("a1"), f"uid=mei+mail=mei@example.com,ou=o1,{TARGET_DN}", TARGET, 5)
    assert recognizes(rules=rules)
    assert not recognizes(replace(STATE, binding=qualified), rules=rules)


def test_a_value_that_the_classes_demand_must_be_there() -> None:
    """An entry without it cannot be written: its state is to be dead-lettered."""
    rules = replace(RULES, required=frozenset({"cn", "sn", "description"}))
    assert not recognizes(rules=rules)
    assert recognizes(rules=replace(RULES, required=frozenset({"cn", "sn", "mail"})))


def test_a_name_of_nothing_but_spaces_is_no_name() -> None:
    """Though it needs no escape, and the entry has it."""
    blank = "\u00a0"
    octets = [blank.encode()]
    state = with_record(username=blank)
    assert not recognizes(
        state, f"uid={blank},ou=o1,{TARGET_DN}", attributes={"uid": octets, "cn": octets, "sn": octets}
    )


def test_the_primary_organization_is_the_home() -> None:
    """Wherever it stands among the others."""
    units = [{"organizationalUnitId": "unknown"}, {"organizationalUnitId": "o1", "primary": True}]
    assert recognizes(with_record(organizationalUnits=units))
    units = [{"organizationalUnitId": "o1"}, {"organizationalUnitId": "unknown", "primary": True}]
    assert not recognizes(with_record(organizationalUnits=units))
    units = [{"organizationalUnitId": "o1"}]
    assert not recognizes(with_record(organizationalUnits=units, primaryOrganizationalUnitId="unknown"))


def test_homes_of_a_million_accounts_take_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each has organizations of its own, what was found out for one helps nobody else."""
    monkeypatch.setattr(sieve, "MOST_HOMES", 50)
    scene, entry = Scene(yardstick(), {"a1": STATE}), search_entry(DN, ATTRIBUTES.items())
    tracemalloc.start()
    for number in range(500):
        others = [{"organizationalUnitId": f"o{number}-{other}"} for other in range(30)]
        state = with_record(organizationalUnits=[{"organizationalUnitId": "o1"}, *others])
        scene.take("ldapflow.accounts", "a1", replace(state, writer=(1, 10 + number)))
        assert scene.recognizes(entry)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 300_000  # a million without the bound


def test_a_probe_is_left_to_the_comparison() -> None:
    """Which sees none of them, in whatever spelling."""
    dn = TARGET_DN.child(RDN.of("ou", "LDAPflow-Probe-1"))
    record = record_of(
        Kind.ORGANIZATION,
        {"organizationalUnitId": "o9", "organizationalUnitName": "LDAPflow-Probe-1", "parentId": "ou_root"},
    )
    scene = Scene(yardstick(), {})
    binding = Binding(uuid_of("o9"), str(dn), TARGET, 5)
    scene.take("ldapflow.organizations", "o9", replace(STATE, record=record, binding=binding))
    attributes = {"objectClass": [b"organizationalUnit"], "ou": [b"LDAPflow-Probe-1"]}
    assert not scene.recognizes(search_entry(str(dn), [*attributes.items(), ("entryUUID", [uuid_of("o9").encode()])]))


def test_rows_that_need_the_whole_record_are_worked_out_in_full() -> None:
    """Custom fields are of lists and objects: no short way leads through them."""
    fields = [{"fieldName": "level", "fieldValue": "7"}]
    assert recognizes(with_record(customFields=fields), attributes={"description": [b"7"]})
    assert not recognizes(with_record(customFields=fields), attributes={"description": [b"8"]})


def test_two_who_are_bound_to_one_entry_are_left_to_the_comparison() -> None:
    """Whose it is takes both states to say."""
    scene = Scene(yardstick(), {"a1": STATE})
    scene.take("ldapflow.accounts", "a2", with_record(userId="a2"))
    assert not scene.recognizes(search_entry(DN, ATTRIBUTES.items()))
