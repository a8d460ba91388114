"""The functions of the expression language, each with every kind of value."""

from typing import Any

import pytest

from processors.expressions import EvaluationError, compile_expression
from schemas.events import Json

VALUES: dict[str, Json] = {
    "null": None,
    "empty": "",
    "text": " Straße İ😀 ",
    "number": 12,
    "decimal": 1.5,
    "boolean": True,
    "array": ["a", "b"],
    "none": [],
    "object": {"k": "v"},
    "nothing": {},
}
NOT_TEXT = ("an array is not text", "an array is not text", "an object is not text", "an object is not text")
NO_ARRAY = ("text is not an array", "text is not an array", "a number is not an array", "a number is not an array",
            "a boolean is not an array")  # fmt: skip
NO_OBJECT = ("an object is not an array", "an object is not an array")

# What is given for each of VALUES, in their order. An error is told from a text by the angle brackets around it.
TABLE: dict[str, tuple[Any, ...]] = {
    "user.x": tuple(VALUES.values()),
    "Append(user.x)": ("", "", " Straße İ😀 ", "12", "1.5", "true", *NOT_TEXT),
    'Append("<", user.x, ">")': ("<>", "<>", "< Straße İ😀 >", "<12>", "<1.5>", "<true>", *NOT_TEXT),
    'Join("<", user.x, ">", "-")': ("<->", "<->", "<- Straße İ😀 ->", "<-12->", "<-1.5->", "<-true->", *NOT_TEXT),
    'Join("a", "b", user.x)': ("ab", "ab", "a Straße İ😀 b", "a12b", "a1.5b", "atrueb", *NOT_TEXT),
    'Coalesce(user.x, "other")': (
        "other", "other", " Straße İ😀 ", 12, 1.5, True, ["a", "b"], "other", {"k": "v"}, "other",
    ),
    "IsNull(user.x)": (True, True, False, False, False, False, False, True, False, True),
    'IIF(user.x, "yes", "no")': (
        "no", "text is not a condition", "text is not a condition", "a number is not a condition",
        "a number is not a condition", "yes", "an array is not a condition", "an array is not a condition",
        "an object is not a condition", "an object is not a condition",
    ),
    "ObjectToJsonString(user.x)": (
        None, '""', '" Straße İ😀 "', "12", "1.5", "true", '["a","b"]', "[]", '{"k":"v"}', "{}",
    ),
    'ArrayJoin(user.x, ",")': (None, *NO_ARRAY, "a,b", "", *NO_OBJECT),
    'ArrayJoin(Split("a b", " "), user.x)': (
        "ab", "ab", "a Straße İ😀 b", "a12b", "a1.5b", "atrueb", *NOT_TEXT,
    ),
    "ArrayMap(user.x, Append(__item, 1))": (None, *NO_ARRAY, ["a1", "b1"], [], *NO_OBJECT),
    'ArrayMap(Split("a b", " "), user.x)': tuple([value] * 2 for value in VALUES.values()),
    "ToLower(user.x)": (None, "", " straße i̇😀 ", "12", "1.5", "true", *NOT_TEXT),
    "ToUpper(user.x)": (None, "", " STRASSE İ😀 ", "12", "1.5", "TRUE", *NOT_TEXT),
    "Trim(user.x)": (None, "", "Straße İ😀", "12", "1.5", "true", *NOT_TEXT),
    'Replace(user.x, "1", "😀")': (None, "", " Straße İ😀 ", "😀2", "😀.5", "true", *NOT_TEXT),
    'Replace("a12b", user.x, "-")': (
        *("the text to be replaced is empty",) * 2, "a12b", "a-b", "a12b", "a12b", *NOT_TEXT,
    ),
    'Replace("a-b", "-", user.x)': ("ab", "ab", "a Straße İ😀 b", "a12b", "a1.5b", "atrueb", *NOT_TEXT),
    "SubString(user.x, 1)": (None, "", "Straße İ😀 ", "2", ".5", "rue", *NOT_TEXT),
    'SubString("abcdefghijklmnop", user.x)': (
        *("start and length must be",) * 3, "mnop", *("start and length must be",) * 6,
    ),
    'SubString("abcdefghijklmnop", 2, user.x)': (
        *("start and length must be",) * 3, "cdefghijklmn", *("start and length must be",) * 6,
    ),
    'Split(user.x, "1")': (None, [], [" Straße İ😀 "], ["2"], [".5"], ["true"], *NOT_TEXT),
    'Split("a12b", user.x)': (
        "the separator is empty", "the separator is empty", ["a12b"], ["a", "b"], ["a12b"], ["a12b"], *NOT_TEXT,
    ),
    'user.x == "12"': (False,) * 10,
    "user.x != null": (False, *(True,) * 9),
    "user.x && true": (
        False, "text is not a condition", "text is not a condition", "a number is not a condition",
        "a number is not a condition", True, "an array is not a condition", "an array is not a condition",
        "an object is not a condition", "an object is not a condition",
    ),
    "user.x.k": (
        None, "text has no member 'k'", "text has no member 'k'", "a number has no member 'k'",
        "a number has no member 'k'", "a boolean has no member 'k'", "an array has no member 'k'",
        "an array has no member 'k'", "v", None,
    ),
}  # fmt: skip


