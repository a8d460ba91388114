"""Request controls that we send, and what comes back in response controls."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from ldap_sink.protocol import ber
from ldap_sink.protocol.filters import compile_filter
from ldap_sink.protocol.replies import decode_entry
from ldap_sink.protocol.results import Entry, Result
from schemas.errors import MaybeApplied

PAGED_RESULTS: Final = "1.2.840.113556.1.4.319"  # RFC 2696
POST_READ: Final = "1.3.6.1.1.13.2"  # RFC 4527
ASSERTION: Final = "1.3.6.1.1.12"  # RFC 4528
MANAGE_DSA_IT: Final = "2.16.840.1.113730.3.4.2"  # RFC 3296

_CONTROLS: Final = 0xA0
_SEARCH_RESULT_ENTRY: Final = 0x64


@dataclass(frozen=True, slots=True)
class Control:
    """A control of RFC 4511 section 4.1.11. A critical one that the server does not know makes the request fail."""

    oid: str
    critical: bool = False
    value: bytes | None = field(default=None, repr=False)


_MANAGE_DSA_IT: Final = Control(MANAGE_DSA_IT)


@lru_cache(maxsize=256)
def encode_controls(controls: tuple[Control, ...]) -> bytes:
    """Encode the controls of a message; nothing when there are none."""
    if not controls:
        return b""
    encoded = []
    for control in controls:
        critical = ber.boolean(True) if control.critical else b""
        value = b"" if control.value is None else ber.octet_string(control.value)
        encoded.append(ber.sequence(ber.text(control.oid), critical, value))
    return ber.element(_CONTROLS, b"".join(encoded))


def post_read(attributes: Sequence[str]) -> Control:
    """Ask for attributes of the entry as it is after the write, in the same round trip (RFC 4527). Critical."""
    return _post_read(tuple(attributes))


@lru_cache(maxsize=64)
def _post_read(attributes: tuple[str, ...]) -> Control:
    return Control(POST_READ, critical=True, value=ber.sequence(*map(ber.text, attributes)))


def read_post_read(result: Result) -> Entry | None:
    """Decode what `post_read` asked for; None when the server sent nothing.

    Raises:
        MaybeApplied: the write succeeded, but this part of its reply is malformed: read the entry.
    """
    value = result.controls.get(POST_READ)
    if value is None:
        return None
    try:
        start, stop = ber.expect(value, 0, len(value), _SEARCH_RESULT_ENTRY)
        return decode_entry(value, start, stop)
    except ber.MalformedReply as exc:
        raise MaybeApplied("malformed_reply", f"post-read control: {exc}") from exc


def assertion(filter_text: str) -> Control:
    """Apply the write only if the entry matches the filter, else assertionFailed (122) (RFC 4528). Critical.

    Raises:
        InvalidFilter: the text is not a filter of RFC 4515.
    """
    return Control(ASSERTION, critical=True, value=compile_filter(filter_text))


def manage_dsa_it() -> Control:
    """Treat referral objects as ordinary entries (RFC 3296). Not critical."""
    return _MANAGE_DSA_IT


def paged_results(size: int, cookie: bytes = b"") -> Control:
    """Ask for one page of a search (RFC 2696). Critical: without it a large search would be cut short."""
    return Control(PAGED_RESULTS, critical=True, value=ber.sequence(ber.integer(size), ber.octet_string(cookie)))


def read_page_cookie(result: Result) -> bytes:
    """The cookie for the next page; empty after the last one.

    Raises:
        MalformedReply: the server sent no control, or not this one.
    """
    value = result.controls.get(PAGED_RESULTS)
    if value is None:
        raise ber.MalformedReply("a page without its control")
    position, stop = ber.expect(value, 0, len(value), ber.SEQUENCE)
    _, position = ber.expect(value, position, stop, ber.INTEGER)
    start, end = ber.expect(value, position, stop, ber.OCTET_STRING)
    return value[start:end]
