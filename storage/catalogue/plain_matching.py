"""Matching keys over DICOM JSON, for attributes that have no column (PS3.4 C.2.2.2).

The comparisons are those of the SQL conditions; only where the values come from is another place.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from storage.attributes import BY_VR, Matching
from storage.catalogue.comparable import one_text
from storage.catalogue.comparison import Comparison, Fuzzy, Name, comparison, form_of, fuzzy, named
from storage.query import EMPTY, Match

DataSet = Mapping[str, Any]
Predicate = Callable[[DataSet], bool]

_TEXTS: Final = frozenset({Matching.TEXT, Matching.NAME, Matching.UID})


def predicate(match: Match) -> Predicate:
    """Whether a data set, or an item of a sequence, matches."""
    matching = match.attribute.matching
    if matching is Matching.DERIVED:
        matching = BY_VR[match.attribute.vr]
    if match.is_universal:
        return lambda data_set: True
    if matching is Matching.SEQUENCE:
        return _of_sequence(match.attribute.tag, match)
    if matching is Matching.STORED:
        return _of_stored(match)
    return _of_values(match, matching)


def reduced(element: DataSet, match: Match) -> dict[str, Any]:
    """The sequence `element` with its matching items only, and of these what `match` asks for (PS3.4 C.2.2.2.6)."""
    if not match.item or not element.get("Value"):
        return dict(element)
    tests = [predicate(key) for key in match.item]
    items = [item for item in element["Value"] if all(test(item) for test in tests)]
    kept = [
        {key.attribute.tag: reduced(item[key.attribute.tag], key) for key in match.item if key.attribute.tag in item}
        for item in items
    ]
    return {"vr": "SQ", "Value": kept} if kept else {"vr": "SQ"}


def first_text(data_set: DataSet, tag: str) -> str:
    """The first value of an attribute as text, "" where it has none."""
    values = _values(data_set, tag)
    return one_text(values[0]).strip("\0 ") if values else ""


def _of_values(match: Match, matching: Matching) -> Predicate:
    tag, join = match.attribute.tag, all if match.every else any
    asked = [value for value in match.wanted if value not in (EMPTY, "*")]
    wanted: list[Comparison | Name | Fuzzy]
    if matching is Matching.NAME:
        wanted = [fuzzy(value) if match.fuzzy else named(value) for value in asked]
    else:
        wanted = [comparison(matching, value) for value in asked]
    takes_empty = EMPTY in match.wanted

    def matches(data_set: DataSet) -> bool:
        values = _values(data_set, tag)
        forms = [form_of(matching, value) for value in values] or [""] * (matching in _TEXTS)
        found = (any(one.holds(form) for form in forms) for one in wanted)
        return join((*found, not values)) if takes_empty else join(found)

    return matches


def _of_stored(match: Match) -> Predicate:
    """For attributes of which only the data set knows the value representation, private ones above all."""
    tag = match.attribute.tag

    @lru_cache(maxsize=32)
    def of(vr: str) -> Predicate | None:
        matching = BY_VR.get(vr)
        return _of_values(match, matching) if matching not in (None, Matching.SEQUENCE) else None

    def matches(data_set: DataSet) -> bool:
        element = data_set.get(tag)
        if element is None or not _values(data_set, tag):
            return EMPTY in match.wanted and not (element and ("InlineBinary" in element or "BulkDataURI" in element))
        test = of(element["vr"])
        return test is not None and test(data_set)

    return matches


def _of_sequence(tag: str, match: Match) -> Predicate:
    if not match.item:
        return lambda data_set: (EMPTY in match.wanted) == (not _values(data_set, tag))
    tests = [predicate(key) for key in match.item]
    return lambda data_set: any(all(test(item) for test in tests) for item in _values(data_set, tag))


def _values(data_set: DataSet, tag: str) -> Sequence[Any]:
    element = data_set.get(tag)
    values = element.get("Value") if element else None
    return [value for value in values if value not in (None, "")] if values else ()
