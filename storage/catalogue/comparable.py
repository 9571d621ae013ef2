"""The forms in which attribute values are compared: made once when an instance is stored, and again from each query.

Every function returns "" (or None) for what has no comparable form, and "" never matches a range.
"""

import re
import unicodedata
from typing import Final

_DATE: Final = re.compile(r"(\d{4})[.:]?(\d{2})[.:]?(\d{2})", re.ASCII)
_TIME: Final = re.compile(r"(\d{2})(?::?(\d{2})(?::?(\d{2})(?:\.(\d{1,6}))?)?)?", re.ASCII)
_LARGEST_NUMBER: Final = 2**31 - 1


def text(value: str) -> str:
    """Without padding; NUL, which no database column should hold, is dropped."""
    return value.replace("\0", "").strip()


def folded(value: str) -> str:
    """Letters without case and marks: "Müller" and "MULLER" are the same, and so are "Weiß" and "WEISS"."""
    if value.isascii():
        return value.replace("\0", "").lower()
    decomposed = unicodedata.normalize("NFKD", value.replace("\0", ""))
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return unicodedata.normalize("NFC", bare.casefold())


def name(value: str) -> str:
    """A person name folded, without padding of its components and without empty ones at the end (PS3.5 6.2.1)."""
    groups = (group_of_name(folded(group)) for group in value.split("="))
    return "=".join(groups).rstrip("=")


def group_of_name(group: str) -> str:
    """One component group without padding and without empty components at its end."""
    return "^".join(component.strip() for component in group.split("^")).rstrip("^")


def date(value: str) -> str:
    """YYYYMMDD, also from the older YYYY.MM.DD (PS3.5 6.2, DA)."""
    found = _DATE.fullmatch(value.strip("\0 "))
    return "".join(found.groups()) if found else ""


def time(value: str) -> str:
    """HHMMSS.FFFFFF, missing parts as zeros, also from the older HH:MM:SS (PS3.5 6.2, TM)."""
    return _time(value, "00", "0")


def end_of_time(value: str) -> str:
    """The last microsecond that a time of limited precision stands for: "10" is up to 105959.999999."""
    return _time(value, "59", "9")


def number(value: str) -> int | None:
    """A whole number that every database takes, or None."""
    try:
        parsed = int(value)
    except ValueError:
        return None
    return parsed if abs(parsed) <= _LARGEST_NUMBER else None


def _time(value: str, rest: str, fraction: str) -> str:
    found = _TIME.fullmatch(value.strip("\0 "))
    if not found:
        return ""
    hours, minutes, seconds, part = found.groups()
    return f"{hours}{minutes or rest}{seconds or rest}.{(part or '').ljust(6, fraction)}"
