"""A whole snapshot against a whole tree: who stands where, whose is what, and what changed meanwhile."""

import uuid
from typing import Any

import pytest

from schemas.dn import DN, RDN
from schemas.entries import FoundEntry
from schemas.events import Kind
from schemas.jobs import Difference
from schemas.records import record_of
from schemas.state_codec import encode_state
from schemas.states import Binding, State, Status
from streams.kafka import Received
from streams.settings import Settings
from streams.verification.comparison import TWO_ENTRIES, Comparison
from streams.verification.organizations import read_organizations
from streams.verification.snapshot import Snapshot
from streams.verification.yardstick import Yardstick
from tests.support.configuration import SMALLEST, Load, load  # noqa: F401 - a fixture
from tests.support.schema import small_schema

TARGET = "00000000-0000-4000-8000-000000000001"
TARGET_DN = DN.parse("ou=company,dc=example,dc=com")
USERS = "users: {id_attribute: employeeNumber}\n"


class Company:
    """States, and the entries that belong to them; both may be changed before they are compared.

    Attributes:
        entries: by the id that they were made for.
    """

    def __init__(self, settings: Settings) -> None:
        self.snapshot = Snapshot(settings)
        self.entries: dict[str, FoundEntry] = {}
        self._yardstick = Yardstick.of(settings, small_schema())
        self._revision = 0
        for identifier, parent in (("o1", "ou_root"), ("o2", "o1"), ("o3", "ou_root")):
            self.put_organization(identifier, parent)
        for identifier, home in (("a1", "o1"), ("a2", "o2"), ("a3", "o3")):
            self.put_account(identifier, home)

    def put_organization(self, identifier: str, parent: str, **changes: Any) -> None:
        """Write its state, and make its entry if it has none."""
        above = TARGET_DN if parent == "ou_root" else self.entries[parent].dn
        record = {"organizationalUnitId": identifier, "organizationalUnitName": identifier, "parentId": parent}
        dn = above.child(RDN.of("ou", identifier))
        attributes = {"objectclass": (b"organizationalUnit", b"top"), "ou": (identifier.encode(),)}
        self._put(Kind.ORGANIZATION, identifier, record, FoundEntry(dn, _uuid(identifier), b"", attributes), changes)

    def put_account(self, identifier: str, home: str, **changes: Any) -> None:
        """As `put_organization`."""
        name = identifier.encode()
        attributes = {
            "objectclass": (b"inetOrgPerson", b"top"),
            **dict.fromkeys(("uid", "cn", "sn", "employeenumber"), (name,)),
        }
        record = {"userId": identifier, "username": identifier, "organizationalUnits": [{"organizationalUnitId": home}]}
        dn = self.entries[home].dn.child(RDN.of("uid", identifier))
        self._put(Kind.ACCOUNT, identifier, record, FoundEntry(dn, _uuid(identifier), b"", attributes), changes)

    def _put(
        self, kind: Kind, identifier: str, fields: dict[str, Any], entry: FoundEntry, changes: dict[str, Any]
    ) -> None:
        self._revision += 1
        self.entries.setdefault(identifier, entry)
        values: dict[str, Any] = {
            "record": record_of(kind, fields),
            "record_time": 5,
            "event_time": 5,
            "received_time": 5,
            "status": Status.APPLIED,
            "status_time": 5,
            "writer": (1, self._revision),
            "binding": Binding(entry.entry_uuid, str(entry.dn), TARGET, self._revision),
            **changes,
        }
        topic = "ldapflow.accounts" if kind is Kind.ACCOUNT else "ldapflow.organizations"
        self.changed = self.snapshot.take(
            [Received(topic, 0, 0, 0, identifier.encode(), encode_state(State(**values)))]
        )

    def replace(self, identifier: str, dn: DN) -> None:
        """Let an entry stand somewhere else."""
        found = self.entries[identifier]
        self.entries[identifier] = FoundEntry(dn, found.entry_uuid, b"", found.attributes)

    def compare(self, *swept: int) -> Comparison:
        """Compare all; of these numbers, a complete push did not bring the entities."""
        gone = bytearray(number in swept for number in range(len(self.snapshot)))
        made = Comparison(self.snapshot, read_organizations(self.snapshot), self._yardstick, gone)
        made.take(self.entries.values())
        made.finish()
        return made

    def differences(self) -> list[tuple[str, str | None]]:
        """State and id of all that is told."""
        return told(self.compare())


def told(comparison: Comparison) -> list[tuple[str, str | None]]:
    return [(one.state.value, one.id) for one in comparison.findings.report().differences]


def only(comparison: Comparison) -> Difference:
    [difference] = comparison.findings.report().differences
    return difference


