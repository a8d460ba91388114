"""Distinguished names: reading, writing and comparing."""

import pytest

from schemas.dn import AVA, DN, RDN, InvalidDN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "UID=jsmith,DC=example,DC=net",
            DN((RDN.of("UID", "jsmith"), RDN.of("DC", "example"), RDN.of("DC", "net"))),
        ),
        (
            "OU=Sales+CN=J.  Smith,DC=example",
            DN((RDN((AVA("OU", "Sales"), AVA("CN", "J.  Smith"))), RDN.of("DC", "example"))),
        ),
        (
            r"CN=James \"Jim\" Smith\, III,DC=net",
            DN((RDN.of("CN", 'James "Jim" Smith, III'), RDN.of("DC", "net"))),
        ),
        (r"CN=Before\0dAfter,DC=net", DN((RDN.of("CN", "Before\rAfter"), RDN.of("DC", "net")))),
        ("1.3.6.1.4.1.1466.0=#04024869", DN((RDN.of("1.3.6.1.4.1.1466.0", b"\x04\x02Hi"),))),
        (r"CN=Lu\C4\8Di\C4\87", DN((RDN.of("CN", "Lučić"),))),
        ("", DN()),
        (" ", DN()),
    ],
)
def test_reads_the_examples_of_rfc_4514(text: str, expected: DN) -> None:
    """Section 4 of the RFC, and the empty name."""
    assert DN.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        r"cn=Wang\, Mei,o=R&D",
        r"cn=Wang\2C Mei,o=R&D",
        r"cn=Wang\2c Mei,o=R&D",
        'cn="Wang, Mei",o="R&D"',
        r'cn="Wang\, Mei",o=R&D',
        r"  cn = Wang\, Mei  ,  o = R&D  ",
        r"cn=Wang\, Mei;o=R&D",
        r"cn=#0C0957616E672C204D6569,o=#1303522644",
    ],
)
def test_spellings_of_one_name_are_one_value(text: str) -> None:
    """A comma has many spellings: that of RFC 4514, slapd's, quotation marks, BER, LDAPv2's semicolon and spaces."""
    assert DN.parse(text) == DN((RDN.of("cn", "Wang, Mei"), RDN.of("o", "R&D")))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Mei Wang", "cn=Mei Wang"),
        ("a,b+c", r"cn=a\,b\+c"),
        ('"<x>";\\', r"cn=\"\<x\>\"\;\\"),
        ("a=b#c", "cn=a=b#c"),
        ("#1", r"cn=\#1"),
        (" a ", r"cn=\ a\ "),
        (" ", r"cn=\ "),
        ("\ta\tb\n", "cn=\\09a\tb\\0A"),
        ("a\0b", r"cn=a\00b"),
        ("王梅", "cn=王梅"),
        ("", "cn="),
        (b"\x01\x01\xff", "cn=#0101ff"),
    ],
)
def test_writes_only_the_escapes_that_are_needed(value: str | bytes, written: str) -> None:
    """RFC 4514 section 2.4."""
    assert str(RDN.of("cn", value)) == written


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ('cn="a\0"', 5),
        ("mei", 3),
        ("=mei", 0),
        ("cn=mei,", 7),
        ("cn=mei,,o=x", 7),
        ("cn=mei+", 7),
        ("1cn=mei", 1),
        ("cn=a<b", 4),
        ('cn=a"b"', 4),
        ('cn="a', 3),
        ('cn="a" b', 7),
        ("cn=#", 4),
        ("cn=#0", 4),
        ("cn=#0402zz", 8),
        ("cn=a\\", 4),
        ("cn=a\\g1", 4),
        ("cn=a\0b", 4),
        ("cn=a\ud800", 4),
    ],
)
def test_a_fault_is_reported_with_its_place(text: str, position: int) -> None:
    """What is not a DN raises, and says where."""
    with pytest.raises(InvalidDN) as raised:
        DN.parse(text)
    assert raised.value.position == position


