"""Identifiers of C-FIND as queries to the index (PS3.4 C.4.1.1.3), and what of them is not supported."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dimse.services.information_models import UNIQUE_KEYS, InformationModel
from dimse.services.query_negotiation import Agreed
from storage.attributes import PATIENT_TAGS, Attribute, Level, Matching, attribute
from storage.catalogue import comparable
from storage.errors import DataSetMismatch
from storage.query import Match, Query

Json = dict[str, Any]

CHARACTER_SET: Final = "00080005"
QUERY_RETRIEVE_LEVEL: Final = "00080052"
RETRIEVE_AE_TITLE: Final = "00080054"
INSTANCE_AVAILABILITY: Final = "00080056"
TIMEZONE_OFFSET: Final = "00080201"

_NO_KEYS: Final = frozenset({CHARACTER_SET, QUERY_RETRIEVE_LEVEL, TIMEZONE_OFFSET})
_CONSTANT: Final = frozenset({RETRIEVE_AE_TITLE, INSTANCE_AVAILABILITY})
_LEVELS: Final = {
    "PATIENT": Level.STUDY,
    "STUDY": Level.STUDY,
    "SERIES": Level.SERIES,
    "IMAGE": Level.INSTANCE,
}


@dataclass(slots=True)
class Keys:
    """What one identifier asks for."""

    level: str
    matches: list[Match] = field(default_factory=list)
    """Those that restrict, and those that name parts of items."""
    constant: list[Match] = field(default_factory=list)
    """Keys whose value is the same for everything that is kept here."""
    requested: Json = field(default_factory=dict)
    """Every key by tag, without value."""
    unsupported: bool = False
    """Whether any key is neither matched nor returned at this level (status FF01H)."""

    def query(self, agreed: Agreed) -> Query:
        """The question for the index."""
        return Query(
            _LEVELS[self.level],
            tuple(self.matches),
            frozenset(self.requested),
            each_patient=self.level == "PATIENT",
            only_included=True,
            combined_date_time=agreed.combined_date_time,
        )


def keys_of(identifier: Mapping[str, Any], model: InformationModel, agreed: Agreed) -> Keys:
    """The keys of a decoded identifier. Raises `DataSetMismatch` (A900H) for one that the model does not allow."""
    keys = Keys(_level(identifier, model))
    for tag, element in identifier.items():
        if tag not in _NO_KEYS:
            _add(keys, attribute(tag, element["vr"]), element, agreed)
    if not agreed.relational_queries:
        _check_hierarchy(keys, model)
    return keys


def _level(identifier: Mapping[str, Any], model: InformationModel) -> str:
    levels = [str(value).strip("\0 ") for value in identifier.get(QUERY_RETRIEVE_LEVEL, {}).get("Value") or ()]
    if len(levels) != 1 or not levels[0]:
        raise DataSetMismatch("The identifier has no Query/Retrieve Level.")
    if levels[0] not in model.levels:
        raise DataSetMismatch(f"{model.name} has the levels {', '.join(model.levels)}.")
    return levels[0]


def _add(keys: Keys, known: Attribute, element: Mapping[str, Any], agreed: Agreed) -> None:
    keys.requested[known.tag] = {"vr": known.vr if known.vr != "UN" else element["vr"]}
    match = _match(known, element, agreed)
    if known.tag in _CONSTANT:
        keys.constant.append(match)
        return
    of_level = known.tag in PATIENT_TAGS if keys.level == "PATIENT" else known.level <= _LEVELS[keys.level]
    if not of_level or (known.matching is Matching.NONE and element.get("InlineBinary")):
        keys.unsupported = True
    elif match.item or not match.is_universal:
        keys.matches.append(match)


def _match(known: Attribute, element: Mapping[str, Any], agreed: Agreed) -> Match:
    values = (element.get("Value") or ()) if known.vr == element["vr"] or known.vr != "SQ" else ()
    if known.vr != "SQ":
        texts = tuple(comparable.one_text(value) for value in values)
        every = agreed.multiple_values and len(texts) > 1 and known.takes_several
        return Match(known, texts, every=every, fuzzy=agreed.fuzzy_names and known.matching is Matching.NAME)
    if len(values) > 1:
        raise DataSetMismatch("A sequence of the identifier has more than one item.")
    item = values[0] if values else {}
    return Match(known, (), tuple(_match(attribute(tag, inner["vr"]), inner, agreed) for tag, inner in item.items()))


def _check_hierarchy(keys: Keys, model: InformationModel) -> None:
    """Without relational queries each level above is named by its unique key (PS3.4 C.4.1.2.2.1).

    A list of UIDs names several, which takes nothing from the meaning of the question.
    """
    named = {match.attribute.tag for match in keys.matches if not match.is_universal}
    for level in model.levels[: model.levels.index(keys.level)]:
        if UNIQUE_KEYS[level] not in named:
            raise DataSetMismatch(f"The unique key of level {level} is missing (query not relational).")
