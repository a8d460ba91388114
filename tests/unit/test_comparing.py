"""What a verification says of one entity and its entry."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ldap_sink.drift import DriftFinder
from ldap_sink.locking import LOCK_ATTRIBUTE, PERMANENT_LOCK
from processors.comparing import SWEPT, Comparer, Finding
from processors.mapping import MappingRow, compile_mapping
from processors.wanted import EntryRules
from schemas.dn import DN
from schemas.entries import FoundEntry, Values
from schemas.events import ROOT_ORGANIZATION, Kind
from schemas.jobs import EntryState
from schemas.records import record_of
from schemas.states import PasswordNote, PasswordStatus, State, Status
from tests.support.schema import small_schema

TARGET = "ou=company,dc=example,dc=com"
ROWS = (
    MappingRow("uid", field="user.username"),
    MappingRow("cn", field="user.username"),
    MappingRow("sn", field="user.username"),
    MappingRow("mail", field="user.email"),
)
UNIT_ROWS = (MappingRow("ou", field="organization.organizationalUnitName"),)
RULES: Mapping[Kind, EntryRules] = {
    Kind.ACCOUNT: EntryRules(("inetOrgPerson",), "uid", compile_mapping(ROWS, "user"), frozenset({"cn", "sn"})),
    Kind.ORGANIZATION: EntryRules(("organizationalUnit",), "ou", compile_mapping(UNIT_ROWS, "organization")),
}


@dataclass(frozen=True)
class Unit:
    """An organization of the tree."""

    parent_id: str | None = ROOT_ORGANIZATION
    is_deleted: bool = False
    is_bound: bool = True
    name: str | None = None


TREE = {"rd": Unit(), "outside": Unit(parent_id=None), "new": Unit(is_bound=False)}


def comparer(*, locks: bool = False, removes_disabled: bool = False, passwords: bool = False) -> Comparer:
    drifts = DriftFinder(small_schema(), locks)
    return Comparer(RULES, TREE.get, drifts, ROOT_ORGANIZATION, removes_disabled, passwords)


def state(home: str = "rd", status: Status = Status.APPLIED, **changes: Any) -> State:
    fields = {
        "userId": "a1",
        "username": "mei",
        "email": "mei@example.com",
        "status": changes.pop("account", "enabled"),
        "organizationalUnits": [{"organizationalUnitId": home}],
    }
    fields |= changes.pop("fields", {})
    first = State(record_of(Kind.ACCOUNT, fields), 5, 5, 5, status, 100, (1, 1))
    return replace(first, **changes)


def entry(rdn: str = "uid=mei", **changes: Any) -> FoundEntry:
    attributes: dict[str, Values] = {
        "objectclass": (b"inetOrgPerson", b"top"),
        "uid": (rdn.removeprefix("uid=").encode(),),
        "cn": (b"mei",),
        "sn": (b"mei",),
        "mail": (b"mei@example.com",),
        **changes,
    }
    return FoundEntry(DN.parse(f"{rdn},ou=rd,{TARGET}"), "uuid", b"csn", attributes)


def locked_entry() -> FoundEntry:
    found = entry()
    return replace(found, attributes={**found.attributes, LOCK_ATTRIBUTE.lower(): (PERMANENT_LOCK,)})


def compare(stored: State, found: FoundEntry | None, **options: bool) -> Finding:
    swept = options.pop("swept", False)
    return comparer(**options).compare(Kind.ACCOUNT, "a1", stored, found, swept=swept)


def summary(finding: Finding) -> tuple[EntryState | None, tuple[str, ...], str | None]:
    return finding.state, finding.attributes, finding.reason


@pytest.mark.parametrize(
    ("stored", "found", "expected"),
    [
        (state(), entry(), (EntryState.SAME, (), None)),
        (state(), entry(mail=(b"other@example.com",)), (EntryState.CHANGED, ("mail",), None)),
        (state(), entry(objectclass=(b"person",)), (EntryState.CHANGED, ("objectClass",), None)),
        (state(), entry("uid=lee"), (EntryState.MISPLACED, (), None)),
        (state(), None, (EntryState.MISSING, (), None)),
        (state(deleted_at=6), entry(), (EntryState.ORPHAN, (), None)),
        (state(deleted_at=6), None, (None, (), None)),
        (state("outside"), entry(), (EntryState.ORPHAN, (), None)),
        (state("outside", Status.OUT_OF_SCOPE), None, (None, (), None)),
        (state(record=None, record_time=-1), None, (EntryState.WAITING, (), "no_record")),
        (state(record_time=-1), entry(), (EntryState.WAITING, (), "no_record")),
        (state("nowhere"), None, (EntryState.WAITING, (), "organization_unknown")),
        (state("new"), None, (EntryState.WAITING, (), "organization_waiting")),
    ],
)
def test_state_and_entry(
    stored: State, found: FoundEntry | None, expected: tuple[EntryState | None, tuple[str, ...], str | None]
) -> None:
    """Each way in which the two can stand to each other."""
    assert summary(compare(stored, found)) == expected


@pytest.mark.parametrize(
    ("passwords", "status", "attributes"),
    [
        (True, PasswordStatus.PENDING, ("userPassword",)),
        (True, PasswordStatus.APPLIED, ()),
        (True, PasswordStatus.REFUSED, ()),
        (False, PasswordStatus.PENDING, ()),
    ],
)
def test_an_entry_that_is_still_to_get_its_password_differs(
    *, passwords: bool, status: PasswordStatus, attributes: tuple[str, ...]
) -> None:
    """Where events are only kept, nobody else would see to it."""
    stored = state(status=Status.PENDING, password=PasswordNote("topic", 0, 1, 5, status))
    assert compare(stored, entry(), passwords=passwords).attributes == attributes


@pytest.mark.parametrize("deleted_at", [None, 6])
@pytest.mark.parametrize("found", [None, entry()])
def test_what_is_held_is_only_listed(deleted_at: int | None, found: FoundEntry | None) -> None:
    """A person is asked about it, whatever its record says now."""
    held = state(status=Status.HELD, reason="deletion_guard", deleted_at=deleted_at)
    assert summary(compare(held, found)) == (EntryState.HELD, (), "deletion_guard")


def test_who_waits_is_compared_where_it_is() -> None:
    """The worker writes everything but the name and the place: only that can be drift."""
    waiting = state(status=Status.WAITING, reason="dn_occupied")
    assert summary(compare(waiting, None)) == (EntryState.WAITING, (), "dn_occupied")
    assert summary(compare(waiting, entry("uid=old"))) == (EntryState.WAITING, (), "dn_occupied")
    named_twice = entry("uid=old", uid=(b"old", b"older"))
    assert summary(compare(waiting, named_twice)) == (EntryState.WAITING, (), "dn_occupied")
    assert summary(compare(waiting, entry("uid=old", mail=()))) == (EntryState.CHANGED, ("mail",), "dn_occupied")


def test_what_was_refused_is_listed_whatever_the_entry_is() -> None:
    """It would be refused again; so would a record of which no entry can be made any more."""
    refused = state(status=Status.DEAD_LETTERED, reason="refused_by_directory")
    assert summary(compare(refused, entry(mail=()))) == (EntryState.DEAD_LETTERED, (), "refused_by_directory")
    nameless = state(fields={"username": None})
    assert summary(compare(nameless, entry())) == (EntryState.DEAD_LETTERED, (), "missing_value")


@pytest.mark.parametrize("status", [Status.APPLIED, Status.WAITING, Status.DEAD_LETTERED])
def test_a_lock_that_was_lifted_by_hand_is_drift_in_every_status(status: Status) -> None:
    """A leaver must not stay because of a bad mail address."""
    leaver = state(status=status, account="disabled", locked=True)
    assert compare(leaver, entry(), locks=True).attributes == (LOCK_ATTRIBUTE,)
    locked = locked_entry()
    assert compare(leaver, locked, locks=True).attributes == ()
    assert compare(leaver, entry()).attributes == ()


@pytest.mark.parametrize(("ours", "attributes"), [(True, (LOCK_ATTRIBUTE,)), (False, ())])
def test_only_our_own_lock_is_drift_on_an_enabled_account(attributes: tuple[str, ...], *, ours: bool) -> None:
    """An administrator's stays."""
    locked = locked_entry()
    assert compare(state(locked=ours), locked, locks=True).attributes == attributes


