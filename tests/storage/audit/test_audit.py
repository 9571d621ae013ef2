"""The audit only grows, is one chain whoever writes it, and says who did it."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.audit import Audit, acting, note
from storage.audit_trail import AuditTrail
from storage.database import Database
from storage.schema import MIGRATIONS
from storage.waiting import WouldWait, without_waiting
from tests.support.patience import PATIENCE


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "durchblick.sqlite")
    made.migrate(MIGRATIONS)
    yield made
    made.close()


@pytest.fixture
def audit(database: Database) -> Audit:
    return Audit(database)


def forge(database: Database, sql: str) -> None:
    """What somebody does who can write the file: the triggers are no obstacle for him."""
    path = database.read("PRAGMA database_list")[0]["file"]
    connection = sqlite3.connect(path)
    with connection:
        connection.executescript(f"DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete; {sql}")
    connection.close()


def test_events_are_whole_with_who_did_what_to_what(database: Database, audit: Audit) -> None:
    with acting("token archive"):
        audit.record("deleted", "1.2.3", "instances=4")
        database.write(lambda connection: note(connection, "query", "archive", actor="peer PACS@10.0.0.1"))
    with acting(""):
        audit.record("started", "gateway")
    events = list(AuditTrail(database).events())
    assert [(one.number, one.actor, one.event, one.subject, one.detail) for one in events] == [
        (1, "token archive", "deleted", "1.2.3", "instances=4"),
        (2, "peer PACS@10.0.0.1", "query", "archive", ""),
        (3, "", "started", "gateway", ""),
    ]
    verdict = AuditTrail(database).verify()
    assert (verdict.events, verdict.wrong, verdict.last_digest) == (3, None, events[-1].digest)


@pytest.mark.parametrize("sql", ["UPDATE audit SET detail = 'x' WHERE id = 1", "DELETE FROM audit WHERE id = 1"])
def test_rows_are_neither_changed_nor_removed(database: Database, audit: Audit, sql: str) -> None:
    audit.record("started", "gateway")
    with pytest.raises(sqlite3.IntegrityError, match="the audit only grows"):
        database.write(lambda connection: connection.execute(sql))


@pytest.mark.parametrize(
    ("sql", "wrong", "why"),
    [
        ("UPDATE audit SET detail = 'n=9' WHERE id = 2", 2, "the row was changed"),
        ("UPDATE audit SET at = '2020-01-01T00:00:00+00:00' WHERE id = 1", 1, "the row was changed"),
        ("UPDATE audit SET actor = 'nobody' WHERE id = 5", 5, "the row was changed"),
        ("DELETE FROM audit WHERE id = 3", 3, "rows are missing"),
        ("DELETE FROM audit WHERE id = 1", 1, "rows are missing"),
        ("DELETE FROM audit WHERE id >= 4", 4, "rows are missing at the end"),
        ("DELETE FROM audit", 1, "rows are missing at the end"),
        ("DELETE FROM audit WHERE id = 3; UPDATE audit SET id = id - 1 WHERE id > 3", 3, "the row was changed"),
    ],
    ids=["detail", "time", "actor", "middle", "first", "end", "all", "closed-up"],
)
def test_a_forged_row_is_found(database: Database, audit: Audit, sql: str, wrong: int, why: str) -> None:
    for number in range(5):
        audit.record("deleted", "1.2.3", f"n={number}")
    forge(database, sql)
    verdict = AuditTrail(database).verify()
    assert (verdict.wrong, verdict.why) == (wrong, why)


def test_a_chain_that_was_sealed_anew_is_not_the_one_that_was_noted_elsewhere(
    database: Database, audit: Audit, tmp_path: Path
) -> None:
    for number in range(3):
        audit.record("deleted", "1.2.3", f"n={number}")
    noted = list(AuditTrail(database).events())[1]
    (tmp_path / "other").mkdir()
    rewritten = Database(tmp_path / "other" / "durchblick.sqlite")
    rewritten.migrate(MIGRATIONS)
    for _ in range(3):
        Audit(rewritten).record("deleted", "1.2.3", "n=0")
    assert AuditTrail(rewritten).verify().wrong is None
    assert AuditTrail(rewritten).verify((noted.number, noted.digest)).wrong == 2
    assert AuditTrail(rewritten).verify((4, "0")).wrong == 4
    assert AuditTrail(database).verify((noted.number, noted.digest)).wrong is None
    rewritten.close()


def test_what_happens_often_is_noted_once_for_each_who_and_what(database: Database, audit: Audit) -> None:
    other_process = Audit(database)
    for _ in range(300):
        for study in ("1.2.3", "1.2.4"):
            audit.record_once("instances accessed", study, actor="share a 1")
            other_process.record_once("instances accessed", study, actor="share a 1")
    audit.record_once("instances accessed", "1.2.3", actor="share a 2")
    found = [(one.actor, one.subject) for one in AuditTrail(database).events()]
    assert found == [("share a 1", "1.2.3"), ("share a 1", "1.2.4"), ("share a 2", "1.2.3")]


def test_after_a_day_it_is_noted_again(database: Database, audit: Audit) -> None:
    audit.record_once("query", "archive", actor="token a")
    database.write(lambda connection: connection.execute("UPDATE audit_once SET at = '2020-01-01T00:00:00+00:00'"))
    audit.record_once("query", "archive", actor="token a")
    assert len(list(AuditTrail(database).events())) == 1
    Audit(database).record_once("query", "archive", actor="token a")
    assert len(list(AuditTrail(database).events())) == 2
    audit.forget_once()
    assert len(database.read("SELECT 1 FROM audit_once")) == 1


def test_where_nobody_may_wait_only_what_is_known_goes(audit: Audit) -> None:
    with without_waiting(), pytest.raises(WouldWait):
        audit.record_once("query", "archive", actor="token a")
    audit.record_once("query", "archive", actor="token a")
    with without_waiting():
        audit.record_once("query", "archive", actor="token a")


def test_threads_that_commit_for_each_other_keep_their_own_names(database: Database, audit: Audit) -> None:
    def work(number: int) -> None:
        with acting(f"token {number}"):
            audit.record("deleted", str(number))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(200)))
    events = list(AuditTrail(database).events())
    assert {(one.actor, one.subject) for one in events} == {(f"token {number}", str(number)) for number in range(200)}
    assert AuditTrail(database).verify().wrong is None


_WRITER = """
import sys
from pathlib import Path
from storage.audit import Audit
from storage.database import Database
audit = Audit(Database(Path(sys.argv[1])))
for number in range(50):
    audit.record("deleted", sys.argv[2], str(number))
