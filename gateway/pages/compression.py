"""What is made anew for each request, compressed on its way."""

import gzip
from typing import Final

from starlette.requests import Request

from dicomweb.negotiation import accepts_gzip

_WORTH_IT: Final = 1000
"""Bytes: less fits into one packet either way."""


def compressed(request: Request, content: bytes, headers: dict[str, str], level: int = 1) -> bytes:
    """`content` as gzip where it is worth it and the request accepts it, which `headers` then say."""
    if len(content) <= _WORTH_IT or not accepts_gzip(request):
        return content
    headers["content-encoding"] = "gzip"
    return gzip.compress(content, level, mtime=0)
