"""How values are compared: as octets, or by what a syntax or a matching rule takes as equal.

The rules are approximations for choosing an operation: where one says "different" although the server says "equal", the
server's answer is a conflict, and the entry is read again. Source: RFC 4517, RFC 4518.
"""

import uuid
from collections.abc import Callable
from typing import Final

from schemas.dn import AVA, DN, InvalidDN

_DN_SYNTAX: Final = "1.3.6.1.4.1.1466.115.121.1.12"
_NAME_AND_UID_SYNTAX: Final = "1.3.6.1.4.1.1466.115.121.1.34"
_UUID_SYNTAX: Final = "1.3.6.1.1.16.1"


def _case_ignore(value: bytes) -> bytes:
    # A DN's values are compared by caseIgnoreMatch: the preparation is the same.
    return AVA("cn", value.decode()).prepared()[1].encode()


def _case_exact(value: bytes) -> bytes:
    return b" ".join(part for part in value.split(b" ") if part)


def _without(characters: bytes) -> Callable[[bytes], bytes]:
    return lambda value: value.translate(None, characters).lower()


def _integer(value: bytes) -> bytes:
    return str(int(value)).encode()


def _dn(value: bytes) -> bytes:
    return repr(DN.parse(value.decode()).prepared()).encode()


def _name_and_uid(value: bytes) -> bytes:
    name, mark, uid = value.rpartition(b"#")
    # RFC 4517 section 3.3.21: `<DN>#'<bits>'B`; a number sign may stand inside the DN too.
    if not mark or not uid.startswith(b"'") or not uid.endswith(b"'B"):
        return _dn(value)
    return _dn(name) + mark + uid


def _uuid(value: bytes) -> bytes:
    return uuid.UUID(value.decode()).bytes


_SYNTAXES: Final[dict[str, Callable[[bytes], bytes]]] = {
    _DN_SYNTAX: _dn,
    _NAME_AND_UID_SYNTAX: _name_and_uid,
    _UUID_SYNTAX: _uuid,
}
_RULES: Final[dict[str, Callable[[bytes], bytes]]] = {
    "booleanmatch": bytes.upper,
    "caseexactia5match": _case_exact,
    "caseexactmatch": _case_exact,
    "caseignoreia5match": _case_ignore,
    "caseignorelistmatch": _case_ignore,
    "caseignorematch": _case_ignore,
    "distinguishednamematch": _dn,
    "integermatch": _integer,
    "numericstringmatch": _without(b" "),
    "objectidentifiermatch": bytes.lower,
    "telephonenumbermatch": _without(b" -"),
    "uniquemembermatch": _name_and_uid,
    "uuidmatch": _uuid,
}


def by_syntax(syntax: str | None, value: bytes) -> bytes:
    """Give the form in which two spellings of one value are the same octets.

    Only syntaxes whose values OpenLDAP rewrites as it stores them (DNs, UUIDs) have another form than the octets: there
    a difference of spelling could never be written away.
    """
    return _formed(_SYNTAXES.get(syntax or ""), value)


def by_rule(rule: str | None, value: bytes) -> bytes:
    """Give the form in which two values that an equality rule takes as equal are the same octets."""
    return _formed(_RULES.get((rule or "").lower()), value)


def _formed(form: Callable[[bytes], bytes] | None, value: bytes) -> bytes:
    if form is None:
        return value
    try:
        return form(value)
    except (InvalidDN, ValueError):
        return value  # not of its syntax: the server will say so
