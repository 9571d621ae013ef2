"""What the index keeps of the person names of a study beside their columns, so that no search looks at all names.

A key may begin with any component group of a name (PS3.5 6.2.1). The first one begins the folded column; each later one
begins a row of its own here. The words of a name, for fuzzy matching, are rows too.
"""

import sqlite3
from typing import Final

from storage.catalogue import comparable, fuzzy_names

_WORD: Final = "INSERT INTO study_name_word (study_id, tag, word, backwards) VALUES (?, ?, ?, ?)"
_GROUP: Final = "INSERT INTO study_name_group (study_id, tag, name) VALUES (?, ?, ?)"


def keep(connection: sqlite3.Connection, study_id: int, tag: str, name: str) -> None:
    """Keep the name `tag` of a study, of which nothing is kept yet."""
    connection.executemany(_WORD, [(study_id, tag, word, word[::-1]) for word in fuzzy_names.words(name)])
    if "=" in name:
        connection.executemany(_GROUP, [(study_id, tag, group) for group in _later_groups(comparable.name(name))])


def forget(connection: sqlite3.Connection, study_id: int) -> None:
    """Forget all names of a study."""
    for table in ("study_name_word", "study_name_group"):
        connection.execute(f"DELETE FROM {table} WHERE study_id = ?", (study_id,))


def _later_groups(name: str) -> list[str]:
    groups = name.split("=")
    return list(dict.fromkeys("=".join(groups[at:]) for at in range(1, len(groups))))
