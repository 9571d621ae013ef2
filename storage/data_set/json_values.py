"""What a data set in the DICOM JSON model (PS3.18 F.2) says; what is absent, empty or broken is the same."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

Json = dict[str, Any]


def values(data_set: Mapping[str, Any], tag: str) -> list[Any]:
    """All values of an attribute as they stand there."""
    found = data_set.get(tag)
    stated = found.get("Value") if isinstance(found, dict) else None
    return stated if isinstance(stated, list) else []


def first(data_set: Mapping[str, Any], tag: str) -> Any:
    """The first value of an attribute as it stands there, None without any."""
    found = values(data_set, tag)
    return found[0] if found else None


def items(data_set: Mapping[str, Any], tag: str) -> list[Json]:
    """The items of a sequence."""
    return [item for item in values(data_set, tag) if isinstance(item, dict)]


def item(data_set: Mapping[str, Any], tag: str, index: int) -> Json | None:
    """One item of a sequence, from 0; asked for one after the other, they cost less than all of them each time."""
    found = values(data_set, tag)[index : index + 1]
    return found[0] if found and isinstance(found[0], dict) else None


def numbers(data_set: Mapping[str, Any], tag: str) -> list[float]:
    """Every number of an attribute; none when one of them is no finite number."""
    found = [_number(value) for value in values(data_set, tag)]
    return [] if None in found else [value for value in found if value is not None]


def number(data_set: Mapping[str, Any], tag: str) -> float | None:
    """The first number of an attribute."""
    return next(iter(numbers(data_set, tag)), None)


def whole(data_set: Mapping[str, Any], tag: str, absent: int = 0) -> int:
    """The first number of an attribute as a whole one."""
    found = number(data_set, tag)
    return absent if found is None else int(found)


def text(data_set: Mapping[str, Any], tag: str) -> str:
    """The first value of an attribute that is text."""
    found = first(data_set, tag)
    return found.strip() if isinstance(found, str) else ""


def written(data_set: Mapping[str, Any], tag: str) -> str:
    """The first value as it would be written, also of a number; without the padding of text (PS3.5 6.2)."""
    found = first(data_set, tag)
    return "" if found is None else str(found).strip("\0 ")


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if isfinite(value) else None
