"""What the writer of a broken mapping reads, word for word: line and column, path, what is wrong, what to do."""

import pytest

from tests.support.configuration import SMALLEST, Problems, load, problems

__all__ = ["load", "problems"]  # fixtures

MAPPING = SMALLEST + "users:\n  rdn: uid\n  mapping:\n    - {attribute: uid, field: user.username}\n    - "
ONE_SOURCE = "users.mapping[1]: exactly one of field, constant and expression is needed"
CONSTANT = "users.mapping[1].constant: must be text, a number, true, false, or a list of these"
PASSWORD = "passwords are written by the setting sync.passwords"  # noqa: S105 - words of a message


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "users: {rdn: employeeNumber}",
            "users.rdn: employeeNumber needs a row in the mapping that is written always (without `on: create`)",
        ),
        (
            "users: {id_attribute: uid}",
            "users.id_attribute: uid has a row in the mapping: the id is written there, so remove the row",
        ),
        ("users: {rdn_conflict: fight}", "users.rdn_conflict: must be 'wait' or 'qualify'"),
        ("users: {object_classes: []}", "users.object_classes: must name at least one object class"),
        ("users: {object_classes: [top, TOP]}", "users.object_classes: names an object class twice: keep one"),
        (
            "users: {sign_in_ids: [userPassword]}",
            (
                "users.sign_in_ids[0]: must not be userPassword: passwords are written by `sync.passwords`, never by a"
                " mapping"
            ),
        ),
        ("users: {sign_in_ids: ['(uid']}", "users.sign_in_ids[0]: must be the name of an LDAP attribute"),
        ("users: {sign_in_ids: []}", "users.sign_in_ids: must name at least one attribute"),
        (
            "organizations: {mapping: [{attribute: ou, field: organization.name, identifier: true}]}",
            "organizations.mapping[0]: identifier is for users only: remove it",
        ),
    ],
)
def test_entries(problems: Problems, line: str, told: str) -> None:
    """At its key."""
    assert problems(f"{SMALLEST}{line}\n") == [f"7: {told}"]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("cn", "11: users.mapping[1]: must be a section of `key: value` lines"),
        ("{attribut: cn, constant: x}", "11: users.mapping[1].attribut: unknown key: did you mean attribute?"),
        ("{attribute: cn}", f"11: {ONE_SOURCE}"),
        ("{attribute: cn, field: user.a, expression: user.a}", f"11: {ONE_SOURCE}"),
        ("{attribute: cn, constant: {a: b}}", f"11: {CONSTANT}"),
        ("{attribute: cn, constant: [{a: b}]}", f"11: {CONSTANT}"),
        ("{attribute: cn, constant: x, on: update}", "11: users.mapping[1].on: must be 'create'"),
        ("{attribute: UID, constant: x}", "11: users.mapping[1]: UID has a row already (uid): keep one of them"),
        ("{attribute: userid, constant: x}", "11: users.mapping[1]: userid has a row already (uid): keep one of them"),
        (
            "{attribute: cn, constant: x, on: create, identifier: true}",
            "11: users.mapping[1]: an identifier is written always: remove 'on: create'",
        ),
        (
            "{attribute: userPassword, constant: x}",
            f"11: users.mapping[1]: userPassword cannot be mapped: {PASSWORD}, never by a mapping",
        ),
        (
            "{attribute: UserPassword;x-a, constant: x}",
            f"11: users.mapping[1]: UserPassword;x-a cannot be mapped: {PASSWORD}, never by a mapping",
        ),
        (
            "{attribute: objectClass, constant: top}",
            (
                "11: users.mapping[1]: objectClass cannot be mapped: object classes are written by the setting"
                " object_classes"
            ),
        ),
        (
            "{attribute: cn, field: username}",
            "11: users.mapping[1]: 'username' is not a field: it must be user. and a name",
        ),
        ("{attribute: cn, field: user.password}", f"11:35: users.mapping[1].field: 'password' is a secret: {PASSWORD}"),
        (
            "{attribute: cn, expression: 'Append(user.a,'}",
            "11:50: users.mapping[1].expression: the expression ends too early: a value was expected",
        ),
        (
            "{attribute: cn, expression: user.a = user.b}",
            "11:42: users.mapping[1].expression: one '=' means nothing: compare with '=='",
        ),
        (
            "{attribute: cn, expression: Coalesc(user.a)}",
            "11:35: users.mapping[1].expression: there is no function 'Coalesc': did you mean Coalesce?",
        ),
        (
            "{attribute: cn, expression: IIF(user.a)}",
            "11:35: users.mapping[1].expression: IIF(condition, then, else) got 1 argument",
        ),
    ],
)
def test_a_row(problems: Problems, row: str, told: str) -> None:
    """At its line; a mistake in an expression at its column, too."""
    assert problems(MAPPING + row) == [told]


def test_a_name_that_is_written_only_once(problems: Problems) -> None:
    """Entries are named by what is always there."""
    text = MAPPING.replace("user.username}", "user.username, on: create}")
    assert problems(text + "{attribute: cn, constant: x}") == [
        "8: users.rdn: uid needs a row in the mapping that is written always (without `on: create`)"
    ]


def test_two_identifiers(problems: Problems) -> None:
    """The second one is told, and the first one named."""
    text = MAPPING.replace("user.username}", "user.username, identifier: true}")
    assert problems(text + "{attribute: mail, field: user.email, identifier: true}") == [
        "11: users.mapping[1]: uid is the identifier already: keep one of them"
    ]
