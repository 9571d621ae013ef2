"""Range requests (RFC 9110 section 14), for representations whose bytes can be had from any place on."""

import re
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from typing import Final

from starlette.requests import Request

from dicomweb.problems import RangeNotSatisfiable

_BYTES: Final = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.ASCII)


def requested(request: Request, size: int, etag: str, modified: float | None) -> tuple[int, int] | None:
    """(offset, length) of the part that a GET asks for, None for the whole.

    One range of bytes is answered as such. Several in one field are answered with the whole, which 14.2 allows: viewers
    ask for one, and answers in parts would let a caller multiply what is sent. So is a range whose If-Range names
    another version (13.1.5). Raises `RangeNotSatisfiable`.
    """
    field = request.headers.get("range")
    found = _BYTES.fullmatch(field) if field is not None and request.method == "GET" else None
    if found is None or found[1] == found[2] == "" or not _is_current(request, etag, modified):
        return None
    first, last = found[1], found[2]
    if first and last and int(first) > int(last):
        return None
    begin = int(first) if first else max(size - int(last), 0)
    end = min(int(last) + 1, size) if first and last else size
    if begin >= end:
        raise RangeNotSatisfiable(size)
    return begin, end - begin


def http_date(seconds: float) -> str:
    """A time in seconds since 1970 as header fields have it (RFC 9110 5.6.7)."""
    return _http_date(int(seconds))


@lru_cache(maxsize=1024)
def _http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


def seconds(date: str) -> float | None:
    """The seconds since 1970 of an HTTP date, None if it is none."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


def _is_current(request: Request, etag: str, modified: float | None) -> bool:
    """Whether If-Range is absent or names this version, by the strong comparison."""
    condition = request.headers.get("if-range")
    if condition is None:
        return True
    if condition.endswith('"'):
        return condition == etag and not etag.startswith("W/")
    return modified is not None and condition == http_date(modified)
