"""Found entries recognized by their octets: an entry as it should be is mostly what can be foretold, octet by octet.

slapd sends the attributes of an entry in the order in which they are stored, which is one of a few. Each order that was
seen is a layout; by it the octets of an entry are foretold from its values, and compared with those that came.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

from ldap_sink.protocol.ber import LONG_FORM, OCTET_STRING, SEQUENCE, SET, MalformedReply, element, expect, octet_string
from ldap_sink.protocol.replies import decode_entry
from ldap_sink.subschema import OBJECT_CLASS, Subschema

_ENTRY_UUID: Final = "entryuuid"
_UUID_ATTRIBUTE: Final = octet_string(b"entryUUID") + bytes((SET, 38, OCTET_STRING, 36))
_UUID_LENGTH: Final = 36  # RFC 4530 section 2.1
_TWO_OCTETS: Final = LONG_FORM | 2  # of a length
_MOST: Final = 4  # layouts that are tried

_Piece: TypeAlias = "tuple[_Headers, int]"
"""What comes before a value, by the length of the value; and the place of the value."""


def entry_uuid_in(content: bytes) -> bytes | None:
    """Find what may be the entryUUID of an entry, without reading all of it: whoever trusts it must compare the rest.

    Args:
        content: of a SearchResultEntry.
    """
    at = content.find(_UUID_ATTRIBUTE)
    if at < 0:
        return None
    at += len(_UUID_ATTRIBUTE)
    return content[at : at + _UUID_LENGTH]


def split_entry(content: bytes) -> tuple[bytes, int]:
    """The DN of an entry, and where its attributes begin, which fill the rest.

    Raises:
        MalformedReply: it is no SearchResultEntry.
    """
    end = len(content)
    stop = content[1] + 2 if end > 1 else end
    # The usual lengths, of one octet and of two, are read in line: this is done for each entry of a verification.
    if stop < LONG_FORM and stop + 4 <= end and content[0] == OCTET_STRING and content[stop] == SEQUENCE:
        start = stop + 4
        if content[stop + 1] == _TWO_OCTETS and start + (content[stop + 2] << 8 | content[stop + 3]) == end:
            return content[2:stop], start
    first, stop = expect(content, 0, end, OCTET_STRING)
    start, last = expect(content, stop, end, SEQUENCE)
    if last != end:
        raise MalformedReply("an entry goes on behind its attributes")
    return content[first:stop], start


class Layouts:
    """The layouts of one kind of entries.

    Args:
        subschema: the server's.
        object_classes: all that an entry must have.
        attributes: those whose values are told; nothing else was asked for but `objectClass` and `entryUUID`.
    """

    def __init__(self, subschema: Subschema, object_classes: Sequence[str], attributes: Sequence[str]) -> None:
        self._subschema = subschema
        self._chains = [subschema.classes([name]) for name in object_classes]
        self._places = {subschema.key(name): place for place, name in enumerate(attributes)}
        self._known: list[list[_Piece]] = []
        self._constants: list[bytes] = []  # sets of object classes

    def has(self, content: bytes, start: int, entry_uuid: bytes, values: Sequence[bytes]) -> bool:
        """Whether the attributes of an entry are these and no others; False also where that is not sure.

        Args:
            content: of the SearchResultEntry.
            start: where its attributes begin.
            entry_uuid: in the server's spelling.
            values: of the attributes, in their order; empty where there shall be none.
        """
        all_values = [*values, entry_uuid, *self._constants]
        # With entryUUID and object classes: a layout that has no place for one of them is of other entries.
        count = len(values) - values.count(b"") + 2
        attributes, known = content[start:], self._known
        for place, layout in enumerate(known):
            if _octets(layout, all_values, count) == attributes:
                if place:
                    known.insert(0, known.pop(place))
                return True
        read = self._read(content, entry_uuid, values)
        if read is not None and _octets(read, [*values, entry_uuid, *self._constants], count) == attributes:
            known.insert(0, read)
            del known[_MOST:]
        return read is not None

    def _read(self, content: bytes, entry_uuid: bytes, values: Sequence[bytes]) -> list[_Piece] | None:
        """Decode an entry and compare its values; the layout of one that has them."""
        try:
            found = decode_entry(content, 0, len(content)).attributes
        except MalformedReply:
            return None
        layout: list[_Piece] = []
        left = {place for place, value in enumerate(values) if value}
        for name, have in found.items():
            if name.lower() == OBJECT_CLASS:
                if not self._has_classes(have):
                    return None
                layout.append(self._constant(name, have))
            elif name.lower() == _ENTRY_UUID:
                if have != [entry_uuid]:
                    return None
                layout.append((_Headers(name), len(values)))
            else:
                place = self._places.get(self._subschema.key(name))
                if place not in left or have != [values[place]]:
                    return None
                left.remove(place)
                layout.append((_Headers(name), place))
        is_whole = not left and {OBJECT_CLASS, _ENTRY_UUID} <= {name.lower() for name in found}
        return layout if is_whole else None

    def _has_classes(self, values: Sequence[bytes]) -> bool:
        present = self._subschema.classes(value.decode(errors="replace") for value in values)
        return all(chain <= present for chain in self._chains)

    def _constant(self, name: str, values: Sequence[bytes]) -> _Piece:
        """The object classes, as a value without anything before it."""
        whole = element(SEQUENCE, octet_string(name.encode()) + element(SET, b"".join(map(octet_string, values))))
        if whole not in self._constants:
            self._constants.append(whole)
        return _NO_HEADERS, len(self._places) + 1 + self._constants.index(whole)


class _Headers(dict[int, bytes]):
    """What comes before the value of an attribute that has one, by the length of the value; made when it is needed."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = octet_string(name.encode())

    def __missing__(self, length: int) -> bytes:
        whole = element(SEQUENCE, self._name + element(SET, octet_string(bytes(length))))
        header = self[length] = whole[: len(whole) - length]
        return header


class _NoHeaders(_Headers):
    def __missing__(self, length: int) -> bytes:
        return b""


_NO_HEADERS: Final = _NoHeaders("")


def _octets(layout: Sequence[_Piece], values: Sequence[bytes], count: int) -> bytes | None:
    """Foretell the attributes of an entry; None where the layout has not a place for so many values."""
    pieces: list[bytes] = []
    for headers, place in layout:
        value = values[place]
        if value:
            pieces += (headers[len(value)], value)
    return b"".join(pieces) if len(pieces) == 2 * count else None