def test_a_fault_is_told_for_people() -> None:
    """What is wrong, and the place counted from 1."""
    with pytest.raises(InvalidDN, match=r"^the quotation mark is not closed \(at character 4\)$"):
        DN.parse('cn="a')


def test_an_rdn_without_a_value_is_not_made() -> None:
    """There would be nothing to write."""
    with pytest.raises(InvalidDN, match="needs a naming value"):
        RDN(())


@pytest.mark.parametrize("text", ["cn=a,o=b", ""])
def test_an_rdn_is_exactly_one(text: str) -> None:
    """RDN.parse takes neither a longer name nor an empty one."""
    with pytest.raises(InvalidDN, match="one RDN"):
        RDN.parse(text)


@pytest.mark.parametrize(
    ("attribute", "value"), [("", "x"), ("c n", "x"), ("cn;lang-zh", "x"), ("cn", "\ud800"), ("cn", b"")]
)
def test_what_cannot_be_written_is_not_made(attribute: str, value: str | bytes) -> None:
    """A wrong attribute type, a lone surrogate or an empty BER value never becomes part of a name."""
    with pytest.raises(InvalidDN):
        AVA(attribute, value)


def test_octets_that_are_not_text_are_kept() -> None:
    """A foreign entry with a strange name can be listed, and its value compared."""
    ava = DN.parse(r"cn=\FF").rdn.avas[0]
    assert ava == AVA("cn", b"\x04\x01\xff")


@pytest.mark.parametrize("octets", [b"", b"\xff", b"x" * 127, b"x" * 128, b"x" * 300])
def test_octets_of_every_length_come_back(octets: bytes) -> None:
    """BER writes lengths from 128 on in another form."""
    escaped = "".join(f"\\{octet:02x}" for octet in octets + b"\xff")
    assert DN.parse(f"cn={escaped}").rdn.avas[0].octets == octets + b"\xff"


def test_octets_of_a_text_are_its_utf8() -> None:
    """The naming value as it stands among the entry's attributes."""
    assert AVA("cn", "Lučić").octets == b"Lu\xc4\x8di\xc4\x87"


@pytest.mark.parametrize(
    "encoded", [b"\x13", b"\x13\x05ab", b"\x13\x80", b"\x13\x80ab", b"\x13\x82\x00", b"\x0c\x01\xff", b"\x30\x00"]
)
def test_ber_that_is_no_string_stays_ber(encoded: bytes) -> None:
    """Wrong lengths, octets that do not decode and other types are kept as they are."""
    assert DN.parse(f"cn=#{encoded.hex()}").rdn.avas[0].value == encoded


def test_a_change_of_case_in_a_value_is_a_change() -> None:
    """`==` compares values by octets, so that a rename from `mei` to `Mei` is seen."""
    assert AVA("uid", "mei") != AVA("uid", "Mei")


def test_another_attribute_is_another_name() -> None:
    """Even with the same value."""
    assert AVA("uid", "mei") != AVA("cn", "mei")


def test_the_case_of_an_attribute_type_is_no_change() -> None:
    """Attribute types have no case (RFC 4512)."""
    assert {RDN.of("UID", "mei")} == {RDN.of("uid", "mei")}


