"""Response payloads: single part and multipart bodies with the header fields that belong to them (PS3.18 8.4, 8.6)."""

import hashlib
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import BinaryIO, Final

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from dicomweb import multipart
from dicomweb.media_types import Representation
from dicomweb.negotiation import accepts_gzip
from dicomweb.problems import PRIVATE
from dicomweb.ranges import http_date, seconds

Piece = multipart.Piece

_PIECE: Final = 256 * 1024
_JOINED: Final = 128 * 1024
_LONG: Final = 32 * 1024
_BATCH: Final = 2 << 20
_AT_ONCE: Final = 1 << 20
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


def _whole(pieces: Sequence[Piece], status: int, headers: dict[str, str], media_type: str) -> Response:
    if len(pieces) == 1:
        return Response(pieces[0], status, headers, media_type)
    return _Whole(pieces, status, headers, media_type)


class _Whole(Response):
    """A short body that is there already, in several pieces of which the long ones are not copied."""

    def __init__(self, pieces: Sequence[Piece], status: int, headers: Mapping[str, str], media_type: str) -> None:
        super().__init__(b"", status, headers, media_type)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for piece in self._pieces[:-1]:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": self._pieces[-1]})


def streamed(
    pieces: Iterator[Piece], headers: dict[str, str], media_type: str, status: int = 200, *, size: int | None = None
) -> Response:
    """A body of which one piece at a time is in memory; the first is made now, so that its refusal is answered.

    One that is known to have a `size` of less than a megabyte is made now as a whole: it costs no change of threads.
    """
    headers = PRIVATE | {"Vary": "Accept"} | headers | ({} if size is None else {"Content-Length": str(size)})
    if size is not None and size <= _AT_ONCE:
        return _whole(list(_joined(pieces)) or [b""], status, headers, media_type)
    joined = _joined(pieces)
    first = next(joined, b"")
    return StreamingResponse(_in_batches(chain([first], joined)), status, headers, media_type)


def multipart_response(
    parts: Iterable[multipart.Part],
    media_type: str,
    *,
    size_of: Sequence[multipart.Part] = (),
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    request: Request | None = None,
) -> Response:
    """`parts` as multipart/related; `size_of` are the same parts when their sizes are known beforehand.

    If `request` is a HEAD none of the parts is made.
    """
    boundary = multipart.new_boundary()
    size = multipart.encoded_size(size_of, boundary) if size_of else None
    content_type = f'multipart/related; type="{media_type}"; boundary={boundary}'
    more = dict(headers or {})
    if request is not None and request.method == "HEAD":
        known = {} if size is None else {"Content-Length": str(size)}
        return streamed(iter(()), more | known, content_type, status)
    return streamed(multipart.encode(parts, boundary), more, content_type, status, size=size)


def single_part(request: Request, content: bytes, representation: Representation, headers: dict[str, str]) -> Response:
    """One value as it is, compressed by gzip where the client takes that and it is worth it.

    That is tried only on uncompressed content, on a sample first: pixels of a codec get no smaller.
    """
    headers = PRIVATE | headers | {"Vary": "Accept, Accept-Encoding"}
    if not representation.compressed and accepts_gzip(request) and (packed := compressed(content)):
        return Response(packed, 200, headers | {"Content-Encoding": "gzip"}, representation.content_type)
    return Response(content, 200, headers, representation.content_type)


def validator(*parts: object) -> str:
    """A weak entity tag for what is made of `parts` (RFC 9110 8.8.3)."""
    return f"W/{strong_validator(*parts)}"


def strong_validator(*parts: object) -> str:
    """An entity tag for bytes that always are the same for the same `parts`."""
    return f'"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'


def not_modified(request: Request, etag: str, modified: float | None = None) -> Response | None:
    """304 when the client has this version: If-None-Match, or, only without that, If-Modified-Since (RFC 9110 13.2.2).

    To be asked only after every other check.
    """
    given, since = request.headers.get("if-none-match"), request.headers.get("if-modified-since")
    if given is not None:
        known = {tag.strip().removeprefix("W/") for tag in given.split(",")}
        unchanged = "*" in known or etag.removeprefix("W/") in known
    else:
        date = seconds(since) if since is not None and modified is not None else None
        unchanged = date is not None and modified is not None and int(modified) <= date
    if not unchanged:
        return None
    headers = version_headers(etag, modified) | {"Vary": "Accept, Accept-Encoding"}
    return Response(status_code=304, headers=PRIVATE | headers)


def version_headers(etag: str, modified: float | None) -> dict[str, str]:
    """ETag, and Last-Modified where that is known, in seconds since 1970."""
    return {"ETag": etag} | ({} if modified is None else {"Last-Modified": http_date(modified)})


async def _in_batches(pieces: Iterator[Piece]) -> AsyncIterator[Piece]:
    """The same pieces, made in a thread, which is changed to once for a few of them: that costs as much as some do."""

    def batch() -> list[Piece]:
        made, size = [], 0
        for piece in pieces:
            made.append(piece)
            size += len(piece)
            if size >= _BATCH:
                break
        return made

    while made := await to_thread.run_sync(batch):
        for piece in made:
            yield piece


def _joined(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The same bytes in fewer pieces, each of which costs a call of the server; long ones are not copied."""
    held: list[Piece] = []
    size = 0
    for piece in pieces:
        if len(piece) >= _LONG:
            if held:
                yield b"".join(held)
            yield piece
            held, size = [], 0
            continue
        held.append(piece)
        size += len(piece)
        if size >= _JOINED:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def worth_compressing(content: Piece) -> bool:
    """Whether a sample of `content` gets smaller by a tenth at least."""
    if len(content) < _WORTH_COMPRESSING:
        return False
    middle = len(content) // 2
    sample = content[middle : middle + _SAMPLE]
    return len(zlib.compress(sample, 1)) <= 0.9 * len(sample)


def compressed(content: bytes) -> bytes | None:
    """`content` as gzip by the fastest level, or None when that saves less than a tenth."""
    if not worth_compressing(content):
        return None
    packer = zlib.compressobj(1, wbits=31)
    packed = packer.compress(content) + packer.flush()
    return packed if len(packed) < 0.9 * len(content) else None
