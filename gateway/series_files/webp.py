"""The container of an animated WebP (RFC 9649): single pictures go in as they were encoded, one after the other.

Pillow writes such files only from pictures that are all in memory at once, and holds the interpreter meanwhile.
"""

import struct
from io import BytesIO
from typing import Final

from PIL.Image import Image

_ANIMATED: Final = 0x02
_OVER_AND_OVER: Final = 0
_BLACK: Final = b"\x00\x00\x00\xff"
_NOT_BLENDED: Final = 0x02
_HEAD: Final = 12


class Film:
    """Takes pictures of one size, (width, height), each to be shown for `milliseconds`, over and over."""

    def __init__(self, size: tuple[int, int], milliseconds: int, quality: int) -> None:
        self._size = size
        self._milliseconds = milliseconds
        self._quality = quality
        flags = struct.pack("<I", _ANIMATED)
        self._chunks = bytearray(_chunk(b"VP8X", flags + _less_one(size[0]) + _less_one(size[1])))
        self._chunks += _chunk(b"ANIM", _BLACK + struct.pack("<H", _OVER_AND_OVER))

    def add(self, picture: Image) -> None:
        """One picture more (2.7.1.1 of the RFC: ANMF). Only its encoded form is kept."""
        encoded = BytesIO()
        picture.save(encoded, "WEBP", quality=self._quality, method=2)
        place = _uint24(0) * 2 + _less_one(self._size[0]) + _less_one(self._size[1])
        frame = place + _uint24(self._milliseconds) + bytes([_NOT_BLENDED]) + _bitstream(encoded.getvalue())
        self._chunks += _chunk(b"ANMF", frame)

    def file(self) -> bytes:
        """The whole film."""
        return b"RIFF" + struct.pack("<I", len(self._chunks) + 4) + b"WEBP" + self._chunks


def _bitstream(file: bytes) -> bytes:
    """The chunk "VP8 " of a simple file: opaque RGB has nothing else."""
    assert file[_HEAD : _HEAD + 4] == b"VP8 "
    (length,) = struct.unpack_from("<I", file, _HEAD + 4)
    return file[_HEAD : _HEAD + 8 + length + length % 2]


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\x00" * (len(content) % 2)


def _uint24(value: int) -> bytes:
    return value.to_bytes(3, "little")


def _less_one(value: int) -> bytes:
    return _uint24(value - 1)
