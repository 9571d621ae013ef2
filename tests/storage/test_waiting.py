"""What is tried where nobody may wait gives up before it waits, and changes nothing."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from storage.attributes import Level
from storage.database import Database
from storage.files import Files, blob_key
from storage.pixels import Pixels
from storage.query import Query
from storage.scope import WholeArchive
from storage.storage import Storage, StorageSettings
from storage.waiting import WouldWait, about_to_wait, may_wait, without_waiting
from tests.support.pixel_sources import kept, plain_files, written
from tests.support.synthetic import ct, part10


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    opened = Files(tmp_path)
    yield opened
    opened.close()


def test_only_inside_and_only_this_thread() -> None:
    others: list[bool] = []
    with pytest.raises(WouldWait), without_waiting():
        thread = Thread(target=lambda: others.append(may_wait()))
        thread.start()
        thread.join()
        assert not may_wait()
        about_to_wait()
    assert (may_wait(), others) == (True, [True])
    about_to_wait()


def test_warm_bytes_are_the_same_bytes(files: Files, tmp_path: Path) -> None:
    key = blob_key("1.2", "0" * 64, "0" * 16)
    path = tmp_path / "blobs" / key
    path.parent.mkdir(parents=True)
    content = os.urandom(100_000)
    path.write_bytes(content)
    with without_waiting():
        assert b"".join(files.pieces(key, [(5, 50_000), (99_990, 10)], 4096)) == content[5:50_005] + content[99_990:]
        assert files.modified(key) == path.stat().st_mtime


@pytest.mark.parametrize("code", [errno.EAGAIN, errno.EOPNOTSUPP])
def test_what_the_kernel_would_have_to_fetch_is_given_up(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    key = blob_key("1.2", "0" * 64, "0" * 16)
    path = tmp_path / "blobs" / key
    path.parent.mkdir(parents=True)
    path.write_bytes(b"cold")

    def refuse(*_: Any) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "preadv", refuse)
    with pytest.raises(WouldWait), without_waiting():
        files.read(key, 0, 4)
    assert files.read(key, 0, 4) == b"cold"


def test_a_database_whose_readers_are_all_at_work(tmp_path: Path) -> None:
    database = Database(tmp_path / "index", readers=1)
    try:
        with without_waiting():
            assert database.read("SELECT 1")[0][0] == 1
        at_work = database._idle()
        with pytest.raises(WouldWait), without_waiting():
            database.read("SELECT 1")
        database._readers.put(at_work)
        with pytest.raises(WouldWait), without_waiting():
            database.write(lambda connection: connection.execute("CREATE TABLE t (a)"))
        with pytest.raises(sqlite3.OperationalError):
            database.read("SELECT a FROM t")
    finally:
        database.close()


def test_no_decoder_is_asked(tmp_path: Path) -> None:
    pixels = Pixels(plain_files())
    try:
        with pytest.raises(WouldWait), without_waiting():
            pixels.decoded(*kept(written(tmp_path, ct())), 1)
        assert pixels._pool.pids() == ()
    finally:
        pixels.close()


_COUNT = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT count(*) FROM n"


def test_a_question_that_takes_the_database_long_is_given_up(tmp_path: Path) -> None:
    """What all questions of one try take together counts, and each try begins anew."""
    with closing(Database(tmp_path / "index")) as database:
        for _ in range(2):
            with pytest.raises(WouldWait), without_waiting():
                database.read(_COUNT, (100_000,))
            with without_waiting():
                assert database.read(_COUNT, (10,))[0][0] == 10
            with pytest.raises(WouldWait), without_waiting():
                for _ in range(1_000):
                    database.read(_COUNT, (100,))
        assert database.read(_COUNT, (100_000,))[0][0] == 100_000


@pytest.mark.parametrize(("studies", "gives_up"), [(64, False), (65, True)])
def test_a_long_list_is_given_up(tmp_path: Path, studies: int, gives_up: bool) -> None:
    with closing(Storage.open(tmp_path, StorageSettings(free_space_floor=0))) as storage:
        for _ in range(studies):
            incoming = storage.ingest.receive()
            incoming.write(part10(ct()))
            storage.ingest.store(incoming, source="test")
        query = Query(Level.STUDY)
        with pytest.raises(WouldWait) if gives_up else nullcontext(), without_waiting():
            assert len(storage.index.search(WholeArchive(), query).data_sets) == studies
        assert len(storage.index.search(WholeArchive(), query).data_sets) == studies
