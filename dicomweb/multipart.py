"""multipart/related (RFC 2046, RFC 2387, PS3.18 8.6.1.2) in both directions, in pieces of bounded size."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from dicomweb.problems import BadRequest, ContentTooLarge

MAXIMUM_PARTS: Final = 50_000
_PARTS_AT_ONCE: Final = 64
_PORTION: Final = 1024
_MAXIMUM_HEADERS: Final = 16
_LONGEST_HEADER: Final = 8_192
_LONGEST_BOUNDARY: Final = 70


Piece = bytes | memoryview


def new_boundary() -> str:
    """A boundary that no content holds but by a chance of 1 in 2^128."""
    return secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class Part:
    """One part to be sent: `pieces` joined are its content, `size` bytes if that is known beforehand."""

    content_type: str
    location: str
    pieces: Iterable[Piece]
    size: int | None

    def head(self, boundary: str) -> bytes:
        """Delimiter line and header fields; the content follows."""
        length = "" if self.size is None else f"Content-Length: {self.size}\r\n"
        fields = f"Content-Type: {self.content_type}\r\nContent-Location: {self.location}\r\n{length}"
        return f"--{boundary}\r\n{fields}\r\n".encode()


def encode(parts: Iterable[Part], boundary: str) -> Iterator[Piece]:
    """The body made of `parts`, one piece at a time."""
    for part in parts:
        yield part.head(boundary)
        yield from part.pieces
        yield b"\r\n"
    yield closing(boundary)


def closing(boundary: str) -> bytes:
    """The line behind the last part."""
    return f"--{boundary}--\r\n".encode()


def encoded_size(parts: Iterable[Part], boundary: str) -> int | None:
    """The length of the whole body, or None when the size of a part is not known."""
    total = len(closing(boundary))
    for part in parts:
        if part.size is None:
            return None
        total += len(part.head(boundary)) + part.size + 2
    return total


class Sink(Protocol):
    """Takes the content of one part that arrives."""

    def write(self, data: memoryview) -> None:
        """Take the next bytes."""

    def end(self) -> None:
        """The part is complete."""


class TooManyParts(ContentTooLarge):
    """The body has more parts than `MAXIMUM_PARTS`."""

    title = "Too many parts"


class PartsReader:
    """Splits a body that arrives in pieces of any size, and hands each part to the sink that `open_part` makes.

    Header names come in lower case. Content before the first delimiter and after the last one is ignored as RFC 2046
    5.1.1 wants. Raises `BadRequest` as soon as the body cannot be read on; parts that were complete by then stay so.
    """

    def __init__(self, boundary: str, open_part: Callable[[Mapping[str, str]], Sink]) -> None:
        """Raises `BadRequest` when `boundary` is none."""
        if not 0 < len(boundary) <= _LONGEST_BOUNDARY or not boundary.isascii() or not boundary.isprintable():
            raise BadRequest("The Content-Type has no boundary parameter that can be one.")
        self._delimiter = f"--{boundary}".encode()
        self._open_part = open_part
        self._sink: Sink | None = None
        self._headers: dict[str, str] = {}
        self._name, self._value = bytearray(), bytearray()
        self._count = -1
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._finish,
            },
            max_header_count=_MAXIMUM_HEADERS,
            max_header_size=_LONGEST_HEADER,
        )
        # The parser knows no preamble: it becomes the content of a part that nobody wants, which ends at the first
        # delimiter; that one needs no line break before it.
        self._parser.write(f"--{boundary}\r\n\r\n\r\n".encode())

    def portions(self, data: bytes) -> Iterable[bytes]:
        """`data` as it is, or in portions that end few parts each: every open part may be an open file."""
        if data.count(self._delimiter) <= _PARTS_AT_ONCE:
            return (data,)
        return (data[at : at + _PORTION] for at in range(0, len(data), _PORTION))

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        try:
            self._parser.write(data)
        except FormParserError:
            raise BadRequest("The multipart body cannot be read: a delimiter or a part header is malformed.") from None

    def close(self) -> None:
        """The body has ended. Raises `BadRequest` when it broke off before its closing delimiter."""
        if not self._ended:
            raise BadRequest("The multipart body ends before its closing delimiter.")

    def _begin(self) -> None:
        self._count += 1
        if self._count > MAXIMUM_PARTS:
            raise TooManyParts(f"At most {MAXIMUM_PARTS} parts are taken in one request; send the rest in another.")
        self._headers.clear()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value.decode("latin-1").strip()
        self._name.clear()
        self._value.clear()

    def _headers_finished(self) -> None:
        self._sink = self._open_part(self._headers) if self._count else None

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._sink is not None:
            self._sink.write(memoryview(data)[start:end])

    def _end(self) -> None:
        if self._sink is not None:
            self._sink.end()
            self._sink = None

    def _finish(self) -> None:
        self._ended = True
