"""Filters hold for any value, and agree with ldap3."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import compile_filter as compile_with_ldap3
from ldap3.operation.search import parse_filter
from pyasn1.codec.ber.encoder import encode

from ldap_sink.protocol import ber
from ldap_sink.protocol.filters import InvalidFilter, any_of, both, compile_filter, equality, present, unless

ATTRIBUTES = st.sampled_from(["cn", "mail", "jpegPhoto", "cn;lang-zh", "1.2.840.1"])
VALUES = st.text(st.characters(exclude_categories=["Cs"])) | st.binary() | st.text("()*\\&|!=\0 ab")
STRIPPED = VALUES.map(lambda value: value.strip())  # ldap3 drops spaces around a value, against RFC 4515
SIMPLE = st.builds(equality, ATTRIBUTES, STRIPPED) | st.builds(present, ATTRIBUTES)
FILTERS = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda members: both(*members)),
        st.lists(inner, min_size=1, max_size=3).map(lambda members: any_of(*members)),
        inner.map(unless),
    ),
    max_leaves=6,
)


@given(ATTRIBUTES, VALUES)
def test_any_value_arrives_as_it_is(attribute: str, value: str | bytes) -> None:
    """No value is changed, and none becomes syntax."""
    octets = value.encode() if isinstance(value, str) else value
    assert compile_filter(equality(attribute, value)) == ber.element(
        0xA3, ber.text(attribute) + ber.octet_string(octets)
    )


@given(FILTERS)
def test_filters_are_encoded_as_ldap3_encodes_them(text: str) -> None:
    """Another implementation of RFC 4515 agrees, octet by octet."""
    # No schema, nothing escaped, encoded or checked.
    parsed = parse_filter(text, None, False, False, None, False)  # type: ignore[no-untyped-call]
    assert compile_filter(text) == encode(compile_with_ldap3(parsed.elements[0]))  # type: ignore[no-untyped-call]


@given(st.text("()*\\&|!=:<>~a1.; \0é", max_size=30))
def test_any_text_is_a_filter_or_an_invalid_one(text: str) -> None:
    """Reading never fails in another way."""
    with suppress(InvalidFilter):
        compile_filter(text)
