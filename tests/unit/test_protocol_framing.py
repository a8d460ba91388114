"""From octets to messages."""

import pytest

from ldap_sink.protocol.ber import MalformedReply
from ldap_sink.protocol.framing import MAX_FRAME_BYTES, FrameReader
from tests.support import wire

ADDED = 0x69
MANY = b"".join(wire.reply(number, ADDED, wire.result(68, "", "x" * (number % 300))) for number in range(1, 200))


def ids(pieces: list[bytes]) -> list[int]:
    """The message ids found when the pieces come one after the other."""
    reader = FrameReader()
    found = [frame[0] for piece in pieces for frame in reader.feed(piece)[1]]
    assert reader.failure is None
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, 1000, len(MANY)])
def test_any_cut_gives_the_same_messages(size: int) -> None:
    """Messages do not depend on how the network cuts them."""
    pieces = [MANY[start : start + size] for start in range(0, len(MANY), size)]
    assert ids(pieces) == list(range(1, 200))


def test_a_message_is_kept_as_pieces_until_it_is_whole() -> None:
    """A large message costs time in its size, not in its square: it is joined once."""
    message = wire.reply(1, 0x64, b"\x00" * 1_000_000)
    middle = len(message) // 2
    reader = FrameReader()
    reader.feed(message[:10])
    assert reader.feed(message[10:middle]) == (b"", [])
    assert reader.held == middle
    data, frames = reader.feed(message[middle:])
    assert (data, len(frames), reader.held) == (message, 1, 0)


def test_messages_before_a_malformed_one_count() -> None:
    """A reply that has come is not lost because of what follows it."""
    reader = FrameReader()
    _, frames = reader.feed(wire.reply(1, ADDED) + b"HTTP/1.1 400 Bad Request")
    assert [frame[0] for frame in frames] == [1]
    assert isinstance(reader.failure, MalformedReply)


@pytest.mark.parametrize(
    "data",
    [
        b"\x31\x05\x02\x01\x01\x69\x00",  # no SEQUENCE
        b"\x30\x80\x02\x01\x01\x69\x00\x00\x00",  # indefinite length
        b"\x30\x85\x00\x00\x00\x00\x05\x02\x01\x01\x69\x00",  # five length octets
        b"\x30\x84" + (MAX_FRAME_BYTES + 1).to_bytes(4, "big"),  # more than we take
        b"\x30\x02\x02\x00",  # no operation
        b"\x30\x05\x04\x01\x01\x69\x00",  # id is no INTEGER
        b"\x30\x05\x02\x01\xff\x69\x00",  # negative id
        b"\x30\x05\x02\x00\x69\x01\x00",  # id without octets
        b"\x30\x05\x02\x01\x01\x69\x01",  # operation longer than its message
        b"\x30\x05\x02\x04\x01\x69\x00",  # id longer than its message
    ],
)
def test_what_is_no_message(data: bytes) -> None:
    """Anything that is not LDAP is noticed, at once."""
    reader = FrameReader()
    _, frames = reader.feed(data + b"\x00" * 8)
    assert not frames
    assert reader.failure is not None
