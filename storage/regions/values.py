"""What a data set in the DICOM JSON model (PS3.18 F.2) says; what is absent, empty or broken is the same."""

from math import isfinite
from typing import Any

Json = dict[str, Any]


def items(data_set: Json, tag: str) -> list[Json]:
    """The items of a sequence."""
    return [item for item in _values(data_set, tag) if isinstance(item, dict)]


def item(data_set: Json, tag: str, index: int) -> Json | None:
    """One item of a sequence, from 0; asked for one after the other, they cost less than all of them each time."""
    found = _values(data_set, tag)[index : index + 1]
    return found[0] if found and isinstance(found[0], dict) else None


def numbers(data_set: Json, tag: str) -> list[float]:
    """Every number of an attribute; none when one of them is no finite number."""
    found = [_number(value) for value in _values(data_set, tag)]
    return [] if None in found else [value for value in found if value is not None]


def number(data_set: Json, tag: str) -> float | None:
    """The first number of an attribute."""
    return next(iter(numbers(data_set, tag)), None)


def whole(data_set: Json, tag: str, absent: int = 0) -> int:
    """The first number of an attribute as a whole one."""
    found = number(data_set, tag)
    return absent if found is None else int(found)


def text(data_set: Json, tag: str) -> str:
    """The first value of an attribute that is text."""
    found = next(iter(_values(data_set, tag)), None)
    return found.strip() if isinstance(found, str) else ""


def _values(data_set: Json, tag: str) -> list[Any]:
    found = data_set.get(tag)
    values = found.get("Value") if isinstance(found, dict) else None
    return values if isinstance(values, list) else []


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if isfinite(value) else None
