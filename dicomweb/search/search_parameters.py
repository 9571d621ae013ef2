"""Search query parameters (PS3.18 8.3.4): what a search asks for, in the words of the index."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from dicomweb.attribute_paths import Path, creator_of, parse_path
from dicomweb.problems import BadRequest
from storage.attributes import BY_KEYWORD, Attribute, Level, Matching
from storage.catalogue.plain_matching import predicate
from storage.query import EMPTY, Match, Query

MAXIMUM_RESULTS: Final = 10_000
AVAILABILITY: Final = "00080056"
TIMEZONE: Final = "00080201"

# What is negotiated elsewhere, and Specific Character Set, which is never matched (PS3.4 C.2.2.2).
_CONTROLS: Final = frozenset({"accept", "charset", "SpecificCharacterSet", "00080005"})
_SWITCHES: Final = ("fuzzymatching", "emptyvaluematching", "multiplevaluematching")
_EVERYTHING: Final = {AVAILABILITY: {"vr": "CS", "Value": ["ONLINE"]}}
_OFFSET: Final = re.compile(r"[-+ ](?:0[0-9]|1[0-4])[0-5][0-9]", re.ASCII)
# PS3.5 table 6.2-1: in these a backslash is a letter like others.
_ONE_VALUE: Final = frozenset({"LT", "ST", "UT", "UR"})


@dataclass(slots=True)
class _Asked:
    """What is asked of one attribute: a key, and what of the items of a sequence."""

    match: Match | None = None
    items: dict[Attribute, "_Asked"] = field(default_factory=dict)

    def matches(self) -> tuple[Match, ...]:
        """What is asked of the attributes of an item, or of a data set."""
        return tuple(
            Match(attribute, item=one.matches()) if one.items else one.match or Match(attribute)
            for attribute, one in self.items.items()
        )


@dataclass(slots=True)
class Search:
    """A search as it was asked: keys we match, and warnings about what we do not (PS3.18 8.3.4).

    A key that is not supported is named in a warning and the others are applied. When no supported key is left that
    restricts the answer, nothing matches: a typing error must not become a list of the whole archive. An unsupported
    key without a value only asks for its attribute to be returned.
    """

    level: Level
    keys: list[Match] = field(default_factory=list)
    include: set[str] = field(default_factory=set)
    include_all: bool = False
    limit: int | None = None
    offset: int = 0
    timezone: str = ""
    unsupported: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    switches: dict[str, bool] = field(default_factory=dict)
    is_impossible: bool = False
    """Whether a key contradicts what is true of everything that is kept here."""
    sequences: _Asked = field(default_factory=_Asked)

    @property
    def matches(self) -> tuple[Match, ...]:
        """All keys; those of one sequence together, because one and the same item has to match them."""
        return (*self.keys, *self.sequences.matches())

    @property
    def matches_nothing(self) -> bool:
        """Whether nothing can match, or all keys that would have restricted the answer are unsupported."""
        return self.is_impossible or (bool(self.unsupported) and all(match.is_universal for match in self.matches))

    def query(self) -> Query:
        """The question for the index; never more than `MAXIMUM_RESULTS` answers are wanted.

        Ranges of a date and of its time are one range of moments here: a client of HTTP cannot negotiate that.
        """
        limit = MAXIMUM_RESULTS if self.limit is None else min(self.limit, MAXIMUM_RESULTS)
        return Query(
            self.level,
            self.matches,
            frozenset(self.include),
            self.include_all,
            limit,
            self.offset,
            combined_date_time=True,
            timezone=self.timezone,
        )


def parse_search(query_string: str, level: Level, path_keys: Iterable[tuple[str, str]] = ()) -> Search:
    """Read a search from the query string; `path_keys` are (keyword, UID) from the path.

    Raises `BadRequest` for a number, switch or time zone that is none.
    """
    search = Search(level, [Match(BY_KEYWORD[keyword], (uid,)) for keyword, uid in path_keys])
    given: dict[str | Path, tuple[str, list[str]]] = {}
    for name, value in parse_qsl(query_string, keep_blank_values=True):
        # An attribute may be named by keyword and by tag; it is one key.
        given.setdefault(parse_path(name) or name, (name, []))[1].append(value)
    search.switches = {name: _switch(*given.pop(name, (name, ["false"]))) for name in _SWITCHES}
    for name, values in given.values():
        _read(search, name, values)
    if search.unsupported:
        names = ", ".join(search.unsupported)
        search.warnings.append(f"The following search attributes are not supported: {names}")
    return search


def _read(search: Search, name: str, given: list[str]) -> None:
    if name == "limit":
        search.limit = _unsigned(name, given)
    elif name == "offset":
        search.offset = _unsigned(name, given)
    elif name == "includefield":
        _read_include(search, given)
    elif name not in _CONTROLS:
        _read_key(search, name, parse_path(name), given)


def _read_key(search: Search, name: str, path: Path, given: list[str]) -> None:
    if path and path[0].tag == TIMEZONE:
        search.timezone = _timezone(name, given)
        search.include.add(TIMEZONE)
    elif path and path[0].tag == AVAILABILITY:
        search.is_impossible |= not predicate(_match(search, path[0], given))(_EVERYTHING)
    elif not _is_supported(search, path, given):
        if _restricts(given):
            search.unsupported.append(name)
        else:
            _read_include(search, [name])
    elif len(path) == 1:
        search.keys.append(_match(search, path[0], given))
        _include(search, path)
    else:
        _ask(search, path).match = _match(search, path[-1], given)


def _is_supported(search: Search, path: Path, given: list[str]) -> bool:
    if not path or path[0].level > search.level:
        return False
    if path[-1].matching is Matching.SEQUENCE:
        # Whole sequences can only be empty or not (PS3.4 C.2.2.2.7).
        return not _restricts(given) or (search.switches["emptyvaluematching"] and given == [EMPTY])
    return path[-1].matching is not Matching.NONE


def _match(search: Search, attribute: Attribute, given: list[str]) -> Match:
    values = _values(attribute, given)
    if not search.switches["emptyvaluematching"]:
        # With padding they are what they are: two quotation marks.
        values = tuple(f"{value} " if value == EMPTY else value for value in values)
    every = search.switches["multiplevaluematching"] and len(values) > 1 and attribute.takes_several
    fuzzy = search.switches["fuzzymatching"] and attribute.matching is Matching.NAME
    return Match(attribute, values, every=every, fuzzy=fuzzy)


def _values(attribute: Attribute, given: list[str]) -> tuple[str, ...]:
    """The values of a key. Only lists of UIDs are split at commas (PS3.18 8.3.4.1): names and texts hold some."""
    if attribute.matching is Matching.UID:
        uids = tuple(uid for value in given for part in re.split(r"[,\\]", value) if (uid := part.strip()))
        return uids or ("",)
    if attribute.vr in _ONE_VALUE:
        return tuple(given)
    return tuple(part for value in given for part in value.split("\\"))


def _restricts(values: Sequence[str]) -> bool:
    """Whether these values of a key leave anything out; empty and `*` are universal matching (PS3.4 C.2.2.2.3)."""
    return all(value.strip("\0 ") not in ("", "*") for value in values)


def _read_include(search: Search, given: list[str]) -> None:
    unknown = []
    for name in (part.strip() for value in given for part in value.split(",")):
        if name == "all":
            search.include_all = True
        elif path := parse_path(name):
            _include(search, path)
        elif name:
            unknown.append(name)
    if unknown:
        names = ", ".join(unknown)
        search.warnings.append(f"The following attributes are not known and have not been included: {names}")


def _include(search: Search, path: Path) -> None:
    """Return an attribute, or of the items of a sequence this one; nothing of levels below (PS3.18 10.6.3.3)."""
    search.include.update(creator_of(attribute) for attribute in path[:1])
    search.include.discard("")
    if len(path) == 1:
        search.include.add(path[0].tag)
    elif path[0].level <= search.level:
        _ask(search, path)


def _ask(search: Search, path: Path) -> _Asked:
    asked = search.sequences
    for attribute in path:
        asked = asked.items.setdefault(attribute, _Asked())
    return asked


def _unsigned(name: str, given: Sequence[str]) -> int:
    text = given[-1]
    if len(given) > 1 or not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadRequest(f"The parameter {name} takes one unsigned integer.")
    return int(text)


def _switch(name: str, given: Sequence[str]) -> bool:
    if len(given) > 1 or given[0] not in ("true", "false"):
        raise BadRequest(f"The parameter {name} takes true or false.")
    return given[0] == "true"


def _timezone(name: str, given: Sequence[str]) -> str:
    """An offset from UTC, "" where none is given. A plus sign that nobody escaped arrives as a space."""
    text = given[-1]
    if not text.strip():
        return ""
    if len(given) > 1 or not _OFFSET.fullmatch(text):
        raise BadRequest(f"The parameter {name} takes an offset from UTC: +HHMM (in a URL %2BHHMM) or -HHMM.")
    return text.replace(" ", "+")
