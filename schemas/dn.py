"""Distinguished names (RFC 4514) as values that are parsed once, compared as a directory does, and never as text."""

import re
from dataclasses import dataclass, field
from typing import Final, Self, TypeAlias
from unicodedata import ucd_3_2_0

from schemas.dn_syntax import ATTRIBUTE_TYPE, InvalidDN, Reader, escape_text, octet_string

__all__ = ["AVA", "DN", "RDN", "InvalidDN", "PreparedDN", "PreparedRDN", "usual_name"]

PreparedRDN: TypeAlias = tuple[tuple[str, str], ...]
PreparedDN: TypeAlias = tuple[PreparedRDN, ...]

_SPACES: Final = re.compile(" {2,}")
_UPPER_CASE: Final = frozenset({"Lu", "Lt"})

# RFC 4519, RFC 4524, RFC 2307, RFC 2798, RFC 2985. The first word is the one that all the others are read as.
_SYNONYMS: Final = {
    synonym: names.split()[0]
    for names in (
        "cn commonname 2.5.4.3",
        "sn surname 2.5.4.4",
        "serialnumber 2.5.4.5",
        "c countryname 2.5.4.6",
        "l localityname 2.5.4.7",
        "st stateorprovincename 2.5.4.8",
        "street streetaddress 2.5.4.9",
        "o organizationname 2.5.4.10",
        "ou organizationalunitname 2.5.4.11",
        "title 2.5.4.12",
        "description 2.5.4.13",
        "postalcode 2.5.4.17",
        "telephonenumber 2.5.4.20",
        "name 2.5.4.41",
        "givenname gn 2.5.4.42",
        "initials 2.5.4.43",
        "dnqualifier 2.5.4.46",
        "uid userid 0.9.2342.19200300.100.1.1",
        "mail rfc822mailbox 0.9.2342.19200300.100.1.3",
        "dc domaincomponent 0.9.2342.19200300.100.1.25",
        "mobile mobiletelephonenumber 0.9.2342.19200300.100.1.41",
        "email emailaddress pkcs9email 1.2.840.113549.1.9.1",
        "uidnumber 1.3.6.1.1.1.1.0",
        "userpassword 2.5.4.35",
        "objectclass 2.5.4.0",
        "employeenumber 2.16.840.1.113730.3.1.3",
        "displayname 2.16.840.1.113730.3.1.241",
    )
    for synonym in names.split()
}


def usual_name(attribute: str) -> str:
    """Give one lower-case name to an attribute type that has several (`commonName` and `2.5.4.3` are `cn`).

    Without the schema this knows the attributes of RFC 4519 and some others; the rest keep their name.
    """
    lower = attribute.lower().removeprefix("oid.")
    return _SYNONYMS.get(lower, lower)


def _prepare(text: str) -> str:
    """Bring a text to the form that caseIgnoreMatch compares, as OpenLDAP does it (not quite RFC 4518).

    OpenLDAP lowers each code point by itself, so `ß` is not `ss` and a final sigma is a letter of its own, and then
    decomposes (NFKD), both by an old Unicode. Only U+0020 counts as space afterwards.
    """
    folded = text.lower() if text.isascii() else ucd_3_2_0.normalize("NFKD", "".join(map(_lower, text)))
    return _SPACES.sub(" ", folded.strip(" "))


def _lower(character: str) -> str:
    # Python lowers İ alone to two code points; Unicode's simple mapping is the first of them.
    lower = character.lower()[0]
    return lower if ucd_3_2_0.category(character) in _UPPER_CASE and ucd_3_2_0.category(lower) != "Cn" else character


@dataclass(frozen=True, slots=True, eq=False)
class AVA:
    """One attribute type with its value.

    Two are equal when the types are equal without regard to case and the values by octets, so a value that changed only
    in case is seen; `prepared` is what a directory compares.

    Attributes:
        attribute: a short name or an OID, spelled as it was written.
        value: text; or the BER of a value that is not text, which is written as `#hex`.

    Raises:
        InvalidDN: the attribute is no name of RFC 4512, or the text cannot be UTF-8.
    """

    attribute: str
    value: str | bytes

    def __post_init__(self) -> None:
        if not ATTRIBUTE_TYPE.fullmatch(self.attribute):
            raise InvalidDN(f"{self.attribute!r} is not an attribute type", 0)
        if isinstance(self.value, bytes):
            if not self.value:
                raise InvalidDN("a BER value cannot be empty", 0)
            return
        try:
            self.value.encode()
        except UnicodeEncodeError as exc:
            raise InvalidDN("the value cannot be written as UTF-8", exc.start) from exc

    @property
    def octets(self) -> bytes:
        """The value as it stands among the attributes of the entry."""
        if isinstance(self.value, str):
            return self.value.encode()
        contents = octet_string(self.value)
        return self.value if contents is None else contents

    def prepared(self) -> tuple[str, str]:
        """The attribute type by its usual name, and the value in the spelling that caseIgnoreMatch compares."""
        # Escaped, so that a text `#04…` is never taken for BER.
        value = escape_text(_prepare(self.value)) if isinstance(self.value, str) else f"#{self.value.hex()}"
        return usual_name(self.attribute), value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AVA):
            return NotImplemented
        return self.attribute.lower() == other.attribute.lower() and self.value == other.value

    def __hash__(self) -> int:
        return hash((self.attribute.lower(), self.value))

    def __str__(self) -> str:
        value = escape_text(self.value) if isinstance(self.value, str) else f"#{self.value.hex()}"
        return f"{self.attribute}={value}"


