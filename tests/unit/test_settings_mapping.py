"""What the rows of a mapping may be."""

import re

import pytest

from processors.mapping import compile_mapping
from tests.support.configuration import SMALLEST, Load, Problems, load, problems

__all__ = ["load", "problems"]  # fixtures


MAPPING = SMALLEST + "users:\n  rdn: uid\n  mapping:\n    - {attribute: uid, field: user.username}\n    - "


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{attribute: cn}", "users.mapping[1]: exactly one of field, constant and expression is needed"),
        ("{attribute: cn, field: user.a, expression: user.a}", "users.mapping[1]: exactly one of"),
        ("{attribute: userPassword, constant: x}", "users.mapping[1]: userPassword cannot be mapped"),
        ("{attribute: UserPassword;x-a, constant: x}", "users.mapping[1]: UserPassword;x-a cannot be mapped"),
        ("{attribute: cn, field: user.password}", "users.mapping[1]: line 1, column 6: 'password' is a secret"),
        ("{attribute: cn, field: organization.name}", "users.mapping[1]: line 1, column 1: there is no 'organization'"),
        ("{attribute: cn, field: username}", "users.mapping[1]: 'username' is not a field"),
        ("{attribute: cn, expression: 'Append(user.a,'}", "users.mapping[1]: line 1, column 15: "),
        ("{attribute: UID, constant: x}", "users.mapping[1]: UID has a row already"),
        ("{attribute: userid, constant: x}", "users.mapping[1]: userid has a row already"),
        ("{attribute: cn, constant: x, on: update}", "users.mapping[1].on: must be 'create'"),
        ("{attribute: cn, constant: {a: b}}", "users.mapping[1].constant: must be text, a number"),
        ("{attribute: cn, constant: [{a: b}]}", "users.mapping[1].constant: must be text, a number"),
        ("{attribute: cn, constant: x, on: create, identifier: true}", "users.mapping[1]: an identifier is written"),
        ("{attribut: cn, constant: x}", "users.mapping[1].attribut: unknown key: did you mean attribute?"),
        ("cn", "users.mapping[1]: must be a section"),
    ],
)
def test_a_wrong_row_is_told_at_its_line(problems: Problems, row: str, words: str) -> None:
    (problem,) = problems(MAPPING + row)
    assert problem.startswith(f"11: {words}")


def test_an_expression_over_several_lines_has_the_line_of_its_row_and_its_own(problems: Problems) -> None:
    """And is reported although another row, before it, is wrong in its form."""
    text = (
        MAPPING.replace("field: user.username", "feld: user.username")
        + """attribute: cn
      expression: |
        Append(
          user.a, Nope(user.b))
    - {attribute: sn, field: user.password}
"""
    )
    first, second, third = problems(text)
    assert first.startswith("10: users.mapping[0].feld: unknown key")
    assert re.match(r"11: users\.mapping\[1\]: line 2, column 11: .*Nope", second)
    assert third.startswith("15: users.mapping[2]: line 1, column 6: ")


def test_the_default_mappings_compile(load: Load) -> None:
    settings = load(SMALLEST)
    assert compile_mapping(settings.users.rows, "user").identifier == "uid"
    assert len(compile_mapping(settings.organizations.rows, "organization").rows) == 2


def test_a_row_that_names_entries_is_written_always(problems: Problems) -> None:
    (problem,) = problems(
        MAPPING.replace("user.username}", "user.username, on: create}") + "{attribute: cn, constant: x}"
    )
    assert problem.startswith("8: users.rdn: uid needs a row in the mapping that is written always")


def test_two_identifiers_are_refused(problems: Problems) -> None:
    text = MAPPING.replace("user.username}", "user.username, identifier: true}")
    (problem,) = problems(text + "{attribute: mail, field: user.email, identifier: true}")
    assert problem.startswith("11: users.mapping[1]: uid is the identifier already")


def test_organizations_have_no_identifier(problems: Problems) -> None:
    row = "{attribute: ou, field: organization.name, identifier: true}"
    (problem,) = problems(f"{SMALLEST}organizations: {{mapping: [{row}]}}\n")
    assert problem.startswith("7: organizations.mapping[0]: identifier is for users only")


def test_a_constant_may_be_a_list(load: Load) -> None:
    settings = load(MAPPING + "{attribute: ou, constant: [a, b]}")
    assert settings.users.mapping[1].constant == ("a", "b")
