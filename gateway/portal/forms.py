"""The bodies of our own forms."""

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

_LARGEST: Final = 4096
_MOST_FIELDS: Final = 20


async def fields_of(request: Request) -> dict[str, str]:
    """The fields of an urlencoded body; nothing of one that is larger than any honest form."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            return {}
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=_MOST_FIELDS))
    except ValueError:
        return {}
