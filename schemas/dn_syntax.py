"""The string representation of distinguished names: reading and escaping (RFC 4514; RFC 2253 section 4)."""

import re
from typing import Final, TypeAlias

Pair: TypeAlias = tuple[str, str | bytes]

# RFC 4514 section 2.4: these in any place, `#` and space at the start, space at the end. OpenLDAP takes the other white
# space of RFC 2253 section 4 for space there too.
_TO_ESCAPE: Final = re.compile(r'[\\"+,;<>\x00]|^[# \t\n\r]|[ \t\n\r]\Z')
ATTRIBUTE_TYPE: Final = re.compile(r"(?:[Oo][Ii][Dd]\.)?[0-9]+(?:\.[0-9]+)*|[A-Za-z][A-Za-z0-9_-]*")
_PLAIN: Final = re.compile(r'[^\\"+,;<>\x00]+')
_QUOTED: Final = re.compile(r'[^\\"\x00]+')
_SPACES: Final = re.compile(r"[ \t\n\r]*")
_HEX_PAIR: Final = re.compile(r"[0-9A-Fa-f]{2}")
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_ESCAPABLE: Final = frozenset(' "#+,;<=>\\')

_OCTET_STRING: Final = 0x04
_LONG_FORM: Final = 0x80  # X.690 section 8.1.3: from here on the octet counts the octets of the length
# X.680 section 8.4: the universal tags of character strings, and how their octets are read.
_STRING_TYPES: Final = {
    0x0C: "utf-8",  # UTF8String
    0x12: "ascii",  # NumericString
    0x13: "ascii",  # PrintableString
    0x16: "ascii",  # IA5String
    0x1A: "ascii",  # VisibleString
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}


class InvalidDN(ValueError):
    """The text is not a distinguished name.

    Attributes:
        reason: what is wrong, without the text itself.
        position: the character, counted from 0, where the fault was seen.
    """

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(f"{reason} (at character {position + 1})")
        self.reason = reason
        self.position = position


def escape_text(value: str) -> str:
    """Write a value as it stands in a DN."""
    return _TO_ESCAPE.sub(lambda found: rf"\{ord(found[0]):02X}" if found[0] < " " else rf"\{found[0]}", value)


def decode_ber(encoded: bytes) -> str | bytes:
    """Read the BER of a character string as text; anything else is given back as it is."""
    contents = _contents(encoded)
    codec = _STRING_TYPES.get(encoded[0])
    if contents is None or codec is None:
        return encoded
    try:
        return contents.decode(codec)
    except UnicodeDecodeError:
        return encoded


def encode_octets(octets: bytes) -> bytes:
    """Write octets as the BER of an OCTET STRING."""
    size = len(octets)
    if size < _LONG_FORM:
        return bytes((_OCTET_STRING, size)) + octets
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((_OCTET_STRING, _LONG_FORM | len(length))) + length + octets


def octet_string(encoded: bytes) -> bytes | None:
    """The octets of the BER of an OCTET STRING; None when it is not one."""
    return _contents(encoded) if encoded[0] == _OCTET_STRING else None


def _contents(encoded: bytes) -> bytes | None:
    """What follows tag and length, if the length is right."""
    size, start = encoded[1] if len(encoded) > 1 else _LONG_FORM, 2
    if size > _LONG_FORM:
        start += size - _LONG_FORM
        size = int.from_bytes(encoded[2:start])
    elif size == _LONG_FORM:
        return None  # the indefinite form is for constructed values
    return encoded[start:] if len(encoded) == start + size else None


class Reader:
    """Reads one DN from its start to its end.

    Attributes:
        text: the whole of it.
        position: the next character.
    """

    __slots__ = ("position", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def read_dn(self) -> list[list[Pair]]:
        """Read all RDNs, each as its pairs of attribute type and value.

        Raises:
            InvalidDN: with the position of the fault.
        """
        self._skip_spaces()
        rdns: list[list[Pair]] = []
        if self._at_end():
            return rdns
        while True:
            rdns.append(self._rdn())
            if self._at_end():
                return rdns
            # RFC 2253 section 4: a semicolon may stand for the comma.
            if self.text[self.position] not in ",;":
                raise self._fault(f"{self.text[self.position]!r} must be escaped here")
            self.position += 1

    def _rdn(self) -> list[Pair]:
        pairs = [self._pair()]
        while not self._at_end() and self.text[self.position] == "+":
            self.position += 1
            pairs.append(self._pair())
        return pairs

    def _pair(self) -> Pair:
        self._skip_spaces()
        found = ATTRIBUTE_TYPE.match(self.text, self.position)
        if found is None:
            raise self._fault("an attribute type was expected")
        self.position = found.end()
        self._skip_spaces()
        if self._at_end() or self.text[self.position] != "=":
            raise self._fault("'=' was expected")
        self.position += 1
        self._skip_spaces()
        value = self._value()
        self._skip_spaces()
        return found[0], value

    def _value(self) -> str | bytes:
        if self._at_end():
            return ""
        match self.text[self.position]:
            case "#":
                return self._ber()
            case '"':
                return self._quoted()
            case _:
                return self._string()

    def _ber(self) -> str | bytes:
        found = _HEX.match(self.text, self.position + 1)
        if found is None:
            self.position += 1
            raise self._fault("pairs of hexadecimal digits were expected after '#'")
        self.position = found.end()
        return decode_ber(bytes.fromhex(found[0]))

    def _quoted(self) -> str | bytes:
        start = self.position
        self.position += 1
        octets = bytearray()
        while not self._at_end():
            if found := _QUOTED.match(self.text, self.position):
                octets += self._encoded(found[0])
                self.position = found.end()
            elif self.text[self.position] == "\\":
                octets += self._escaped()
            elif self.text[self.position] == '"':
                self.position += 1
                return _as_value(octets)
            else:
                raise self._fault("NUL must be escaped")
        self.position = start
        raise self._fault("the quotation mark is not closed")

    def _string(self) -> str | bytes:
        octets = bytearray()
        kept = 0  # up to here no space may be trimmed, as it was escaped
        while not self._at_end():
            if found := _PLAIN.match(self.text, self.position):
                octets += self._encoded(found[0])
                self.position = found.end()
            elif self.text[self.position] == "\\":
                octets += self._escaped()
                kept = len(octets)
            else:
                break
        return _as_value(octets[:kept] + octets[kept:].rstrip(b" \t\n\r"))

    def _escaped(self) -> bytes:
        after = self.text[self.position + 1 : self.position + 3]
        if _HEX_PAIR.fullmatch(after):
            self.position += 3
            return bytes.fromhex(after)
        if after[:1] in _ESCAPABLE:
            self.position += 2
            return after[0].encode()
        raise self._fault("a backslash needs two hexadecimal digits or a special character after it")

    def _encoded(self, plain: str) -> bytes:
        try:
            return plain.encode()
        except UnicodeEncodeError as exc:
            self.position += exc.start
            raise self._fault("this character cannot be written as UTF-8") from exc

    def _skip_spaces(self) -> None:
        if found := _SPACES.match(self.text, self.position):
            self.position = found.end()

    def _at_end(self) -> bool:
        return self.position >= len(self.text)

    def _fault(self, reason: str) -> InvalidDN:
        return InvalidDN(reason, self.position)


def _as_value(octets: bytearray) -> str | bytes:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return encode_octets(bytes(octets))