def _uuid(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


@pytest.fixture
def company(load: Load) -> Company:  # noqa: F811 - the fixture
    return Company(load(f"{SMALLEST}  target_entry_uuid: {TARGET}\n  disabled_accounts: keep\n{USERS}"))


def test_a_tree_that_is_as_it_should_be_differs_in_nothing(company: Company) -> None:
    comparison = company.compare()
    assert (told(comparison), comparison.matched) == ([], 6)


def test_an_account_below_another_organization_is_misplaced(company: Company) -> None:
    """Both places are said."""
    company.replace("a1", company.entries["o3"].dn.child(RDN.of("uid", "a1")))
    difference = only(company.compare())
    assert (difference.state, difference.id) == ("misplaced", "a1")
    assert (difference.dn, difference.wanted_dn) == (f"uid=a1,ou=o3,{TARGET_DN}", f"uid=a1,ou=o1,{TARGET_DN}")


def test_what_stands_below_a_misplaced_organization_is_not_misplaced(company: Company) -> None:
    """It moves with the organization."""
    moved = company.entries["o3"].dn.child(RDN.of("ou", "o2"))
    company.replace("o2", moved)
    company.replace("a2", moved.child(RDN.of("uid", "a2")))
    assert only(company.compare()).id == "o2"


def test_where_a_missing_entry_shall_stand_is_said_even_below_a_missing_one(company: Company) -> None:
    del company.entries["o2"], company.entries["a2"]
    report = company.compare().findings.report()
    wanted = {one.id: one.wanted_dn for one in report.differences}
    assert wanted == {"o2": f"ou=o2,ou=o1,{TARGET_DN}", "a2": f"uid=a2,ou=o2,ou=o1,{TARGET_DN}"}


def test_of_two_who_are_bound_to_one_entry_the_later_one_is_told(company: Company) -> None:
    binding = Binding(_uuid("a1"), "uid=a1", TARGET, 999)
    company.put_account("a4", "o1", binding=binding)
    del company.entries["a4"]
    assert company.differences() == [("duplicate", "a4")]


def test_an_entry_that_carries_the_id_of_another_is_not_ours(company: Company) -> None:
    """It is nobody's, and ours is missing."""
    found = company.entries["a1"]
    company.entries["a1"] = FoundEntry(
        found.dn, found.entry_uuid, b"", {**found.attributes, "employeenumber": (b"unknown",)}
    )
    assert sorted(company.differences(), key=str) == [("missing", "a1"), ("unmanaged", None)]


def test_a_second_entry_with_an_id_is_a_duplicate(company: Company) -> None:
    """The one that is bound is all right; which of the two should go, a person must say."""
    found = company.entries["a1"]
    copy = FoundEntry(found.dn.parent.child(RDN.of("uid", "copy")), _uuid("copy"), b"", found.attributes)
    company.entries["copy"] = copy
    difference = only(company.compare())
    assert (difference.state, difference.id, difference.reason) == ("duplicate", "a1", TWO_ENTRIES)
    assert difference.entry_uuid == copy.entry_uuid


def test_entries_of_other_classes_are_nobodys_business(company: Company) -> None:
    found = company.entries["a1"]
    company.entries["printer"] = FoundEntry(
        TARGET_DN.child(RDN.of("cn", "p")), _uuid("printer"), b"", {**found.attributes, "objectclass": (b"device",)}
    )
    assert company.differences() == []


def test_what_changed_meanwhile_is_not_told(company: Company) -> None:
    """Its state has been written again since it was read: what was found of it may be true no more."""
    del company.entries["a1"], company.entries["a3"]
    comparison = company.compare()
    company.put_account("a1", "o1")
    comparison.drop_changed(company.changed)
    assert told(comparison) == [("missing", "a3")]


def test_what_stands_below_an_organization_that_changed_is_not_told(company: Company) -> None:
    """The tree is not read in one moment: its entries may have been read before and after the move."""
    for identifier in ("a1", "a2", "a3"):
        del company.entries[identifier]
    comparison = company.compare()
    company.put_organization("o1", "o3")
    comparison.drop_changed(company.changed)
    assert told(comparison) == [("missing", "a3")]


def test_an_entry_that_has_become_somebodys_meanwhile_is_not_told(company: Company) -> None:
    """It was made after the states were read, and before the tree was."""
    company.entries["a4"] = FoundEntry(
        company.entries["a1"].dn, _uuid("a4"), b"", {**company.entries["a1"].attributes, "employeenumber": ()}
    )
    comparison = company.compare()
    assert told(comparison) == [("unmanaged", None)]
    company.put_account("a4", "o1")
    comparison.drop_changed(company.changed)
    assert told(comparison) == []


def test_whom_a_push_did_not_bring_is_spared_if_a_live_event_comes_before_it_is_swept(company: Company) -> None:
    """It would be deleted by a redrive that names the state which that event made."""
    numbers = [company.snapshot.number(Kind.ACCOUNT, identifier) or 0 for identifier in ("a1", "a2")]
    comparison = company.compare(*numbers)
    company.put_account("a1", "o1")
    assert [comparison.is_swept(number) for number in numbers] == [False, True]
    assert [comparison.is_spared(number) for number in numbers] == [True, False]
