"""The promises that any database behind `Database` has to keep: atomic, durable in order, one writer, many readers."""

import multiprocessing
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlite_utils
from sqlite_utils.migrations import Migrations

from storage.database import CommitUnknown, Database
from storage.errors import OutOfResources
from tests.support.patience import PATIENCE

NOTES = Migrations("notes")
PROCESSES = multiprocessing.get_context("spawn")


@NOTES(name="001")
def _notes(database: sqlite_utils.Database) -> None:
    database.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, words TEXT NOT NULL UNIQUE) STRICT")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "test.sqlite")
    opened.migrate(NOTES)
    yield opened
    opened.close()


def add(database: Database, words: str) -> int:
    return database.write(lambda connection: insert(connection, words))


def insert(connection: sqlite3.Connection, words: str) -> int:
    (row,) = connection.execute("INSERT INTO note (words) VALUES (?) RETURNING id", (words,)).fetchall()
    return int(row["id"])


def words(database: Database) -> set[str]:
    return {row["words"] for row in database.read("SELECT words FROM note")}


def test_a_write_is_seen_by_every_read_after_it(database: Database) -> None:
    assert add(database, "one") == 1
    assert words(database) == {"one"}


def test_what_work_raises_reaches_its_caller_and_undoes_only_its_own_changes(database: Database) -> None:
    def fails(connection: sqlite3.Connection) -> None:
        insert(connection, "gone")
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        database.write(fails)
    with pytest.raises(sqlite3.IntegrityError):
        database.write(lambda connection: [insert(connection, "twice"), insert(connection, "twice")])
    add(database, "kept")
    assert words(database) == {"kept"}


def test_pending_writes_share_one_transaction_without_sharing_their_failures(tmp_path: Path) -> None:
    database = Database(tmp_path / "test.sqlite")
    database.migrate(NOTES)
    commits: list[int] = []
    running, release = threading.Event(), threading.Event()

    def holds(connection: sqlite3.Connection) -> None:
        running.set()
        release.wait()
        connection.set_trace_callback(lambda sql: commits.append(1) if sql == "COMMIT" else None)

    def work(number: int) -> int:
        def one(connection: sqlite3.Connection) -> int:
            row = insert(connection, f"note {number}")
            if number % 5 == 0:
                raise LookupError(str(number))
            return row

        return database.write(one)

    with ThreadPoolExecutor(21) as pool:
        first = pool.submit(database.write, holds)
        running.wait()
        futures = [pool.submit(work, number) for number in range(20)]
        while database.pending < 20:
            threading.Event().wait(0.001)
        release.set()
        first.result()
        failed = {number for number, future in enumerate(futures) if future.exception() is not None}
    assert failed == {0, 5, 10, 15}
    assert words(database) == {f"note {number}" for number in range(20) if number % 5}
    assert len(commits) == 2
    database.close()


def test_writes_of_many_threads_are_all_there(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        rows = list(pool.map(lambda number: add(database, f"note {number}"), range(200)))
    assert len(set(rows)) == 200
    assert len(words(database)) == 200


def test_two_processes_worth_of_writers_take_turns(tmp_path: Path, database: Database) -> None:
    other = Database(tmp_path / "test.sqlite")
    other.migrate(NOTES)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: add((database, other)[number % 2], f"note {number}"), range(100)))
    other.close()
    assert len(words(database)) == 100


def add_many(path: Path, name: str) -> None:
    """What one process of several does."""
    database = Database(path)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: add(database, f"{name} {number}"), range(100)))
    database.close()


