"""Response payloads: single part and multipart bodies with the header fields that belong to them (PS3.18 8.4, 8.6)."""

import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import BinaryIO, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from dicomweb import multipart
from dicomweb.media_types import Representation
from dicomweb.negotiation import accepts_gzip
from dicomweb.problems import PRIVATE

_PIECE: Final = 256 * 1024
_JOINED: Final = 128 * 1024
_WORTH_COMPRESSING: Final = 4_096
_SAMPLE: Final = 64 * 1024


def file_pieces(open_file: Callable[[], BinaryIO], offset: int, size: int) -> Iterator[bytes]:
    """`size` bytes of a file from `offset` on; the file is opened when the first piece is wanted."""
    with open_file() as file:
        file.seek(offset)
        while size > 0:
            piece = file.read(min(size, _PIECE))
            if not piece:
                raise EOFError("a kept file is shorter than the index says")
            size -= len(piece)
            yield piece


def streamed(pieces: Iterator[bytes], headers: dict[str, str], media_type: str, status: int = 200) -> Response:
    """A body of which one piece at a time is in memory; the first is made now, so that its refusal is answered."""
    joined = _joined(pieces)
    first = next(joined, b"")
    return StreamingResponse(chain([first], joined), status, PRIVATE | {"Vary": "Accept"} | headers, media_type)


def multipart_response(
    parts: Iterable[multipart.Part],
    media_type: str,
    *,
    size_of: Sequence[multipart.Part] = (),
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """`parts` as multipart/related; `size_of` are the same parts when their sizes are known beforehand."""
    boundary = multipart.new_boundary()
    size = multipart.encoded_size(size_of, boundary) if size_of else None
    headers = dict(headers or {}) | ({} if size is None else {"Content-Length": str(size)})
    content_type = f'multipart/related; type="{media_type}"; boundary={boundary}'
    return streamed(multipart.encode(parts, boundary), headers, content_type, status)


def single_part(request: Request, content: bytes, representation: Representation, headers: dict[str, str]) -> Response:
    """One value as it is, compressed by gzip where the client takes that and it is worth it.

    That is tried only on uncompressed content, on a sample first: pixels of a codec get no smaller.
    """
    headers = PRIVATE | headers | {"Vary": "Accept, Accept-Encoding"}
    if not representation.compressed and accepts_gzip(request) and (packed := _compressed(content)):
        return Response(packed, 200, headers | {"Content-Encoding": "gzip"}, representation.content_type)
    return Response(content, 200, headers, representation.content_type)


def validator(*parts: object) -> str:
    """A weak entity tag for what is made of `parts` (RFC 9110 8.8.3)."""
    return f'W/"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'


def not_modified(request: Request, etag: str) -> Response | None:
    """304 when the client says that it has `etag` (RFC 9110 13.1.2); to be asked only after every other check."""
    given = request.headers.get("if-none-match")
    if given is None:
        return None
    known = {tag.strip().removeprefix("W/") for tag in given.split(",")}
    if "*" in known or etag.removeprefix("W/") in known:
        return Response(status_code=304, headers=PRIVATE | {"ETag": etag, "Vary": "Accept, Accept-Encoding"})
    return None


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer pieces: each one costs a change of threads and a call of the server."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _JOINED:
            yield b"".join(held) if len(held) > 1 else held[0]
            held, size = [], 0
    if held:
        yield b"".join(held)


def _compressed(content: bytes) -> bytes | None:
    """`content` as gzip by the fastest level, or None when that saves less than a tenth."""
    if len(content) < _WORTH_COMPRESSING:
        return None
    middle = len(content) // 2
    sample = content[middle : middle + _SAMPLE]
    if len(zlib.compress(sample, 1)) > 0.9 * len(sample):
        return None
    packer = zlib.compressobj(1, wbits=31)
    packed = packer.compress(content) + packer.flush()
    return packed if len(packed) < 0.9 * len(content) else None
