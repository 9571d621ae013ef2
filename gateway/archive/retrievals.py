"""What staff have asked an archive for: durable rows, each fetched by one worker at a time."""

import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Self

from dimse.scu.trouble import Trouble
from gateway.archive.archive import ArchivedStudy
from storage.audit import note
from storage.database import Database

Clock = Callable[[], float]
"""Returns seconds since 1970 in UTC."""
State = Literal["waiting", "done", "failed"]

HELD_SECONDS: Final = 30.0
MOST_ATTEMPTS: Final = 6
_FIRST_PAUSE: Final = 15.0
_FORGOTTEN: Final = 30 * 24 * 3600.0
"""After it has ended."""
_LONGEST_TROUBLE: Final = 500


class NoLongerHeld(Exception):
    """Somebody else has taken the retrieval up."""


@dataclass(frozen=True, slots=True)
class Retrieval:
    """A retrieval as it was when it was read: `received` of `expected` instances are here (0: nobody knows of how
    many); moments are seconds since 1970."""

    id: int
    site: str
    archive: str
    study: str
    study_date: str
    modalities: tuple[str, ...]
    description: str = field(repr=False)
    state: State
    expected: int
    received: int
    attempts: int
    trouble: Trouble | None
    moved_at: float
    due_at: float
    holder: str

    @classmethod
    def of(cls, row: sqlite3.Row) -> Self:
        """That of a row of its table."""
        return cls(
            id=row["id"],
            site=row["site"],
            archive=row["archive"],
            study=row["study"],
            study_date=row["study_date"],
            modalities=tuple(row["modalities"].split("\\")),
            description=row["description"],
            state=row["state"],
            expected=row["expected"],
            received=row["received"],
            attempts=row["attempts"],
            trouble=Trouble.of(row["trouble_kind"], row["trouble"]),
            moved_at=row["moved_at"],
            due_at=row["due_at"],
            holder=row["holder"],
        )

    @property
    def percent(self) -> int:
        """How much is here; 0 where nobody knows of how much."""
        return min(100 * self.received // self.expected, 100) if self.expected else 0

    def is_being_fetched(self, now: float) -> bool:
        """Whether somebody works on it at this moment, as far as is known."""
        return self.state == "waiting" and bool(self.holder) and self.due_at > now


class Retrievals:
    """Safe to use from any thread and process; all methods block."""

    def __init__(self, database: Database, clock: Clock = time.time) -> None:
        """`database` has the tables of `gateway.archive.schema`."""
        self._database = database
        self._clock = clock

    def want(self, site: str, archive: str, asked_from: str, studies: Iterable[ArchivedStudy]) -> None:
        """Fetch these; one that has ended begins anew, one that waits or is under way stays as it is."""
        now, wanted = self._clock(), list(studies)

        def work(connection: sqlite3.Connection) -> None:
            for one in wanted:
                told = (one.study_date, "\\".join(one.modalities), one.description, one.instances or 0)
                values = (site, archive, one.uid, asked_from, *told, now, now, now)
                if connection.execute(_WANT, values).rowcount:
                    note(connection, "study asked for", one.uid, f"archive={archive}")

        self._database.write(work)

    def of_studies(self, site: str, studies: Sequence[str]) -> list[Retrieval]:
        """What was asked for on the pages of these studies, newest first."""
        marks = ", ".join("?" * len(studies))
        sql = f"SELECT * FROM retrieval WHERE site = ? AND asked_from IN ({marks}) ORDER BY requested_at DESC, id DESC"
        return [Retrieval.of(row) for row in self._database.read(sql, (site, *studies))]

    def listed(self, site: str, limit: int = 1000) -> list[Retrieval]:
        """What was asked for at a site, newest first."""
        sql = "SELECT * FROM retrieval WHERE site = ? ORDER BY requested_at DESC, id DESC LIMIT ?"
        return [Retrieval.of(row) for row in self._database.read(sql, (site, limit))]

    def take_up(self, site: str) -> Retrieval | None:
        """What is to be fetched next for a site, and held from now on."""
        now, holder = self._clock(), secrets.token_hex(8)

        def work(connection: sqlite3.Connection) -> Retrieval | None:
            row = connection.execute(_DUE, (site, now)).fetchone()
            if row is None:
                return None
            taken = (holder, now + HELD_SECONDS, now, row["id"])
            connection.execute("UPDATE retrieval SET holder = ?, due_at = ?, moved_at = ? WHERE id = ?", taken)
            return Retrieval.of(connection.execute("SELECT * FROM retrieval WHERE id = ?", (row["id"],)).fetchone())

        return self._database.write(work)

    def tell(self, retrieval: Retrieval, received: int, expected: int) -> None:
        """So many are here by now, and it is held on. Raises `NoLongerHeld`."""
        now = self._clock()
        changes = "moved_at = CASE WHEN received <> ? THEN ? ELSE moved_at END, received = ?, expected = ?, due_at = ?"
        self._change(retrieval, changes, received, now, received, expected, now + HELD_SECONDS)

    def finish(self, retrieval: Retrieval, received: int) -> None:
        """Everything is here. Raises `NoLongerHeld`."""
        changes = "state = 'done', received = ?, trouble_kind = '', trouble = '', holder = '', finished_at = ?"
        self._change(retrieval, changes, received, self._clock(), event="study retrieved")

    def postpone(self, retrieval: Retrieval, trouble: Trouble) -> None:
        """It did not work now, and is tried again later, or given up when that was the last time. `NoLongerHeld`."""
        now = self._clock()
        kept = (trouble.kind.value, trouble.sentence[:_LONGEST_TROUBLE])
        changes = "trouble_kind = ?, trouble = ?, holder = '', attempts = attempts + 1, "
        if retrieval.attempts + 1 < MOST_ATTEMPTS:
            self._change(retrieval, f"{changes} due_at = ?", *kept, now + _FIRST_PAUSE * 2.0**retrieval.attempts)
        else:
            ended = f"{changes} state = 'failed', finished_at = ?"
            self._change(retrieval, ended, *kept, now, event="study retrieval failed")

    def hand_over(self, retrieval: Retrieval) -> None:
        """Let whoever comes next take it up, at once. Raises `NoLongerHeld`."""
        self._change(retrieval, "due_at = ?, holder = ''", self._clock())

    def forget(self) -> None:
        """Remove what ended long ago."""
        sql = "DELETE FROM retrieval WHERE finished_at < ?"
        limit = self._clock() - _FORGOTTEN
        self._database.write(lambda connection: connection.execute(sql, (limit,)))

    def _change(self, retrieval: Retrieval, assignments: str, *values: object, event: str = "") -> None:
        sql = f"UPDATE retrieval SET {assignments} WHERE id = ? AND holder = ? AND state = 'waiting'"

        def work(connection: sqlite3.Connection) -> None:
            if connection.execute(sql, (*values, retrieval.id, retrieval.holder)).rowcount != 1:
                raise NoLongerHeld
            if event:
                note(connection, event, retrieval.study, f"archive={retrieval.archive}")

        self._database.write(work)


_WANT: Final = """
    INSERT INTO retrieval (site, archive, study, asked_from, study_date, modalities, description, expected,
    requested_at, moved_at, due_at, state, received, attempts, trouble_kind, trouble, holder)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting', 0, 0, '', '', '')
    ON CONFLICT (site, study) DO UPDATE SET archive = excluded.archive, asked_from = excluded.asked_from,
    study_date = excluded.study_date, modalities = excluded.modalities, description = excluded.description,
    expected = excluded.expected, requested_at = excluded.requested_at, moved_at = excluded.moved_at,
    due_at = excluded.due_at, state = 'waiting', received = 0, attempts = 0, trouble_kind = '', trouble = '',
    finished_at = NULL, holder = '' WHERE retrieval.state <> 'waiting'"""
_DUE: Final = (
    "SELECT id FROM retrieval WHERE state = 'waiting' AND site = ? AND due_at <= ? ORDER BY due_at, id LIMIT 1"
)
