"""Fuzzy matching of person names (PS3.4 C.2.2.2.1, PS3.18 8.3.4.2): by their words, whatever their order.

A name matches when each word of the key is a word of it, in any of its component groups. Words are equal without case,
marks and spelling of umlauts ("Müller", "MULLER", "Mueller"), and those of four letters or more also with one edit:
a letter too many, too few, another, or two exchanged. A word with wildcards is matched by its pattern. Parts without
any letter or digit ask for nothing; a key of which nothing else is left is taken by its letters and never as everyone.

The index keeps the words of each study forwards and backwards. Every edit leaves one half of a word as it was, so each
pattern of one edit has a long literal beginning in one of the two directions and is looked up there in a few rows.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from storage.catalogue import comparable
from storage.catalogue.condition import ALWAYS, Condition

_STROKES: Final = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "þ": "th"})
_LIGATURES: Final = str.maketrans({"æ": "ae", "œ": "oe"})
_SPELLED_UMLAUT: Final = re.compile("([aou])e")
_SILENT: Final = re.compile("['`\u2018\u2019\u02bc\u00b4\u200b-\u200d\ufeff]")
_WILD: Final = re.compile(r"[*?]")
_LONGEST_KEY: Final = 256
_EDITED_LENGTHS: Final = range(4, 33)
_WORDS: Final = "SELECT named.study_id FROM study_name_word AS named WHERE named.tag = ? AND "


def words(name: str) -> tuple[str, ...]:
    """The different words of a name with all its groups, folded."""
    return tuple(dict.fromkeys(_split(name, "")))


def key_words(value: str) -> tuple[str, ...]:
    """The words that a key asks for, with their wildcards; none where the key has to be taken by its letters."""
    if len(value) > _LONGEST_KEY:
        return ()
    return tuple(dict.fromkeys(word for word in _split(value, "*?") if _WILD.sub("", word)))


def is_wild(word: str) -> bool:
    """Whether it is a pattern."""
    return _WILD.search(word) is not None


def is_near(word: str, other: str) -> bool:
    """Whether `other` is a word that the word `word` of a key, without wildcards, asks for."""
    if word == other:
        return True
    if len(word) not in _EDITED_LENGTHS or abs(len(word) - len(other)) > 1:
        return False
    at = next((i for i, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), min(len(word), len(other)))
    if len(word) != len(other):
        longer, shorter = (word, other) if len(word) > len(other) else (other, word)
        return longer[at + 1 :] == shorter[at:]
    exchanged = word[at : at + 2] == other[at : at + 2][::-1] and word[at + 2 :] == other[at + 2 :]
    return exchanged or word[at + 1 :] == other[at + 1 :]


def condition(tag: str, asked: tuple[str, ...]) -> Condition:
    """The studies in whose name `tag` each of these words is found."""
    found = ALWAYS
    for word in asked:
        parts = list(_look_ups(word))
        sql = " UNION ALL ".join(_WORDS + sql for sql, _ in parts)
        parameters = tuple(one for _, values in parts for one in (tag, *values))
        found = found & Condition(f"study.id IN ({sql})", parameters)
    return found


def _look_ups(word: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    if is_wild(word):
        yield _like(word.replace("*", "%").replace("?", "_"))
        return
    equal, patterns = _near(word)
    yield f"named.word IN ({', '.join('?' * len(equal))})", equal
    yield from (_like(pattern) for pattern in patterns)


def _like(pattern: str) -> tuple[str, tuple[str, ...]]:
    """Looked up from the end that is literal for longer."""
    literal = re.split("[%_]", pattern)
    if len(literal[-1]) > len(literal[0]):
        return "named.backwards LIKE ?", (pattern[::-1],)
    return "named.word LIKE ?", (pattern,)


@lru_cache(maxsize=1024)
def _near(word: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words that lack a letter or have two exchanged, and patterns of those with another letter or one more."""
    if len(word) not in _EDITED_LENGTHS:
        return (word,), ()
    cuts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    lacking = [head + tail[1:] for head, tail in cuts[:-1]]
    exchanged = [head + tail[1] + tail[0] + tail[2:] for head, tail in cuts[:-2]]
    patterns = [f"{head}_{tail[1:]}" for head, tail in cuts[:-1]] + [f"{head}_{tail}" for head, tail in cuts]
    return tuple(dict.fromkeys((word, *lacking, *exchanged))), tuple(dict.fromkeys(patterns))


def _split(name: str, wild: str) -> Iterator[str]:
    bare = comparable.folded(_SILENT.sub("", name)).translate(_STROKES).translate(_LIGATURES)
    spelled = _SPELLED_UMLAUT.sub(r"\1", bare)
    return iter("".join(letter if letter in wild or _is_of_word(letter) else " " for letter in spelled).split())


@lru_cache(maxsize=4096)
def _is_of_word(letter: str) -> bool:
    """Letters, digits, and the vowel signs of scripts that write them as marks."""
    return unicodedata.category(letter)[0] in "LNM"
