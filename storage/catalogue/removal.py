"""Takes instances out of the index, inside the caller's transaction, and the series and study that are empty then."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from storage.attributes import Level
from storage.audit import note
from storage.catalogue.condition import Condition
from storage.catalogue.tombstones import Names, bury, identity_digest
from storage.catalogue.visibility import SOURCES, visible
from storage.scope import StudyScope

_AT_ONCE: Final = 500

Rows = list[sqlite3.Row]


@dataclass(frozen=True, slots=True)
class Doomed:
    """What a deletion takes away: instances as rows, and the ids of the series and studies that go with them."""

    rows: Rows
    series: frozenset[int]
    study: int | None

    @property
    def size(self) -> int:
        """Bytes of the files."""
        return sum(row["size"] for row in self.rows)


def doomed(read: Callable[[str, Sequence[Any]], Rows], scope: StudyScope, names: Names) -> Doomed:
    """What deleting `names` would take away of what `scope` shows. Held instances that it does not show stay."""
    where = visible(scope, Level.INSTANCE)
    for column, name in zip(_COLUMNS, names, strict=True):
        if name:
            where = where & Condition(f"{column} = ?", (name,))
    rows = read(f"SELECT {_WANTED} FROM {SOURCES[Level.INSTANCE]} WHERE {where.sql}", where.parameters)
    going = Counter(row["series_id"] for row in rows)
    emptied = frozenset(row["series_id"] for row in rows if going[row["series_id"]] == row["of_series"])
    all_gone = bool(rows) and len(emptied) == rows[0]["of_study"]
    return Doomed(rows, emptied, rows[0]["study_id"] if all_gone else None)


def remove(connection: sqlite3.Connection, scope: StudyScope, names: Names, source: str) -> Doomed:
    """Remove `names` from the index, with a tombstone and an entry in the audit; nothing happens if that is nothing."""
    gone = doomed(lambda sql, values: connection.execute(sql, values).fetchall(), scope, names)
    if not gone.rows:
        return gone
    _bury_all(connection, names, gone)
    ids = [row["id"] for row in gone.rows]
    for begin in range(0, len(ids), _AT_ONCE):
        some = ids[begin : begin + _AT_ONCE]
        connection.execute(f"DELETE FROM instance WHERE id IN ({', '.join('?' * len(some))})", some)
    for series, (shown, held) in _by_series(gone.rows).items():
        connection.execute(_UNCOUNT, (shown, held, series))
        # Ready answers hold what was deleted; nobody would get them again, but there they would lie.
        connection.execute("DELETE FROM series_metadata WHERE series_id = ?", (series,))
    connection.executemany("DELETE FROM series WHERE id = ?", [(series,) for series in gone.series])
    if gone.study is not None:
        connection.execute("DELETE FROM study WHERE id = ?", (gone.study,))
    subject = next(name for name in reversed(names) if name)
    note(connection, "deleted", subject, f"source={source} instances={len(ids)} bytes={gone.size}")
    return gone


def _bury_all(connection: sqlite3.Connection, names: Names, gone: Doomed) -> None:
    """A tombstone for what was asked for, and one for each parent that vanishes with it."""
    first = gone.rows[0]
    whole = (names[0], first["series_instance_uid"], first["sop_instance_uid"])
    identity = identity_digest(names[0], *(first[column] for column in _IDENTITY))
    vanished = (gone.study is not None, first["series_id"] in gone.series, False)
    held = all(row["held"] for row in gone.rows)
    for depth in range(3):
        asked = bool(names[depth]) and not any(names[depth + 1 :])
        if asked or (names[depth] and vanished[depth]):
            bury(connection, _to_depth(whole, depth), identity, first["origin"], held=held)


def _to_depth(names: Names, depth: int) -> Names:
    study, series, instance = names
    return study, series if depth > 0 else "", instance if depth > 1 else ""


def _by_series(rows: Rows) -> dict[int, tuple[int, int]]:
    """How many instances that were shown, and that were held, each series loses."""
    lost: dict[int, tuple[int, int]] = {}
    for row in rows:
        shown, held = lost.get(row["series_id"], (0, 0))
        lost[row["series_id"]] = (shown + (not row["held"]), held + row["held"])
    return lost


_COLUMNS: Final = ("study.study_instance_uid", "series.series_instance_uid", "instance.sop_instance_uid")
_IDENTITY: Final = ("patient_id", "issuer_of_patient_id", "patient_birth_date")
_WANTED: Final = f"""instance.id, instance.blob_key, instance.size, instance.held, instance.sop_instance_uid,
    series.id AS series_id, series.series_instance_uid, study.id AS study_id, study.origin, {", ".join(_IDENTITY)},
    series.visible_instances + series.held_instances AS of_series,
    (SELECT count(*) FROM series AS every WHERE every.study_id = study.id) AS of_study"""
_UNCOUNT: Final = """
    UPDATE series SET visible_instances = visible_instances - ?, held_instances = held_instances - ?,
    changes = changes + 1 WHERE id = ?"""
