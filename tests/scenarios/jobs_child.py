"""The child of test_jobs_kill: prepares downloads and fetches studies until nothing is left, or it is killed."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection

from gateway.archive.retrievals import HELD_SECONDS as RETRIEVAL_SECONDS
from gateway.archive.retrievals import Retrievals
from gateway.archive.retrieving import Retrieving
from gateway.archive.service import archive_of
from gateway.config import Config
from gateway.downloads.downloads import HELD_SECONDS, Downloads
from gateway.downloads.worker import Preparation
from gateway.house import build


def work(config: Config, run: int, telling: Connection) -> None:
    """Each run's clock is so far ahead that what the one before held when it was killed is free again."""
    ahead = run * 2 * max(HELD_SECONDS, RETRIEVAL_SECONDS)
    house = build(config)
    downloads = Downloads(house.storage.database, lambda: datetime.now(UTC) + timedelta(seconds=ahead))
    preparation = Preparation(replace(house, downloads=downloads), lambda: False)
    archive = archive_of(house)
    assert archive is not None
    retrievals = Retrievals(house.storage.database, lambda: time.time() + ahead)
    retrieving = Retrieving(retrievals, house.storage.index, "", archive, 60, look_seconds=0.01)
    telling.send("begun")
    retrieving.work_off()
    preparation.work()
    telling.send("done")
    house.close()
