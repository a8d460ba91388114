"""What is read from a server's schema."""

import pytest

from ldap_sink.subschema import Subschema
from tests.support.schema import small_schema

_SCHEMA = small_schema()


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("uid", "caseIgnoreMatch"),
        ("commonName", "caseIgnoreMatch"),
        ("seeAlso", "distinguishedNameMatch"),
        ("jpegPhoto", None),
        ("noSuchAttribute", None),
        ("cn;lang-zh", "caseIgnoreMatch"),
    ],
)
def test_an_equality_rule_may_be_inherited(name: str, rule: str | None) -> None:
    """Own, from the supertype, none, unknown attribute; options change nothing."""
    assert _SCHEMA.equality(name) == rule


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("UID", "uid"),
        ("userid", "uid"),
        ("0.9.2342.19200300.100.1.1", "uid"),
        ("rfc822Mailbox", "mail"),
        ("CN;Lang-ZH;x-a", "cn;lang-zh;x-a"),
        ("cn;x-a;lang-zh", "cn;lang-zh;x-a"),
        ("Unknown;b;a", "unknown;a;b"),
    ],
)
def test_every_spelling_of_an_attribute_has_one_key(name: str, key: str) -> None:
    """The server answers with one name, whatever it was asked for."""
    assert _SCHEMA.key(name) == key


def test_single_valued_attributes_are_known() -> None:
    """Two values of one of them would be refused."""
    assert [_SCHEMA.single_valued(name) for name in ("employeeNumber", "cn", "unknown")] == [True, False, False]


def test_required_attributes_come_from_superior_classes_too() -> None:
    """`inetOrgPerson` itself requires nothing; `person` and `top` do."""
    assert _SCHEMA.required(["inetOrgPerson"]) == {"objectclass", "sn", "cn"}


def test_a_class_brings_its_superior_classes() -> None:
    """An entry belongs to all superclasses, whether they are written there or not (RFC 4512 section 3.3)."""
    assert _SCHEMA.classes(["INETORGPERSON"]) == {"inetorgperson", "organizationalperson", "person", "top"}


@pytest.mark.parametrize(
    ("classes", "attribute", "allowed"),
    [
        (["person"], "uid", False),
        (["inetOrgPerson"], "userid", True),
        (["inetOrgPerson"], "cn;lang-zh", True),
        (["inetOrgPerson"], "uidNumber", False),
        (["inetOrgPerson", "extensibleObject"], "uidNumber", True),
    ],
)
def test_classes_allow_attributes(classes: list[str], attribute: str, allowed: bool) -> None:  # noqa: FBT001
    """By MUST and MAY of the class and its superiors; `extensibleObject` allows all."""
    assert _SCHEMA.allows(classes, attribute) is allowed


@pytest.mark.parametrize(
    ("names", "structural"),
    [
        (["top", "inetOrgPerson", "person"], ("inetOrgPerson",)),
        (["PERSON", "account"], ("PERSON", "account")),
        (["posixAccount", "top"], ()),
        (["organizationalUnit"], ("organizationalUnit",)),
        (["nobodyKnows"], ()),
    ],
)
def test_the_lowest_classes_of_the_structural_chains_are_known(names: list[str], structural: tuple[str, ...]) -> None:
    """One chain; two; none of auxiliary and abstract classes; a class that does not say its sort is structural."""
    assert _SCHEMA.structural(names) == structural


def test_only_the_server_writes_some_attributes() -> None:
    """NO-USER-MODIFICATION; being operational alone forbids nothing."""
    names = ("entryCSN", "pwdAccountLockedTime", "cn", "unknown")
    assert [_SCHEMA.modifiable(name) for name in names] == [False, True, True, True]


def test_operational_attributes_need_no_class() -> None:
    """They belong to the entry, not to its classes (RFC 4512 section 3.4)."""
    assert _SCHEMA.allows(["person"], "pwdAccountLockedTime")


@pytest.mark.parametrize(
    ("name", "one", "other", "same"),
    [
        ("manager", b"UID=mei, dc=example", b"uid=Mei,dc=example", True),
        ("seeAlso", rb"cn=Wang\, Mei", rb"cn=Wang\2C Mei", True),
        ("uniqueMember", b"cn=A #'01'B", b"CN=a#'01'B", True),
        ("uniqueMember", b"cn=a#'01'B", b"cn=a#'10'B", False),
        ("uniqueMember", b"cn=a#", b"CN=A#", True),
        ("uid", b"Mei", b"mei", False),
        ("manager", b"not a DN", b"NOT A DN", False),
    ],
)
def test_only_rewritten_syntaxes_compare_by_meaning(name: str, one: bytes, other: bytes, same: bool) -> None:  # noqa: FBT001
    """OpenLDAP stores DNs in its own spelling; everything else is kept to the octet."""
    assert (_SCHEMA.comparable(name, one) == _SCHEMA.comparable(name, other)) is same


@pytest.mark.parametrize(
    ("name", "one", "other", "same"),
    [
        ("uid", b"Mei  Wang ", b"mei wang", True),
        ("mail", b"Mei@Example.com", b"mei@example.com", True),
        ("mobile", b"+86 138-0000", b"+861380000", True),
        ("uidNumber", b"007", b"7", True),
        ("uidNumber", b"x", b"X", False),
        ("uid", b"\xff", b"\xfe", False),
        ("jpegPhoto", b"a", b"A", False),
        ("objectClass", b"Person", b"person", True),
    ],
)
def test_equality_rules_tell_values_apart(name: str, one: bytes, other: bytes, same: bool) -> None:  # noqa: FBT001
    """The usual rules; values that are not of their syntax are compared by octets."""
    assert (_SCHEMA.prepared(name, one) == _SCHEMA.prepared(name, other)) is same


def test_a_definition_that_cannot_be_read_spoils_no_other() -> None:
    """Servers have broken extensions."""
    schema = Subschema.parse([b"rubbish", b"( 1.2.3 NAME 'fine' )"], [b"( 1", b"( 1.2.4 NAME 'good' )"])
    assert schema.has_attribute("fine")
    assert schema.has_class("good")


def test_an_attribute_that_inherits_from_itself_ends() -> None:
    """A loop in a broken schema must not hang."""
    assert Subschema.parse([b"( 1.2.3 NAME 'a' SUP a )"], []).equality("a") is None
