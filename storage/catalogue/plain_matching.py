"""Matching keys over DICOM JSON, for attributes that have no column (PS3.4 C.2.2.2).

The comparisons are those of the SQL conditions; only where the values come from is another place.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from storage.attributes import BY_VR, Matching
from storage.catalogue.comparison import EMPTY, Comparison, comparison, form_of
from storage.query import Match

DataSet = Mapping[str, Any]
Predicate = Callable[[DataSet], bool]

_TEXTS: Final = frozenset({Matching.TEXT, Matching.NAME, Matching.UID})


def predicate(match: Match) -> Predicate:
    """Whether a data set, or an item of a sequence, matches."""
    tag, matching = match.attribute.tag, match.attribute.matching
    if matching is Matching.DERIVED:
        matching = BY_VR[match.attribute.vr]
    if match.is_universal:
        return lambda data_set: True
    if matching is Matching.SEQUENCE:
        return _of_sequence(tag, match)
    wanted = [comparison(matching, value) for value in match.wanted if value != EMPTY]
    takes_empty = EMPTY in match.wanted

    def matches(data_set: DataSet) -> bool:
        values = _values(data_set, tag)
        if not values:
            return takes_empty or (matching in _TEXTS and _any(wanted, [""]))
        return _any(wanted, [form_of(matching, value) for value in values])

    return matches


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


def _of_sequence(tag: str, match: Match) -> Predicate:
    if not match.item:
        return lambda data_set: (EMPTY in match.wanted) == (not _values(data_set, tag))
    tests = [predicate(key) for key in match.item]
    return lambda data_set: any(all(test(item) for test in tests) for item in _values(data_set, tag))


def _values(data_set: DataSet, tag: str) -> Sequence[Any]:
    element = data_set.get(tag)
    values = element.get("Value") if element else None
    return [value for value in values if value not in (None, "")] if values else ()


def _any(wanted: Sequence[Comparison], forms: Sequence[Any]) -> bool:
    return any(one.holds(form) for one in wanted for form in forms)
