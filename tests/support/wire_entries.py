"""Found entries as slapd sends them."""

from collections.abc import Iterable, Sequence

from ldap_sink.protocol.ber import SET, element, octet_string, sequence, text


def search_entry(dn: str, attributes: Iterable[tuple[str, Sequence[bytes]]]) -> bytes:
    """The content of a SearchResultEntry (RFC 4511 section 4.5.2)."""
    encoded = (sequence(text(name), element(SET, b"".join(map(octet_string, values)))) for name, values in attributes)
    return text(dn) + sequence(*encoded)
