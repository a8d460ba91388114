"""Attributes of octets and attributes with options, from a record to a real slapd and back."""

import base64
import ssl
from collections.abc import AsyncIterator

import ldap3
import pytest
import trustme

from ldap_sink.outcomes import Applied
from processors.mapping import MappingRow, compile_mapping
from processors.wanted import EntryRules
from schemas.entries import AttributeChange, Modify, ModifyOperation, WantedEntry
from schemas.events import Json, Kind, Record
from streams.sandbox.slapd import Slapd
from tests.support.sink import Bench, open_bench, subject, write

ROWS = (
    MappingRow("uid", field="user.username"),
    MappingRow("cn", field="user.username"),
    MappingRow("cn;lang-zh", field="user.displayName"),
    MappingRow("sn", field="user.username"),
    MappingRow("jpegPhoto", field="user.photo"),
    MappingRow("userCertificate;binary", field="user.certificates"),
)
RULES = EntryRules(("inetOrgPerson",), "uid", compile_mapping(ROWS, "user"))


@pytest.fixture
async def bench(slapd: Slapd) -> AsyncIterator[Bench]:
    """A sink with a target of its own."""
    async with open_bench(slapd) as opened:
        yield opened


def certificate(name: str) -> bytes:
    """A certificate of somebody, in DER."""
    issued = trustme.CA().issue_cert(f"{name}@example.com")
    return ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())


def text(octets: bytes) -> str:
    """As a record has them."""
    return base64.b64encode(octets).decode()


def mei(**fields: Json) -> WantedEntry:
    """What a record becomes."""
    return RULES.wanted(Record(Kind.ACCOUNT, "user_1", {"username": "mei", **fields}), None)


async def test_a_photo_is_written_as_octets_and_replaced(bench: Bench) -> None:
    """It has no equality rule: no single value of it can be named."""
    one, other = b"\xff\xd8\xff\xe0 one", b"\xff\xd8\xff\xe0 other"
    binding = (await bench.applied("user_1", mei(photo=text(one)))).binding
    assert bench.tree()["uid=mei"]["jpegPhoto"] == [one]
    await bench.applied("user_1", mei(photo=text(other)), binding)
    assert bench.tree()["uid=mei"]["jpegPhoto"] == [other]
    assert await bench.sink.apply(subject("user_1"), mei(photo=text(other)), bench.target, binding) == Applied(binding)


async def test_a_certificate_is_exchanged_for_another(bench: Bench) -> None:
    """The server compares them by issuer and number; the one that stays is not touched."""
    kept, old, new = (certificate(name) for name in ("kept", "old", "new"))
    binding = (await bench.applied("user_1", mei(certificates=[text(kept), text(old)]))).binding
    wanted = mei(certificates=[text(kept), text(new)])
    changed = await bench.applied("user_1", wanted, binding)
    (modify,) = changed.changes
    assert isinstance(modify, Modify)
    assert modify.changes == (
        AttributeChange(ModifyOperation.DELETE, "userCertificate;binary", (old,)),
        AttributeChange(ModifyOperation.ADD, "userCertificate;binary", (new,)),
    )
    assert sorted(bench.tree()["uid=mei"]["userCertificate;binary"]) == sorted([kept, new])
    assert await bench.sink.apply(subject("user_1"), wanted, bench.target, binding) == Applied(binding)


async def test_an_attribute_with_other_options_is_left_alone(bench: Bench) -> None:
    """Whatever happens to `cn` and `cn;lang-zh`, `cn;lang-ja` and `cn;lang-en;lang-zh` are somebody else's."""
    binding = (await bench.applied("user_1", mei(displayName="王梅"))).binding
    theirs = {"cn;lang-ja": [(ldap3.MODIFY_ADD, ["梅"])], "cn;lang-en;lang-zh": [(ldap3.MODIFY_ADD, ["王"])]}
    write(bench.slapd, lambda admin: admin.modify(binding.dn, theirs))
    await bench.applied("user_1", mei(displayName="李梅"), binding)
    changed = bench.tree()["uid=mei"]
    await bench.applied("user_1", mei(), binding)
    removed = bench.tree()["uid=mei"]
    kept = {"cn": [b"mei"], "cn;lang-ja": ["梅".encode()], "cn;lang-en;lang-zh": ["王".encode()]}
    for entry, values in ((changed, {"cn;lang-zh": ["李梅".encode()]}), (removed, {})):
        assert {name: of for name, of in entry.items() if name.startswith("cn")} == {**kept, **values}
