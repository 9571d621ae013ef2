"""Range requests (RFC 9110 14): which single part of a representation of known length a request wants."""

import re
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from storage.errors import Refusal

_ONE_RANGE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes from `begin` up to, not with, `end`."""

    begin: int
    end: int

    @property
    def size(self) -> int:
        """How many there are."""
        return self.end - self.begin


class RangeNotSatisfiable(Refusal):
    """The range begins behind the end; `length` is that of the whole."""

    http_status = 416
    title = "Range not satisfiable"

    def __init__(self, length: int) -> None:
        super().__init__(f"The range lies outside of the {length} bytes that there are.")
        self.length = length


def requested_range(request: Request, length: int, etag: str) -> ByteRange | None:
    """The range that is wanted of `length` bytes, or None for the whole.

    The whole is the answer to several ranges and to what is no range of bytes (RFC 9110 14.2), and where If-Range
    names another representation than the one with the strong `etag`. Raises `RangeNotSatisfiable`.
    """
    match = _ONE_RANGE.fullmatch(request.headers.get("range", "").replace(" ", "").lower())
    if match is None or request.headers.get("if-range", etag) != etag:
        return None
    begin, end = match.groups()
    if not begin and not end:
        return None
    if not begin:
        wanted = ByteRange(max(length - int(end), 0), length) if int(end) else ByteRange(length, length)
    else:
        wanted = ByteRange(int(begin), min(int(end) + 1, length) if end else length)
        if end and int(end) < int(begin):
            return None
    if wanted.begin >= length:
        raise RangeNotSatisfiable(length)
    return wanted
