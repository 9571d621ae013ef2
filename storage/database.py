"""The one database of the gateway: SQLite in WAL mode, many readers, one writer at a time that works for all who wait.

A commit is durable before `write` returns (synchronous=FULL). Several processes may open the same file; SQLite's lock
orders them. All SQL that callers bring keeps to what PostgreSQL also takes.
"""

import logging
import queue
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from contextvars import copy_context
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlite_utils
from sqlite_utils.migrations import Migrations

from storage.errors import OutOfResources
from storage.waiting import WouldWait, about_to_wait, takes_too_long

_log = logging.getLogger("durchblick.storage")

T = TypeVar("T")
Parameters = Sequence[Any] | Mapping[str, Any]

_READERS: Final = 8
_LARGEST_GROUP: Final = 256
_INSTRUCTIONS: Final = 1_000
_LOCK_WAIT_SECONDS: Final = 30.0
# SQLite's own waiting goes on in steps of 1, 2, 5, 10, 15 ... 100 ms, while a transaction of another process is over
# within 1 or 2.
_SHORTEST_PAUSE: Final = 0.0002
_LONGEST_PAUSE: Final = 0.005
_EXHAUSTED: Final = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
}


class CommitUnknown(OutOfResources):
    """The commit failed in such a way that it may, or may not, show after the next start."""


class _Piece:
    """One caller's work, and what became of it. It is done in the caller's context, whoever's thread does it."""

    __slots__ = ("context", "done", "error", "result", "work")

    def __init__(self, work: Callable[[sqlite3.Connection], Any]) -> None:
        self.work = work
        self.context = copy_context()
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self, connection: sqlite3.Connection) -> None:
        self.result = self.context.run(self.work, connection)

    def fail(self, error: BaseException) -> None:
        self.error, self.done = error, True


