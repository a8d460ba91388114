"""Decoding of what a server answers. Each function takes `data[start:stop]`, the content that framing found."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final

from ldap_sink.protocol.ber import (
    BOOLEAN,
    ENUMERATED,
    LONG_FORM,
    OCTET_STRING,
    SEQUENCE,
    SET,
    MalformedReply,
    decode_text,
    expect,
    header,
    long_length,
)
from ldap_sink.protocol.results import Entry, Result

_CONTROLS: Final = 0xA0
_REFERRAL: Final = 0xA3
_RESPONSE_VALUE: Final = 0x8B
_MAX_CODE_OCTETS: Final = 4

_PLAIN_SUCCESS: Final = b"\x0a\x01\x00\x04\x00\x04\x00"
_SUCCESS: Final = Result(0)


@lru_cache(maxsize=4096)
def _name(raw: bytes) -> str:
    """Decode an attribute's name; the same few come with every entry."""
    return raw.decode()


def decode_result(data: bytes, start: int, stop: int, end: int) -> Result:
    """Decode an LDAPResult and the controls between `stop` and `end`, the end of the message.

    Raises:
        MalformedReply: it is not one.
    """
    if stop - start == len(_PLAIN_SUCCESS) and stop == end and data[start:stop] == _PLAIN_SUCCESS:
        return _SUCCESS
    first, position = expect(data, start, stop, ENUMERATED)
    if not 0 < position - first <= _MAX_CODE_OCTETS or data[first] & 0x80:
        raise MalformedReply("a result code out of range")
    code = int.from_bytes(data[first:position], "big")
    first, position = expect(data, position, stop, OCTET_STRING)
    matched_dn = decode_text(data, first, position)
    first, position = expect(data, position, stop, OCTET_STRING)
    message = data[first:position].decode(errors="replace")  # for people only: never a reason to drop the result
    result = Result(code, matched_dn, message)
    while position < stop:
        tag, first, position = header(data, position, stop)
        if tag == _REFERRAL:
            result = replace(result, referrals=decode_uris(data, first, position))
        elif tag == _RESPONSE_VALUE:
            result = replace(result, value=data[first:position])
    return result if stop == end else replace(result, controls=decode_controls(data, stop, end))


def decode_uris(data: bytes, start: int, stop: int) -> tuple[str, ...]:
    """Decode a list of URIs: a referral, or a search result reference.

    Raises:
        MalformedReply: it is not one.
    """
    uris = []
    while start < stop:
        first, start = expect(data, start, stop, OCTET_STRING)
        uris.append(decode_text(data, first, start))
    return tuple(uris)


def decode_controls(data: bytes, start: int, end: int) -> Mapping[str, bytes | None]:
    """Decode the controls that follow the operation of a message.

    Returns:
        Value by OID.

    Raises:
        MalformedReply: something else stands there.
    """
    position, stop = expect(data, start, end, _CONTROLS)
    if stop != end:
        raise MalformedReply("a message goes on behind its controls")
    controls: dict[str, bytes | None] = {}
    while position < end:
        inner, position = expect(data, position, end, SEQUENCE)
        first, inner = expect(data, inner, position, OCTET_STRING)
        oid = decode_text(data, first, inner)
        value = None
        while inner < position:
            tag, first, inner = header(data, inner, position)
            if tag == OCTET_STRING:
                value = data[first:inner]
            elif tag != BOOLEAN:
                raise MalformedReply(f"tag 0x{tag:02x} in a control")
        controls[oid] = value
    return controls


def decode_entry(data: bytes, start: int, stop: int) -> Entry:
    """Decode a SearchResultEntry.

    Raises:
        MalformedReply: it is not one.
    """
    try:
        first, position = expect(data, start, stop, OCTET_STRING)
        dn = data[first:position].decode()
        position, end = expect(data, position, stop, SEQUENCE)
        if end != stop:
            raise MalformedReply("an entry goes on behind its attributes")
        attributes: dict[str, list[bytes]] = {}
        while position < end:
            position = _attribute(data, position, end, attributes)
    except IndexError as exc:
        raise MalformedReply("the data end within an entry") from exc
    except UnicodeDecodeError as exc:
        raise MalformedReply("a name that is not UTF-8") from exc
    return Entry(dn, attributes)


def _attribute(data: bytes, position: int, end: int, attributes: dict[str, list[bytes]]) -> int:
    """Decode one PartialAttribute into `attributes` and return where it ends.

    The hot path of a verification (millions of calls): lengths are read in line.
    """
    if data[position] != SEQUENCE:
        raise MalformedReply("an attribute that is no SEQUENCE")
    size = data[position + 1]
    position += 2
    if size >= LONG_FORM:
        size, position = long_length(data, position, size)
    stop = position + size
    if stop > end or data[position] != OCTET_STRING:
        raise MalformedReply("an attribute without a name, or longer than its entry")
    size = data[position + 1]
    position += 2
    if size >= LONG_FORM:
        size, position = long_length(data, position, size)
    after = position + size
    if after + 2 > stop or data[after] != SET:
        raise MalformedReply("an attribute without values")
    name = _name(data[position:after])
    size = data[after + 1]
    position = after + 2
    if size >= LONG_FORM:
        size, position = long_length(data, position, size)
    if position + size != stop:
        raise MalformedReply("values that do not fill their attribute")
    values = _values(data, position, stop)
    known = attributes.get(name)
    if known is None:
        attributes[name] = values
    else:
        known.extend(values)
    return stop


def _values(data: bytes, position: int, stop: int) -> list[bytes]:
    """Decode the content of a SET of values."""
    size = stop - position
    if size > 1 and data[position] == OCTET_STRING and data[position + 1] == size - 2 < LONG_FORM:
        return [data[position + 2 : stop]]  # one short value: the usual case
    values = []
    while position < stop:
        if position + 2 > stop or data[position] != OCTET_STRING:
            raise MalformedReply("a value that is no OCTET STRING")
        size = data[position + 1]
        position += 2
        if size >= LONG_FORM:
            size, position = long_length(data, position, size)
        after = position + size
        if after > stop:
            raise MalformedReply("a value is longer than its attribute")
        values.append(data[position:after])
        position = after
    return values
