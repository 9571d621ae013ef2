"""Data sets of workitems in the DICOM JSON model (PS3.18 F.2), checked before anything is made of them."""

import re
from typing import Any, Final

from storage.errors import CannotUnderstand

DataSet = dict[str, Any]
"""Tags (8 hexadecimal digits, upper case, ascending) to elements."""

DEEPEST: Final = 16
MOST_ELEMENTS: Final = 20_000

_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_VR: Final = re.compile(r"[A-Z]{2}")
_CONTENT: Final = ("Value", "InlineBinary", "BulkDataURI")
_NAME_GROUPS: Final = frozenset({"Alphabetic", "Ideographic", "Phonetic"})


def checked(document: Any) -> DataSet:
    """`document` as a data set: tags in upper case and ascending order, elements without anything unknown.

    Raises `CannotUnderstand` for what is no data set, is nested deeper than `DEEPEST`, or has too many elements.
    """
    return _Checker().data_set(document, 0)


class _Checker:
    def __init__(self) -> None:
        self._left = MOST_ELEMENTS

    def data_set(self, document: Any, depth: int) -> DataSet:
        if not isinstance(document, dict) or depth > DEEPEST:
            raise CannotUnderstand(f"A data set is a JSON object of elements, nested at most {DEEPEST} times.")
        self._left -= len(document)
        if self._left < 0:
            raise CannotUnderstand(f"A data set has at most {MOST_ELEMENTS} elements.")
        elements = {}
        for tag, element in document.items():
            if not _TAG.fullmatch(tag):
                raise CannotUnderstand("Elements are named by tags of 8 hexadecimal digits.")
            elements[tag.upper()] = self._element(tag.upper(), element, depth)
        return dict(sorted(elements.items()))

    def _element(self, tag: str, element: Any, depth: int) -> dict[str, Any]:
        if not isinstance(element, dict) or not _VR.fullmatch(str(element.get("vr", ""))):
            raise CannotUnderstand(f"The element {tag} has no VR of two letters.")
        content = [(name, element[name]) for name in _CONTENT if element.get(name) not in (None, [], "")]
        if len(content) > 1:
            raise CannotUnderstand(f"The element {tag} has more than one kind of content.")
        checked_element: dict[str, Any] = {"vr": element["vr"]}
        for name, given in content:
            checked_element[name] = self._values(tag, element["vr"], given, depth) if name == "Value" else str(given)
        return checked_element

    def _values(self, tag: str, vr: str, values: Any, depth: int) -> list[Any]:
        if not isinstance(values, list):
            raise CannotUnderstand(f"The Value of {tag} is no array.")
        self._left -= len(values)
        if self._left < 0:
            raise CannotUnderstand(f"A data set has at most {MOST_ELEMENTS} elements and values.")
        if vr == "SQ":
            return [self.data_set(item, depth + 1) for item in values]
        return [_value(tag, vr, value) for value in values]


def _value(tag: str, vr: str, value: Any) -> Any:
    if vr == "PN" and isinstance(value, dict) and value.keys() <= _NAME_GROUPS:
        if all(isinstance(group, str) for group in value.values()):
            return value
    elif value is None or (isinstance(value, str | int | float) and not isinstance(value, bool)):
        return value
    raise CannotUnderstand(f"A value of {tag} is not one of VR {vr}.")


def element(vr: str, *values: Any) -> dict[str, Any]:
    """An element with these values."""
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def has_value(data_set: DataSet, tag: str) -> bool:
    """Whether `tag` is there and not empty; padding is no value, and neither is an item without elements."""
    found = data_set.get(tag, {})
    if any(found.get(name) for name in ("InlineBinary", "BulkDataURI")):
        return True
    values = (value.strip("\0 ") if isinstance(value, str) else value for value in found.get("Value") or ())
    return any(value not in (None, "", {}) for value in values)


def first(data_set: DataSet, tag: str) -> Any:
    """The first value of `tag`, or None."""
    values = data_set.get(tag, {}).get("Value") or [None]
    return values[0]


def text(data_set: DataSet, tag: str) -> str:
    """The first value of `tag` as text without padding; empty where there is none."""
    value = first(data_set, tag)
    return value.strip("\0 ") if isinstance(value, str) else ""
