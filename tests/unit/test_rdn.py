"""How entries are named."""

import re

import pytest

from processors.rdn import is_qualified, numeric_rdn, qualifier_of, rdn_of, temporary_rdn
from schemas.dn import RDN
from schemas.errors import DeadLetterReason, Permanent


@pytest.mark.parametrize("text", ["mei", "Wang, Mei", " #+=", "王梅", "x" * 1024, "梅" * 1024])
def test_a_value_names_the_entry(text: str) -> None:
    """Any text does, up to 1024 characters."""
    assert rdn_of("uid", (text.encode(),)) == RDN.of("uid", text)


@pytest.mark.parametrize(
    ("values", "reason", "message"),
    [
        ((), DeadLetterReason.MISSING_VALUE, "uid names the entry, but has no value"),
        ((b"a", b"b"), DeadLetterReason.BAD_RDN, "uid names the entry, but has 2 values"),
        ((b"x" * 1025,), DeadLetterReason.BAD_RDN, "uid names the entry, but has 1025 characters; 1024 are allowed"),
        ((b"\xff",), DeadLetterReason.BAD_RDN, "uid names the entry, but is not UTF-8"),
        ((b"  ",), DeadLetterReason.BAD_RDN, "uid names the entry, but is nothing but spaces"),
        (("\u3000\xa0".encode(),), DeadLetterReason.BAD_RDN, "uid names the entry, but is nothing but spaces"),
    ],
)
def test_what_cannot_name_an_entry_is_permanent(
    values: tuple[bytes, ...], reason: DeadLetterReason, message: str
) -> None:
    """The detail names the attribute and says why."""
    with pytest.raises(Permanent) as raised:
        rdn_of("uid", values)
    assert (raised.value.reason, raised.value.detail) == (reason, message)


def test_a_temporary_name_is_always_the_same() -> None:
    """So that a repeated event makes no further entry."""
    assert temporary_rdn(RDN.of("uid", "mei"), "user_a1") == RDN.of("uid", "mei-07efa3c0")


def test_a_temporary_name_differs_by_entity() -> None:
    """Two that want one name get two."""
    wanted = RDN.of("uid", "mei")
    assert temporary_rdn(wanted, "user_a1") != temporary_rdn(wanted, "user_a2")


def test_a_temporary_name_stays_short_enough() -> None:
    """It is cut before the mark."""
    [ava] = temporary_rdn(RDN.of("uid", "梅" * 1024), "user_a1").avas
    assert (len(ava.octets.decode()), ava.octets.decode()[-9]) == (1024, "-")


def test_a_numeric_name_has_twelve_digits_of_which_the_first_is_no_zero() -> None:
    """Or it would be no INTEGER (RFC 4517 section 3.3.16); the attribute stays."""
    names = [str(numeric_rdn(RDN.of("uidNumber", "1"), f"user_{number}")) for number in range(50)]
    assert all(re.fullmatch(r"uidNumber=[1-9][0-9]{11}", name) for name in names)


def test_a_numeric_name_is_the_entity_s_own() -> None:
    """Each time the same, and others have others."""
    wanted = RDN.of("uidNumber", "1")
    assert numeric_rdn(wanted, "user_a1") == numeric_rdn(RDN.of("uidNumber", "2"), "user_a1")
    assert numeric_rdn(wanted, "user_a1") != numeric_rdn(wanted, "user_a2")


@pytest.mark.parametrize(
    ("naming", "identifier", "id_attribute", "expected"),
    [
        ("cn", "uid", None, "uid"),
        ("cn", "uid", "employeeNumber", "uid"),
        ("uid", "uid", "employeeNumber", "employeeNumber"),
        ("uid", "userid", "employeeNumber", "employeeNumber"),
        ("cn", "uid;x-y", "employeeNumber", "employeeNumber"),
        ("cn", None, "employeeNumber", "employeeNumber"),
        ("uid", "UID", None, None),
        ("uid", None, None, None),
    ],
)
def test_names_are_qualified_by_the_identifier_or_else_the_id(
    naming: str, identifier: str | None, id_attribute: str | None, expected: str | None
) -> None:
    """An attribute that names entries already tells none apart, and no option stands in a name."""
    assert qualifier_of(naming, identifier, id_attribute) == expected


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ("cn=王伟+uid=wangwei2", True),
        ("uid=wangwei2+cn=王伟", True),
        ("commonName=王伟+userid=x", True),
        ("cn=王伟", False),
        ("cn=王芳+uid=wangwei2", False),
        ("cn=王伟+mail=x", False),
        ("uid=王伟", False),
    ],
)
def test_a_qualified_name_is_the_name_and_a_qualifier(present: str, expected: bool) -> None:  # noqa: FBT001 - expected
    """Whatever the qualifier's value, and whichever is written first."""
    assert is_qualified(RDN.parse(present), RDN.of("cn", "王伟"), "uid") is expected
