"""The resources of the web services and their transactions as one table.

It drives routing, `Allow`, the capabilities (PS3.18 8.9) and the OpenAPI document, so none of them can differ from what
is answered.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from starlette.requests import Request
from starlette.responses import Response

from dicomweb.descriptions import OPENAPI, PLAIN_JSON, Descriptions
from dicomweb.media_types import (
    BULK_DATA,
    DICOM,
    DICOM_JSON,
    FRAME_MEDIA_TYPES,
    METADATA,
    OCTET_STREAM,
    RENDERED,
    Representation,
)
from dicomweb.pixel_data import PixelRetrieval
from dicomweb.qido import Searches
from dicomweb.rendered import Renderings
from dicomweb.stow import Intake
from dicomweb.wado import Retrieval
from storage.scope import StudyScope

Right = Literal["read", "write", "delete"]
Blocking = Callable[[Request, StudyScope], Response]
Receiving = Callable[[Request, StudyScope], Awaitable[Response]]
"""A handler that reads a request body itself, and does what blocks in threads."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the handlers are methods of."""

    searches: Searches
    retrieval: Retrieval
    pixels: PixelRetrieval
    renderings: Renderings
    intake: Intake
    descriptions: Descriptions


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter: its name, what it asks for, and its JSON Schema."""

    name: str
    meaning: str
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True)
class Transaction:
    """One method of one resource. GET brings HEAD with it, and every resource knows OPTIONS.

    `handler` blocks and is called in a thread, unless it is a coroutine function. `offers` are the Accept values that
    can be satisfied, empty for answers without content; `takes` the media types of the request's content.
    """

    method: Literal["GET", "POST", "PUT", "DELETE", "OPTIONS"]
    name: str
    clause: str
    handler: Callable[[Services], Blocking | Receiving]
    offers: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    right: Right | None = "read"
    """None: whoever has any right at all."""
    takes: tuple[str, ...] = ()
    statuses: tuple[int, ...] = (200,)
    """What it answers when nothing is refused."""
    refusals: tuple[int, ...] = ()
    """With what it refuses, beyond what every transaction does."""
    draws: bool = False
    """Whether it takes long at the decoders; it then waits in a queue of its own."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource by its path below the mount, with the name that PS3.18 gives it."""

    path: str
    name: str
    transactions: tuple[Transaction, ...]


def _strings(offers: Iterable[Representation]) -> tuple[str, ...]:
    return tuple(str(offer) for offer in offers)


_INSTANCES: Final = _strings(Representation(DICOM, multipart) for multipart in (True, False))
_FRAME_TYPES: Final = _strings(
    Representation(media_type, multipart)
    for multipart in (True, False)
    for media_type in (OCTET_STREAM, *dict.fromkeys(FRAME_MEDIA_TYPES.values()))
)
_BULK: Final = tuple(dict.fromkeys((*_strings(BULK_DATA), *_FRAME_TYPES)))
_METADATA: Final = _strings(METADATA)
_RENDERED: Final = _strings(RENDERED)
_STORED: Final = (*_strings([Representation(DICOM, True)]), DICOM)

_SWITCH: Final[dict[str, Any]] = {"type": "string", "enum": ["true", "false"]}
_UNSIGNED: Final[dict[str, Any]] = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
ACCEPT: Final = (Parameter("accept", "Acceptable media types, before those of the Accept field (8.3.3.1)"),)
SEARCH: Final = (
    *ACCEPT,
    Parameter("limit", "How many results at most (8.3.4.4)", _UNSIGNED),
    Parameter("offset", "How many results to skip (8.3.4.4)", _UNSIGNED),
    Parameter("includefield", "Attributes to return besides, or all (8.3.4.3)"),
    Parameter("fuzzymatching", "Fuzzy matching of person names (8.3.4.2)", _SWITCH),
    Parameter("emptyvaluematching", "Matching of empty values (8.3.4.6)", _SWITCH),
    Parameter("multiplevaluematching", "Matching of several values (8.3.4.7)", _SWITCH),
    Parameter(
        "match",
        "Attributes by keyword, tag or dotted path, with what they have to match (8.3.4.1)",
        {"type": "object", "additionalProperties": {"type": "string"}},
    ),
)
RENDERING: Final = (
    *ACCEPT,
    Parameter("viewport", "vw,vh or vw,vh,sx,sy,sw,sh (8.3.5.1.3)"),
    Parameter("window", "center,width,function (8.3.5.1.4)"),
    Parameter("quality", "Quality of a lossy picture (8.3.5.1.2)", {"type": "integer", "minimum": 1, "maximum": 100}),
)

_STUDY: Final = "/studies/{study}"
_SERIES: Final = _STUDY + "/series/{series}"
_INSTANCE: Final = _SERIES + "/instances/{instance}"
_FRAMES: Final = _INSTANCE + "/frames/{frames}"

_Handler = Callable[[Services], Blocking | Receiving]


def _search(handler: _Handler) -> Transaction:
    return Transaction("GET", "Search", "10.6", handler, _METADATA, SEARCH)


