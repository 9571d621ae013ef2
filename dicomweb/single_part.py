"""One single part (PS3.18 8.6.1.1): conditional and range requests, HEAD, and compression, for bytes from anywhere."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import BinaryIO, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from dicomweb.media_types import Representation
from dicomweb.negotiation import content_coding
from dicomweb.payloads import Piece, file_pieces, not_modified, streamed, version_headers, worth_compressing
from dicomweb.problems import PRIVATE, RangeNotSatisfiable
from dicomweb.ranges import requested
from storage.files import Files
from storage.waiting import about_to_wait

_PIECE: Final = 1 << 20
_LARGEST_COMPRESSED: Final = 32 << 20


@dataclass(frozen=True, slots=True)
class Version:
    """What tells one state of a representation from another (RFC 9110 8.8); `modified` in seconds since 1970."""

    etag: str
    modified: float | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes of which `pieces` gives any stretch: called with an offset and a length, both inside of `size`."""

    size: int
    pieces: Callable[[int, int], Iterator[Piece]]
    let_go: Callable[[], None] = lambda: None
    """To be called instead when no piece is wanted."""

    @classmethod
    def of(cls, data: bytes) -> "Content":
        """What is in memory already."""
        return cls(len(data), lambda offset, length: iter((data[offset : offset + length],)))

    @classmethod
    def kept(cls, files: Files, key: str, ranges: Sequence[tuple[int, int]]) -> "Content":
        """What lies at each (offset, length) of a blob, one behind the other; it is opened when it is wanted."""
        size = sum(length for _, length in ranges)
        return cls(size, lambda offset, length: files.pieces(key, _cut(ranges, offset, length), _PIECE))

    @classmethod
    def temporary(cls, file: BinaryIO, offset: int, size: int) -> "Content":
        """What lies in an open file, which is closed when its pieces are given."""
        return cls(size, lambda begin, length: file_pieces(lambda: file, offset + begin, length), file.close)

    def whole(self) -> Iterator[Piece]:
        """All of it."""
        return self.pieces(0, self.size)


def one(
    request: Request,
    version: Version,
    representation: Representation,
    size: int | None,
    make: Callable[[], Content],
    headers: Mapping[str, str] = MappingProxyType({}),
    *,
    packs: bool = False,
) -> Response:
    """One single part: 304 when the client has this `version`, else the range that it wants, or all of it.

    `size` is given where it is known without making the content; HEAD does not make it. `packs` compresses it by zstd
    or gzip where the client takes that and it is worth it.
    """
    if unchanged := not_modified(request, version.etag, version.modified):
        return unchanged
    vary = {"Vary": "Accept, Accept-Encoding" if packs else "Accept", "Accept-Ranges": "bytes"}
    headers = PRIVATE | vary | version_headers(version.etag, version.modified) | dict(headers)
    coding = None
    if packs and not representation.compressed and "range" not in request.headers:
        coding = content_coding(request, tuple(_CODINGS))
    if request.method == "HEAD":
        known = {} if size is None or coding else {"Content-Length": str(size)}
        return StreamingResponse(iter(()), 200, headers | known, representation.content_type)
    content = make()
    try:
        wanted = requested(request, content.size, version.etag, version.modified)
    except RangeNotSatisfiable:
        content.let_go()
        raise
    if wanted:
        return _part(content, *wanted, headers, representation)
    if coding and content.size <= _LARGEST_COMPRESSED:
        about_to_wait()
        whole = b"".join(content.whole())
        if packed := _packed(whole, coding):
            weak = {"ETag": f"W/{version.etag.removeprefix('W/')}", "Content-Encoding": coding}
            return Response(packed, 200, headers | weak, representation.content_type)
        content = Content.of(whole)
    return _sent(content, 0, content.size, 200, headers, representation)


def _packed(content: bytes, coding: str) -> bytes | None:
    """`content` in that coding, or None when that saves less than a tenth."""
    packed = _CODINGS[coding](content) if worth_compressing(content) else content
    return packed if len(packed) < 0.9 * len(content) else None


def _zstd(content: bytes) -> bytes:
    from imagecodecs import zstd_encode

    return bytes(zstd_encode(content, level=1))


def _gzip(content: bytes) -> bytes:
    packer = zlib.compressobj(1, wbits=31)
    return packer.compress(content) + packer.flush()


# The better one first: of a CT slice zstd makes as little as gzip does in a seventh of the time.
_CODINGS: Final[Mapping[str, Callable[[bytes], bytes]]] = {"zstd": _zstd, "gzip": _gzip}


def _part(
    content: Content, offset: int, length: int, headers: dict[str, str], representation: Representation
) -> Response:
    headers |= {"Content-Range": f"bytes {offset}-{offset + length - 1}/{content.size}"}
    return _sent(content, offset, length, 206, headers, representation)


def _sent(
    content: Content, offset: int, length: int, status: int, headers: dict[str, str], representation: Representation
) -> Response:
    pieces = content.pieces(offset, length)
    return streamed(pieces, headers, representation.content_type, status, size=length)


def _cut(ranges: Sequence[tuple[int, int]], offset: int, length: int) -> Iterator[tuple[int, int]]:
    """The ranges of `length` bytes from `offset` on, counted in `ranges` as if they were one."""
    for begin, size in ranges:
        if length <= 0:
            return
        taken = min(max(size - offset, 0), length)
        if taken:
            yield begin + offset, taken
            length -= taken
        offset = max(offset - size, 0)
