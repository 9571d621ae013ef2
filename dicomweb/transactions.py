"""What a resource of the web services and its transactions are, as rows of a table.

The table drives routing, `Allow`, the capabilities (PS3.18 8.9) and the OpenAPI document, so none of them can differ
from what is answered.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from starlette.requests import Request
from starlette.responses import Response

from dicomweb.commitment import Commitment
from dicomweb.description.descriptions import Descriptions
from dicomweb.media_types import Representation
from dicomweb.removal import Removal
from dicomweb.rendered.rendered import Renderings
from dicomweb.retrieve.bulk_data import BulkDataRetrieval
from dicomweb.retrieve.pixel_data import PixelRetrieval
from dicomweb.retrieve.wado import Retrieval
from dicomweb.retrieve.wado_uri import UriService
from dicomweb.search.qido import Searches
from dicomweb.store.stow import Intake
from dicomweb.worklist.subscriptions import Subscriptions
from dicomweb.worklist.workitems import Workitems
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
    bulk_data: BulkDataRetrieval
    renderings: Renderings
    by_uri: UriService
    intake: Intake
    removal: Removal
    commitment: Commitment
    descriptions: Descriptions
    workitems: Workitems
    subscriptions: Subscriptions


Handler = Callable[[Services], Blocking | Receiving]
"""Finds the handler among the services."""


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
    """Of PS3.18, or of another document that it names."""
    handler: Handler
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
    audited: str = ""
    """The event that it is for the audit, once a day for each caller and study."""
    at_once: bool = False
    """Whether it usually is one short read: tried on the event loop first, where it gives up before it waits."""

    @property
    def cited(self) -> str:
        """Document and clause."""
        return self.clause if " " in self.clause else f"PS3.18 {self.clause}"


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource by its path below the mount, with the name that PS3.18 gives it."""

    path: str
    name: str
    transactions: tuple[Transaction, ...]


def strings(offers: Iterable[Representation]) -> tuple[str, ...]:
    """The Accept values for `offers`."""
    return tuple(str(offer) for offer in offers)


SWITCH: Final[dict[str, Any]] = {"type": "string", "enum": ["true", "false"]}
_UNSIGNED: Final[dict[str, Any]] = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
ACCEPT: Final = (Parameter("accept", "Acceptable media types, before those of the Accept field (8.3.3.1)"),)
KEYS: Final = Parameter(
    "match",
    "Attributes by keyword, tag or dotted path, with what they have to match (8.3.4.1)",
    {"type": "object", "additionalProperties": {"type": "string"}},
)
SEARCH: Final = (
    *ACCEPT,
    Parameter("limit", "How many results at most (8.3.4.4)", _UNSIGNED),
    Parameter("offset", "How many results to skip (8.3.4.4)", _UNSIGNED),
    Parameter("includefield", "Attributes to return besides, or all (8.3.4.3)"),
    Parameter("fuzzymatching", "Fuzzy matching of person names (8.3.4.2)", SWITCH),
    KEYS,
)
