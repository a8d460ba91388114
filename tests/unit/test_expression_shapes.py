"""What is known of an expression's value before there is a record."""

import pytest

from processors.expressions.shapes import gives_array


@pytest.mark.parametrize(
    "text",
    [
        "Split(user.a, ',')",
        "ArrayMap(user.groups, __item.groupName)",
        "IIF(user.a == 'b', Split(user.a, ','), null)",
        "Coalesce(user.a, Split(user.b, ','))",
        "(Split(user.a, ','))",
        "organization.path",
    ],
)
def test_arrays_are_seen(text: str) -> None:
    """Also where one of several values is an array."""
    assert gives_array(text)


@pytest.mark.parametrize(
    "text",
    [
        "user.a",
        "'a'",
        "user.path",
        "ArrayJoin(Split(user.a, ','), ' ')",
        "IIF(IsNull(Split(user.a, ',')), 'a', 'b')",
        "IIF(Split(user.a, ','), 'a', 'b')",
        "Split(user.a, ',') == user.b",
    ],
)
def test_other_values_are_not_taken_for_arrays(text: str) -> None:
    """An array within says nothing of the whole."""
    assert not gives_array(text)
