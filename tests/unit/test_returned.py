"""Entries of whom the source has deleted, which are there again: whose they were."""

import pytest

from schemas.entries import FoundEntry
from schemas.events import Kind
from schemas.jobs import DELETED_AT_SOURCE
from schemas.records import record_of
from tests.support.configuration import SMALLEST, Load, load  # noqa: F401 - a fixture
from tests.unit.test_comparison import TARGET, USERS, Company

HERE = f"{SMALLEST}  target_entry_uuid: {TARGET}\n  disabled_accounts: keep\n"
BACK = ("unmanaged", "a1", DELETED_AT_SOURCE)
NOBODYS = ("unmanaged", None, None)


@pytest.fixture
def company(load: Load) -> Company:  # noqa: F811 - the fixture
    """Its accounts are known by their ids; a1 was deleted, and its entry is there."""
    made = Company(load(HERE + USERS))
    made.put_account("a1", "o1", deleted_at=5, binding=None)
    return made


@pytest.fixture
def nameless(load: Load) -> Company:  # noqa: F811 - the fixture
    """The same without an id attribute: nothing but their names tells whose entries are."""
    made = Company(load(HERE))
    made.put_account("a1", "o1", deleted_at=5, binding=None)
    return made


def told(company: Company) -> list[tuple[str, str | None, str | None]]:
    return [(one.state.value, one.id, one.reason) for one in company.compare().findings.report().differences]


def with_attributes(company: Company, **attributes: tuple[bytes, ...]) -> None:
    """Let the entry that came back have other values."""
    found = company.entries["a1"]
    company.entries["a1"] = FoundEntry(found.dn, found.entry_uuid, b"", {**found.attributes, **attributes})


def test_an_entry_that_carries_the_id_of_who_was_deleted_is_told(company: Company) -> None:
    """Whatever it is called now."""
    company.replace("a1", company.entries["o3"].dn.child(company.entries["a3"].dn.rdn))
    assert told(company) == [BACK]


def test_an_entry_that_carries_no_id_is_told_by_its_name_and_identifier(company: Company) -> None:
    """It was made before ids were written."""
    with_attributes(company, employeenumber=())
    assert told(company) == [BACK]


def test_an_entry_that_carries_another_id_is_nobodys(company: Company) -> None:
    """Its name says nothing then."""
    with_attributes(company, employeenumber=(b"somebody",))
    assert told(company) == [NOBODYS]


def test_without_ids_the_name_and_the_identifier_tell(nameless: Company) -> None:
    assert told(nameless) == [BACK]


def test_another_value_of_the_identifier_is_somebody_else(nameless: Company) -> None:
    """A namesake."""
    with_attributes(nameless, uid=(b"a1", b"a1-2"))
    assert told(nameless) == [NOBODYS]


def test_an_organization_is_told_by_its_name(nameless: Company) -> None:
    """Organizations have no identifier."""
    nameless.put_account("a1", "o1")
    nameless.put_organization("o3", "ou_root", deleted_at=5, binding=None)
    assert ("unmanaged", "o3", DELETED_AT_SOURCE) in told(nameless)


def test_an_entry_that_somebody_may_take_is_not_to_be_deleted(nameless: Company) -> None:
    """Whoever has the name now has no entry yet: the correction gives it this one."""
    record = record_of(
        Kind.ACCOUNT, {"userId": "a9", "username": "a1", "organizationalUnits": [{"organizationalUnitId": "o1"}]}
    )
    nameless.put_account("a9", "o1", record=record, binding=None)
    del nameless.entries["a9"]
    assert sorted(told(nameless)) == [("missing", "a9", None), NOBODYS]


def test_an_entry_that_a_person_wanted_to_stay_is_nobodys(company: Company) -> None:
    """Its deletion was held, and discarded: it never went."""
    company.put_account("a1", "o1", deleted_at=5, binding=None, reason="discarded")
    assert told(company) == [NOBODYS]
