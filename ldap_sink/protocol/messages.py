"""Encoding of requests (RFC 4511 section 4): the operations, and the message around them."""

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ldap_sink.protocol import ber
from ldap_sink.protocol.filters import compile_filter

if TYPE_CHECKING:
    from schemas.entries import AttributeChange

START_TLS: Final = "1.3.6.1.4.1.1466.20037"
PASSWORD_MODIFY: Final = "1.3.6.1.4.1.4203.1.11.1"  # noqa: S105 - an OID (RFC 3062)

BIND_REQUEST: Final = 0x60
UNBIND_REQUEST: Final = 0x42
SEARCH_REQUEST: Final = 0x63
MODIFY_REQUEST: Final = 0x66
ADD_REQUEST: Final = 0x68
DELETE_REQUEST: Final = 0x4A
MODIFY_DN_REQUEST: Final = 0x6C
EXTENDED_REQUEST: Final = 0x77

SEARCH_RESULT_ENTRY: Final = 0x64
SEARCH_RESULT_REFERENCE: Final = 0x73
EXTENDED_RESPONSE: Final = 0x78
INTERMEDIATE_RESPONSE: Final = 0x79

RESPONSE_TO: Final[Mapping[int, int]] = {
    BIND_REQUEST: 0x61,
    SEARCH_REQUEST: 0x65,
    MODIFY_REQUEST: 0x67,
    ADD_REQUEST: 0x69,
    DELETE_REQUEST: 0x6B,
    MODIFY_DN_REQUEST: 0x6D,
    EXTENDED_REQUEST: EXTENDED_RESPONSE,
}

UNBIND: Final = b"\x42\x00"

_SIMPLE: Final = 0x80
_NEW_SUPERIOR: Final = 0x80
_REQUEST_NAME: Final = 0x80
_REQUEST_VALUE: Final = 0x81
_USER_IDENTITY: Final = 0x80
_NEW_PASSWORD: Final = 0x82
_VERSION_3: Final = b"\x02\x01\x03"
_NEVER_DEREFERENCE: Final = b"\x0a\x01\x00"
_NO_VALUES: Final = b"\x31\x00"


class Scope(IntEnum):
    """How deep a search goes (RFC 4511 section 4.5.1.2)."""

    BASE = 0
    ONE_LEVEL = 1
    SUBTREE = 2


_SCOPES: Final = {scope: ber.integer(scope, ber.ENUMERATED) + _NEVER_DEREFERENCE for scope in Scope}
_NO_LIMIT: Final = ber.integer(0)
_NO_TIME_LIMIT_AND_VALUES_TOO: Final = ber.integer(0) + ber.boolean(False)


def message(message_id: int, operation: bytes, controls: bytes = b"") -> bytes:
    """Put an operation and its encoded controls into an LDAPMessage."""
    return ber.element(ber.SEQUENCE, ber.integer(message_id) + operation + controls)


def weigh(attributes: Mapping[str, Sequence[bytes]]) -> int:
    """About how many octets the attributes take, without encoding them."""
    return sum([len(value) for values in attributes.values() for value in values])


def bind(dn: str, password: bytes) -> bytes:
    """Encode a simple bind."""
    return ber.element(BIND_REQUEST, _VERSION_3 + ber.text(dn) + ber.element(_SIMPLE, password))


def add(dn: str, attributes: Mapping[str, Sequence[bytes]]) -> bytes:
    """Encode an Add. An attribute without values is left out: the protocol allows none."""
    encoded = [_attribute(name, values) for name, values in attributes.items() if values]
    return ber.element(ADD_REQUEST, ber.text(dn) + ber.sequence(*encoded))


def modify(dn: str, changes: Iterable["AttributeChange"]) -> bytes:
    """Encode a Modify; the server applies all changes or none."""
    encoded = [
        ber.sequence(ber.integer(change.operation, ber.ENUMERATED), _attribute(change.name, change.values))
        for change in changes
    ]
    return ber.element(MODIFY_REQUEST, ber.text(dn) + ber.sequence(*encoded))


def delete(dn: str) -> bytes:
    """Encode a Delete."""
    return ber.element(DELETE_REQUEST, dn.encode())


def modify_dn(dn: str, new_rdn: str, *, delete_old_rdn: bool, new_superior: str | None) -> bytes:
    """Encode a ModifyDN."""
    superior = b"" if new_superior is None else ber.element(_NEW_SUPERIOR, new_superior.encode())
    return ber.element(MODIFY_DN_REQUEST, ber.text(dn) + ber.text(new_rdn) + ber.boolean(delete_old_rdn) + superior)


def search(base: str, scope: Scope, filter_: str, attributes: Iterable[str], size_limit: int) -> bytes:
    """Encode a Search that never dereferences aliases; the server's own time limit holds.

    Raises:
        InvalidFilter: the text is not a filter of RFC 4515.
    """
    limit = _NO_LIMIT if not size_limit else ber.integer(size_limit)
    asked = _asked(tuple(attributes))
    return ber.element(
        SEARCH_REQUEST,
        ber.text(base) + _SCOPES[scope] + limit + _NO_TIME_LIMIT_AND_VALUES_TOO + compile_filter(filter_) + asked,
    )


def extended(oid: str, value: bytes | None = None) -> bytes:
    """Encode an extended request."""
    encoded = b"" if value is None else ber.element(_REQUEST_VALUE, value)
    return ber.element(EXTENDED_REQUEST, ber.element(_REQUEST_NAME, oid.encode()) + encoded)


def password_modify_value(dn: str, new_password: bytes) -> bytes:
    """Encode the value of the extended operation `PASSWORD_MODIFY` (RFC 3062)."""
    return ber.sequence(ber.element(_USER_IDENTITY, dn.encode()), ber.element(_NEW_PASSWORD, new_password))


@lru_cache(maxsize=4096)
def _name(name: str) -> bytes:
    """Encode an attribute's name; the same few go with every request."""
    return ber.text(name)


@lru_cache(maxsize=256)
def _asked(names: tuple[str, ...]) -> bytes:
    """Encode an AttributeSelection; the same few are asked for again and again."""
    return ber.sequence(*map(_name, names))


def _attribute(name: str, values: Sequence[bytes]) -> bytes:
    """Encode an Attribute; short and single values, the usual case, in one step."""
    encoded = _name(name)
    if len(values) == 1:
        value = values[0]
        size = len(value)
        total = size + 4 + len(encoded)
        if total < ber.LONG_FORM:
            return b"\x30%c%b\x31%c\x04%c%b" % (total, encoded, size + 2, size, value)
    elif not values:
        return ber.element(ber.SEQUENCE, encoded + _NO_VALUES)
    return ber.element(ber.SEQUENCE, encoded + ber.element(ber.SET, b"".join(map(ber.octet_string, values))))
