"""Reads data sets in the DICOM JSON model (PS3.18 annex F) as strangers write them.

What comes out has the form that `dicom_json` gives and `encoder` takes: every attribute with a VR and either values
of the right kind, or inline binary, or a reference.
"""

from base64 import b64decode
from codecs import BOM_UTF8
from collections.abc import Callable
from typing import Any, Final

import orjson

from storage.data_set.dicom_json import Json
from storage.data_set.value_representations import (
    LONG_FORM,
    OTHER,
    SHORT_FORM,
    dictionary_value_representation,
    unambiguous,
)
from storage.errors import CannotUnderstand

MOST_CONTAINERS: Final = 1_000_000
DEEPEST: Final = 64
"""How many sequences may be inside one another, as in the scanner of encoded data sets."""

_VRS: Final = frozenset(code.decode() for code in (*SHORT_FORM, *LONG_FORM))
_INTEGERS: Final = frozenset({"IS", "SL", "SS", "SV", "UL", "US", "UV"})
_FLOATS: Final = frozenset({"FD", "FL"})
_BINARY: Final = OTHER | {"UN"}
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")


def decode(document: bytes) -> list[Json]:
    """The data sets of a document, which is an array of them, or one alone; tags in ascending order.

    Raises `CannotUnderstand` for what is no JSON, or not of this model, or has too many objects and arrays.
    """
    if document.count(b"{") + document.count(b"[") > MOST_CONTAINERS:
        raise CannotUnderstand(f"The JSON document has more than {MOST_CONTAINERS} objects and arrays.")
    try:
        found = orjson.loads(document.removeprefix(BOM_UTF8))
    except orjson.JSONDecodeError:
        raise CannotUnderstand("The document is no JSON.") from None
    data_sets = found if isinstance(found, list) else [found]
    return [normal(one) for one in data_sets]


def normal(data_set: Any) -> Json:
    """What claims to be one data set, checked and brought into the form that the encoder takes."""
    return _data_set(data_set, 0)


def _data_set(found: Any, depth: int) -> Json:
    if not isinstance(found, dict) or depth > DEEPEST:
        raise CannotUnderstand(f"A data set in JSON is an object, at most {DEEPEST} sequences deep.")
    data_set: Json = {}
    for key, element in found.items():
        tag = key.upper()
        if len(tag) != 8 or not set(tag) <= set("0123456789ABCDEF"):
            raise CannotUnderstand("An attribute in JSON is named by a tag of eight hexadecimal digits.")
        if tag in data_set:
            raise CannotUnderstand(f"Attribute {tag} is there twice.")
        if not tag.endswith("0000"):
            data_set[tag] = _element(tag, element, depth)
    return dict(sorted(data_set.items()))


def _element(tag: str, element: Any, depth: int) -> Json:
    if not isinstance(element, dict):
        raise CannotUnderstand(f"Attribute {tag} is no object.")
    values = element.get("Value")
    vr = element.get("vr") or _missing_vr(tag, values)
    if not isinstance(vr, str) or vr not in _VRS:
        raise CannotUnderstand(f"Attribute {tag} has no VR that is one.")
    if isinstance(uri := element.get("BulkDataURI"), str):
        return {"vr": vr, "BulkDataURI": uri}
    if isinstance(inline := element.get("InlineBinary"), str):
        return {"vr": vr, "InlineBinary": _base64(tag, inline)} if inline else {"vr": vr}
    if values is None or values == []:
        return {"vr": vr}
    if vr in _BINARY:
        raise CannotUnderstand(f"Attribute {tag} is binary, but its value is given as text.")
    values = values if isinstance(values, list) else [values]
    if vr == "SQ":
        return {"vr": vr, "Value": [_data_set(item or {}, depth + 1) for item in values]}
    convert: Callable[[Any], Any] = _CONVERT.get(vr, _text)
    try:
        return {"vr": vr, "Value": [None if value is None else convert(value) for value in values]}
    except (ArithmeticError, TypeError, ValueError):
        raise CannotUnderstand(f"Attribute {tag} has a value that its VR cannot have.") from None


def _base64(tag: str, inline: str) -> str:
    try:
        b64decode(inline, validate=True)
    except ValueError:
        raise CannotUnderstand(f"Attribute {tag} has inline binary that is no base64.") from None
    return inline


def _missing_vr(tag: str, values: Any) -> str:
    """The dictionary has that of most attributes."""
    negative = isinstance(values, list) and any(isinstance(value, int) and value < 0 for value in values)
    return unambiguous(dictionary_value_representation(int(tag, 16)), pixels_are_signed=negative)


def _text(value: Any) -> str:
    if not isinstance(value, str | int | float):
        raise TypeError
    return str(value)


def _integer(value: Any) -> int | float | str:
    """As it is, but whole: some languages know no other numbers than floating point."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return int(value) if isinstance(value, int) else _text(value)


def _decimal(value: Any) -> float | str:
    return float(value) if isinstance(value, int | float) else _text(value)


def _float(value: Any) -> float | str:
    """Numbers, and "NaN" and its kin as words (F.2.3)."""
    if isinstance(value, str):
        float(value)
        return value
    return float(value)


def _name(value: Any) -> dict[str, str]:
    if isinstance(value, str):
        return {"Alphabetic": value}
    if not isinstance(value, dict):
        raise TypeError
    return {group: _text(value[group]) for group in _GROUPS if value.get(group)}


_CONVERT: Final[dict[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(_INTEGERS, _integer),
    **dict.fromkeys(_FLOATS, _float),
    "DS": _decimal,
    "PN": _name,
}
