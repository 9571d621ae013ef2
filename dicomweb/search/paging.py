"""Where pages of searches ended, so that the next ones begin there and not at a number (PS3.18 8.3.4.4)."""

import hashlib
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from storage.page_ends import PageEnds
from storage.query import Place

_OF_PAGE: Final = frozenset({"limit", "offset"})


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of one caller and one question, whichever part of its answer is asked for."""

    ends: PageEnds
    question: bytes

    @classmethod
    def of(cls, ends: PageEnds, request: Request) -> "Pages":
        """Those to which this request belongs."""
        pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        asked = sorted(pair for pair in pairs if pair[0] not in _OF_PAGE)
        caller = (request.headers.get("authorization"), request.headers.get("cookie"))
        digest = hashlib.sha256(repr((caller, request.scope["path"], asked)).encode())
        return cls(ends, digest.digest())

    def begin(self, offset: int) -> Place | None:
        """Behind which place the page with this offset begins; None for the first one, and where nothing is known."""
        return self.ends.get(self.question, offset) if offset else None

    def end(self, offset: int, place: Place) -> None:
        """A page ended here, so that the next one will have this offset."""
        self.ends.put(self.question, offset, place)