def test_disabled_accounts_may_have_no_entry_by_configuration() -> None:
    disabled = state(account="disabled")
    assert compare(disabled, entry(), removes_disabled=True).state is EntryState.ORPHAN
    assert compare(disabled, entry()).state is EntryState.SAME


def test_whom_a_complete_push_did_not_bring_is_an_orphan() -> None:
    assert summary(compare(state(), entry(), swept=True)) == (EntryState.ORPHAN, (), SWEPT)
    assert compare(state(), None, swept=True).state is None


def test_the_place_is_said_where_it_can_be_asked() -> None:
    """Below which organizations the entry must stand; not of one that waits."""
    assert compare(state(), entry()).home == ("rd",)
    assert compare(state(ROOT_ORGANIZATION), entry()).home == ()
    assert compare(state(status=Status.WAITING), entry()).home is None


def test_the_root_has_no_entry_of_its_own() -> None:
    """It is the target node; deleting it means nothing."""
    identifier = ROOT_ORGANIZATION
    record = record_of(Kind.ORGANIZATION, {"organizationalUnitId": identifier, "organizationalUnitName": "All"})
    stored = State(record, 5, 5, 5, Status.APPLIED, 100, (1, 1), deleted_at=6)
    assert comparer().compare(Kind.ORGANIZATION, identifier, stored, entry(), swept=True).state is None
