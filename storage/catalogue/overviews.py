"""Studies as the staff of a site want them: whose they are, how much has come, when the last of it came."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from storage.attributes import Level
from storage.catalogue.condition import Condition, one_of
from storage.catalogue.restriction import Restriction
from storage.catalogue.visibility import ORDER, SOURCES, visible
from storage.database import Database
from storage.errors import CannotUnderstand
from storage.query import Query
from storage.records import HeldStudy, StudyOverview, decode_metadata
from storage.scope import PatientIdentity, StudyScope

_AT_ONCE: Final = 200
_PATIENT: Final = ("00100010", "00100020", "00100021", "00100030")
_OF_STUDY: Final = """study.study_instance_uid, study.patient_name, study.patient_id, study.issuer_of_patient_id,
    study.patient_birth_date, study.patient_sex, study.study_date, study.accession_number, study.study_description"""


def overviews(database: Database, scope: StudyScope, query: Query) -> list[StudyOverview]:
    """The studies that match `query` within `scope`, newest first, at most its limit; see `Index.overviews`."""
    asked = Restriction.of(scope, query)
    if query.level is not Level.STUDY or asked.tests:
        raise CannotUnderstand("Studies are found by attributes of studies that have a column.")
    where = asked.all
    rows = database.read(
        f"SELECT study.id, study.origin, {_OF_STUDY} FROM study WHERE {where.sql} ORDER BY {ORDER[Level.STUDY]}"
        " LIMIT ?",
        (*where.parameters, 1000 if query.limit is None else query.limit),
    )
    received: dict[int, sqlite3.Row] = {}
    for start in range(0, len(rows), _AT_ONCE):
        received |= _received(database, [row["id"] for row in rows[start : start + _AT_ONCE]])
    return [_overview(row, received) for row in rows]


def held(database: Database, scope: StudyScope, limit: int) -> list[HeldStudy]:
    """Studies that hold instances back from patients, latest first; see `Index.held`."""
    where = visible(scope, Level.INSTANCE) & Condition("instance.held = 1")
    rows = database.read(
        f"""SELECT {_OF_STUDY}, count(*) AS instances, max(instance.received_at) AS latest,
        min(instance.source) AS source, min(instance.id) AS example
        FROM {SOURCES[Level.INSTANCE]} WHERE {where.sql} GROUP BY study.id ORDER BY latest DESC LIMIT ?""",
        (*where.parameters, limit),
    )
    return [HeldStudy(*tuple(row)[:-1], *_patient(database, row["example"])) for row in rows]


def held_instances(database: Database, scope: StudyScope, study: str) -> list[tuple[str, str, str]]:
    """The UIDs, from the study down, of the held instances of a study."""
    where = visible(scope, Level.INSTANCE) & Condition("instance.held = 1 AND study.study_instance_uid = ?", (study,))
    rows = database.read(
        f"SELECT study.study_instance_uid, series.series_instance_uid, instance.sop_instance_uid"
        f" FROM {SOURCES[Level.INSTANCE]} WHERE {where.sql}",
        where.parameters,
    )
    return [(row[0], row[1], row[2]) for row in rows]


def lookalikes(database: Database, scope: StudyScope, identities: Sequence[PatientIdentity]) -> list[StudyOverview]:
    """Studies with the PatientID of one of `identities` that none of them shows; see `Index.lookalikes`."""
    found: list[StudyOverview] = []
    ids = sorted({one.patient_id for one in identities if one.patient_id})
    by_id: dict[str, list[PatientIdentity]] = {}
    for one in identities:
        by_id.setdefault(one.patient_id, []).append(one)
    for start in range(0, len(ids), _AT_ONCE):
        where = visible(scope, Level.STUDY) & one_of("study.patient_id", ids[start : start + _AT_ONCE])
        rows = database.read(
            f"SELECT study.id, study.origin, {_OF_STUDY} FROM study WHERE {where.sql} ORDER BY {ORDER[Level.STUDY]}",
            where.parameters,
        )
        others = [row for row in rows if not any(one.is_of(*_identity(row)) for one in by_id[row["patient_id"]])]
        received = _received(database, [row["id"] for row in others])
        found += [_overview(row, received) for row in others]
    return found


def _identity(row: sqlite3.Row) -> tuple[str, str, str, str]:
    return row["patient_id"], row["issuer_of_patient_id"], row["patient_birth_date"], row["patient_name"]


def accept_held(connection: sqlite3.Connection, scope: StudyScope, study: str) -> int:
    """Show the held instances of `study` like its others; returns how many there were."""
    where = visible(scope, Level.INSTANCE) & Condition("instance.held = 1 AND study.study_instance_uid = ?", (study,))
    rows = connection.execute(
        f"SELECT instance.id, series.id AS series_id FROM {SOURCES[Level.INSTANCE]} WHERE {where.sql}",
        where.parameters,
    ).fetchall()
    for row in rows:
        connection.execute("UPDATE instance SET held = 0 WHERE id = ?", (row["id"],))
        connection.execute(
            """UPDATE series SET visible_instances = visible_instances + 1, held_instances = held_instances - 1,
            changes = changes + 1 WHERE id = ?""",
            (row["series_id"],),
        )
    return len(rows)


def assign_origins(connection: sqlite3.Connection, sites: Mapping[str, str]) -> None:
    """Let exactly these senders belong to these sites."""
    connection.execute("DELETE FROM site_origin")
    connection.executemany("INSERT INTO site_origin (origin, site) VALUES (?, ?)", sorted(sites.items()))


def _patient(database: Database, instance: int) -> tuple[str, ...]:
    """Name, id, issuer and birth date of the patient as an instance itself has them."""
    rows = database.read("SELECT metadata FROM instance_detail WHERE instance_id = ?", (instance,))
    data_set = decode_metadata(rows[0]["metadata"]) if rows else {}
    found = [(data_set.get(tag, {}).get("Value") or [""])[0] for tag in _PATIENT]
    return tuple(str(one.get("Alphabetic", "") if isinstance(one, dict) else one) for one in found)


def _received(database: Database, studies: Sequence[int]) -> dict[int, sqlite3.Row]:
    where = one_of("series.study_id", studies)
    rows = database.read(
        f"""SELECT series.study_id, count(DISTINCT series.id) AS series, count(*) AS instances,
        sum(instance.held) AS held, max(instance.received_at) AS latest, group_concat(DISTINCT series.modality)
        AS modalities FROM series JOIN instance ON instance.series_id = series.id
        WHERE {where.sql} GROUP BY series.study_id""",
        where.parameters,
    )
    return {row["study_id"]: row for row in rows}


def _overview(row: sqlite3.Row, received: Mapping[int, sqlite3.Row]) -> StudyOverview:
    came = dict(received.get(row["id"], {}))
    modalities = tuple(sorted(filter(None, (came.get("modalities") or "").split(","))))
    counts = {name: came.get(name, 0) for name in ("series", "instances", "held")}
    own = {name: row[name] for name in row.keys() if name != "id"}  # noqa: SIM118 (a Row iterates over its values)
    return StudyOverview(**own, **counts, modalities=modalities, latest=came.get("latest", ""))