def test_two_processes_that_write_at_once_lose_nothing(tmp_path: Path, database: Database) -> None:
    processes = [PROCESSES.Process(target=add_many, args=(tmp_path / "test.sqlite", name)) for name in ("one", "two")]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE)
    assert [process.exitcode for process in processes] == [0, 0]
    assert words(database) == {f"{name} {number}" for name in ("one", "two") for number in range(100)}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """While another process is in a transaction."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


def test_those_who_wait_for_another_process_become_one_group(tmp_path: Path, database: Database) -> None:
    commits: list[int] = []
    database._writing.set_trace_callback(lambda sql: commits.append(1) if sql == "COMMIT" else None)
    with ThreadPoolExecutor(5) as pool:
        with locked(tmp_path / "test.sqlite"):
            futures = [pool.submit(add, database, f"note {number}") for number in range(5)]
            while database.pending < 5:
                threading.Event().wait(0.001)
        for future in futures:
            future.result()
    assert (len(commits), len(words(database))) == (1, 5)


def test_a_lock_that_nobody_lets_go_of_is_out_of_resources_and_leaves_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "test.sqlite", lock_wait_seconds=0.02)
    database.migrate(NOTES)
    with locked(tmp_path / "test.sqlite"), pytest.raises(OutOfResources):
        add(database, "waited in vain")
    assert database.pending == 0
    add(database, "after")
    assert words(database) == {"after"}
    database.close()


def test_a_reader_is_not_blocked_by_a_writer_and_sees_only_what_is_committed(database: Database) -> None:
    inside, leave = threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection) -> None:
        insert(connection, "uncommitted")
        inside.set()
        leave.wait()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(database.write, slow)
        inside.wait()
        assert words(database) == set()
        leave.set()
        future.result()
    assert words(database) == {"uncommitted"}


def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises(OutOfResources):
        database.read("INSERT INTO note (words) VALUES ('sneaked in')")
    assert words(database) == set()


def test_matching_by_pattern_is_case_sensitive(database: Database) -> None:
    add(database, "Note")
    assert database.read("SELECT id FROM note WHERE words LIKE 'note' ESCAPE '!'") == []


def test_commits_are_synced(database: Database) -> None:
    settings = database.write(
        lambda connection: [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    )
    assert settings == ["wal", 2, 1]


def test_a_full_disk_is_out_of_resources_and_leaves_nothing(database: Database) -> None:
    (pages,) = database.read("SELECT page_count AS n FROM pragma_page_count")
    database.write(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages['n']}").fetchall())
    with pytest.raises(OutOfResources):
        add(database, "x" * 1_000_000)
    assert words(database) == set()
    database.write(lambda connection: connection.execute("PRAGMA max_page_count = 1000000").fetchall())
    add(database, "y" * 1_000_000)
    assert len(words(database)) == 1


def test_a_commit_that_could_not_be_synced_is_unknown(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        """The writer's connection, with a disk that fails at COMMIT."""

        def __init__(self, real: sqlite3.Connection) -> None:
            self._real = real

        def __getattr__(self, name: str) -> object:
            return getattr(self._real, name)

        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if sql == "COMMIT":
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_IOERR_FSYNC, "SQLITE_IOERR_FSYNC"
                raise error
            return self._real.execute(sql, *parameters)

    real = database._writing
    monkeypatch.setattr(database, "_writing", Broken(real))
    with pytest.raises(CommitUnknown):
        add(database, "who knows")
    monkeypatch.setattr(database, "_writing", real)
    add(database, "after")
    assert words(database) == {"after"}


def test_migrations_run_once_and_all_or_nothing(tmp_path: Path, database: Database) -> None:
    broken = Migrations("broken")

    @broken(name="001")
    def fails(connected: sqlite_utils.Database) -> None:
        connected.execute("CREATE TABLE half (id INTEGER PRIMARY KEY) STRICT")
        raise LookupError("no second half")

    database.migrate(NOTES)
    with pytest.raises(LookupError):
        database.migrate(broken)
    assert database.read("SELECT name FROM sqlite_schema WHERE name = 'half'") == []


def test_processes_that_start_together_migrate_once(tmp_path: Path) -> None:
    opened = [Database(tmp_path / "test.sqlite") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda database: database.migrate(NOTES), opened))
    assert len(opened[0].read("SELECT name FROM _sqlite_migrations WHERE migration_set = 'notes'")) == 1
    for database in opened:
        database.close()


def test_work_may_not_ask_for_the_writer_again(database: Database) -> None:
    with pytest.raises(RuntimeError, match="own connection"):
        database.write(lambda connection: add(database, "inner"))


def test_an_interrupt_reaches_its_own_thread_and_keeps_nothing_of_the_group(database: Database) -> None:
    def interrupted(connection: sqlite3.Connection) -> None:
        insert(connection, "half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        database.write(interrupted)
    add(database, "after")
    assert words(database) == {"after"}


def test_close_finishes_what_is_pending_and_is_idempotent(tmp_path: Path) -> None:
    database = Database(tmp_path / "test.sqlite")
    database.migrate(NOTES)
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(add, database, f"note {number}") for number in range(50)]
        done = [future.result() for future in futures]
        database.close()
        database.close()
    assert len(done) == 50
    with pytest.raises(RuntimeError, match="closed"):
        add(database, "late")
    again = Database(tmp_path / "test.sqlite")
    assert len(words(again)) == 50
    again.close()
