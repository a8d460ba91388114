"""Search filters: the builders, the text and the BER of RFC 4511 section 4.5.1.7."""

import pytest

from ldap_sink.protocol.filters import (
    MAX_DEPTH,
    InvalidFilter,
    any_of,
    both,
    compile_filter,
    equality,
    escape,
    present,
    unless,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("a*b(c)d\\e\0", r"a\2ab\28c\29d\5ce\00"),
        ("é", r"\c3\a9"),
        (b"\xff \x7f", r"\ff \7f"),
        ("", ""),
    ],
)
def test_escape(value: str | bytes, text: str) -> None:
    """Whatever could be syntax, or is not printable, is written as its octets."""
    assert escape(value) == text


def test_a_value_never_becomes_syntax() -> None:
    """A value that looks like a filter stays one value."""
    hostile = "x)(|(uid=*))"
    assert compile_filter(equality("uid", hostile)).endswith(b"\x04" + bytes([len(hostile)]) + hostile.encode())


def test_an_attribute_never_becomes_syntax() -> None:
    """An attribute's name is checked: it may come from a configuration."""
    with pytest.raises(InvalidFilter, match="attribute description"):
        equality("uid=*)(cn", "x")


@pytest.mark.parametrize("build", [both, any_of])
def test_one_filter_needs_no_set(build: type) -> None:
    """A set of one is that one."""
    assert build("(a=b)") == "(a=b)"


def test_sets() -> None:
    """Filters are combined as RFC 4515 writes it."""
    built = both(any_of(equality("a", "b"), present("c")), unless(equality("d", "e")))
    assert built == "(&(|(a=b)(c=*))(!(d=e)))"


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("(a=b)", "a306 040161 040162"),
        ("(a=)", "a305 040161 0400"),
        (r"(a=\2a)", "a306 040161 04012a"),
        ("(a=é)", "a307 040161 0402c3a9"),
        ("(a=*)", "8701 61"),
        ("(a>=b)", "a506 040161 040162"),
        ("(a<=b)", "a606 040161 040162"),
        ("(a~=b)", "a806 040161 040162"),
        ("(a;lang-de=b)", "a30e 0409613b6c616e672d6465 040162"),
        ("(1.2.3=b)", "a30a 0405312e322e33 040162"),
        ("(a=b*)", "a408 040161 3003 800162"),
        ("(a=*b)", "a408 040161 3003 820162"),
        ("(a=*b*)", "a408 040161 3003 810162"),
        ("(a=b*c*d)", "a40e 040161 3009 800162 810163 820164"),
        ("(a:=b)", "a906 820161 830162"),
        ("(a:dn:=b)", "a909 820161 830162 8401ff"),
        ("(a:1.2:=b)", "a90b 8103312e32 820161 830162"),
        ("(:dn:1.2:=b)", "a90b 8103312e32 830162 8401ff"),
        ("(&)", "a000"),
        ("(|)", "a100"),
        ("(!(a=b))", "a208 a306 040161 040162"),
        ("(&(a=b)(c=*))", "a00b a306 040161 040162 870163"),
    ],
)
def test_encoding(text: str, encoded: str) -> None:
    """Each form of filter has its BER."""
    assert compile_filter(text).hex() == encoded.replace(" ", "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a=b",
        "(a=b",
        "(a=b))",
        "(a=b)(c=d)",
        "(=b)",
        "(ab)",
        "( a=b)",
        "(a b=c)",
        r"(a=\2)",
        r"(a=\zz)",
        "(a=\0)",
        "(a=b(c)",
        "(a=b**c)",
        "(a>=*)",
        "(!)",
        "(!(a=b)(c=d))",
        "(&(a=b)",
        "(&a=b)",
        "(:=b)",
        "(:dn:=b)",
        "(a:b:c:=d)",
        "(a::=b)",
        "(&" * (MAX_DEPTH + 1) + "(a=b)" + ")" * (MAX_DEPTH + 1),
    ],
)
def test_what_is_no_filter(text: str) -> None:
    """Anything else is refused, and never sent."""
    with pytest.raises(InvalidFilter):
        compile_filter(text)
