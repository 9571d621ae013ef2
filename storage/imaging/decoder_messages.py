"""What parent and decoder process say to each other: a JSON header, then raw bytes, each of announced length.

Nothing is ever unpickled: what comes back from a child that decoded hostile bytes is only compared and copied.
"""

from collections.abc import Callable
from struct import Struct
from typing import Any, Final

import orjson

LARGEST_HEADER: Final = 16 << 20
LARGEST_SENT: Final = 64 << 20
"""Bytes of a body that a parent may send."""
_LENGTHS: Final = Struct(">II")


def encoded(header: Any, body: bytes = b"") -> list[bytes]:
    """One message as pieces to be written behind one another."""
    text = orjson.dumps(header)
    return [_LENGTHS.pack(len(text), len(body)) + text, body]


def decoded(read: Callable[[int], bytes], largest_body: int) -> tuple[Any, bytes]:
    """One message from `read`, which gives exactly as many bytes as asked for.

    Raises `ValueError` when a length is beyond its limit or the header is no JSON, before anything is allocated.
    """
    header, body = _LENGTHS.unpack(read(_LENGTHS.size))
    if header > LARGEST_HEADER or body > largest_body:
        raise ValueError("a message is longer than allowed")
    return orjson.loads(read(header)), read(body)
