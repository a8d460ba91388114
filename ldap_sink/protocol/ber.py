"""Basic Encoding Rules, as far as LDAP uses them (RFC 4511 section 5.1).

Definite lengths of one to four octets, strings in primitive form. Reading never trusts a length: each one is checked
against its container, because a Python slice beyond the end is silently shorter.
"""

from typing import Final

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
ENUMERATED: Final = 0x0A
SEQUENCE: Final = 0x30
SET: Final = 0x31

LONG_FORM: Final = 0x80  # a first length octet from here on says how many length octets follow
MAX_LENGTH_OCTETS: Final = 4


class MalformedReply(ValueError):
    """What the server sent is not LDAP. The connection cannot be used any further."""


def element(tag: int, content: bytes) -> bytes:
    """Encode one element: tag, length, content."""
    size = len(content)
    if size < LONG_FORM:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, LONG_FORM | len(octets))) + octets + content


def octet_string(value: bytes) -> bytes:
    """Encode an OCTET STRING."""
    return element(OCTET_STRING, value)


def text(value: str) -> bytes:
    """Encode an LDAPString: UTF-8 in an OCTET STRING."""
    return element(OCTET_STRING, value.encode())


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Encode an INTEGER that is not negative, or an ENUMERATED."""
    return element(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def boolean(value: bool, tag: int = BOOLEAN) -> bytes:  # noqa: FBT001 - the value is what is encoded
    """Encode a BOOLEAN; true is all ones (RFC 4511 section 5.1)."""
    return element(tag, b"\xff" if value else b"\x00")


def sequence(*elements: bytes) -> bytes:
    """Encode a SEQUENCE of elements that are already encoded."""
    return element(SEQUENCE, b"".join(elements))


def long_length(data: bytes, position: int, first: int) -> tuple[int, int]:
    """Read the length octets that follow `first`.

    Returns:
        The length, and the position behind it. The caller checks both against the container.

    Raises:
        MalformedReply: indefinite or oversized form, or the data end within it.
    """
    count = first & 0x7F
    if not 0 < count <= MAX_LENGTH_OCTETS:
        raise MalformedReply("length of a form that LDAP does not use")
    stop = position + count
    if stop > len(data):
        raise MalformedReply("the data end within a length")
    return int.from_bytes(data[position:stop], "big"), stop


def header(data: bytes, position: int, end: int) -> tuple[int, int, int]:
    """Read tag and length of the element at `position`, in a container that ends at `end`.

    Returns:
        Tag, start and stop of the content.

    Raises:
        MalformedReply: the element does not lie inside its container.
    """
    start = position + 2
    if start > end:
        raise MalformedReply("the container ends within an element")
    tag = data[position]
    size = data[position + 1]
    if size >= LONG_FORM:
        size, start = long_length(data, start, size)
    stop = start + size
    if stop > end:
        raise MalformedReply("an element is longer than its container")
    return tag, start, stop


def expect(data: bytes, position: int, end: int, tag: int) -> tuple[int, int]:
    """Read the header of an element that must have this tag.

    Returns:
        Start and stop of the content.

    Raises:
        MalformedReply: another tag, or the element does not lie inside its container.
    """
    found, start, stop = header(data, position, end)
    if found != tag:
        raise MalformedReply(f"tag 0x{found:02x} where 0x{tag:02x} was due")
    return start, stop


def decode_text(data: bytes, start: int, stop: int) -> str:
    """Decode an LDAPString.

    Raises:
        MalformedReply: not UTF-8.
    """
    try:
        return data[start:stop].decode()
    except UnicodeDecodeError as exc:
        raise MalformedReply("text that is not UTF-8") from exc
