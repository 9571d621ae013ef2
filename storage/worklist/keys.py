"""Matching keys of the worklist by name: keywords or tags, dotted for attributes of sequence items (PS3.18 8.3.4.1)."""

import re
from collections.abc import Iterable
from typing import Any, Final

from pydicom.datadict import tag_for_keyword

from storage.attributes import Matching, attribute
from storage.query import Match
from storage.worklist.requirements import TRANSACTION_UID

DEEPEST: Final = 8
_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_UIDS: Final = re.compile(r"[,\\]")

Keys = Iterable[tuple[str, str]]


def tag_of(name: str) -> str:
    """The tag (8 hexadecimal digits, upper case) of a keyword of PS3.6 or of a tag; empty for what is neither."""
    if _TAG.fullmatch(name):
        return name.upper()
    # The dictionary has retired attributes whose keyword is empty.
    number = tag_for_keyword(name) if name else None
    return "" if number is None else f"{number:08X}"


def matches_of(keys: Keys, *, fuzzy: bool = False) -> tuple[tuple[Match, ...], tuple[str, ...]]:
    """What `keys` ask for, person names also by similar ones if `fuzzy`, and the names of those that cannot be matched.

    Several values of one key match any of them; keys of one sequence match one and the same item (PS3.4 C.2.2.2.6).
    """
    tree: dict[str, Any] = {}
    unsupported: dict[str, None] = {}
    for name, value in keys:
        if not _place(tree, [tag_of(part) for part in name.split(".")], value):
            unsupported[name] = None
    return tuple(_match(tag, node, fuzzy) for tag, node in tree.items()), tuple(unsupported)


def _place(tree: dict[str, Any], path: list[str], value: str) -> bool:
    if not all(path) or len(path) > DEEPEST or path[0] == TRANSACTION_UID:
        return False
    *sequences, last = (attribute(tag) for tag in path)
    if any(one.matching is not Matching.SEQUENCE for one in sequences) or last.matching is Matching.NONE:
        return False
    if last.matching is Matching.SEQUENCE and value.strip() not in ("", "*", '""'):
        return False
    for tag in path[:-1]:
        tree = tree.setdefault(tag, ([], {}))[1]
    tree.setdefault(path[-1], ([], {}))[0].append(value)
    return True


def _match(tag: str, node: tuple[list[str], dict[str, Any]], fuzzy: bool) -> Match:
    values, items = node
    found = attribute(tag)
    if found.matching is Matching.UID:
        values = [uid for value in values for part in _UIDS.split(value) if (uid := part.strip())]
    below = tuple(_match(child, one, fuzzy) for child, one in items.items())
    return Match(found, tuple(values), below, fuzzy=fuzzy and found.matching is Matching.NAME)
