"""Where pages of searches ended: kept for whoever asks for the next one, whichever process he comes to."""

import json
import logging
import sqlite3
import threading
from pathlib import Path
from typing import Final

from storage.query import Place
from storage.waiting import about_to_wait

_log = logging.getLogger("durchblick.storage")

_MOST: Final = 10_000
_LOCK_WAIT_SECONDS: Final = 1.0
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS page_end (
    number INTEGER PRIMARY KEY, question BLOB NOT NULL, page_offset INTEGER NOT NULL, place TEXT NOT NULL,
    UNIQUE (question, page_offset)
)
"""
_FIND: Final = "SELECT number, place FROM page_end WHERE question = ? AND page_offset = ?"
_NEWEST: Final = "SELECT coalesce(max(number), 0) FROM page_end"
_KEEP: Final = "INSERT OR REPLACE INTO page_end (question, page_offset, place) VALUES (?, ?, ?)"
_FORGET: Final = "DELETE FROM page_end WHERE number <= ?"


class PageEnds:
    """The places behind the latest pages. Safe to use from any thread; several processes may share a file.

    They are convenience: without them a page is counted out. So they lie in a file of their own, whose writes wait for
    no disk and no instance that is being stored, and whatever is wrong with it is only logged. All methods block.
    """

    def __init__(self, file: Path, most: int = _MOST) -> None:
        """Keep so many in `file`, whose folder exists; it is opened when it is needed first."""
        self._file = file
        self._most = most
        self._lock = threading.Lock()
        self._opened: sqlite3.Connection | None = None

    def get(self, question: bytes, offset: int) -> Place | None:
        """The place at which a page ended with result number `offset`, if that is still known."""
        try:
            with self._lock:
                found = self._find(question, offset)
        except sqlite3.Error as error:
            _complain(error)
            return None
        return _place(found[1]) if found else None

    def put(self, question: bytes, offset: int, place: Place) -> None:
        """Keep it, and forget the oldest if there are too many."""
        text = json.dumps((place.study, place.series, place.instance))
        try:
            with self._lock:
                self._put(question, offset, text)
        except sqlite3.Error as error:
            _complain(error)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _find(self, question: bytes, offset: int) -> tuple[int, str] | None:
        found: tuple[int, str] | None = self._connection().execute(_FIND, (question, offset)).fetchone()
        return found

    def _put(self, question: bytes, offset: int, text: str) -> None:
        connection = self._connection()
        (newest,) = connection.execute(_NEWEST).fetchone()
        found = self._find(question, offset)
        if found and found[1] == text and found[0] > newest - self._most // 2:
            # The same page again, and not among those that are forgotten soon: reading is cheaper.
            return
        about_to_wait()
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            kept = connection.execute(_KEEP, (question, offset, text)).lastrowid or 0
            connection.execute(_FORGET, (kept - self._most,))

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            self._opened = _connected(self._file)
        return self._opened


def _connected(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=_LOCK_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(_TABLE)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _place(text: str) -> Place:
    study, series, instance = json.loads(text)
    return Place(tuple(study), tuple(series), tuple(instance))


def _complain(error: sqlite3.Error) -> None:
    _log.warning("page_ends_failing error=%s", getattr(error, "sqlite_errorname", type(error).__name__))
