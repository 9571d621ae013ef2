"""Content-Encoding of request bodies (RFC 9110 8.4): gzip, undone in pieces, and no further than is reasonable."""

import zlib
from collections.abc import Iterator
from typing import Final

from dicomweb.problems import BadRequest, ContentTooLarge, UnsupportedContentEncoding

# Pixels become 2 to 4 times smaller and empty segmentations some 100 times; what goes beyond is made to fill a disk.
ALWAYS_TAKEN: Final = 256 << 20
MOST_TIMES: Final = 200

_PIECE: Final = 256 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS


class Gunzip:
    """Undoes gzip (RFC 1952), of one member or several."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(_GZIP)
        self._taken = self._given = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What `data` add, in pieces of bounded size. Raises `BadRequest`, or `ContentTooLarge` for a bomb."""
        self._taken += len(data)
        while data:
            if self._inflater.eof:
                self._inflater = zlib.decompressobj(_GZIP)
            try:
                piece = self._inflater.decompress(data, _PIECE)
            except zlib.error:
                raise BadRequest("The body is said to be gzip, but is not.") from None
            self._given += len(piece)
            if self._given > max(ALWAYS_TAKEN, MOST_TIMES * self._taken):
                raise ContentTooLarge(f"The body becomes more than {MOST_TIMES} times larger; send it as it is.")
            if piece:
                yield piece
            data = self._inflater.unused_data if self._inflater.eof else self._inflater.unconsumed_tail

    def close(self) -> None:
        """The body has ended. Raises `BadRequest` when it broke off."""
        if not self._inflater.eof:
            raise BadRequest("The gzip body ends before its end.")


def content_decoder(coding: str) -> Gunzip | None:
    """What undoes the Content-Encoding `coding`; nothing for none. Raises `UnsupportedContentEncoding`."""
    match coding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return Gunzip()
        case _:
            raise UnsupportedContentEncoding("Bodies are taken as they are, or in gzip.")