def test_the_order_within_an_rdn_is_no_change() -> None:
    """RFC 4514 section 2.2: an RDN is a set."""
    assert {RDN.parse("cn=a+uid=b")} == {RDN.parse("uid=b+cn=a")}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=mei,dc=x", "UID=Mei,DC=X"),
        ("cn=mei", "2.5.4.3=mei"),
        ("cn=mei", "commonName=mei"),
        ("uid=mei", "OID.0.9.2342.19200300.100.1.1=mei"),
        ("cn=a  b", "cn=A B"),
        (r"cn=\ a\ ", "cn=a"),
        ("cn=é", r"cn=e\CC\81"),
        ("cn=ÉA", "cn=éa"),
        ("cn=\N{FULLWIDTH LATIN CAPITAL LETTER A}", "cn=a"),
        ("cn=a\N{NO-BREAK SPACE} b", "cn=a b"),
        ("cn=İ", "cn=i"),
        ("cn=ΣΑΣ", "cn=σασ"),  # noqa: RUF001 - the very case
        ("cn=a+uid=b", "uid=b+cn=a"),
    ],
)
def test_names_that_a_directory_takes_for_one(one: str, other: str) -> None:
    """CaseIgnoreMatch as OpenLDAP does it, synonyms and OIDs of attribute types."""
    assert DN.parse(one).matches(DN.parse(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=mei", "cn=mei"),
        ("cn=a b", "cn=ab"),
        ("cn=straße", "cn=strasse"),
        ("cn=ΑΣ", "cn=ας"),
        ("cn=ẞ", "cn=ß"),
        ("cn=™", "cn=tm"),
        ("cn=a\tb", "cn=a b"),
        (r"cn=\#0401ff", "cn=#0401ff"),
        ("cn=a", "cn=a,dc=x"),
        ("cn=a+uid=b", "cn=a"),
    ],
)
def test_names_that_a_directory_tells_apart(one: str, other: str) -> None:
    """What only looks alike is not one entry."""
    assert not DN.parse(one).matches(DN.parse(other))


def test_rdns_match_as_names_do() -> None:
    """A directory has one name for both."""
    assert RDN.of("uid", "mei").matches(RDN.of("userid", " MEI"))


def test_parent_and_child_are_inverse() -> None:
    """One adds the RDN that the other takes away."""
    name = DN.parse("uid=mei,ou=rd,dc=x")
    assert name.parent.child(name.rdn) == name


def test_the_parent_of_the_last_is_the_root() -> None:
    """Above the last RDN is the root DSE."""
    assert DN.parse("dc=x").parent == DN()


def test_the_root_has_no_parent() -> None:
    """Walking up ends with an error, not for ever at the root."""
    with pytest.raises(ValueError, match="no parent"):
        _ = DN().parent


def test_the_root_has_no_rdn() -> None:
    """The root DSE has no name of its own."""
    with pytest.raises(ValueError, match="no RDN"):
        _ = DN().rdn


@pytest.mark.parametrize(
    ("name", "below", "at_or_below"),
    [
        ("uid=mei,ou=RD,dc=x", True, True),
        ("uid=mei,ou=a,ou=rd,dc=X", True, True),
        ("ou=rd, dc=x", False, True),
        ("dc=x", False, False),
        ("uid=mei,ou=rd2,dc=x", False, False),
        (r"uid=mei\,ou=rd,dc=x", False, False),
    ],
)
def test_below_is_by_rdns_not_by_text(name: str, below: bool, at_or_below: bool) -> None:  # noqa: FBT001 - a table
    """A comma in a value makes no level, spelling plays no part."""
    parsed, top = DN.parse(name), DN.parse("ou=rd,dc=x")
    assert (parsed.is_below(top), parsed.is_at_or_below(top)) == (below, at_or_below)


def test_prepared_names_begin_with_their_ancestors() -> None:
    """So that a sorted list of them is a tree."""
    name = DN.parse("uid=mei,ou=rd,dc=x")
    assert name.prepared()[:2] == name.parent.prepared()


@pytest.mark.parametrize("text", ["a=1+b=2+c=3+d=4", "d=4+c=3+b=2+a=1", "c=3+a=1+d=4+b=2"])
def test_prepared_rdns_are_sorted(text: str) -> None:
    """So that they compare as tuples."""
    assert RDN.parse(text).prepared() == (("a", "1"), ("b", "2"), ("c", "3"), ("d", "4"))


def test_length_counts_rdns() -> None:
    """Not values."""
    assert len(DN.parse("cn=a+uid=b,dc=x")) == 2