def _metadata(handler: _Handler) -> Transaction:
    return Transaction("GET", "Retrieve", "10.4.1.1.2", handler, _METADATA, ACCEPT, statuses=(200, 304))


def _instances(handler: _Handler) -> Transaction:
    return Transaction("GET", "Retrieve", "10.4.1.1.1", handler, _INSTANCES, ACCEPT, statuses=(200, 206, 304))


def _rendered(handler: _Handler, clause: str = "10.4.1.1.3") -> Transaction:
    return Transaction("GET", "Retrieve", clause, handler, _RENDERED, RENDERING, statuses=(200, 304), draws=True)


def _thumbnail(handler: _Handler) -> Transaction:
    return _rendered(handler, "10.4.1.1.4")


_STORE: Final = Transaction(
    "POST",
    "Store",
    "10.5",
    lambda to: to.intake.store,
    (DICOM_JSON,),
    right="write",
    takes=_STORED,
    statuses=(200, 202, 409),
)


def _describe(method: Literal["GET", "OPTIONS"], name: str = "Retrieve") -> Transaction:
    offers = ("application/vnd.sun.wadl+xml", "application/json")
    return Transaction(
        method, name, "8.9", lambda to: to.descriptions.capabilities, offers, ACCEPT, right=None, statuses=(200, 304)
    )


# In the order in which they are tried: what a viewer asks for most comes first.
RESOURCES: Final = (
    Resource(
        _FRAMES,
        "Frames",
        (
            Transaction(
                *("GET", "Retrieve", "10.4.1.1.6", lambda to: to.pixels.frames),
                *(_FRAME_TYPES, ACCEPT),
                statuses=(200, 304),
            ),
        ),
    ),
    Resource(_FRAMES + "/rendered", "Rendered Frames", (_rendered(lambda to: to.renderings.frames),)),
    Resource(_FRAMES + "/thumbnail", "Frame Thumbnail", (_thumbnail(lambda to: to.renderings.frame_thumbnail),)),
    Resource(_INSTANCE + "/rendered", "Rendered Instance", (_rendered(lambda to: to.renderings.instance),)),
    Resource(_INSTANCE + "/thumbnail", "Instance Thumbnail", (_thumbnail(lambda to: to.renderings.thumbnail),)),
    Resource(_SERIES + "/thumbnail", "Series Thumbnail", (_thumbnail(lambda to: to.renderings.thumbnail),)),
    Resource(_STUDY + "/thumbnail", "Study Thumbnail", (_thumbnail(lambda to: to.renderings.thumbnail),)),
    Resource(_SERIES + "/metadata", "Series Metadata", (_metadata(lambda to: to.retrieval.metadata),)),
    Resource(_STUDY + "/metadata", "Study Metadata", (_metadata(lambda to: to.retrieval.metadata),)),
    Resource(_INSTANCE + "/metadata", "Instance Metadata", (_metadata(lambda to: to.retrieval.metadata),)),
    Resource(
        _INSTANCE + "/bulkdata/{path:path}",
        "Bulkdata",
        (
            Transaction(
                *("GET", "Retrieve", "10.4.1.1.5", lambda to: to.pixels.bulk_data),
                *(_BULK, ACCEPT),
                statuses=(200, 304),
            ),
        ),
    ),
    Resource(_INSTANCE, "Instance", (_instances(lambda to: to.retrieval.instances),)),
    Resource(_SERIES, "Series Instances", (_instances(lambda to: to.retrieval.instances),)),
    Resource(_STUDY, "Study Instances", (_instances(lambda to: to.retrieval.instances), _STORE)),
    Resource("/studies", "All Studies", (_search(lambda to: to.searches.studies), _STORE)),
    Resource(_STUDY + "/series", "Study's Series", (_search(lambda to: to.searches.series),)),
    Resource(_STUDY + "/instances", "Study's Instances", (_search(lambda to: to.searches.instances),)),
    Resource(_SERIES + "/instances", "Study's Series' Instances", (_search(lambda to: to.searches.instances),)),
    Resource("/series", "All Series", (_search(lambda to: to.searches.series),)),
    Resource("/instances", "All Instances", (_search(lambda to: to.searches.instances),)),
    Resource(_SERIES + "/rendered", "Rendered Series", (_rendered(lambda to: to.renderings.collection),)),
    Resource(_STUDY + "/rendered", "Rendered Study", (_rendered(lambda to: to.renderings.collection),)),
    Resource("/", "Capabilities of the Service", (_describe("GET"), _describe("OPTIONS", "Retrieve by OPTIONS"))),
    Resource("/capabilities", "Capabilities", (_describe("GET"),)),
    Resource(
        "/openapi.json",
        "OpenAPI Document",
        (
            Transaction(
                *("GET", "Retrieve", "8.9", lambda to: to.descriptions.openapi),
                *(_strings((PLAIN_JSON, OPENAPI)), ACCEPT),
                right=None,
                statuses=(200, 304),
            ),
        ),
    ),
)
