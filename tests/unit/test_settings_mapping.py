"""What the rows of a mapping may be."""

import pytest

from processors.mapping import compile_mapping
from schemas.events import Kind
from streams.settings.entry_rules import entry_rules
from tests.support.configuration import ENVIRONMENT, SMALLEST, Load, Problems, load, problems

__all__ = ["load", "problems"]  # fixtures


MAPPING = SMALLEST + "users:\n  rdn: uid\n  mapping:\n    - {attribute: uid, field: user.username}\n    - "


@pytest.mark.parametrize(
    ("row", "place", "words"),
    [
        ("{attribute: cn, field: user.password}", "11:35", "field: 'password' is a secret"),
        ("{attribute: cn, field: organization.name}", "11:30", "field: there is no 'organization'"),
        ("{attribute: cn, expression: 'Append(user.a,'}", "11:50", "expression: the expression ends too early"),
        ("{attribute: cn, expression: Nope(user.a)}", "11:35", "expression: there is no function 'Nope'"),
        ("{attribute: cn, expression: 'Append(''it'', Nope(1))'}", "11:51", "expression: there is no function 'Nope'"),
        (r'{attribute: cn, expression: "Append(\"\",\n Nope(1))"}', "11:51", "expression: there is no function 'Nope'"),
        (
            "attribute: cn\n      expression: Append(user.a,\n        Nope(1))",
            "13:9",
            "expression: there is no function",
        ),
        (
            "attribute: cn\n      expression: |  # two lines\n        Append(1,\n          Nope(1))\n",
            "14:11",
            "expression:",
        ),
        ("attribute: cn\n      expression: >-\n        Append(1,\n\n        Nope(1))\n", "15:9", "expression:"),
        ("attribute: cn\n      expression: |\n        Append(1,\n\n", "13:18", "expression: the expression ends too"),
    ],
)
def test_a_mistake_in_an_expression_is_told_at_its_place(problems: Problems, row: str, place: str, words: str) -> None:
    """However YAML writes it: quoted, over several lines, folded."""
    (problem,) = problems(MAPPING + row)
    assert problem.startswith(f"{place}: users.mapping[1].{words}")


def test_a_mistake_from_a_variable_has_its_place_within_the_value(problems: Problems) -> None:
    """The file does not show it."""
    row = "{attribute: cn, expression: '${CN}'}"
    (problem,) = problems(MAPPING + row, {**ENVIRONMENT, "CN": "Append(\n Nope(1))"})
    assert problem.startswith("11: users.mapping[1].expression: line 2, column 2: there is no function 'Nope'")


def test_all_mistakes_are_told_in_the_order_of_the_file(problems: Problems) -> None:
    """Also where a row before them is wrong in its form."""
    rows = "{attribute: cn, field: user.password}\n    - {attribute: sn, expression: 'user.'}"
    places = [problem.partition(" ")[0] for problem in problems(MAPPING.replace("field:", "feld:") + rows)]
    assert places == ["10:", "11:35:", "12:41:"]


@pytest.mark.parametrize("rdn", ["cn;lang-zh", "jpegPhoto"])
def test_what_cannot_name_entries_is_refused(problems: Problems, rdn: str) -> None:
    """A name of options or octets is no DN's."""
    row = f"{{attribute: {rdn}, constant: AAAA}}"
    (problem,) = problems(MAPPING.replace("rdn: uid", f"rdn: {rdn}") + row)
    assert problem.startswith(f"8: users.rdn: {rdn} cannot name entries: choose an attribute of text, without options")


def test_the_path_names_no_organization(problems: Problems) -> None:
    """Its DN holds it already."""
    row = "{attribute: ou, expression: 'ArrayJoin(organization.path, \"/\")'}"
    (problem,) = problems(f"{SMALLEST}organizations: {{rdn: ou, mapping: [{row}]}}\n")
    assert problem.startswith("7: organizations.rdn: ou cannot be made of organization.path")


def test_the_path_may_be_used_elsewhere(load: Load) -> None:
    """And the rules know it."""
    rows = """organizations:
  mapping:
    - {attribute: ou, field: organization.organizationalUnitName}
    - {attribute: description, field: organization.path}
"""
    rules = entry_rules(load(SMALLEST + rows))
    assert [rules[kind].uses_path for kind in (Kind.ORGANIZATION, Kind.ACCOUNT)] == [True, False]


def test_the_default_mappings_compile(load: Load) -> None:
    settings = load(SMALLEST)
    assert compile_mapping(settings.users.rows, "user").identifier == "uid"
    assert len(compile_mapping(settings.organizations.rows, "organization").rows) == 2


def test_a_constant_may_be_a_list(load: Load) -> None:
    settings = load(MAPPING + "{attribute: ou, constant: [a, b]}")
    assert settings.users.mapping[1].constant == ("a", "b")


def test_names_that_are_to_be_qualified_need_a_qualifier(problems: Problems) -> None:
    """By default users are named by what identifies them."""
    (problem,) = problems(SMALLEST + "users:\n  id_attribute: null\n  rdn_conflict: qualify\n")
    assert problem.startswith(
        "9: users.rdn_conflict: nothing tells users of one uid apart: give another attribute's row"
    )


@pytest.mark.parametrize("lines", ["rdn: cn", "id_attribute: employeeNumber"])
def test_names_are_qualified_by_the_identifier_or_by_the_id(load: Load, lines: str) -> None:
    settings = load(f"{SMALLEST}users:\n  rdn_conflict: qualify\n  {lines}\n")
    assert entry_rules(settings)[Kind.ACCOUNT].qualifier == ("uid" if "cn" in lines else "employeeNumber")


def test_wrong_settings_are_told_once_where_names_are_to_be_qualified(problems: Problems) -> None:
    """What is missing because of them is no further mistake."""
    (problem,) = problems(SMALLEST + "users: {rdn_conflict: qualify, id_attribute: uid}\n")
    assert "users.id_attribute: uid has a row" in problem
