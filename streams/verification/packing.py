"""Many states in little memory: a million of a kilobyte each take some 400 MB."""

import zlib
from typing import Final

_LEVEL: Final = 1
_RAW_DEFLATE: Final = -12  # window bits; without header and checksum
_MEMORY_LEVEL: Final = 5  # with a window of 4 KiB, a tenth of the time that the defaults take to make their tables


_OBJECT: Final = b"{"
_PACKED: Final = b"\0"  # which no JSON begins with


class Packer:
    """Packs JSON texts that are like each other: the first one is the dictionary of all others (RFC 1950 section 2.2).

    Args:
        room: octets of texts that are kept as they are, before the packing begins: it takes longer than all the rest.
    """

    def __init__(self, room: int = 0) -> None:
        self._dictionary: bytes | None = None
        self._room = room

    def pack(self, text: bytes) -> bytes:
        """Make it small."""
        if self._room > 0 and text.startswith(_OBJECT):
            self._room -= len(text)
            return text
        if self._dictionary is None:
            self._dictionary = text
        packing = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW_DEFLATE, _MEMORY_LEVEL, zdict=self._dictionary)
        return _PACKED + packing.compress(text) + packing.flush()

    def unpack(self, packed: bytes) -> bytes:
        """Give the text back."""
        if not packed.startswith(_PACKED):
            return packed
        return zlib.decompressobj(_RAW_DEFLATE, self._dictionary or b"").decompress(memoryview(packed)[1:])
