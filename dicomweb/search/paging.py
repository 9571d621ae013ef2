"""Where pages of searches ended, so that the next ones begin there and not at a number (PS3.18 8.3.4.4)."""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from storage.query import Place

_MOST: Final = 10_000
_OF_PAGE: Final = frozenset({"limit", "offset"})


class Pages:
    """The places behind the latest pages, of all callers; safe to use from any thread."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._places: OrderedDict[tuple[bytes, int], Place] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, request: Request) -> "PagesOfOne":
        """The pages of one caller and one question, whichever part of its answer is asked for."""
        pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        asked = sorted(pair for pair in pairs if pair[0] not in _OF_PAGE)
        caller = (request.headers.get("authorization"), request.headers.get("cookie"))
        digest = hashlib.sha256(repr((caller, request.scope["path"], asked)).encode())
        return PagesOfOne(self, digest.digest())

    def get(self, walk: bytes, offset: int) -> Place | None:
        """The place at which a page ended with result number `offset`, if that is still known."""
        with self._lock:
            return self._places.get((walk, offset))

    def put(self, walk: bytes, offset: int, place: Place) -> None:
        """Keep it, and forget the oldest if there are too many."""
        with self._lock:
            self._places[walk, offset] = place
            self._places.move_to_end((walk, offset))
            if len(self._places) > self._most:
                self._places.popitem(last=False)


@dataclass(frozen=True, slots=True)
class PagesOfOne:
    """Those of one question."""

    pages: Pages
    walk: bytes

    def begin(self, offset: int) -> Place | None:
        """Behind which place the page with this offset begins; None for the first one, and where nothing is known."""
        return self.pages.get(self.walk, offset) if offset else None

    def end(self, offset: int, place: Place) -> None:
        """A page ended here, so that the next one will have this offset."""
        self.pages.put(self.walk, offset, place)
