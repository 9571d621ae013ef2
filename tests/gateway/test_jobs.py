"""The worker's jobs, in process."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from auth.clock import system_clock
from auth.shares import Shares
from gateway import jobs
from gateway.config import Config
from gateway.house import House, build
from gateway.sections import HttpConfig, StorageConfig
from storage.errors import OutOfResources
from storage.scope import ListedStudies
from tests.support.patience import PATIENCE
from tests.support.synthetic import ct, part10


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    config = Config(
        storage=StorageConfig(free_space_floor_mb=1), http=HttpConfig(public_url="https://a.example"), base=tmp_path
    )
    built = build(config)
    yield built
    built.close()


def _store(house: House, number: int) -> None:
    incoming = house.storage.ingest.receive()
    incoming.write(part10(ct(number=number, StudyInstanceUID="1.2", SeriesInstanceUID="1.2.3")))
    house.storage.ingest.store(incoming, source="test")


def _ready(house: House) -> int:
    return len(house.storage.database.read("SELECT 1 FROM series_metadata WHERE shows_held = 0"))


def _run_until(house: House, done: Callable[[], bool]) -> None:
    """The worker's jobs until `done`; then they end when they are told to."""

    async def live() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(jobs.run(house, stop))
        async with asyncio.timeout(PATIENCE):
            while not done():
                await asyncio.sleep(0.01)
        stop.set()
        await asyncio.wait_for(running, 60)

    asyncio.run(live())


def test_metadata_are_made_once_nothing_new_comes(house: House) -> None:
    warmer = jobs.Warmer(house)
    _store(house, 1)
    assert warmer.warm() == 0
    _store(house, 2)
    assert warmer.warm() == 0
    assert warmer.warm() == 1
    assert _ready(house) == 1
    assert warmer.warm() == 0


def test_what_was_warmed_is_what_a_patient_asks_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    warmer = jobs.Warmer(house)
    _store(house, 1)
    warmer.warm()
    warmer.warm()
    scope = ListedStudies(frozenset({"1.2"}))
    monkeypatch.setattr(house.storage.database, "write", lambda work: pytest.fail("it was not ready"))
    root = "https://a.example/dicom-web"
    assert house.storage.index.metadata(scope, "1.2", "1.2.3", bulk_data_root=root).gzipped


def test_the_worker_runs_until_it_is_stopped(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "PAUSE_SECONDS", 0.01)
    _store(house, 1)
    _run_until(house, lambda: _ready(house) > 0)


def test_the_worker_removes_sessions_that_are_over(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "SESSIONS_SECONDS", 0.01)
    issued = house.shares.create(ListedStudies(frozenset({"1.2"})), "19500131", 1)
    kept, idle = (house.sessions.begin(issued.share) for _ in range(2))
    digest = hashlib.sha256(idle.encode()).hexdigest()
    house.storage.database.write(
        lambda connection: connection.execute("UPDATE share_session SET seen = 0 WHERE digest = ?", (digest,)).rowcount
    )

    def left() -> int:
        return len(house.storage.database.read("SELECT 1 FROM share_session"))

    _run_until(house, lambda: left() == 1)
    assert house.sessions.session_of(kept) is not None


def test_a_job_that_is_refused_is_tried_again(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(jobs, "SESSIONS_SECONDS", 0.01)
    tried = []

    def prune() -> None:
        tried.append(True)
        raise OutOfResources("no room")

    monkeypatch.setattr(house.sessions, "prune", prune)
    _run_until(house, lambda: len(tried) > 1)
    assert "job_refused detail=no room" in caplog.text


def test_a_job_that_breaks_is_tried_again_and_stops_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(jobs, "SESSIONS_SECONDS", 0.01)
    monkeypatch.setattr(jobs, "PAUSE_SECONDS", 0.01)
    tried = []

    def prune() -> None:
        tried.append(True)
        raise ZeroDivisionError

    monkeypatch.setattr(house.sessions, "prune", prune)
    _store(house, 1)
    _run_until(house, lambda: len(tried) > 1 and _ready(house) > 0)
    assert "job_failed" in caplog.text


def test_pictures_are_prepared_unless_they_may_take_no_room(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "PAUSE_SECONDS", 0.01)
    pictures = house.storage.folder / "cache" / "pictures"
    _store(house, 1)
    none = house.config.storage.model_copy(update={"first_pictures_mb": 0})
    without = replace(house, config=house.config.model_copy(update={"storage": none}))
    _run_until(without, lambda: _ready(house) > 0)
    assert not pictures.exists()
    _run_until(house, lambda: len([path for path in pictures.rglob("*") if path.is_file()]) == 2)


def test_shares_of_another_pepper_are_told_at_start(house: House, caplog: pytest.LogCaptureFixture) -> None:
    jobs.look_at_pepper(house)
    assert caplog.text == ""
    strange = Shares(house.storage.database, bytes(32), system_clock)
    strange.create(ListedStudies(frozenset({"1.2"})), "19500131", 1)
    jobs.look_at_pepper(house)
    assert "shares_of_another_pepper count=1" in caplog.text


def test_mending_reports_what_is_missing(house: House, caplog: pytest.LogCaptureFixture) -> None:
    _store(house, 1)
    assert jobs.mend(house).missing_blobs == []
    (row,) = house.storage.database.read("SELECT blob_key FROM instance")
    house.storage.files.remove(row["blob_key"])
    assert len(jobs.mend(house).missing_blobs) == 1
    assert "blobs_missing count=1" in caplog.text
