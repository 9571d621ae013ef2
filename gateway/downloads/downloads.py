"""Which downloads were asked for, and what became of them: durable rows, each worked on by one worker at a time.

A worker holds a download for a limited time and says again and again that it is still at it; when it is not heard of
any more, the next one takes the download up.
"""

import secrets
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from auth.clock import Clock, seconds
from gateway.downloads.schema import MIGRATIONS
from storage.audit import note
from storage.database import Database
from storage.errors import NoSuchInstance

State = Literal["waiting", "ready", "failed"]
Form = Literal["archive", "anonymised", "pictures", "sheets", "films"]
"""The originals with a viewer; those without names; pictures alone (JPEG); contact sheets (PDF); films (MP4)."""

HELD_SECONDS: Final = 60
MOST_ATTEMPTS: Final = 3
KEPT_SECONDS: Final = 7 * 24 * 3600
"""How long a download is kept after it was prepared, if its share lasts so long."""


class NoLongerHeld(Exception):
    """Somebody else is at this download, or nobody wants it any more."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a patient asks for: all studies of a share or the one named, in which form and language."""

    share_id: str
    study: str = ""
    form: Form = "archive"
    language: str = "de"


@dataclass(frozen=True, slots=True)
class Download:
    """A download as it was when it was read."""

    id: str
    wish: Wish
    content: str
    state: State
    done: int
    total: int
    size: int
    ready_at: int | None
    is_new: bool
    """Nobody has fetched it yet."""

    @property
    def percent(self) -> int:
        """How far it is, 0 to 100."""
        return 100 * self.done // max(self.total, 1)


@dataclass(frozen=True, slots=True)
class Task:
    """A download that a worker has taken up."""

    download: Download
    holder: str


