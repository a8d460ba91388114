"""What the server's schema would refuse of what a mapping makes."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from streams.checking.schema_checks import schema_findings
from streams.settings import Settings
from tests.support.schema import small_schema

UID = {"attribute": "uid", "field": "user.username", "identifier": True}
PERSON = [
    UID,
    {"attribute": "commonName", "field": "user.displayName"},
    {"attribute": "sn", "field": "user.displayName"},
]


def told(**sections: Mapping[str, Any]) -> list[str]:
    """What is found, each with its mark."""
    base: dict[str, Any] = {
        "connection": {"server": "ldap://localhost", "admin_dn": "cn=admin", "admin_password": "unused"},
        "sync": {"target_dn": "ou=company"},
        "users": {"mapping": PERSON},
        **sections,
    }
    findings = schema_findings(Settings.model_validate(base), small_schema())
    return [f"{finding.verdict.value} {finding.text}: {finding.remedy}" for finding in findings]


def users(*rows: Mapping[str, Any], **more: object) -> list[str]:
    """What is found of users that are mapped so; of organizations nothing."""
    return [line for line in told(users={"mapping": [*PERSON, *rows], **more}) if "organizations" not in line]


def test_what_the_server_takes_is_one_line_of_each_kind() -> None:
    """`commonName` gives `cn` its value; `inetOrgPerson` and `person` are one chain."""
    assert told() == [
        "✓ users: the server takes entries of inetOrgPerson and top with the 3 mapped attributes: None",
        "✓ organizations: the server takes entries of organizationalUnit and top with the 2 mapped attributes: None",
    ]


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (
            {"attribute": "nope", "constant": "x"},
            "✗ users.mapping: the server does not know nope: correct its name, or load its schema",
        ),
        (
            {"attribute": "uidNumber", "constant": 1},
            (
                "✗ users.mapping: inetOrgPerson and top do not allow uidNumber: add a class that does to"
                " users.object_classes, or remove its row"
            ),
        ),
        (
            {"attribute": "entryCSN", "constant": "x"},
            "✗ users.mapping: entryCSN is written by the server alone: remove its row",
        ),
        (
            {"attribute": "employeeNumber", "constant": ["1", "2"]},
            "✗ users.mapping: employeeNumber takes one value, and its constant has 2: keep one of them",
        ),
        (
            {"attribute": "employeeNumber", "expression": "Split(user.a, ',')"},
            (
                "! users.mapping: employeeNumber takes one value, and its expression may give several: put them"
                " together with ArrayJoin"
            ),
        ),
    ],
)
def test_a_row_that_the_server_would_refuse_is_told(row: Mapping[str, Any], line: str) -> None:
    """Each for its own reason, and for no other."""
    assert [found for found in users(row) if not found.startswith("✓")] == [line]


@pytest.mark.parametrize(
    "row",
    [
        {"attribute": "employeeNumber", "constant": ["1", "1"]},
        {"attribute": "mail", "constant": ["a", "b"]},
        {"attribute": "employeeNumber", "expression": "ArrayJoin(Split(user.a, ','), ' ')"},
        {"attribute": "pwdAccountLockedTime", "field": "user.a"},
        {"attribute": "description;lang-zh", "field": "user.a"},
    ],
)
def test_a_row_that_the_server_takes_is_not_told(row: Mapping[str, Any]) -> None:
    """Repeated values are one; several fit; a list is joined; operational ones need no class; options do not matter."""
    assert [line[0] for line in users(row)] == ["✓"]


@pytest.mark.parametrize(
    ("classes", "line"),
    [
        (
            ["inetOrgPersn"],
            "✗ users.object_classes: the server does not know inetOrgPersn: correct its name, or load its schema",
        ),
        (
            ["inetOrgPerson", "account"],
            "✗ users.object_classes: inetOrgPerson and account are structural, and neither inherits: keep one of them",
        ),
        (
            ["extensibleObject", "top"],
            "✗ users.object_classes: none of extensibleObject, top is structural: add the one that says what it is",
        ),
        (
            ["inetOrgPerson", "posixAccount"],
            "✗ users.mapping: posixAccount requires uidnumber: add a row for it",
        ),
    ],
)
def test_object_classes_that_make_no_entry_are_told(classes: Sequence[str], line: str) -> None:
    """An unknown one does not make all its attributes wrong as well."""
    assert users(object_classes=classes) == [line]


def test_what_a_superior_class_requires_must_be_mapped() -> None:
    """`inetOrgPerson` itself requires nothing."""
    assert [line for line in told(users={"mapping": [UID]}) if "users" in line] == [
        "✗ users.mapping: inetOrgPerson requires cn: add a row for it",
        "✗ users.mapping: inetOrgPerson requires sn: add a row for it",
    ]


def test_a_required_attribute_may_have_an_option() -> None:
    """A value in one language is a value (RFC 4512 section 2.5.2)."""
    rows = [UID, {"attribute": "cn;lang-zh", "field": "user.a"}, {"attribute": "sn", "field": "user.a"}]
    assert told(users={"mapping": rows})[0].startswith("✓ users")


def test_an_id_attribute_gives_a_value_like_a_row() -> None:
    """It satisfies what is required."""
    assert users(object_classes=["inetOrgPerson", "posixAccount"], id_attribute="uidNumber")[0].startswith("✓")


@pytest.mark.parametrize(
    ("attribute", "line"),
    [
        ("uidNumber", "do not allow uidNumber: add a class that does to users.object_classes, or choose another"),
        ("note", "note has no equality rule, so nothing is found by it: choose another attribute"),
    ],
)
def test_an_id_attribute_that_cannot_be_one_is_told(attribute: str, line: str) -> None:
    """It must fit the classes, and be searchable."""
    [found] = users(id_attribute=attribute)
    assert found.startswith("✗ users.id_attribute: ")
    assert line in found


def test_an_attribute_that_cannot_name_entries_is_told() -> None:
    """Names are compared, and this one cannot be."""
    [found] = users({"attribute": "note", "field": "user.note"}, rdn="note")
    assert found == "✗ users.rdn: note has no equality rule, so it names nothing: choose another one"


def test_sign_in_ids_count_only_where_somebody_signs_in() -> None:
    """Then the server must know them."""
    authentication = {"enabled": True, "token": "unused"}
    assert [line[0] for line in users(sign_in_ids=["nope"])] == ["✓"]
    found = told(users={"mapping": PERSON, "sign_in_ids": ["uid", "nope"]}, authentication=authentication)
    assert "✗ users.sign_in_ids: the server does not know nope: correct its name, or load its schema" in found