def outcome(text: str, record: Json) -> Json:
    """What an expression gives for a record, or what it says is wrong."""
    try:
        return compile_expression(text).evaluate({"user": record})
    except EvaluationError as exc:
        return f"error: {exc}"


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("text", TABLE)
def test_every_kind_of_value_gives_a_value_or_says_what_is_wrong(text: str, name: str) -> None:
    """Null, empty, of another type; an absent field is as null."""
    expected = TABLE[text][list(VALUES).index(name)]
    found = outcome(text, {"x": VALUES[name]})
    if isinstance(found, str) and found.startswith("error: "):
        assert isinstance(expected, str)
        assert expected in found
    else:
        assert (found, type(found)) == (expected, type(expected))
    if name == "null":
        assert outcome(text, {}) == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Positions are counted in characters, not in UTF-16 units: an emoji is one.
        ('SubString("😀王a", 1)', "王a"),
        ('SubString("😀王a", 0, 1)', "😀"),
        ('SubString("e\\u0301a", 1)', "\u0301a"),
        ('SubString("abc", 3)', ""),
        ('SubString("abc", 9)', ""),
        ('SubString("abc", 9, 9)', ""),
        ('SubString("abc", 1, 9)', "bc"),
        ('SubString("abc", 1, 0)', ""),
        ('SubString("abc", 0)', "abc"),
        ('SubString("", 0)', ""),
        # Unicode's full case mapping, the same in every country.
        ('ToUpper("ß")', "SS"),
        ('ToLower("ẞ")', "ß"),
        ('ToLower("İI")', "i̇i"),
        ('ToUpper("i\\u0131")', "II"),
        ('ToUpper("ﬁ")', "FI"),
        ('ToLower("ΟΔΟΣ")', "οδος"),
        ('ToUpper("é王😀1")', "É王😀1"),
        # White space is Unicode's; what has no width is none.
        ('Trim("\\t\u3000\u00a0a b\u2003\\n")', "a b"),
        ('Trim("\u200ba")', "\u200ba"),
        # Not again within what was put in; from left to right.
        ('Replace("a.b.c", ".", "-")', "a-b-c"),
        ('Replace("aaa", "aa", "a")', "aa"),
        ('Replace("a", "a", "aa")', "aa"),
        ('Replace("a.b", ".", "")', "ab"),
        ('Replace("😀王", "王", "\\u738b")', "😀王"),
        ('Replace("Aa", "a", "-")', "A-"),
        # Empty parts are none.
        ('Split(",a,,b,", ",")', ["a", "b"]),
        ('Split("a, b", ", ")', ["a", "b"]),
        ('Split("王😀李", "😀")', ["王", "李"]),
        ('Split(",", ",")', []),
        ('Join("", null, "-")', ""),
        ('Join("a", "-")', "a"),
        ('ArrayJoin(Split("a", ","), ", ")', "a"),
        ("Append(1, 2)", "12"),
        ("Append(2.0)", "2"),
        ("Append(0.1)", "0.1"),
        ("Append(-0.5)", "-0.5"),
        ("Coalesce(null)", None),
        ('IsNull(" ")', False),
    ],
)  # fmt: skip
def test_gives(text: str, expected: Json) -> None:
    """Edges of single functions."""
    assert outcome(text, {}) == expected


@pytest.mark.parametrize("arguments", ["-1", "0, -1", "1.5", "0, 2.0", '"0"', "true"])
def test_positions_are_whole_and_not_negative(arguments: str) -> None:
    """Nothing is counted from the end."""
    found = outcome(f'SubString("abc", {arguments})', {})
    assert found == "error: SubString: start and length must be whole numbers that are not negative"
