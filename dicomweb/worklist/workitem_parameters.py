"""Query parameters of the Worklist service (PS3.18 11.1.2, 11.9, 11.10)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from starlette.requests import Request

from dicomweb.problems import BadRequest
from dicomweb.search.search_parameters import MAXIMUM_RESULTS
from storage.identifiers import is_uid
from storage.query import Match
from storage.worklist.keys import matches_of, tag_of

_CONTROLS: Final = frozenset({"accept", "charset"})

# PS3.18 names these parameters after what they hold; the names are those of its editions so far.
_WORKITEM_NAMES: Final = ("workitem", "AffectedSOPInstanceUID")
_TRANSACTION_NAMES: Final = ("transaction-uid", "transaction", "TransactionUID")


@dataclass(slots=True)
class WorkitemSearch:
    """A search of the worklist as it was asked, with warnings about what is not supported."""

    matches: tuple[Match, ...] = ()
    include: set[str] = field(default_factory=set)
    include_all: bool = False
    fuzzy: bool = False
    limit: int = MAXIMUM_RESULTS
    offset: int = 0
    unsupported: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)

    @property
    def matches_nothing(self) -> bool:
        """Whether all keys that would have restricted the answer are unsupported."""
        return bool(self.unsupported) and all(match.is_universal for match in self.matches)


def parse_workitem_search(parameters: Iterable[tuple[str, str]]) -> WorkitemSearch:
    """Read a search. Raises `BadRequest` for a number or switch that is none."""
    search = WorkitemSearch()
    keys = [(name, value) for name, value in parameters if not _read_control(search, name, value)]
    search.matches, unsupported = matches_of(keys, fuzzy=search.fuzzy)
    search.unsupported = tuple(name for name in unsupported if _restricts(name, keys))
    if search.unsupported:
        search.warnings.append(f"The following search attributes are not supported: {', '.join(search.unsupported)}")
    return search


def subscription_keys(parameters: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The keys of a filtered subscription: in the parameter `filter`, or each as a parameter of its own.

    Raises `BadRequest` when there is none, or one that cannot be matched: it would widen the subscription.
    """
    keys: list[tuple[str, str]] = []
    for name, value in parameters:
        if name == "filter":
            keys += [(key.strip(), wanted) for part in value.split(",") for key, _, wanted in [part.partition("=")]]
        elif name not in _CONTROLS | {"deletionlock"}:
            keys.append((name, value))
    matches, unsupported = matches_of(keys)
    if unsupported or all(match.is_universal for match in matches):
        raise BadRequest("A filtered subscription needs keys that can be matched, for example ?WorklistLabel=X.")
    return tuple(keys)


def deletion_lock(request: Request) -> bool:
    """The `deletionlock` parameter (11.10.1.2), false when it is missing."""
    given = request.query_params.getlist("deletionlock") or ["false"]
    if given not in (["true"], ["false"]):
        raise BadRequest("The parameter deletionlock takes true or false.")
    return given == ["true"]


def workitem_uid(request: Request) -> str:
    """The UID that a new workitem shall have; empty when the query does not say."""
    return _uid_parameter(request, _WORKITEM_NAMES)


def transaction_uid(request: Request) -> str:
    """The Transaction UID in the query; empty when there is none."""
    return _uid_parameter(request, _TRANSACTION_NAMES)


def _uid_parameter(request: Request, names: Iterable[str]) -> str:
    """The value of the first of `names`, or the whole query where that is nothing but a UID (`?1.2.3`)."""
    query = unquote(request.scope["query_string"].decode("latin-1"))
    if is_uid(query):
        return query
    return next((value.strip() for name in names if (value := request.query_params.get(name))), "")


def _read_control(search: WorkitemSearch, name: str, value: str) -> bool:
    match name:
        case "limit":
            search.limit = min(_unsigned(name, value), MAXIMUM_RESULTS)
        case "offset":
            search.offset = _unsigned(name, value)
        case "includefield":
            _include(search, value)
        case "fuzzymatching":
            if value not in ("true", "false"):
                raise BadRequest("The parameter fuzzymatching takes true or false.")
            search.fuzzy = value == "true"
        case _:
            return name in _CONTROLS
    return True


def _include(search: WorkitemSearch, value: str) -> None:
    for name in filter(None, (part.strip() for part in value.split(","))):
        tag = tag_of(name.partition(".")[0])
        if name == "all":
            search.include_all = True
        elif tag:
            search.include.add(tag)
        else:
            search.warnings.append(f"The attribute {name} is not known and has not been included.")


def _restricts(name: str, keys: Iterable[tuple[str, str]]) -> bool:
    return all(value.strip() not in ("", "*") for key, value in keys if key == name)


def _unsigned(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadRequest(f"The parameter {name} takes one unsigned integer.")
    return int(text)
