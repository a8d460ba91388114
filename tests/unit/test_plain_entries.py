"""The short way to an entry's values leads to those of `EntryRules.wanted`, or nowhere."""

from typing import Any

import pytest

from processors.mapping import MappingRow, compile_mapping
from processors.plain_entries import PlainEntries
from processors.wanted import EntryRules
from schemas.events import Kind

RECORD = {"userId": "a1", "username": "mei"}


def values(record: dict[str, Any], **row: Any) -> list[bytes] | None:
    """Of the name, and of one row more."""
    rows = [MappingRow("uid", field="user.username"), MappingRow("description", **row)]
    entries = PlainEntries.of(Kind.ACCOUNT, EntryRules(("top",), "uid", compile_mapping(rows, "user")))
    assert entries is not None
    return entries.values(record)


@pytest.mark.parametrize(
    ("row", "fields", "value"),
    [
        ({"field": "user.a"}, {"a": "x"}, b"x"),
        ({"field": "user.a"}, {}, b""),
        ({"field": "user.a"}, {"a": True}, b"TRUE"),
        ({"field": "user.emailVerified"}, {"emailVerified": "true"}, b"TRUE"),
        ({"constant": "x"}, {}, b"x"),
        ({"expression": "ToUpper(user.a)"}, {"a": "x"}, b"X"),
        ({"expression": "ArrayMap(user.a, __item)"}, {"a": ["x"]}, b"x"),
    ],
)
def test_the_values_are_those_of_the_mapping(row: dict[str, Any], fields: dict[str, Any], value: bytes) -> None:
    """Whether there is a short way or not."""
    assert values({**RECORD, **fields}, **row) == [b"mei", value]


@pytest.mark.parametrize(
    ("row", "fields"),
    [
        ({"field": "user.a"}, {"a": {"b": 5}}),
        ({"field": "user.a"}, {"a": 5.5}),
        ({"expression": "ToUpper(user.a)"}, {"a": ["x"]}),
        ({"expression": "ArrayMap(user.a, __item)"}, {"a": ["x", "y"]}),
        ({"constant": ("x", "y")}, {}),
        ({"field": "user.updateTime"}, {"lastUpdatedTime": 5}),
        ({"field": "user.a"}, {"updateTime": "no number"}),
        ({"field": "user.a"}, {"username": "m,ei"}),
    ],
)
def test_what_is_not_sure_has_no_values(row: dict[str, Any], fields: dict[str, Any]) -> None:
    """Several values, fields under older names, what fails, names that a DN writes otherwise."""
    assert values({**RECORD, **fields}, **row) is None


def test_entries_that_need_more_than_their_record_have_no_short_way() -> None:
    """The names of the organizations above are not in it."""
    rows = [
        MappingRow("ou", field="organization.organizationalUnitName"),
        MappingRow("cn", expression='ArrayJoin(organization.path, "/")'),
    ]
    rules = EntryRules(("top",), "ou", compile_mapping(rows, "organization"))
    assert PlainEntries.of(Kind.ORGANIZATION, rules) is None


@pytest.mark.parametrize(("phone", "value"), [("5", b"+5"), ("", b""), (None, b"")])
def test_a_condition_on_null_takes_its_branch(phone: str | None, value: bytes) -> None:
    """The usual form has a way of its own."""
    expression = 'IIF(IsNull(user.phone), null, Append("+", user.phone))'
    assert values({**RECORD, "phone": phone}, expression=expression) == [b"mei", value]
