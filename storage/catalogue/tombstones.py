"""What was deleted: enough to say so to those who could have seen it, and nothing that tells of a patient.

A tombstone stands for a study, a series or an instance and for all that lay below it. It keeps UIDs, and of the
patient's identity only a digest, which a caller's scope can be held against.
"""

import hashlib
import sqlite3
from datetime import UTC, datetime
from typing import Final

from storage.database import Database
from storage.errors import Gone, NoSuchInstance
from storage.scope import (
    ListedStudies,
    PatientIdentity,
    SiteStudies,
    StudyScope,
    WholeArchive,
    Within,
    shows_held,
)

Names = tuple[str, str, str]
"""The UIDs of a study, a series and an instance; empty below the level that is named."""


def bury(connection: sqlite3.Connection, names: Names, identity: str, origin: str, *, held: bool) -> None:
    """Remember that what `names` name was deleted.

    `identity` is a digest, `origin` who had sent the study, and `held` says that patients never saw it.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    connection.execute(_BURY, (*names, identity, origin, int(held), now))


def identity_digest(study: str, patient_id: str, issuer_of_patient_id: str, patient_birth_date: str) -> str:
    """A digest of a patient's identity that cannot be compared across studies."""
    identity = "\0".join((study, patient_id, issuer_of_patient_id, patient_birth_date))
    return hashlib.sha256(identity.encode()).hexdigest()


def absent(database: Database, scope: StudyScope, study: str, series: str = "", instance: str = "") -> NoSuchInstance:
    """Why there is no such thing: `Gone` when it was deleted and `scope` would have shown it, else `NoSuchInstance`."""
    rows = database.read(_FIND, (study, series, instance))
    if any(_covers(scope, study, row) for row in rows):
        return Gone("It was here and has been deleted.")
    return NoSuchInstance("There is no such object here.")


def deleted(database: Database, scope: StudyScope, study: str) -> datetime | None:
    """When the whole of a study was deleted last, if `scope` would have shown it; it may have come again since."""
    rows = [row for row in database.read(_FIND, (study, "", "")) if _covers(scope, study, row)]
    return datetime.fromisoformat(rows[0]["deleted_at"]) if rows else None


def _covers(scope: StudyScope, study: str, tombstone: sqlite3.Row) -> bool:
    if tombstone["held"] and not shows_held(scope):
        return False
    match scope:
        case WholeArchive():
            return True
        case ListedStudies(studies):
            return study in studies
        case SiteStudies(site):
            return bool(tombstone["site"] == site)
        case PatientIdentity(patient_id, issuer, birth_date, site, accepted):
            known = bool(patient_id) and site in (None, tombstone["site"])
            same = tombstone["identity"] == identity_digest(study, patient_id, issuer, birth_date)
            return known and (same or study in accepted)
        case Within(inner, outer):
            return _covers(inner, study, tombstone) and _covers(outer, study, tombstone)


_BURY: Final = """
    INSERT INTO tombstone (study_instance_uid, series_instance_uid, sop_instance_uid, identity, origin, held,
    deleted_at) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (study_instance_uid, series_instance_uid, sop_instance_uid) DO UPDATE SET
    identity = excluded.identity, origin = excluded.origin, deleted_at = excluded.deleted_at,
    held = CASE WHEN tombstone.held = 0 THEN 0 ELSE excluded.held END"""
_FIND: Final = """
    SELECT identity, held, deleted_at, CASE WHEN origin IS NOT NULL THEN
    COALESCE((SELECT site FROM site_origin WHERE site_origin.origin = tombstone.origin), '') END AS site
    FROM tombstone WHERE study_instance_uid = ?
    AND series_instance_uid IN ('', ?) AND sop_instance_uid IN ('', ?)"""
