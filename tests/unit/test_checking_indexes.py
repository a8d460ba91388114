"""What is said of indexes, and of who the administrator is."""

from typing import Any

import pytest

from ldap_sink.database_configuration import DatabaseConfiguration, equality_indexes
from schemas.dn import DN
from streams.checking.index_checks import index_findings, policy_findings, searched_attributes
from streams.settings import Settings
from tests.support.schema import small_schema

SCHEMA = small_schema()
ADMIN = DN.parse("cn=admin,dc=example,dc=com")


def settings(**sections: Any) -> Settings:
    """A configuration with these sections."""
    base = {
        "connection": {"server": "ldap://localhost", "admin_dn": "cn=admin", "admin_password": "unused"},
        "sync": {"target_dn": "ou=company"},
    }
    return Settings.model_validate({**base, **sections})


def database(*indexes: str, root_dn: DN | None = None) -> DatabaseConfiguration:
    """A database with these values of `olcDbIndex`."""
    return DatabaseConfiguration("olcDatabase={1}mdb,cn=config", root_dn, equality_indexes(indexes))


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (["objectClass,entryUUID eq", "UID eq,sub"], {"objectclass", "entryuuid", "uid"}),
        (["mail pres,sub", "cn sub"], set()),
        (["default pres,eq", "cn", "sn sub"], {"cn"}),
        (["cn"], set()),
    ],
)
def test_equality_indexes_are_read(values: list[str], names: set[str]) -> None:
    """Several attributes a line, other sorts, the default of those that do not say."""
    assert equality_indexes(values) == names


@pytest.mark.parametrize(
    ("sections", "names"),
    [
        ({}, ["entryUUID", "uid"]),
        ({"users": {"id_attribute": "employeeNumber"}}, ["entryUUID", "uid", "employeeNumber"]),
        ({"organizations": {"id_attribute": "businessCategory"}}, ["entryUUID", "uid", "businessCategory"]),
        ({"authentication": {"enabled": True, "token": "unused"}}, ["entryUUID", "uid", "mail", "mobile"]),
        ({"users": {"sign_in_ids": ["mail"]}}, ["entryUUID", "uid"]),
    ],
)
def test_what_is_searched_follows_from_the_configuration(sections: Any, names: list[str]) -> None:
    """Bindings, identifier, ids; sign-in ids only where somebody signs in; nothing twice."""
    assert searched_attributes(settings(**sections), SCHEMA) == names


def test_each_missing_index_is_advised_with_its_line() -> None:
    """And where it belongs."""
    [finding] = index_findings(["entryUUID", "uid"], database("entryUUID eq", "uid sub"), SCHEMA)
    assert finding.text == "uid is searched for and has no eq index, so each search reads the whole database"
    assert finding.remedy == "add `olcDbIndex: uid eq` to olcDatabase={1}mdb,cn=config"


def test_an_index_by_a_synonym_counts() -> None:
    """`userid` is `uid`."""
    [finding] = index_findings(["entryUUID", "uid"], database("entryUUID,userid eq"), SCHEMA)
    assert (finding.text, finding.remedy) == ("entryUUID, uid are indexed", None)


def test_a_configuration_that_may_not_be_read_is_told_once() -> None:
    """With all lines that must be there."""
    [finding] = index_findings(["entryUUID", "uid"], None, SCHEMA)
    assert finding.remedy == ("see that the target's database has `olcDbIndex: entryUUID eq`, `olcDbIndex: uid eq`")


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (database(root_dn=DN.parse("CN=Admin, dc=example,dc=com")), "connection.admin_dn is the rootdn: no password"),
        (database(root_dn=DN.parse("cn=other")), "connection.admin_dn is not the rootdn: the password policy holds"),
        (database(), "connection.admin_dn is not the rootdn"),
        (None, "the password policy does not hold for the rootdn, nor for who has manage"),
    ],
)
def test_the_rootdn_is_told_what_does_not_hold_for_it(found: DatabaseConfiguration | None, text: str) -> None:
    """However it is spelled; and everybody where it is not known who that is."""
    [finding] = policy_findings(ADMIN, found)
    assert finding.text.startswith(text)
