"""Distinguished names hold for any text."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from schemas.dn import AVA, DN, RDN, InvalidDN

ATTRIBUTES = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,8}|[0-9]{1,3}(\.[0-9]{1,3}){1,4}", fullmatch=True)
VALUES = st.text() | st.text(alphabet=' #,+"\\<>;=\0aé') | st.binary(min_size=1).map(lambda octets: b"\x30" + octets)
RDNS = st.lists(st.builds(AVA, ATTRIBUTES, VALUES), min_size=1, max_size=3).map(lambda avas: RDN(tuple(avas)))
DNS = st.lists(RDNS, max_size=4).map(lambda rdns: DN(tuple(rdns)))


@given(DNS)
def test_what_was_written_is_read_again(name: DN) -> None:
    """Every name survives its text form."""
    assert DN.parse(str(name)) == name


@given(st.text() | st.text(alphabet=' #,+"\\<>;=\0a0é'))
def test_any_text_is_a_name_or_an_invalid_one(text: str) -> None:
    """Reading never fails in another way."""
    with suppress(InvalidDN):
        DN.parse(text)


@given(st.text(alphabet=' #,+"\\<>;=\0a0é'))
def test_reading_and_writing_settles(text: str) -> None:
    """What is read from any spelling is written in one that is read as the same."""
    with suppress(InvalidDN):
        name = DN.parse(text)
        assert DN.parse(str(name)) == name


@given(DNS, DNS)
def test_equal_names_match(one: DN, other: DN) -> None:
    """The exact comparison is never looser than the directory's."""
    assert one.matches(other) or one != other


@given(DNS, RDNS)
def test_a_child_is_below(parent: DN, rdn: RDN) -> None:
    """Also below everything that its parent is below."""
    child = parent.child(rdn)
    assert child.is_below(parent)
    assert child.is_below(DN())
