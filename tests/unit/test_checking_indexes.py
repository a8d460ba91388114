"""What is said of indexes."""

from typing import Any

import pytest

from ldap_sink.database_configuration import DatabaseConfiguration, equality_indexes
from streams.checking.index_checks import index_findings, searched_attributes
from streams.settings import Settings
from tests.support.schema import small_schema

SCHEMA = small_schema()


def settings(**sections: Any) -> Settings:
    """A configuration with these sections."""
    base = {
        "connection": {"server": "ldap://localhost", "admin_dn": "cn=admin", "admin_password": "unused"},
        "sync": {"target_dn": "ou=company"},
    }
    return Settings.model_validate({**base, **sections})


def database(*indexes: str) -> DatabaseConfiguration:
    """A database with these values of `olcDbIndex`."""
    return DatabaseConfiguration("olcDatabase={1}mdb,cn=config", equality_indexes(indexes))


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