class Downloads:
    """Safe to use from any thread and process; all methods block."""

    def __init__(self, database: Database, clock: Clock) -> None:
        database.migrate(MIGRATIONS)
        self._database = database
        self._clock = clock

    def order(self, wish: Wish, content: str, total: int) -> Download:
        """The download that was asked for: the one that is there if it has this content, else a new one."""
        now = seconds(self._clock())

        def work(connection: sqlite3.Connection) -> Download:
            key = (wish.share_id, wish.study, wish.form)
            row = connection.execute(_SAME, key).fetchone()
            if row and row["content"] == content and row["state"] != "failed" and row["language"] == wish.language:
                return _download(row)
            connection.execute("DELETE FROM download WHERE id = ?", (row["id"] if row else "",))
            values = (secrets.token_hex(8), *key, wish.language, content, total, now)
            row = connection.execute(_INSERT, values).fetchone()
            note(connection, "download ordered", wish.share_id, f"download={row['id']} images={total}")
            return _download(row)

        return self._database.write(work)

    def of_share(self, share_id: str) -> list[Download]:
        """All downloads of a share, newest first."""
        rows = self._database.read(
            "SELECT * FROM download WHERE share_id = ? ORDER BY requested_at DESC, id", (share_id,)
        )
        return [_download(row) for row in rows]

    def find(self, share_id: str, download_id: str) -> Download:
        """A download of this share that is ready; `NoSuchInstance` otherwise."""
        sql = "SELECT * FROM download WHERE id = ? AND share_id = ? AND state = 'ready'"
        rows = self._database.read(sql, (download_id, share_id))
        if not rows:
            raise NoSuchInstance("No such download.")
        return _download(rows[0])

    def new_of_share(self, share_id: str) -> bool:
        """Whether something is ready for this share that nobody has fetched yet."""
        sql = "SELECT 1 FROM download WHERE share_id = ? AND state = 'ready' AND fetched_at IS NULL LIMIT 1"
        return bool(self._database.read(sql, (share_id,)))

    def fetched(self, download: Download, studies: Iterable[str]) -> None:
        """Note that somebody begins to fetch it for the first time, and which studies leave the house with it."""
        now = seconds(self._clock())

        def work(connection: sqlite3.Connection) -> None:
            sql = "UPDATE download SET fetched_at = ? WHERE id = ? AND fetched_at IS NULL"
            connection.execute(sql, (now, download.id))
            for study in studies:
                note(connection, "instances downloaded", study, f"share={download.wish.share_id}")

        self._database.write(work)

    def take_up(self) -> Task | None:
        """The next download that nobody is at, held for `HELD_SECONDS`; one that failed too often is given up."""
        now, holder = seconds(self._clock()), secrets.token_hex(8)
        if not self._database.read(_DUE, (now,)):
            return None

        def work(connection: sqlite3.Connection) -> Task | None:
            connection.execute(_GIVE_UP, (now, MOST_ATTEMPTS))
            row = connection.execute(_DUE, (now,)).fetchone()
            if row is None:
                return None
            connection.execute(_TAKE_UP, (holder, now + HELD_SECONDS, row["id"]))
            return Task(_download(row), holder)

        return self._database.write(work)

    def progress(self, task: Task, done: int) -> None:
        """So many images are done, and the worker is still at it. Raises `NoLongerHeld`."""
        self._update(task, "done = ?, held_until = ?", done, seconds(self._clock()) + HELD_SECONDS)

    def ready(self, task: Task, size: int, content: str) -> None:
        """It can be fetched now, with this content. Raises `NoLongerHeld`."""
        changes = "state = 'ready', done = total, size = ?, content = ?, ready_at = ?, holder = ''"
        self._update(task, changes, size, content, seconds(self._clock()))

    def failed(self, task: Task) -> None:
        """It cannot be made. Raises `NoLongerHeld`."""
        self._update(task, "state = 'failed', holder = ''")

    def hand_back(self, task: Task, pause: int = 0, *, attempted: bool = True) -> None:
        """Let the next one take it up in `pause` seconds; unless it was `attempted`, this was no try.

        Raises `NoLongerHeld`.
        """
        changes = "holder = '', held_until = ?, attempts = attempts - ?"
        self._update(task, changes, seconds(self._clock()) + pause, not attempted)

    def drop(self, download_ids: Iterable[str]) -> None:
        """Forget these downloads."""
        ids = [(one,) for one in download_ids]
        if ids:
            self._database.write(lambda connection: connection.executemany("DELETE FROM download WHERE id = ?", ids))

    def all(self) -> list[Download]:
        """Every download, those that were asked for last first."""
        return [_download(row) for row in self._database.read("SELECT * FROM download ORDER BY requested_at DESC, id")]

    def tasks(self) -> list[Task]:
        """Every download with who is at it, "" for nobody."""
        return [Task(_download(row), row["holder"]) for row in self._database.read("SELECT * FROM download")]

    def too_old(self, download: Download) -> bool:
        """Whether it has been kept for long enough."""
        return download.ready_at is not None and download.ready_at + KEPT_SECONDS < seconds(self._clock())

    def _update(self, task: Task, changes: str, *values: object) -> None:
        def work(connection: sqlite3.Connection) -> None:
            sql = f"UPDATE download SET {changes} WHERE id = ? AND holder = ?"
            if connection.execute(sql, (*values, task.download.id, task.holder)).rowcount != 1:
                raise NoLongerHeld

        self._database.write(work)


def _download(row: sqlite3.Row) -> Download:
    wish = Wish(row["share_id"], row["study"], row["form"], row["language"])
    numbers = row["done"], row["total"], row["size"]
    return Download(row["id"], wish, row["content"], row["state"], *numbers, row["ready_at"], row["fetched_at"] is None)


_SAME: Final = "SELECT * FROM download WHERE share_id = ? AND study = ? AND form = ?"
_INSERT: Final = """
    INSERT INTO download (id, share_id, study, form, language, content, total, requested_at, state, done, size,
                          holder, held_until, attempts)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'waiting', 0, 0, '', 0, 0) RETURNING *"""
_DUE: Final = "SELECT * FROM download WHERE state = 'waiting' AND held_until <= ? ORDER BY requested_at, id LIMIT 1"
_TAKE_UP: Final = "UPDATE download SET holder = ?, held_until = ?, attempts = attempts + 1 WHERE id = ?"
_GIVE_UP: Final = """
    UPDATE download SET state = 'failed', holder = '' WHERE state = 'waiting' AND held_until <= ? AND attempts >= ?"""
