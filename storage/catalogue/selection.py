"""What a retrieval is to send: counted at the beginning, then fetched page by page, in the order of series and numbers.

Only the ids of the instances stay in memory, eight bytes each, so a patient of a million images takes no more than a
few megabytes, and what arrives meanwhile does not change what was counted.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any, Final

from storage.attributes import Level
from storage.catalogue.summaries import RECORD_COLUMNS, record
from storage.catalogue.visibility import SOURCES, order, visible
from storage.database import Database
from storage.records import InstanceRecord
from storage.scope import StudyScope

_NAMES_AT_ONCE: Final = 500
_IDS_AT_ONCE: Final = 10_000
_PAGE: Final = 2_000
# Behind every Instance Number (VR IS has 32 bits), for instances that have none.
_NUMBER: Final = f"coalesce(instance.instance_number, {2**40})"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The unique keys of a retrieval (PS3.4 C.2.2.1.1): an instance is wanted that meets each one that is not empty."""

    patient_id: str = ""
    issuer_of_patient_id: str = ""
    study_instance_uids: tuple[str, ...] = ()
    series_instance_uids: tuple[str, ...] = ()
    sop_instance_uids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not any(astuple(self)):
            raise ValueError("nothing says what is wanted")

    def portions(self) -> Iterator["Wanted"]:
        """The same, in portions whose lists no database finds too long."""
        for name in ("study_instance_uids", "series_instance_uids", "sop_instance_uids"):
            uids = tuple(dict.fromkeys(getattr(self, name)))
            if len(uids) > _NAMES_AT_ONCE:
                for begin in range(0, len(uids), _NAMES_AT_ONCE):
                    one: dict[str, Any] = {name: uids[begin : begin + _NAMES_AT_ONCE]}
                    yield from replace(self, **one).portions()
                return
        yield self


class Selection:
    """The instances that were wanted and visible when it was made. `pages` may be asked for once or more often."""

    def __init__(self, database: Database, scope: StudyScope, ids: Sequence[int]) -> None:
        """Made by `select`."""
        self._database = database
        self._scope = scope
        self._ids = ids

    def __len__(self) -> int:
        return len(self._ids)

    def pages(self) -> Iterator[list[InstanceRecord]]:
        """The records, up to 2,000 at a time. What was deleted, or is no longer visible, is left out."""
        where = visible(self._scope, Level.INSTANCE)
        for begin in range(0, len(self._ids), _PAGE):
            ids = self._ids[begin : begin + _PAGE]
            rows = self._database.read(
                f"SELECT {RECORD_COLUMNS}, instance.id FROM {SOURCES[Level.INSTANCE]}"
                f" WHERE {where.sql} AND instance.id IN ({_marks(ids)})",
                (*where.parameters, *ids),
            )
            found = {row["id"]: row for row in rows}
            yield [record(found[one]) for one in ids if one in found]


def select(database: Database, scope: StudyScope, wanted: Wanted) -> Selection:
    """Find what is wanted: study by study and series by series, newest study first, within them by number."""
    ids = array("q")
    for portion in wanted.portions():
        sql, parameters = _condition(scope, portion)
        if portion.sop_instance_uids:
            ids.extend(_ids(database, Level.INSTANCE, sql, parameters))
        else:
            for series in _ids(database, Level.SERIES, sql, parameters):
                _add_series(database, scope, series, ids)
    return Selection(database, scope, ids)


def _condition(scope: StudyScope, wanted: Wanted) -> tuple[str, tuple[Any, ...]]:
    where = visible(scope, Level.INSTANCE if wanted.sop_instance_uids else Level.SERIES)
    sql, parameters = [where.sql], list(where.parameters)
    for column, values in (
        ("study.patient_id", (wanted.patient_id,) * bool(wanted.patient_id)),
        ("study.issuer_of_patient_id", (wanted.issuer_of_patient_id,) * bool(wanted.issuer_of_patient_id)),
        ("study.study_instance_uid", wanted.study_instance_uids),
        ("series.series_instance_uid", wanted.series_instance_uids),
        ("instance.sop_instance_uid", wanted.sop_instance_uids),
    ):
        if values:
            sql.append(f"{column} IN ({_marks(values)})")
            parameters += values
    return " AND ".join(sql), tuple(parameters)


def _ids(database: Database, level: Level, sql: str, parameters: tuple[Any, ...]) -> list[int]:
    table = "instance" if level is Level.INSTANCE else "series"
    statement = f"SELECT {table}.id FROM {SOURCES[level]} WHERE {sql} ORDER BY {order(level)}"
    return [row[0] for row in database.read(statement, parameters)]


def _add_series(database: Database, scope: StudyScope, series: int, ids: "array[int]") -> None:
    """Append the ids of a series by instance number, in pages: some series have very many instances."""
    where = visible(scope, Level.INSTANCE)
    last = (-(2**62), 0)
    while True:
        rows = database.read(
            f"SELECT {_NUMBER} AS number, instance.id AS id FROM {SOURCES[Level.INSTANCE]}"
            f" WHERE {where.sql} AND instance.series_id = ? AND ({_NUMBER}, instance.id) > (?, ?)"
            f" ORDER BY {_NUMBER}, instance.id LIMIT ?",
            (*where.parameters, series, *last, _IDS_AT_ONCE),
        )
        ids.extend(row["id"] for row in rows)
        if len(rows) < _IDS_AT_ONCE:
            return
        last = (rows[-1]["number"], rows[-1]["id"])


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))
