"""Search filters: built from parts, written as text (RFC 4515), sent in BER (RFC 4511 section 4.5.1.7).

Text is the form that is passed around: it can be logged, compared and read. Nobody but the builders here puts one
together, so a value can never become syntax.
"""

import re
from functools import lru_cache
from typing import Final

from ldap_sink.protocol import ber

MAX_DEPTH: Final = 64

_AND: Final = 0xA0
_OR: Final = 0xA1
_NOT: Final = 0xA2
_EQUALITY: Final = 0xA3
_SUBSTRINGS: Final = 0xA4
_PRESENT: Final = 0x87
_EXTENSIBLE: Final = 0xA9
_ORDERINGS: Final = {">": 0xA5, "<": 0xA6, "~": 0xA8}
_SETS: Final = {"&": _AND, "|": _OR, "!": _NOT}
_INITIAL: Final = 0x80
_ANY: Final = 0x81
_FINAL: Final = 0x82
_MATCHING_RULE: Final = 0x81
_TYPE: Final = 0x82
_MATCH_VALUE: Final = 0x83
_DN_ATTRIBUTES: Final = 0x84

_OID: Final = r"(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)"
_DESCRIPTION: Final = re.compile(rf"{_OID}(?:;[A-Za-z0-9-]+)*", re.ASCII)
_RULE: Final = re.compile(_OID, re.ASCII)
_ESCAPE: Final = re.compile(rb"\\([0-9A-Fa-f]{2})?")
_PLAIN: Final = frozenset(range(0x20, 0x7F)) - frozenset(b"\\*()")
_ESCAPED: Final = tuple(chr(octet) if octet in _PLAIN else f"\\{octet:02x}" for octet in range(256))
_BACKSLASH: Final = b"\\"


class InvalidFilter(ValueError):
    """The text is not a filter of RFC 4515; says where."""


def escape(value: str | bytes) -> str:
    r"""Write an assertion value so that it is nothing but a value: `a*b` becomes `a\2ab` (RFC 4515 section 3)."""
    octets = value.encode() if isinstance(value, str) else value
    return "".join([_ESCAPED[octet] for octet in octets])


def equality(attribute: str, value: str | bytes) -> str:
    """The attribute has this value.

    Raises:
        InvalidFilter: `attribute` is not an attribute description.
    """
    return f"({_described(attribute)}={escape(value)})"


def present(attribute: str) -> str:
    """The attribute has a value.

    Raises:
        InvalidFilter: `attribute` is not an attribute description.
    """
    return f"({_described(attribute)}=*)"


def both(*filters: str) -> str:
    """All of them hold; without any: true (RFC 4526)."""
    return filters[0] if len(filters) == 1 else f"(&{''.join(filters)})"


def any_of(*filters: str) -> str:
    """At least one of them holds; without any: false (RFC 4526)."""
    return filters[0] if len(filters) == 1 else f"(|{''.join(filters)})"


def unless(filter_: str) -> str:
    """It does not hold."""
    return f"(!{filter_})"


@lru_cache(maxsize=256)
def compile_filter(filter_: str) -> bytes:
    """Encode a filter.

    Raises:
        InvalidFilter: the text is not a filter of RFC 4515, or nested deeper than `MAX_DEPTH`.
    """
    encoded, position = _filter(filter_, 0, MAX_DEPTH)
    if position != len(filter_):
        raise InvalidFilter(f"text behind the filter at {position}")
    return encoded


def _described(attribute: str) -> str:
    if not _DESCRIPTION.fullmatch(attribute):
        raise InvalidFilter(f"{attribute!r} is not an attribute description")
    return attribute


def _filter(source: str, position: int, depth: int) -> tuple[bytes, int]:
    """Encode the filter that begins at `position`; return it and the position behind it."""
    if source[position : position + 1] != "(":
        raise InvalidFilter(f"( expected at {position}")
    if depth == 0:
        raise InvalidFilter(f"nested deeper than {MAX_DEPTH}")
    kind = source[position + 1 : position + 2]
    if kind in _SETS:
        return _set(source, position + 2, kind, depth)
    end = source.find(")", position)
    if end < 0:
        raise InvalidFilter(f") missing for ( at {position}")
    return _item(source[position + 1 : end]), end + 1


def _set(source: str, position: int, kind: str, depth: int) -> tuple[bytes, int]:
    members = []
    while source[position : position + 1] == "(":
        member, position = _filter(source, position, depth - 1)
        members.append(member)
    if source[position : position + 1] != ")":
        raise InvalidFilter(f") expected at {position}")
    if kind == "!" and len(members) != 1:
        raise InvalidFilter(f"! takes one filter, at {position}")
    return ber.element(_SETS[kind], b"".join(members)), position + 1


def _item(item: str) -> bytes:
    """Encode what stands between the parentheses of a simple filter."""
    left, equals, right = item.partition("=")
    if not equals:
        raise InvalidFilter(f"= missing in {item!r}")
    if left.endswith(":"):
        return _extensible(left[:-1], right)
    if left[-1:] in _ORDERINGS:
        return ber.element(_ORDERINGS[left[-1]], ber.text(_described(left[:-1])) + ber.octet_string(_value(right)))
    attribute = ber.text(_described(left))
    if right == "*":
        return ber.element(_PRESENT, left.encode())
    if "*" in right:
        return ber.element(_SUBSTRINGS, attribute + _substrings(right))
    return ber.element(_EQUALITY, attribute + ber.octet_string(_value(right)))


def _substrings(pattern: str) -> bytes:
    initial, *middle, final = pattern.split("*")
    if not all(middle):
        raise InvalidFilter(f"nothing between two * in {pattern!r}")
    pieces = [ber.element(_ANY, _value(piece)) for piece in middle]
    if initial:
        pieces.insert(0, ber.element(_INITIAL, _value(initial)))
    if final:
        pieces.append(ber.element(_FINAL, _value(final)))
    return ber.sequence(*pieces)


def _extensible(left: str, right: str) -> bytes:
    """Encode `attr:dn:rule:=value`; attribute and rule may be missing, not both."""
    attribute, *rest = left.split(":")
    of_dn = bool(rest) and rest[0].lower() == "dn"
    rules = rest[1:] if of_dn else rest
    if len(rules) > 1 or not all(map(_RULE.fullmatch, rules)) or not (attribute or rules):
        raise InvalidFilter(f"{left!r} is not an attribute and a matching rule")
    return ber.element(
        _EXTENSIBLE,
        (ber.element(_MATCHING_RULE, rules[0].encode()) if rules else b"")
        + (ber.element(_TYPE, _described(attribute).encode()) if attribute else b"")
        + ber.element(_MATCH_VALUE, _value(right))
        + (ber.boolean(True, _DN_ATTRIBUTES) if of_dn else b""),
    )


def _value(written: str) -> bytes:
    """Undo the escapes of an assertion value."""
    if "(" in written or "*" in written or "\0" in written:
        raise InvalidFilter(f"unescaped (, * or NUL in {written!r}")
    octets = written.encode()
    return _ESCAPE.sub(_unescaped, octets) if _BACKSLASH in octets else octets


def _unescaped(match: re.Match[bytes]) -> bytes:
    digits = match[1]
    if digits is None:
        raise InvalidFilter("a backslash without two hexadecimal digits")
    return bytes((int(digits, 16),))
