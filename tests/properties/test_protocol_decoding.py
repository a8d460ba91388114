"""Decoding holds for any octets, and agrees with ldap3 for any entry."""

import random
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ldap3.operation.search import raw_attributes_to_dict_fast
from ldap3.protocol.rfc4511 import (
    LDAPDN,
    AttributeDescription,
    AttributeValue,
    LDAPMessage,
    MessageID,
    PartialAttribute,
    PartialAttributeList,
    ProtocolOp,
    SearchResultEntry,
    Vals,
)
from ldap3.utils.asn1 import decode_message_fast
from pyasn1.codec.ber.encoder import encode

from ldap_sink.protocol.ber import MalformedReply
from ldap_sink.protocol.framing import FrameReader
from ldap_sink.protocol.replies import decode_controls, decode_entry, decode_result
from ldap_sink.protocol.results import Entry
from tests.support import wire

ENTRIES = 5000
LENGTHS = (0, 1, 2, 30, 121, 122, 123, 124, 125, 126, 127, 128, 129, 255, 256, 300, 65535, 65536)
WEIGHTS = (3, 5, 5, 30, *(2 for _ in LENGTHS[4:-2]), 0.05, 0.05)


def random_entries(seed: int, count: int) -> Iterator[Entry]:
    """Entries with values of every interesting length, binary ones too."""
    dice = random.Random(seed)
    for number in range(count):
        names = dice.sample([f"attribute{n};lang-{n}" * dice.randint(1, 12) for n in range(30)], dice.randint(0, 12))
        lengths = {name: dice.choices(LENGTHS, WEIGHTS, k=dice.choice((1, 1, 1, 2, 5, 60))) for name in names}
        dn = f"cn={number},ou={'é' * dice.choice(LENGTHS[:12])},dc=example,dc=com"
        yield Entry(dn, {name: [dice.randbytes(length) for length in lengths[name]] for name in names})


def encode_with_pyasn1(message_id: int, entry: Entry) -> bytes:
    """Encode a search result entry by the ASN.1 of RFC 4511."""
    attributes = PartialAttributeList()
    for position, (name, values) in enumerate(entry.attributes.items()):
        encoded = Vals()
        for place, value in enumerate(values):
            encoded.setComponentByPosition(place, AttributeValue(value))
        attribute = PartialAttribute()
        attribute["type"] = AttributeDescription(name)
        attribute["vals"] = encoded
        attributes.setComponentByPosition(position, attribute)
    operation = SearchResultEntry()
    operation["object"] = LDAPDN(entry.dn)
    operation["attributes"] = attributes
    message = LDAPMessage()
    message["messageID"] = MessageID(message_id)
    message["protocolOp"] = ProtocolOp().setComponentByName("searchResEntry", operation)
    octets: bytes = encode(message)
    return octets


def decode_with_ldap3(message: bytes) -> tuple[int, Entry]:
    decoded = decode_message_fast(message)  # type: ignore[no-untyped-call]
    dn, attributes = (part[3] for part in decoded["payload"])
    values = raw_attributes_to_dict_fast(attributes)  # type: ignore[no-untyped-call]
    return decoded["messageID"], Entry(bytes(dn).decode(), dict(values))


def test_random_entries_are_decoded_as_ldap3_decodes_them() -> None:
    """Another implementation of both directions agrees, value for value."""
    for number, entry in enumerate(random_entries(seed=1, count=ENTRIES), start=1):
        message = encode_with_pyasn1(number, entry)
        data, ((message_id, tag, start, stop, end),) = FrameReader().feed(message)
        ours = decode_entry(data, start, stop)
        assert (message_id, tag, end) == (number, 0x64, len(message))
        assert ours == entry
        assert (message_id, ours) == decode_with_ldap3(message)


def exercise(data: bytes, pieces: list[int]) -> None:
    """Read octets, cut at the given places, as a connection does; nothing but MalformedReply may come out."""
    reader = FrameReader()
    cuts = sorted({0, len(data), *(cut % (len(data) + 1) for cut in pieces)})
    for start, stop in pairwise(cuts):
        octets, frames = reader.feed(data[start:stop])
        for _, _, first, last, end in frames:
            assert first <= last <= end <= len(octets)
            for decode in (
                lambda: decode_entry(octets, first, last),  # noqa: B023 - called at once
                lambda: decode_result(octets, first, last, end),  # noqa: B023
                lambda: decode_controls(octets, last, end),  # noqa: B023
            ):
                with suppress(MalformedReply):
                    decode()
        if reader.failure is not None:
            return


MESSAGES = st.lists(
    st.one_of(
        st.builds(
            lambda dn, values: wire.reply(1, 0x64, wire.entry(dn, ("cn", values))),
            st.text(max_size=20),
            st.lists(st.binary(max_size=300), max_size=4),
        ),
        st.builds(lambda code, text: wire.reply(2, 0x65, wire.result(code, "", text)), st.integers(0, 5000), st.text()),
    ),
    min_size=1,
    max_size=4,
).map(b"".join)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_random_octets_never_fail_otherwise(data: bytes, pieces: list[int]) -> None:
    """Noise is malformed, incomplete, or by chance a message."""
    exercise(data, pieces)


@given(MESSAGES, st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=4), st.lists(st.integers(0)))
def test_damaged_messages_never_fail_otherwise(data: bytes, damage: list[tuple[int, int]], pieces: list[int]) -> None:
    """Octets that were changed on the way lead to no other failure than MalformedReply."""
    octets = bytearray(data)
    for position, octet in damage:
        octets[position % len(octets)] = octet
    exercise(bytes(octets), pieces)


@given(MESSAGES, st.lists(st.integers(0)))
def test_cuts_change_nothing(data: bytes, pieces: list[int]) -> None:
    """The same messages come out however the network cuts them."""

    def contents(cuts: list[int]) -> list[bytes]:
        reader = FrameReader()
        found = []
        for start, stop in pairwise(cuts):
            octets, frames = reader.feed(data[start:stop])
            found += [octets[first:last] for _, _, first, last, _ in frames]
        assert reader.failure is None
        assert reader.held == 0
        return found

    cuts = sorted({0, len(data), *(cut % (len(data) + 1) for cut in pieces)})
    assert contents(cuts) == contents([0, len(data)])


@given(st.binary(max_size=60), st.integers(0, 60))
def test_decoding_never_looks_beyond_its_container(data: bytes, stop: int) -> None:
    """What follows an entry has no influence on it."""
    stop = min(stop, len(data))

    def outcome(octets: bytes) -> Entry | None:
        try:
            return decode_entry(octets, 0, stop)
        except MalformedReply:
            return None

    assert outcome(data) == outcome(data[:stop]) == outcome(data[:stop] + b"\x04\x00\x31\x00\x30\x00")


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_long_fuzz() -> None:
    """The same for a long time: random octets, damage and cuts."""
    runs = settings(max_examples=200_000, deadline=None)
    runs(test_random_octets_never_fail_otherwise)()
    runs(test_damaged_messages_never_fail_otherwise)()
    runs(test_cuts_change_nothing)()
    runs(test_decoding_never_looks_beyond_its_container)()
