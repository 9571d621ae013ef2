"""References and verdicts as DICOM JSON: the sequences of PS3.3 C.14, and the modules of PS3.18 annex J."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from storage.commitment.references import Reference, Verdict
from storage.data_set.json_values import Json, first
from storage.errors import CannotUnderstand
from storage.identifiers import is_uid

REFERENCED_SOP_SEQUENCE: Final = "00081199"
FAILED_SOP_SEQUENCE: Final = "00081198"

_FAILURE_REASON: Final = "00081197"
_SOP_CLASS_UID: Final = "00081150"
_SOP_INSTANCE_UID: Final = "00081155"
_STUDY_INSTANCE_UID: Final = "0020000D"
_SERIES_INSTANCE_UID: Final = "0020000E"
_REFERENCED_STUDY_SEQUENCE: Final = "00081110"
_FAILED_STUDY_SEQUENCE: Final = "0008119B"
_REFERENCED_SERIES_SEQUENCE: Final = "00081115"
_INSTANCES_BY_CLASS_SEQUENCE: Final = "00081112"
_REFERENCED_INSTANCE_SEQUENCE: Final = "0008114A"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an instance is said to be; empty when a request names it alone."""

    study: str = ""
    series: str = ""


NOWHERE: Final = Place()


def read_request(data_set: Json) -> dict[Reference, Place]:
    """The instances of a Storage Commitment Request Module (PS3.18 table J.1-1), each once; `CannotUnderstand`.

    They are listed by themselves, or by study and series, or in both ways.
    """
    found = {reference(item): NOWHERE for item in items(data_set, REFERENCED_SOP_SEQUENCE)}
    for study in items(data_set, _REFERENCED_STUDY_SEQUENCE):
        for series in items(study, _REFERENCED_SERIES_SEQUENCE):
            place = Place(_uid(study, _STUDY_INSTANCE_UID), _uid(series, _SERIES_INSTANCE_UID))
            found |= {one: place for one in _by_class(series)}
    if not found:
        raise CannotUnderstand("Neither the Referenced SOP Sequence (0008,1199) nor a study names an instance.")
    return found


def response(verdicts: Iterable[Verdict], places: Sequence[Place]) -> Json:
    """The Storage Commitment Response Module (PS3.18 table J.2-1): each instance where the request had it."""
    module: Json = {}
    for verdict, place in zip(verdicts, places, strict=True):
        if place == NOWHERE:
            key = REFERENCED_SOP_SEQUENCE if verdict.is_committed else FAILED_SOP_SEQUENCE
            _sequence(module, key).append(item(verdict))
            continue
        key = _REFERENCED_STUDY_SEQUENCE if verdict.is_committed else _FAILED_STUDY_SEQUENCE
        study = _entry(module, key, _STUDY_INSTANCE_UID, place.study)
        series = _entry(study, _REFERENCED_SERIES_SEQUENCE, _SERIES_INSTANCE_UID, place.series)
        of_class = _entry(series, _INSTANCES_BY_CLASS_SEQUENCE, _SOP_CLASS_UID, verdict.reference.sop_class_uid)
        _sequence(of_class, _REFERENCED_INSTANCE_SEQUENCE).append(item(verdict))
    return module


def item(verdict: Verdict) -> Json:
    """The item of a sequence that names an instance, with a Failure Reason where it failed."""
    names = {
        _SOP_CLASS_UID: element("UI", verdict.reference.sop_class_uid),
        _SOP_INSTANCE_UID: element("UI", verdict.reference.sop_instance_uid),
    }
    return names if verdict.is_committed else names | {_FAILURE_REASON: element("US", verdict.reason)}


def reference(json: Json) -> Reference:
    """What an item of a sequence names, or `CannotUnderstand`."""
    sop_class, instance = text(json, _SOP_CLASS_UID), text(json, _SOP_INSTANCE_UID)
    if not is_uid(sop_class) or not is_uid(instance):
        raise CannotUnderstand("An item lacks the UID of its SOP class or instance.")
    return Reference(sop_class, instance)


def reason(json: Json) -> int:
    """The Failure Reason of an item, or `CannotUnderstand`."""
    found = first(json, _FAILURE_REASON)
    if not isinstance(found, int) or not found:
        raise CannotUnderstand("An item that failed lacks its Failure Reason (0008,1197).")
    return found


def items(data_set: Json, key: str) -> list[Json]:
    """The items of a sequence, none when it is missing; `CannotUnderstand` when it is no sequence."""
    element = data_set.get(key, {"vr": "SQ"})
    found = element.get("Value") or [] if isinstance(element, dict) else None
    if not isinstance(found, list) or element.get("vr") != "SQ" or not all(isinstance(one, dict) for one in found):
        raise CannotUnderstand("What should be a sequence is none.")
    return found


def text(data_set: Json, key: str) -> str:
    """The first value of an element, empty when it has none or is no text."""
    found = first(data_set, key)
    return found if isinstance(found, str) else ""


def element(vr: str, value: str | int) -> Json:
    """An element of one value."""
    return {"vr": vr, "Value": [value]}


def _by_class(series: Json) -> Iterable[Reference]:
    """The instances of one series, whose class stands once for many; the standard repeats it for each."""
    for of_class in items(series, _INSTANCES_BY_CLASS_SEQUENCE):
        shared = {_SOP_CLASS_UID: of_class.get(_SOP_CLASS_UID, {})}
        for instance in items(of_class, _REFERENCED_INSTANCE_SEQUENCE):
            yield reference(shared | instance)


def _uid(data_set: Json, key: str) -> str:
    found = text(data_set, key)
    if not is_uid(found):
        raise CannotUnderstand("An item lacks the UID of its study or series.")
    return found


def _sequence(data_set: Json, key: str) -> list[Json]:
    found: list[Json] = data_set.setdefault(key, {"vr": "SQ", "Value": []})["Value"]
    return found


def _entry(data_set: Json, sequence: str, key: str, value: str) -> Json:
    """The last item of a sequence if it is about `value`, else a new one: requests keep what belongs together so."""
    known = _sequence(data_set, sequence)
    if not known or text(known[-1], key) != value:
        known.append({key: element("UI", value)})
    return known[-1]
