"""Fuzzy matching of names once more, by distances between all words: what the index is held against."""

import re
import unicodedata
from functools import lru_cache

from tests.support.matcher_texts import text_matches

SPECIAL = {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th"} | dict(zip("øłđðıħŧ", "olddiht", strict=True))
IGNORED = "'`\u2018\u2019\u02bc\u00b4\u200b\u200c\u200d\ufeff"


def fuzzily_matches(key: str, name: str) -> bool | None:
    """None where the key has nothing to go by."""
    asked = [word for word in split(key, "*?") if word.strip("*?")]
    if not asked:
        return None
    known = split(name, "")
    return all(any(near(word, one) for one in known) for word in asked)


def split(text: str, wild: str) -> list[str]:
    letters = unicodedata.normalize("NFKD", "".join(letter for letter in text if letter not in IGNORED)).casefold()
    plain = "".join(SPECIAL.get(letter, letter) for letter in letters if not unicodedata.combining(letter))
    plain = re.sub("(?<=[aou])e", "", unicodedata.normalize("NFC", plain))
    kept = [letter if letter in wild or unicodedata.category(letter)[0] in "LNM" else " " for letter in plain]
    return "".join(kept).split()


def near(word: str, other: str) -> bool:
    if "*" in word or "?" in word:
        return text_matches(word, other)
    return word == other or (4 <= len(word) <= 32 and distance(word, other) <= 1)


@lru_cache(maxsize=100_000)
def distance(a: str, b: str) -> int:
    """Optimal string alignment: insertions, deletions, replacements and exchanges of neighbours."""
    if not a or not b:
        return len(a) + len(b)
    steps = [distance(a[1:], b) + 1, distance(a, b[1:]) + 1, distance(a[1:], b[1:]) + (a[0] != b[0])]
    if len(a) > 1 and len(b) > 1 and (a[0], a[1]) == (b[1], b[0]):
        steps.append(distance(a[2:], b[2:]) + 1)
    return min(steps)
