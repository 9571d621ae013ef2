"""Birth dates as people type them and as DICOM writes them (VR DA, PS3.5 6.2)."""

import re
from contextlib import suppress
from datetime import date
from typing import Final

from auth.digits import DIGITS

_EARLIEST_YEAR: Final = 1850
_LATEST_YEAR: Final = 2199
_YEAR_LAST: Final = re.compile(r"(\d{1,2})\s*[./\- ]\s*(\d{1,2})\s*[./\- ]\s*(\d{4})", re.ASCII)
_YEAR_FIRST: Final = re.compile(r"(\d{4})\s*[./\- ]\s*(\d{1,2})\s*[./\- ]\s*(\d{1,2})", re.ASCII)
_EIGHT_DIGITS: Final = re.compile(r"\d{8}", re.ASCII)


def parse_birth_date(text: str) -> str | None:
    """The date as YYYYMMDD, or None when `text` is no plausible birth date.

    Day, month, year (31.1.1950, 31/01/1950, 31-1-1950, 31011950) or year, month, day (1950-01-31, 19500131). Eight
    digits are never ambiguous: read the wrong way round, the year would lie outside 1850..2199.
    """
    typed = text.strip().translate(DIGITS)
    if found := _YEAR_LAST.fullmatch(typed):
        return _written(found[3], found[2], found[1])
    if found := _YEAR_FIRST.fullmatch(typed):
        return _written(found[1], found[2], found[3])
    if _EIGHT_DIGITS.fullmatch(typed):
        return _written(typed[:4], typed[4:6], typed[6:]) or _written(typed[4:], typed[2:4], typed[:2])
    return None


def is_birth_date(text: str) -> bool:
    """Whether `text` is a plausible date written YYYYMMDD."""
    return _EIGHT_DIGITS.fullmatch(text) is not None and parse_birth_date(text) == text


def _written(year: str, month: str, day: str) -> str | None:
    with suppress(ValueError):
        parsed = date(int(year), int(month), int(day))
        if _EARLIEST_YEAR <= parsed.year <= _LATEST_YEAR:
            return f"{parsed:%Y%m%d}"
    return None
