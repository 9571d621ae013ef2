"""kill -9 of the worker: every download and every retrieval ends, each once, and everything is there."""

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

from gateway.archive.archive import ArchivedStudy
from gateway.archive.service import retrievals_of
from gateway.config import Config
from gateway.downloads.contents import content_of, images_of, records_of
from gateway.downloads.downloads import MOST_ATTEMPTS, Form, Wish
from gateway.downloads.layout import Prepared
from gateway.downloads.worker import Preparation
from storage.scope import ListedStudies, WholeArchive
from storage.storage import Storage
from tests.gateway.archive.conftest import Hospital, hospital
from tests.scenarios.jobs_child import work
from tests.support.synthetic import ct, part10

KILLS = int(os.environ.get("JOB_KILLS", "2"))
FORMS: tuple[Form, ...] = ("archive", "pictures", "sheets")
STUDIES, INSTANCES = 3, 4
CHILDREN = multiprocessing.get_context("forkserver")


def work_until_killed(config: Config, run: int, seconds: float | None) -> bool:
    """Whether the child came to its end before it was killed, `seconds` after it had begun; None: never."""
    told, telling = CHILDREN.Pipe(duplex=False)
    child = CHILDREN.Process(target=work, args=(config, run, telling))
    child.start()
    telling.close()
    assert told.poll(60) and told.recv() == "begun"
    if seconds is not None and not told.poll(seconds) and child.pid:
        os.kill(child.pid, signal.SIGKILL)
    child.join(120 + 10 * KILLS)
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode == 0


def put(storage: Storage, study: str) -> None:
    for number in range(INSTANCES):
        incoming = storage.ingest.receive()
        incoming.write(part10(ct(number=number, StudyInstanceUID=study, SeriesInstanceUID=f"{study}.1")))
        storage.ingest.store(incoming, source="test")


def ask(made: Hospital, run: int) -> None:
    """A share with a download of each form, and studies that only the archive has."""
    house = made.house
    put(house.storage, f"1.2.{run}")
    share = house.shares.create(ListedStudies(frozenset({f"1.2.{run}"})), "19500131", 30).share
    records = records_of(house.storage.index, share.scope)
    for form in FORMS:
        house.downloads.order(Wish(share.id, "", form), content_of(records), images_of(records))
    wanted = []
    for number in range(STUDIES):
        put(made.pacs, f"1.3.{run}.{number}")
        wanted.append(ArchivedStudy(f"1.3.{run}.{number}", "", ("CT",), "", "", "", "", "", "", INSTANCES))
    retrievals_of(house).want("", "PACS1", "1.9", wanted)


def test_every_job_ends_once_whenever_the_worker_is_killed(tmp_path: Path) -> None:
    CHILDREN.set_forkserver_preload(["tests.scenarios.jobs_child"])
    chance = random.Random("jobs")
    killed, run, began = 0, 0, time.monotonic()
    with hospital(tmp_path, "get") as made:
        config = made.house.config
        while killed < KILLS:
            assert time.monotonic() - began < 60 + 10 * KILLS
            run += 1
            ask(made, run)
            killed += not work_until_killed(config, run, chance.uniform(0.0, 0.6))
        assert work_until_killed(config, run + 1, None)
        _order_again(made, killed)
        _check(made, run)


def _order_again(made: Hospital, killed: int) -> None:
    """What was hit as often as a download that itself kills workers is given up; its patient asks for it again."""
    downloads = made.house.downloads
    failed = [one for one in downloads.all() if one.state == "failed"]
    assert len(failed) <= killed // MOST_ATTEMPTS
    for one in failed:
        downloads.order(one.wish, one.content, one.total)
    assert Preparation(made.house, lambda: False).work() == len(failed)


def _check(made: Hospital, runs: int) -> None:
    house = made.house
    done = house.downloads.all()
    assert Counter((one.wish.form, one.state) for one in done) == {(form, "ready"): runs for form in FORMS}
    for one in done:
        prepared = Prepared(house.downloads_folder / one.id, house.storage.files)
        with ZipFile(BytesIO(b"".join(prepared.archive()))) as archive:
            assert archive.testzip() is None
    Preparation(house, lambda: False).tidy()
    assert {path.name for path in house.downloads_folder.iterdir()} == {one.id for one in done}
    fetched = retrievals_of(house).listed("", runs * STUDIES + 1)
    assert Counter(one.state for one in fetched) == {"done": runs * STUDIES}
    assert {one.received for one in fetched} == {INSTANCES}
    assert made.here() == runs * INSTANCES + runs * STUDIES * INSTANCES
    told = house.storage.database.read("SELECT subject FROM audit WHERE event = 'study retrieved'")
    assert sorted(row["subject"] for row in told) == sorted(one.study for one in fetched)
    assert made.pacs.index.counts(WholeArchive()).studies == 3 + runs * STUDIES
