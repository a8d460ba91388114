"""Decoding of replies: what is accepted, and that nothing else is."""

import pytest

from ldap_sink.protocol import ber
from ldap_sink.protocol.ber import MalformedReply
from ldap_sink.protocol.controls import Control, encode_controls
from ldap_sink.protocol.replies import decode_controls, decode_entry, decode_result
from ldap_sink.protocol.results import Entry, LdapResultError, Result
from tests.support import wire

LENGTHS = ["dn", "list", "attribute", "name", "set", "value", "value"]


def decode(content: bytes, controls: bytes = b"") -> Result:
    data = content + controls
    return decode_result(data, 0, len(content), len(data))


def test_plain_success() -> None:
    """The reply that nearly every write gets."""
    assert decode(wire.SUCCESS) == Result(0)


def test_result_with_all_parts() -> None:
    """Code, matched DN, message, referral, value and control all arrive."""
    content = (
        wire.result(53, "dc=com", "no")
        + ber.element(0xA3, ber.text("ldap://a") + ber.text("ldap://b"))
        + ber.element(0x8A, b"1.2.3")
        + ber.element(0x8B, b"value")
    )
    result = decode(content, encode_controls((Control("1.2.3", critical=True, value=b"x"), Control("1.2.4"))))
    assert result == Result(
        53, "dc=com", "no", ("ldap://a", "ldap://b"), controls={"1.2.3": b"x", "1.2.4": None}, value=b"value"
    )


def test_a_message_for_people_need_not_be_utf_8() -> None:
    """A bad diagnostic text does not cost the result."""
    assert decode(b"\x0a\x01\x35\x04\x00\x04\x01\xff").message == "�"


@pytest.mark.parametrize("cut", range(len(wire.result(53, "dc=com", "no"))))
def test_a_cut_result_is_malformed(cut: int) -> None:
    """A result that ends early is never taken for a shorter one."""
    with pytest.raises(MalformedReply):
        decode(wire.result(53, "dc=com", "no")[:cut])


@pytest.mark.parametrize(
    "content", [b"\x0a\x01\xff\x04\x00\x04\x00", b"\x0a\x00\x04\x00\x04\x00", b"\x0a\x05\0\0\0\0\0\x04\x00\x04\x00"]
)
def test_result_codes_out_of_range(content: bytes) -> None:
    """Negative, empty and oversized codes are refused."""
    with pytest.raises(MalformedReply):
        decode(content)


def test_entry() -> None:
    """Names and values as they came, binary and long ones too."""
    content = wire.entry("cn=Zoë", ("cn", ["Zoë".encode(), b"Z"]), ("jpegPhoto", [b"\xff\0" * 70000]), ("empty", []))
    assert decode_entry(content, 0, len(content)) == Entry(
        "cn=Zoë", {"cn": ["Zoë".encode(), b"Z"], "jpegPhoto": [b"\xff\0" * 70000], "empty": []}
    )


def test_an_attribute_that_comes_twice_is_merged() -> None:
    """No value is lost."""
    content = wire.entry("cn=a", ("mail", [b"1"]), ("cn", [b"a"]), ("mail", [b"2", b"3"]))
    assert decode_entry(content, 0, len(content)).attributes == {"mail": [b"1", b"2", b"3"], "cn": [b"a"]}


def test_octets_behind_the_attributes() -> None:
    """An entry ends with its attributes."""
    content = wire.entry("cn=a", ("cn", [b"a"])) + b"\x04\x00"
    with pytest.raises(MalformedReply):
        decode_entry(content, 0, len(content))


@pytest.mark.parametrize("change", [-1, 1])
@pytest.mark.parametrize(
    "position", [1, 7, 9, 11, 15, 17, 20], ids=["dn", "list", "attribute", "name", "set", "value", "value"]
)
def test_a_length_that_lies_is_malformed(position: int, change: int) -> None:
    """No length may reach beyond its container, even where octets follow: a slice would be silently shorter."""
    content = bytearray(wire.entry("cn=a", ("cn", [b"a", b"b"])))
    size = len(content)
    content[position] += change
    with pytest.raises(MalformedReply):
        decode_entry(bytes(content) + b"\x04\x00" * 8, 0, size)


@pytest.mark.parametrize(
    "controls", [b"\xa0\x02\x30\x00", b"\xa0\x00\x00", b"\x30\x00", b"\xa0\x07\x30\x05\x04\x01a\x02\x00"]
)
def test_malformed_controls(controls: bytes) -> None:
    """What stands behind an operation is controls or nothing."""
    with pytest.raises(MalformedReply):
        decode_controls(controls, 0, len(controls))


def test_an_error_tells_name_code_and_the_servers_words() -> None:
    """The text of the failure, as it goes to logs and dead letters."""
    assert str(LdapResultError("add", Result(68, message="there"))) == "add: entryAlreadyExists(68): there"
    assert str(LdapResultError("add", Result(4242))) == "add: unknown(4242)"


def test_values_stay_out_of_repr() -> None:
    """An entry may hold secrets; its repr ends up in logs."""
    assert "hidden" not in repr(Entry("cn=a", {"userPassword": [b"hidden"]}))
    assert "hidden" not in repr(Result(0, controls={"1.2": b"hidden"}, value=b"hidden"))
    assert "hidden" not in repr(Control("1.2", value=b"hidden"))
