"""From a stream of octets to whole LDAP messages."""

from typing import Final, TypeAlias

from ldap_sink.protocol.ber import INTEGER, LONG_FORM, MAX_LENGTH_OCTETS, SEQUENCE, MalformedReply, long_length

MAX_FRAME_BYTES: Final = 64 * 1024 * 1024
_SMALLEST_MESSAGE: Final = 5  # message id and an empty operation
_HEADER: Final = 2
_TWO_OCTETS: Final = LONG_FORM | 2  # of a length

Frame: TypeAlias = tuple[int, int, int, int, int]
"""Message id, tag of the operation, start and stop of its content, end of the message."""


class FrameReader:
    """Finds messages in what the network delivers, in place where possible.

    A message that is not complete yet is kept as the pieces that came, and joined once.

    Attributes:
        failure: set when something that is not LDAP was met; the messages before it are valid.
    """

    __slots__ = ("_held", "_needed", "_pieces", "failure")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._held = 0
        self._needed = _HEADER
        self.failure: MalformedReply | None = None

    @property
    def held(self) -> int:
        """How many octets of an incomplete message are kept."""
        return self._held

    def feed(self, data: bytes) -> tuple[bytes, list[Frame]]:
        """Take what the network delivered.

        Returns:
            The octets that the frames point into, and the frames that are complete.
        """
        frames: list[Frame] = []
        if self._pieces:
            self._pieces.append(data)
            self._held += len(data)
            if self._held < self._needed:
                return b"", frames
            data = b"".join(self._pieces)
            self._pieces.clear()
        try:
            rest = self._split(data, frames)
        except MalformedReply as exc:
            self.failure = exc
            return data, frames
        self._held = len(data) - rest
        if self._held:
            self._pieces.append(data[rest:] if rest else data)
        return data, frames

    def _split(self, data: bytes, frames: list[Frame]) -> int:
        """Append the complete messages to `frames`; return where the first incomplete one begins.

        The hot path of a verification (millions of calls): the lengths of two octets, which most entries have, are read
        in line.
        """
        position, end = 0, len(data)
        while end - position >= _HEADER:
            if data[position] != SEQUENCE:
                raise MalformedReply("a message that is no SEQUENCE")
            size = data[position + 1]
            start = position + _HEADER
            if size == _TWO_OCTETS and start + 2 <= end:
                size, start = data[start] << 8 | data[start + 1], start + 2
            elif size >= LONG_FORM:
                count = size & 0x7F
                if not 0 < count <= MAX_LENGTH_OCTETS:
                    raise MalformedReply("length of a form that LDAP does not use")
                if start + count > end:
                    self._needed = _HEADER + count
                    return position
                size, start = long_length(data, start, size)
                if size > MAX_FRAME_BYTES:
                    raise MalformedReply(f"a message of {size} bytes")
            stop = start + size
            if size < _SMALLEST_MESSAGE:
                raise MalformedReply("a message without an operation")
            if stop > end:
                self._needed = stop - position
                return position
            frames.append(_envelope(data, start, stop))
            position = stop
        self._needed = _HEADER
        return position


def _envelope(data: bytes, start: int, end: int) -> Frame:
    """Read message id and operation header of a message whose content is `data[start:end]`, at least five octets."""
    if data[start] != INTEGER:
        raise MalformedReply("a message without an id")
    size = data[start + 1]
    position = start + 2
    if size >= LONG_FORM:
        size, position = long_length(data, position, size)
    stop = position + size
    if not 0 < size <= MAX_LENGTH_OCTETS or stop + 2 > end or data[position] & 0x80:
        raise MalformedReply("a message id out of range")
    message_id = data[position] if size == 1 else int.from_bytes(data[position:stop], "big")
    tag = data[stop]
    size = data[stop + 1]
    position = stop + 2
    if size == _TWO_OCTETS and position + 2 <= end:
        size, position = data[position] << 8 | data[position + 1], position + 2
    elif size >= LONG_FORM:
        size, position = long_length(data, position, size)
    stop = position + size
    if stop > end:
        raise MalformedReply("an operation is longer than its message")
    return message_id, tag, position, stop, end
