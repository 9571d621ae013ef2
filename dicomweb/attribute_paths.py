"""Attributes named in URLs: by keyword or tag, below sequences with dots (PS3.18 8.3.4.1)."""

import re
from functools import lru_cache
from typing import Final

from pydicom.datadict import tag_for_keyword

from storage.attributes import Attribute, Matching, attribute

Path = tuple[Attribute, ...]

_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_DEEPEST: Final = 16
_LONGEST: Final = 1_000


def parse_path(name: str) -> Path:
    """The attributes from the outermost sequence inwards; nothing if one is unknown or lies in what is no sequence."""
    return _parse(name) if len(name) <= _LONGEST else ()


@lru_cache(maxsize=4096)
def _parse(name: str) -> Path:
    names = name.split(".")
    path = tuple(attribute(tag) for tag in map(_tag, names) if tag)
    if len(path) != len(names) or len(path) > _DEEPEST:
        return ()
    return path if all(one.matching is Matching.SEQUENCE for one in path[:-1]) else ()


def creator_of(known: Attribute) -> str:
    """The tag of the private creator of a private attribute, which is returned with it; "" for others (PS3.5 7.8.1)."""
    group, element = int(known.tag[:4], 16), int(known.tag[4:], 16)
    return f"{known.tag[:4]}00{element >> 8:02X}" if group % 2 and element >= 0x1000 else ""


def _tag(name: str) -> str:
    """The tag of a keyword of PS3.6 or of 8 hexadecimal digits, or nothing."""
    if _TAG.fullmatch(name):
        return name.upper()
    number = tag_for_keyword(name) if name else None
    return "" if number is None else f"{number:08X}"
