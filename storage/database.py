"""The one database of the gateway: SQLite in WAL mode, many readers, one writer thread that groups what is pending.

A commit is durable before `write` returns (synchronous=FULL). Several processes may open the same file; each has its
own writer, and SQLite's lock orders them. All SQL that callers bring keeps to what PostgreSQL also takes.
"""

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlite_utils
from sqlite_utils.migrations import Migrations

from storage.errors import OutOfResources

_log = logging.getLogger("durchblick.storage")

T = TypeVar("T")
Parameters = Sequence[Any]

_READERS: Final = 8
_LARGEST_GROUP: Final = 256
_LOCK_WAIT_MS: Final = 30_000
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
    """One caller's work, waiting for the writer."""

    __slots__ = ("future", "result", "work")

    def __init__(self, work: Callable[[sqlite3.Connection], Any]) -> None:
        self.work = work
        self.future: Future[Any] = Future()
        self.result: Any = None


class Database:
    """Reads at once, writes in groups; safe to use from any thread. Blocking: async callers use a thread."""

    def __init__(self, path: Path, readers: int = _READERS) -> None:
        """Open or create the file at `path`, whose folder exists; `OutOfResources` when that cannot be done."""
        self._path = path
        with _translated():
            self._writing = _connect(path)
        self._pieces: queue.SimpleQueue[_Piece | None] = queue.SimpleQueue()
        self._readers: queue.LifoQueue[sqlite3.Connection | None] = queue.LifoQueue()
        for _ in range(readers):
            self._readers.put(None)
        self._reader_count = readers
        self._closed = False
        self._closing = threading.Lock()
        self._writer = threading.Thread(target=self._write_pending, name="database-writer", daemon=True)
        self._writer.start()

    def migrate(self, migrations: Migrations) -> None:
        """Apply what is pending of this set, all or nothing; safe when several processes start at once."""

        def apply(connection: sqlite3.Connection) -> None:
            migrations.apply(
                sqlite_utils.Database(connection, recursive_triggers=False, execute_plugins=False),
            )

        self.write(apply)

    def read(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """All rows of one query, seeing every write that has returned before the call."""
        with self._reader() as connection, _translated():
            rows: list[sqlite3.Row] = connection.execute(sql, parameters).fetchall()
            return rows

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in the writer thread and return its result once it is durable.

        `work` shares a transaction with others that are pending. What it raises undoes its own changes only and is
        raised here. It never begins or commits by itself, and has no effect but through its connection. Raises
        `OutOfResources` when the disk is full or another process holds the lock too long; nothing is kept then.
        """
        if threading.current_thread() is self._writer:
            raise RuntimeError("work that runs in the writer must use its own connection")
        piece = _Piece(work)
        with self._closing:
            if self._closed:
                raise RuntimeError("the database is closed")
            self._pieces.put(piece)
        result: T = piece.future.result()
        return result

    @property
    def pending(self) -> int:
        """How many writes wait for the writer at the moment."""
        return self._pieces.qsize()

    def close(self) -> None:
        """Finish what is pending, then close every connection. Idempotent."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._pieces.put(None)
        self._writer.join()
        for _ in range(self._reader_count):
            connection = self._readers.get()
            if connection is not None:
                connection.close()
        self._writing.close()

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        pooled = self._readers.get()
        try:
            if pooled is None:
                with _translated():
                    pooled = _connect(self._path)
                    pooled.execute("PRAGMA query_only = ON")
            yield pooled
        finally:
            self._readers.put(pooled)

    def _write_pending(self) -> None:
        while (first := self._pieces.get()) is not None:
            group = [first]
            open_ended = self._gather(group)
            self._commit(group)
            if not open_ended:
                return

    def _gather(self, group: list[_Piece]) -> bool:
        """Add what is waiting to `group`; False when the closing mark was among it."""
        with suppress(queue.Empty):
            while len(group) < _LARGEST_GROUP:
                piece = self._pieces.get_nowait()
                if piece is None:
                    return False
                group.append(piece)
        return True

    def _commit(self, group: list[_Piece]) -> None:
        try:
            with _translated():
                succeeded = self._run(group)
        except Exception as error:
            self._give_up(group, error)
            return
        for piece in succeeded:
            piece.future.set_result(piece.result)

    def _run(self, group: list[_Piece]) -> list[_Piece]:
        """Run the pieces in one transaction; those that raised have their answer, the others are returned."""
        connection = self._writing
        connection.execute("BEGIN IMMEDIATE")
        succeeded = []
        for piece in group:
            connection.execute("SAVEPOINT piece")
            try:
                with _translated():
                    piece.result = piece.work(connection)
            except BaseException as error:
                if not connection.in_transaction:
                    raise
                connection.execute("ROLLBACK TO piece")
                piece.future.set_exception(error)
            else:
                succeeded.append(piece)
            connection.execute("RELEASE piece")
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_IOERR:
                raise CommitUnknown("The index could not be synced to the disk.") from error
            raise
        return succeeded

    def _give_up(self, group: Iterable[_Piece], error: Exception) -> None:
        _log.error("database transaction failed error=%s", type(error).__name__)
        if self._writing.in_transaction:
            with suppress(sqlite3.Error):
                self._writing.execute("ROLLBACK")
        for piece in group:
            if not piece.future.done():
                piece.future.set_exception(error)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_LOCK_WAIT_MS / 1000, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # As PostgreSQL does it, and as DICOM wants all but names compared.
    connection.execute("PRAGMA case_sensitive_like = ON")
    return connection


@contextmanager
def _translated() -> Iterator[None]:
    """Full disks, failing disks and locks that nobody lets go of become `OutOfResources`; other errors pass."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0)
        if code & 0xFF not in _EXHAUSTED:
            raise
        name = getattr(error, "sqlite_errorname", "")
        raise OutOfResources(f"The index cannot be written at the moment ({name}).") from error
