"""Legal holds: what must not be deleted, by nobody, until the hold is removed."""

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from storage.audit import note
from storage.database import Database
from storage.errors import NoSuchInstance, OnHold
from storage.identifiers import uid

_INSERT: Final = "INSERT INTO legal_hold (study_instance_uid, patient_id, reason, since) VALUES (?, ?, ?, ?)"
HELD: Final = """
    EXISTS (SELECT 1 FROM legal_hold WHERE legal_hold.study_instance_uid = study.study_instance_uid
    OR (legal_hold.patient_id <> '' AND legal_hold.patient_id = study.patient_id))"""
"""The condition over the table `study` that a hold lies on it."""
_IS_HELD: Final = f"SELECT 1 FROM study WHERE study_instance_uid = ? AND {HELD}"


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold on a study or on all studies of a Patient ID, also on later ones; `since` in seconds since 1970."""

    id: int
    study_instance_uid: str
    patient_id: str
    reason: str
    since: int


class Holds:
    """Blocking; safe from any thread and several processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, *, study_instance_uid: str = "", patient_id: str = "", reason: str) -> Hold:
        """Lay a hold on a study or on a patient. Raises `ValueError` unless it is one of them, with a reason."""
        if bool(study_instance_uid) == bool(patient_id.strip()):
            raise ValueError("A hold lies either on a study or on a patient.")
        if not reason.strip():
            raise ValueError("A hold needs a reason, for those who come later.")
        study = uid(study_instance_uid, "Study Instance UID") if study_instance_uid else ""
        row = (study, patient_id, reason, int(time.time()))

        def work(connection: sqlite3.Connection) -> int:
            made = connection.execute(f"{_INSERT} RETURNING id", row).fetchone()
            note(connection, "hold added", study or "patient", f"hold={made['id']}")
            return int(made["id"])

        return Hold(self._database.write(work), *row)

    def remove(self, hold_id: int) -> None:
        """Remove a hold; `NoSuchInstance` when there is none with this id."""

        def work(connection: sqlite3.Connection) -> None:
            sql = "DELETE FROM legal_hold WHERE id = ? RETURNING study_instance_uid"
            rows = connection.execute(sql, (hold_id,)).fetchall()
            if not rows:
                raise NoSuchInstance("No hold has this id.")
            note(connection, "hold removed", rows[0]["study_instance_uid"] or "patient", f"hold={hold_id}")

        self._database.write(work)

    def lie_on(self, study_instance_uid: str) -> bool:
        """Whether any hold lies on this study."""
        return bool(self._database.read(_IS_HELD, (study_instance_uid,)))

    def list(self) -> Sequence[Hold]:
        """Every hold, oldest first."""
        return [Hold(*row) for row in self._database.read("SELECT * FROM legal_hold ORDER BY id")]


def refuse(connection: sqlite3.Connection, study_instance_uid: str) -> None:
    """Raise `OnHold` if a hold lies on this study."""
    if connection.execute(_IS_HELD, (study_instance_uid,)).fetchone():
        raise OnHold("A legal hold lies on this study; see durchblick hold list.")


def none(connection: sqlite3.Connection) -> None:
    """Nothing speaks against a deletion."""