@dataclass(frozen=True, slots=True, eq=False)
class RDN:
    """A relative distinguished name: one or more naming values, whose order does not matter.

    Raises:
        InvalidDN: there is no value.
    """

    avas: tuple[AVA, ...]
    # What was worked out before: the RDNs of a parent are those of all its children too.
    _text: str | None = field(default=None, init=False, repr=False)
    _prepared: PreparedRDN | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.avas:
            raise InvalidDN("an RDN needs a naming value", 0)

    @classmethod
    def of(cls, attribute: str, value: str | bytes) -> Self:
        """Make the usual RDN, that of one value."""
        return cls((AVA(attribute, value),))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one RDN.

        Raises:
            InvalidDN: it is not an RDN, or more than one.
        """
        parsed = DN.parse(text)
        if len(parsed) != 1:
            raise InvalidDN(f"one RDN was expected, not {len(parsed)}", 0)
        return cls(parsed.rdn.avas)

    def prepared(self) -> PreparedRDN:
        """The RDN as a directory compares it; sorted, so that it can be compared and hashed."""
        prepared = self._prepared
        if prepared is None:
            prepared = tuple(sorted({ava.prepared() for ava in self.avas}))
            object.__setattr__(self, "_prepared", prepared)
        return prepared

    def matches(self, other: "RDN") -> bool:
        """Say whether a directory takes both for the same name."""
        return self.prepared() == other.prepared()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RDN):
            return NotImplemented
        return frozenset(self.avas) == frozenset(other.avas)

    def __hash__(self) -> int:
        return hash(frozenset(self.avas))

    def __str__(self) -> str:
        text = self._text
        if text is None:
            text = "+".join(map(str, self.avas))
            object.__setattr__(self, "_text", text)
        return text


@dataclass(frozen=True, slots=True)
class DN:
    """A distinguished name; without RDNs it is that of the root DSE.

    `==` is exact (see `AVA`); `matches`, `is_below` and `prepared` compare as a directory does that names its entries
    by attributes of caseIgnoreMatch.

    Attributes:
        rdns: the entry's own first, as in the text.
    """

    rdns: tuple[RDN, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        r"""Read a DN in any spelling of RFC 4514 (`\,`, `\2C`, `#hex`), and the older ones of RFC 2253 section 4.

        Octets that are not UTF-8 are kept as the BER of an OCTET STRING.

        Raises:
            InvalidDN: with the position of the fault.
        """
        return cls(tuple(RDN(tuple(AVA(*pair) for pair in pairs)) for pairs in Reader(text).read_dn()))

    @property
    def rdn(self) -> RDN:
        """The entry's own name; ValueError for the root DSE."""
        if not self.rdns:
            raise ValueError("the empty DN has no RDN")
        return self.rdns[0]

    @property
    def parent(self) -> "DN":
        """The DN of the entry above; ValueError for the root DSE."""
        if not self.rdns:
            raise ValueError("the empty DN has no parent")
        return DN(self.rdns[1:])

    def child(self, rdn: RDN) -> "DN":
        """The DN of an entry right below."""
        return DN((rdn, *self.rdns))

    def prepared(self) -> PreparedDN:
        """The DN as a directory compares it, the root first: that of an ancestor is a prefix of it."""
        return tuple(rdn.prepared() for rdn in reversed(self.rdns))

    def matches(self, other: "DN") -> bool:
        """Say whether a directory takes both for the same entry."""
        return len(self) == len(other) and self.prepared() == other.prepared()

    def is_at_or_below(self, other: "DN") -> bool:
        """Say whether this is the other entry or stands below it, at any depth."""
        return len(self) >= len(other) and self.prepared()[: len(other)] == other.prepared()

    def is_below(self, other: "DN") -> bool:
        """Say whether this stands below the other entry, at any depth."""
        return len(self) > len(other) and self.is_at_or_below(other)

    def __len__(self) -> int:
        return len(self.rdns)

    def __str__(self) -> str:
        return ",".join(map(str, self.rdns))
