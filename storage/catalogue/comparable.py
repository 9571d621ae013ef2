"""The forms in which attribute values are compared: made once when an instance is stored, and again from each query.

Every function returns "" (or None) for what has no comparable form, and "" never matches a range.
"""

import math
import re
import unicodedata
from datetime import datetime, timedelta
from typing import Any, Final

_DATE: Final = re.compile(r"(\d{4})[.:]?(\d{2})[.:]?(\d{2})", re.ASCII)
_TIME: Final = re.compile(r"(\d{2})(?::?(\d{2})(?::?(\d{2})(?:\.(\d{1,6}))?)?)?", re.ASCII)
_DATE_TIME: Final = re.compile(
    r"(\d{4})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:\.(\d{1,6}))?)?)?)?)?)?([+-]\d{4})?", re.ASCII
)
_LARGEST_NUMBER: Final = 2**31 - 1
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_LONGEST_OFFSET: Final = 1400
# PS3.5 6.2.1 has three; names in a data set that is not in order may have more.
_MOST_GROUPS: Final = 6


def one_text(value: Any) -> str:
    """One value of DICOM JSON as text; a name with all its groups."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "=".join(str(value.get(group, "")) for group in _GROUPS).rstrip("=")
    return "" if value is None else str(value)


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


def runs_of_groups(name: str) -> list[str]:
    """Each component group of a folded name, and several in a row; of a malformed name those of its first groups."""
    groups = name.split("=", _MOST_GROUPS)[:_MOST_GROUPS]
    ends = range(1, len(groups) + 1)
    return list(
        dict.fromkeys(["=".join(groups[begin:end]) for begin in range(len(groups)) for end in ends if begin < end])
    )


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


def decimal(value: str) -> int | float | None:
    """Any finite number, or None."""
    try:
        parsed = float(value.strip("\0 "))
    except ValueError:
        return None
    if not math.isfinite(parsed) or "_" in value:
        return None
    return int(parsed) if parsed.is_integer() and abs(parsed) <= _LARGEST_NUMBER else parsed


def date_time(value: str) -> str:
    """YYYYMMDDHHMMSS.FFFFFF in UTC, missing parts at their first; without an offset the time is taken for UTC."""
    found = _DATE_TIME.fullmatch(value.strip("\0 "))
    if not found:
        return ""
    year, month, day, hours, minutes, seconds, part, offset = found.groups()
    clock = f"{hours or '00'}{minutes or '00'}{seconds or '00'}.{(part or '').ljust(6, '0')}"
    return _in_utc(f"{year}{month or '01'}{day or '01'}{clock}", offset or "")


def end_of_date_time(value: str) -> str:
    """The last microsecond that a date-time of limited precision stands for."""
    found = _DATE_TIME.fullmatch(value.strip("\0 "))
    if not found:
        return ""
    year, month, day, hours, minutes, seconds, part, offset = found.groups()
    clock = f"{hours or '23'}{minutes or '59'}{seconds or '59'}.{(part or '').ljust(6, '9')}"
    day = day or _last_day(year, month or "12")
    return _in_utc(f"{year}{month or '12'}{day}{clock}", offset or "")


def split_date_times(value: str) -> tuple[str, str]:
    """Both ends of a range of date-times, each of which may have an offset that begins with a hyphen."""
    for at, letter in enumerate(value):
        first, last = value[:at].strip(), value[at + 1 :].strip()
        if letter == "-" and (not first or date_time(first)) and (not last or date_time(last)):
            return first, last
    return value, value


def _in_utc(local: str, offset: str) -> str:
    if not offset:
        return local
    minutes = int(offset[1:3]) * 60 + int(offset[3:5])
    if int(offset[1:]) > _LONGEST_OFFSET:
        return ""
    shift = timedelta(minutes=minutes if offset[0] == "+" else -minutes)
    try:
        moment = datetime.strptime(local, "%Y%m%d%H%M%S.%f") - shift
    except (ValueError, OverflowError):
        return ""
    return f"{moment.year:04d}{moment:%m%d%H%M%S.%f}"


def _last_day(year: str, month: str) -> str:
    if month == "02":
        leap = int(year) % 4 == 0 and (int(year) % 100 != 0 or int(year) % 400 == 0)
        return "29" if leap else "28"
    return "30" if month in ("04", "06", "09", "11") else "31"


def _time(value: str, rest: str, fraction: str) -> str:
    found = _TIME.fullmatch(value.strip("\0 "))
    if not found:
        return ""
    hours, minutes, seconds, part = found.groups()
    return f"{hours}{minutes or rest}{seconds or rest}.{(part or '').ljust(6, fraction)}"
