"""What the index keeps of the person names of a study beside their columns, so that no search looks at all names.

A key may be any component group of a name, or several in a row (PS3.5 6.2.1): of names that have more than one group
these are rows, beside the folded column for the whole. The words of a name, for fuzzy matching, are rows too.
"""

import sqlite3
from typing import Final

from storage.catalogue import comparable, fuzzy_names
from storage.catalogue.condition import Condition, all_of

_WORD: Final = "INSERT INTO study_name_word (study_id, tag, word, backwards) VALUES (?, ?, ?, ?)"
_GROUP: Final = "INSERT INTO study_name_group (study_id, tag, name) VALUES (?, ?, ?)"
_WORDS_OF: Final = "SELECT 1 FROM study_name_word AS named WHERE named.study_id = study.id AND named.tag = ?"
_MOST_WORDS: Final = 100


def keep(connection: sqlite3.Connection, study_id: int, tag: str, name: str) -> None:
    """Keep the name `tag` of a study, of which nothing is kept yet."""
    words = fuzzy_names.words(name)[:_MOST_WORDS]
    connection.executemany(_WORD, [(study_id, tag, word, word[::-1]) for word in words])
    if "=" in name:
        groups = comparable.runs_of_groups(comparable.name(name))
        connection.executemany(_GROUP, [(study_id, tag, group) for group in groups])


def forget(connection: sqlite3.Connection, study_id: int) -> None:
    """Forget all names of a study."""
    for table in ("study_name_word", "study_name_group"):
        connection.execute(f"DELETE FROM {table} WHERE study_id = ?", (study_id,))


def agree(name: str, other: str) -> bool:
    """Whether two names may be one person's: every word of one of them is a word of the other.

    Case, marks, umlauts however they are spelled, the order of the words, and what one of them leaves out (a second
    given name, a title) make no difference. Where nothing is said, nothing disagrees.
    """
    words, others = _words(name), _words(other)
    return words <= others or others <= words


def agreeing(tag: str, name: str) -> Condition:
    """The studies whose name `tag` and this one `agree`."""
    words = sorted(_words(name))
    others = f"{_WORDS_OF} AND named.word NOT IN ({', '.join('?' * len(words))})"
    says_less = Condition(f"NOT EXISTS ({others})", (tag, *words))
    has_all = all_of([Condition(f"EXISTS ({_WORDS_OF} AND named.word = ?)", (tag, word)) for word in words])
    return says_less | has_all


def _words(name: str) -> frozenset[str]:
    return frozenset(fuzzy_names.words(name)[:_MOST_WORDS])