"""


def test_several_processes_write_one_chain(database: Database, tmp_path: Path) -> None:
    file = str(tmp_path / "durchblick.sqlite")
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, file, str(number)]) for number in range(3)]
    assert [writer.wait(PATIENCE) for writer in writers] == [0, 0, 0]
    verdict = AuditTrail(database).verify()
    assert (verdict.events, verdict.wrong) == (150, None)


def test_what_was_there_before_the_chain_is_sealed(tmp_path: Path) -> None:
    database = Database(tmp_path / "durchblick.sqlite")
    before = [one for one in MIGRATIONS._migrations if one.name < "007"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MIGRATIONS, "_migrations", before)
        database.migrate(MIGRATIONS)
    database.write(
        lambda connection: connection.executemany(
            "INSERT INTO audit (at, event, subject, detail) VALUES ('2026-01-01T00:00:00+00:00', 'deleted', ?, '')",
            [("1.2.3",), ("1.2.4",)],
        )
    )
    database.migrate(MIGRATIONS)
    assert [one.subject for one in AuditTrail(database).events()] == ["1.2.3", "1.2.4"]
    assert AuditTrail(database).verify().wrong is None
    database.close()


def test_pages_and_limits(database: Database, audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.audit_trail._AT_ONCE", 2)
    for number in range(5):
        audit.record("deleted", str(number))
    trail = AuditTrail(database)
    assert [one.number for one in trail.events()] == [1, 2, 3, 4, 5]
    assert [one.number for one in trail.events(after=1, limit=3)] == [2, 3, 4]
    assert [one.number for one in trail.latest(2)] == [4, 5]
    assert [one.number for one in trail.of_subject("3", ["deleted"], 5)] == [4]
