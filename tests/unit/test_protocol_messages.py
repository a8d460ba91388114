"""Encoding of requests, octet by octet as ldap3 does it."""

from collections.abc import Sequence

import pytest
from ldap3 import BASE, MODIFY_DELETE, MODIFY_REPLACE
from ldap3.operation.add import add_operation
from ldap3.operation.bind import bind_operation
from ldap3.operation.delete import delete_operation
from ldap3.operation.extended import extended_operation
from ldap3.operation.modify import modify_operation
from ldap3.operation.modifyDn import modify_dn_operation
from ldap3.operation.search import search_operation
from ldap3.protocol.rfc4511 import LDAPMessage, MessageID, ProtocolOp
from ldap3.utils.asn1 import encode  # type: ignore[attr-defined]  # the published types lack it

from ldap_sink.protocol import messages
from ldap_sink.protocol.messages import Scope
from schemas.entries import AttributeChange, ModifyOperation

DN = "cn=Zoë,ou=company,dc=example,dc=com"
LENGTHS = [0, 1, 118, 119, 127, 128, 255, 256, 65535, 65536]


def as_ldap3(name: str, operation: object) -> bytes:
    """Encode an operation of ldap3 as message 77."""
    envelope = LDAPMessage()
    envelope["messageID"] = MessageID(77)
    envelope["protocolOp"] = ProtocolOp().setComponentByName(name, operation)
    encoded: bytes = encode(envelope)
    return encoded


@pytest.mark.parametrize("length", LENGTHS)
def test_add(length: int) -> None:
    """An Add, with values around every change of the length's form."""
    attributes: dict[str, Sequence[bytes]] = {"objectClass": [b"a", b"b"], "description": [b"x" * length]}
    expected = as_ldap3("addRequest", add_operation(DN, attributes, auto_encode=False))
    assert messages.message(77, messages.add(DN, attributes)) == expected


def test_add_leaves_out_attributes_without_values() -> None:
    """The protocol allows none (RFC 4511 section 4.7), and slapd answers protocolError."""
    assert messages.add(DN, {"cn": [b"a"], "mail": []}) == messages.add(DN, {"cn": [b"a"]})


def test_modify() -> None:
    """A Modify, with and without values."""
    changes = [
        AttributeChange(ModifyOperation.REPLACE, "mail", (b"a", b"b" * 200)),
        AttributeChange(ModifyOperation.DELETE, "description", ()),
    ]
    theirs = {"mail": [(MODIFY_REPLACE, [b"a", b"b" * 200])], "description": [(MODIFY_DELETE, [])]}
    expected = as_ldap3("modifyRequest", modify_operation(DN, theirs, auto_encode=False))
    assert messages.message(77, messages.modify(DN, changes)) == expected


@pytest.mark.parametrize("new_superior", [None, "ou=elsewhere,dc=example,dc=com"])
@pytest.mark.parametrize("delete_old_rdn", [True, False])
def test_modify_dn(new_superior: str | None, delete_old_rdn: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A ModifyDN, with and without another parent."""
    expected = as_ldap3("modDNRequest", modify_dn_operation(DN, "cn=new", delete_old_rdn, new_superior))
    operation = messages.modify_dn(DN, "cn=new", delete_old_rdn=delete_old_rdn, new_superior=new_superior)
    assert messages.message(77, operation) == expected


def test_delete() -> None:
    """A Delete."""
    expected = as_ldap3("delRequest", delete_operation(DN))  # type: ignore[no-untyped-call]
    assert messages.message(77, messages.delete(DN)) == expected


def test_bind() -> None:
    """A simple bind of version 3."""
    expected = as_ldap3("bindRequest", bind_operation(3, "SIMPLE", DN, "secret"))
    assert messages.message(77, messages.bind(DN, b"secret")) == expected


def test_search() -> None:
    """A Search, with attributes and a size limit."""
    theirs = search_operation(DN, "(uid=a)", BASE, 0, ["cn", "mail"], 1000, 0, False, False, False)
    expected = as_ldap3("searchRequest", theirs)
    assert messages.message(77, messages.search(DN, Scope.BASE, "(uid=a)", ["cn", "mail"], 1000)) == expected


@pytest.mark.parametrize("value", [None, b"value"])
def test_extended(value: bytes | None) -> None:
    """An extended request, with and without a value."""
    expected = as_ldap3("extendedReq", extended_operation("1.2.3", value, no_encode=True))
    assert messages.message(77, messages.extended("1.2.3", value)) == expected


def test_message_ids_take_as_many_octets_as_they_need() -> None:
    """The greatest message id, and those whose first bit is set."""
    ids = {number: messages.message(number, b"").hex() for number in (127, 128, 2**31 - 1)}
    assert ids == {127: "300302017f", 128: "300402020080", 2**31 - 1: "300602047fffffff"}
