"""The far end of an LDAP connection, in memory: what was written to it, and replies to put into it."""

import asyncio

from ldap_sink.protocol import ber, messages
from ldap_sink.protocol.framing import FrameReader

SUCCESS = b"\x0a\x01\x00\x04\x00\x04\x00"


class MemoryTransport(asyncio.Transport):
    """A transport without a network.

    Attributes:
        writes: what each `write` was given.
        aborted: whether the protocol gave up on it.
        reading: whether the protocol wants more.
    """

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.aborted = False
        self.closed = False
        self.reading = True

    @property
    def requests(self) -> list[tuple[int, int]]:
        """Message id and operation of all requests that were written."""
        _, frames = FrameReader().feed(b"".join(self.writes))
        return [(message_id, tag) for message_id, tag, *_ in frames]

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        self.writes.append(bytes(data))

    def abort(self) -> None:
        """Remember it."""
        self.aborted = True

    def close(self) -> None:
        """Remember it."""
        self.closed = True

    def pause_reading(self) -> None:
        """Remember it."""
        self.reading = False

    def resume_reading(self) -> None:
        """Remember it."""
        self.reading = True


def reply(message_id: int, tag: int, content: bytes = SUCCESS, controls: bytes = b"") -> bytes:
    """A message from the server."""
    return messages.message(message_id, ber.element(tag, content), controls)


def result(code: int, matched_dn: str = "", message: str = "") -> bytes:
    """The content of a result."""
    return ber.integer(code, ber.ENUMERATED) + ber.text(matched_dn) + ber.text(message)


def entry(dn: str, *attributes: tuple[str, list[bytes]]) -> bytes:
    """The content of a search result entry."""
    encoded = [
        ber.sequence(ber.text(name), ber.element(ber.SET, b"".join(map(ber.octet_string, values))))
        for name, values in attributes
    ]
    return ber.text(dn) + ber.sequence(*encoded)
