"""Controls that we send, and what comes back."""

import pytest

from ldap_sink.protocol import ber
from ldap_sink.protocol.ber import MalformedReply
from ldap_sink.protocol.controls import (
    PAGED_RESULTS,
    POST_READ,
    assertion,
    encode_controls,
    manage_dsa_it,
    paged_results,
    post_read,
    read_page_cookie,
    read_post_read,
)
from ldap_sink.protocol.results import Entry, Result
from schemas.errors import MaybeApplied
from tests.support import wire


def test_a_control_without_criticality_and_value() -> None:
    """Defaults are not sent (RFC 4511 section 5.1)."""
    oid = b"2.16.840.1.113730.3.4.2"
    assert encode_controls((manage_dsa_it(),)) == b"\xa0\x1b\x30\x19\x04\x17" + oid


def test_no_controls() -> None:
    """A message without controls has no empty list of them."""
    assert encode_controls(()) == b""


def test_assertion_carries_the_filter() -> None:
    """The value is the filter in BER, and a server that does not know the control must refuse the write."""
    control = assertion("(a=b)")
    assert (control.critical, control.value) == (True, b"\xa3\x06\x04\x01a\x04\x01b")


def test_post_read_names_the_attributes() -> None:
    """The value is a list of attributes."""
    assert post_read(["a", "b"]).value == b"\x30\x06\x04\x01a\x04\x01b"


def test_post_read_is_decoded() -> None:
    """The entry after the write comes out."""
    value = ber.element(0x64, wire.entry("cn=a", ("entryUUID", [b"1"])))
    assert read_post_read(Result(0, controls={POST_READ: value})) == Entry("cn=a", {"entryUUID": [b"1"]})


def test_no_post_read() -> None:
    """A server that sent none is no failure."""
    assert read_post_read(Result(0)) is None


def test_malformed_post_read() -> None:
    """The write was applied, but how it ended must be read."""
    with pytest.raises(MaybeApplied) as failure:
        read_post_read(Result(0, controls={POST_READ: b"\x64\x05"}))
    assert failure.value.reason == "malformed_reply"


def test_page_cookie() -> None:
    """The cookie comes out as it went in."""
    value = paged_results(0, b"cookie").value
    assert read_page_cookie(Result(0, controls={PAGED_RESULTS: value})) == b"cookie"


@pytest.mark.parametrize("value", [None, b"", b"\x30\x05\x02\x01\x00\x04", b"\x30\x03\x02\x01\x00"])
def test_a_page_without_a_cookie_is_malformed(value: bytes | None) -> None:
    """Nothing but an empty cookie says that a search is complete."""
    with pytest.raises(MalformedReply):
        read_page_cookie(Result(0, controls={PAGED_RESULTS: value}))