class Database:
    """Reads at once, writes in groups; safe to use from any thread. Blocking: async callers use a thread."""

    def __init__(self, path: Path, readers: int = _READERS, lock_wait_seconds: float = _LOCK_WAIT_SECONDS) -> None:
        """Open or create the file at `path`, whose folder exists; `OutOfResources` when that cannot be done.

        A write waits for `lock_wait_seconds` while other processes hold the lock.
        """
        self._path = path
        self._lock_wait_seconds = lock_wait_seconds
        self._writing = _connect(path)
        # `_begin` waits instead.
        self._writing.execute("PRAGMA busy_timeout = 0")
        # What was deleted must not be left to read in free pages.
        self._writing.execute("PRAGMA secure_delete = ON")
        self._pieces: deque[_Piece] = deque()
        self._turn = threading.Lock()
        self._writer = 0
        self._readers: queue.LifoQueue[sqlite3.Connection | None] = queue.LifoQueue()
        for _ in range(readers):
            self._readers.put(None)
        self._reader_count = readers
        self._closed = False

    def migrate(self, migrations: Migrations) -> None:
        """Apply what is pending of this set, all or nothing; safe when several processes start at once."""

        def apply(connection: sqlite3.Connection) -> None:
            migrations.apply(
                sqlite_utils.Database(connection, recursive_triggers=False, execute_plugins=False),
            )

        self.write(apply)

    def read(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """All rows of one query, seeing every write that has returned before the call."""
        connection = self._idle()
        try:
            connection = connection or self._new_reader()
            rows: list[sqlite3.Row] = connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
                raise WouldWait from error
            _refuse(error)
            raise
        finally:
            self._readers.put(connection)
        return rows

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction and return its result once it is durable.

        Whoever gets the turn commits for all who wait, so `work` may run in another caller's thread. What it raises
        undoes its own changes only and is raised here. It never begins or commits by itself, and has no effect but
        through its connection. Raises `OutOfResources` when the disk is full or another process holds the lock too
        long, and nothing is kept then; that is not known for sure with `CommitUnknown`.
        """
        about_to_wait()
        if self._writer == threading.get_ident():
            raise RuntimeError("work that runs in a transaction must use its own connection")
        piece = _Piece(work)
        self._pieces.append(piece)
        with self._turn:
            while not piece.done:
                self._commit_group()
        if piece.error is not None:
            raise piece.error
        result: T = piece.result
        return result

    def scrub(self) -> bool:
        """Let the log, which still holds pages as they were before deletions, become empty; whether that was possible.

        It is not while somebody reads from it; then it is worth another try.
        """
        about_to_wait()
        with self._turn:
            row = self._writing.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not row[0]

    @property
    def pending(self) -> int:
        """How many writes wait for their turn at the moment."""
        return len(self._pieces)

    def close(self) -> None:
        """Finish what is pending, then close every connection. Idempotent."""
        with self._turn:
            if self._closed:
                return
            while self._pieces:
                self._commit_group()
            self._closed = True
            self._writing.close()
        for _ in range(self._reader_count):
            connection = self._readers.get()
            if connection is not None:
                connection.close()

    def _idle(self) -> sqlite3.Connection | None:
        try:
            return self._readers.get_nowait()
        except queue.Empty:
            about_to_wait()
        return self._readers.get()

    def _new_reader(self) -> sqlite3.Connection:
        connection = _connect(self._path)
        connection.execute("PRAGMA query_only = ON")
        connection.set_progress_handler(takes_too_long, _INSTRUCTIONS)
        return connection

    def _commit_group(self) -> None:
        """Begin, and take who waits only then: the longer another process holds the lock, the larger the group."""
        group: list[_Piece] = []
        self._writer = threading.get_ident()
        try:
            try:
                self._begin()
            finally:
                group += [self._pieces.popleft() for _ in range(min(len(self._pieces), _LARGEST_GROUP))]
            if len(group) == 1:
                self._run_alone(group[0])
            else:
                self._run(group)
        except BaseException as error:
            self._give_up(group, _translated(error))
            if not isinstance(error, Exception):
                raise
        finally:
            self._writer = 0

    def _begin(self) -> None:
        """Begin a transaction, as soon as no other process is in one."""
        if self._closed:
            raise RuntimeError("the database is closed")
        deadline = time.monotonic() + self._lock_wait_seconds
        pause = _SHORTEST_PAUSE
        while not self._has_begun():
            if time.monotonic() > deadline:
                raise OutOfResources("Another process holds the index for too long.")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _has_begun(self) -> bool:
        try:
            self._writing.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                return False
            raise
        return True

    def _run_alone(self, piece: _Piece) -> None:
        """Run a piece in the transaction, which is its savepoint too."""
        connection = self._writing
        try:
            piece.run(connection)
        except Exception as error:
            if not connection.in_transaction:
                raise
            connection.execute("ROLLBACK")
            piece.fail(_translated(error))
            return
        self._commit()
        piece.done = True

    def _run(self, group: list[_Piece]) -> None:
        """Run the pieces in the transaction, each in a savepoint of its own."""
        connection = self._writing
        for piece in group:
            connection.execute("SAVEPOINT piece")
            try:
                piece.run(connection)
            except Exception as error:
                if not connection.in_transaction:
                    raise
                connection.execute("ROLLBACK TO piece")
                piece.fail(_translated(error))
            connection.execute("RELEASE piece")
        self._commit()
        for piece in group:
            piece.done = True

    def _commit(self) -> None:
        try:
            self._writing.execute("COMMIT")
        except sqlite3.Error as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_IOERR:
                raise CommitUnknown("The index could not be synced to the disk.") from error
            raise

    def _give_up(self, group: Iterable[_Piece], error: BaseException) -> None:
        """Tell everybody in the group; an interrupt is for one thread only, and may have come after the commit."""
        _log.error("database transaction failed error=%s", type(error).__name__)
        with suppress(sqlite3.Error):
            if self._writing.in_transaction:
                self._writing.execute("ROLLBACK")
        told = error if isinstance(error, Exception) else CommitUnknown("The index was interrupted.")
        for piece in group:
            if not piece.done:
                piece.fail(told)


def _connect(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(path, timeout=_LOCK_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # As PostgreSQL does it, and as DICOM wants all but names compared.
        connection.execute("PRAGMA case_sensitive_like = ON")
    except sqlite3.Error as error:
        _refuse(error)
        raise
    return connection


def _refuse(error: BaseException) -> None:
    """Raise `OutOfResources` for full disks, failing disks and locks that nobody lets go of; return for the others."""
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _EXHAUSTED:
        name = getattr(error, "sqlite_errorname", "")
        raise OutOfResources(f"The index cannot be written at the moment ({name}).") from error


def _translated(error: BaseException) -> BaseException:
    """`error`, or the refusal that it means."""
    try:
        _refuse(error)
    except OutOfResources as refusal:
        return refusal
    return error
