"""How values become an attribute's octets: text as UTF-8, booleans as RFC 4517 has them, Base64 for what is no text."""

import base64
from typing import Final

from processors.expressions import EvaluationError
from processors.expressions.values import kind, text_of
from schemas.entries import Values
from schemas.events import Json

_BINARY_OPTION: Final = "binary"  # RFC 4522

# Attributes of octets: a record, which is JSON, has them in Base64. With their OIDs (RFC 2798, RFC 4524, Cosine).
_BINARY: Final = frozenset(
    {
        *("jpegphoto", "0.9.2342.19200300.100.1.60"),
        *("audio", "0.9.2342.19200300.100.1.55"),
        *("photo", "0.9.2342.19200300.100.1.7"),
        *("usersmimecertificate", "2.16.840.1.113730.3.1.40"),
        *("userpkcs12", "2.16.840.1.113730.3.1.216"),
    }
)
# RFC 4523: transferred with ;binary only, and OpenLDAP insists on it.
_NEEDS_OPTION: Final = frozenset(
    {
        *("usercertificate", "2.5.4.36"),
        *("cacertificate", "2.5.4.37"),
        *("authorityrevocationlist", "2.5.4.38"),
        *("certificaterevocationlist", "2.5.4.39"),
        *("crosscertificatepair", "2.5.4.40"),
        *("supportedalgorithms", "2.5.4.52"),
        *("deltarevocationlist", "2.5.4.53"),
    }
)


def is_binary(attribute: str) -> bool:
    """Tell whether a record gives the attribute in Base64: a known one of octets, or any with the option `;binary`."""
    base, *options = attribute.lower().split(";")
    return base in _BINARY or _BINARY_OPTION in options


def lacks_binary(attribute: str) -> bool:
    """Tell whether the attribute may be written with the option `;binary` only, and is without it."""
    return attribute.lower().partition(";")[0] in _NEEDS_OPTION and not is_binary(attribute)


def octets_of(attribute: str, value: Json) -> Values:
    """Write a value, or the items of an array, as an attribute's values: in order, once each; null and "" are none.

    Raises:
        EvaluationError: an object, an array within an array, a text that is not Unicode; or, where it must be, not
            Base64.
    """
    items = value if isinstance(value, list) else [value]
    write = _decoded if is_binary(attribute) else _encoded
    return tuple(dict.fromkeys(octets for octets in map(write, items) if octets))


def _encoded(value: Json) -> bytes:
    if isinstance(value, bool):
        return b"TRUE" if value else b"FALSE"  # RFC 4517 section 3.3.3
    if isinstance(value, (list, dict)):
        raise EvaluationError(f"{kind(value)} cannot be an attribute's value: use ArrayMap, ArrayJoin or a member")
    try:
        return (text_of(value) or "").encode()
    except UnicodeEncodeError as exc:
        raise EvaluationError("the text is not Unicode: it holds half a surrogate pair") from exc


def _decoded(value: Json) -> bytes:
    if value is None:
        return b""
    if not isinstance(value, str):
        raise EvaluationError(f"{kind(value)} is not Base64 text")
    try:
        return base64.b64decode("".join(value.split()), validate=True)  # writers of MIME break lines
    except ValueError:
        raise EvaluationError("the text is not Base64") from None  # the cause could quote the value
