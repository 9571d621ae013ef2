"""Content negotiation (PS3.18 8.7.5 to 8.7.8, RFC 9110 12.5.1): which representation on offer a request gets."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Final

from starlette.requests import Request

from dicomweb.media_types import ALIASES, Representation
from dicomweb.problems import NotAcceptable

_LONGEST_ACCEPT: Final = 16_384
_MOST_RANGES: Final = 100
# Possessive, and an open quote reaches to the end: so no field value takes more than one pass.
_PIECE: Final = re.compile(r'(?:[^",;]++|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z))++|[,;]', re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)")
_QUALITY: Final = re.compile(r"0?\.[0-9]+|[01](?:\.[0-9]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One range of an Accept field. `multipart` is None for `*/*`, which means either form."""

    media_type: str
    multipart: bool | None
    transfer_syntax: str
    quality: float

    def precision(self, offer: Representation) -> int:
        """How precisely this range names `offer`: 0 not at all, more is more precise (RFC 9110 12.5.1)."""
        if self.multipart is not None and self.multipart != offer.multipart:
            return 0
        precision = self._type_precision(ALIASES.get(offer.media_type, offer.media_type))
        if not precision or not offer.transfer_syntax:
            return precision
        match self.transfer_syntax:
            case "":
                return precision if offer.default else 0
            case "*":
                return precision + 1 if offer.stored else 0
            case named:
                return precision + 2 if named == offer.transfer_syntax else 0

    def _type_precision(self, media_type: str) -> int:
        if self.media_type == media_type:
            return 30
        if self.media_type == "*/*":
            return 10
        family, _, subtype = self.media_type.partition("/")
        return 20 if subtype == "*" and media_type.startswith(f"{family}/") else 0


@lru_cache(maxsize=128)
def media_ranges(accept: str) -> tuple[MediaRange, ...]:
    """The ranges of an Accept field value in its order; what cannot be read is left out."""
    elements = islice(_elements(accept[:_LONGEST_ACCEPT]), _MOST_RANGES)
    return tuple(found for pieces in elements if (found := _media_range(pieces)))


@lru_cache(maxsize=256)
def choose(ranges: tuple[MediaRange, ...], offers: tuple[Representation, ...]) -> Representation | None:
    """The offer that `ranges` want most: by quality, then by their own order, then by the order of `offers`."""
    best: tuple[float, int] | None = None
    chosen = None
    for offer in offers:
        precise = max(range(len(ranges)), key=lambda at: ranges[at].precision(offer), default=None)
        if precise is None or not ranges[precise].precision(offer) or not ranges[precise].quality:
            continue
        rank = (-ranges[precise].quality, precise)
        if best is None or rank < best:
            best, chosen = rank, offer
    return chosen


@dataclass(frozen=True, slots=True)
class Acceptable:
    """What a request accepts: its `accept` query parameter first, then its Accept header field (PS3.18 8.7.8.1)."""

    query: tuple[MediaRange, ...]
    header: tuple[MediaRange, ...]
    silent: bool

    @classmethod
    def of(cls, request: Request) -> "Acceptable":
        """Read both places. A plus sign in the query parameter may have arrived as a space."""
        query = ""
        if request.scope["query_string"]:
            query = re.sub(r"(?<=\w) (?=\w)", "+", ",".join(request.query_params.getlist("accept")))
        header = ",".join(request.headers.getlist("accept"))
        return cls(media_ranges(query), media_ranges(header), not query and not header)

    def choose(self, offers: Sequence[Representation]) -> Representation | None:
        """The representation that is wanted most, the first one for a request that says nothing, or None."""
        if self.silent:
            return offers[0] if offers else None
        chosen = choose(self.query, tuple(offers)) if self.query else None
        return chosen or choose(self.header, tuple(offers))

    def choose_or_refuse(self, offers: Sequence[Representation]) -> Representation:
        """As `choose`, but raise `NotAcceptable` with the list of what is on offer."""
        if chosen := self.choose(offers):
            return chosen
        raise NotAcceptable([str(offer) for offer in offers])


def accepts_gzip(request: Request) -> bool:
    """Whether the request takes a gzip Content-Encoding (RFC 9110 12.5.3); silence is taken as no."""
    return content_coding(request, ("gzip",)) is not None


def content_coding(request: Request, offers: Sequence[str]) -> str | None:
    """The one of `offers` that Accept-Encoding wants most (RFC 9110 12.5.3), the first of equals, or None.

    A coding that is wanted less than the plain content is not taken either.
    """
    field = request.headers.get("accept-encoding")
    if not field:
        return None
    wanted: dict[str, float] = {}
    for coding in field[:_LONGEST_ACCEPT].split(","):
        name, *parameters = (part.strip().lower() for part in coding.split(";"))
        wanted[name] = _quality(next((part[2:] for part in parameters if part.startswith("q=")), "1"))
    best = max(offers, key=lambda coding: wanted.get(coding, wanted.get("*", 0.0)))
    quality = wanted.get(best, wanted.get("*", 0.0))
    return best if quality > 0 and quality >= wanted.get("identity", 0.0) else None


def parse_media_type(value: str) -> tuple[str, dict[str, str]]:
    """A Content-Type value as its media type and parameters, names in lower case; both empty if unreadable."""
    pieces = next(_elements(value[:_LONGEST_ACCEPT]), [])
    return (pieces[0].strip().lower(), _parameters(pieces[1:])) if pieces else ("", {})


def _elements(value: str) -> Iterator[list[str]]:
    element: list[str] = [""]
    for piece in _PIECE.findall(value):
        if piece == ",":
            yield element
            element = [""]
        elif piece == ";":
            element.append("")
        else:
            element[-1] += piece
    if any(part.strip() for part in element):
        yield element


def _parameters(pieces: Sequence[str]) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for piece in pieces:
        name, _, value = piece.partition("=")
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] == '"':
            value = _ESCAPED.sub(r"\1", value[1:-1])
        parameters.setdefault(name.strip().lower(), value)
    return parameters


def _media_range(pieces: list[str]) -> MediaRange | None:
    media_type, parameters = pieces[0].strip().lower(), _parameters(pieces[1:])
    transfer_syntax = parameters.get("transfer-syntax", "")
    quality = _quality(parameters.get("q", "1"))
    if media_type == "*":
        media_type = "*/*"
    if media_type in ("multipart/related", "multipart/*"):
        inner = parameters.get("type", "*/*").strip().lower()
        return MediaRange(ALIASES.get(inner, inner), True, transfer_syntax, quality)
    if "/" not in media_type:
        return None
    either = None if media_type == "*/*" else False
    return MediaRange(ALIASES.get(media_type, media_type), either, transfer_syntax, quality)


def _quality(text: str) -> float:
    return min(float(text), 1.0) if _QUALITY.fullmatch(text) else 0.0
