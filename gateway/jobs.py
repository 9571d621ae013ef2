"""The worker's jobs: mend what a crash left, keep answers ready that would otherwise be made while somebody waits."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from gateway.commitment import FORGET_SECONDS, REPORT_SECONDS, Commitment
from gateway.first_pictures import TIDY_SECONDS, FirstPictures
from gateway.forwarding.forwarding import LOOK_SECONDS, Forwarding
from gateway.health import free_bytes
from gateway.house import House
from storage.errors import Refusal
from storage.records import ChangedSeries
from storage.scope import ListedStudies, WholeArchive
from storage.sweep import SweepReport

_LOG: Final = logging.getLogger("durchblick.gateway")

PAUSE_SECONDS: Final = 3.0
SESSIONS_SECONDS: Final = 60.0
SWEEP_SECONDS: Final = 24 * 3600.0
_AT_ONCE: Final = 50


class Warmer:
    """Puts the metadata of a series together once nothing new has come to it for a pause."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._root = house.config.public_root + house.config.http.dicomweb_path
        self._seen: set[ChangedSeries] = set()

    def warm(self) -> int:
        """Make what is due and return how many series that were; blocking."""
        index = self._house.storage.index
        changed = index.changed_series(WholeArchive(), self._root, _AT_ONCE)
        resting = [series for series in changed if series in self._seen]
        self._seen = set(changed)
        for series in resting:
            study = series.study_instance_uid
            # A series may be gone by now; then there is nothing to make.
            with suppress(Refusal):
                scope = ListedStudies(frozenset({study}))
                index.metadata(scope, study, series.series_instance_uid, bulk_data_root=self._root)
        return len(resting)


def mend(house: House) -> SweepReport:
    """Take in or remove what a crash left behind, and say what is missing; blocking."""
    report = house.storage.sweep()
    if report.missing_blobs:
        _LOG.error("blobs_missing count=%d", len(report.missing_blobs))
    return report


@dataclass(frozen=True, slots=True)
class Job:
    """What the worker does again and again, with so many seconds between; `work` blocks."""

    seconds: float
    work: Callable[[], object]


def jobs_of(house: House, commitment: Commitment, forwarding: Forwarding, is_stopping: Callable[[], bool]) -> list[Job]:
    """All jobs of the worker; long ones end when `is_stopping`."""
    return [
        Job(PAUSE_SECONDS, Warmer(house).warm),
        *_pictures(house, is_stopping),
        Job(TIDY_SECONDS, house.storage.drawn.tidy),
        Job(PAUSE_SECONDS, partial(_look_at_disk, house)),
        Job(SESSIONS_SECONDS, house.sessions.prune),
        Job(SWEEP_SECONDS, partial(mend, house)),
        Job(REPORT_SECONDS, commitment.report),
        Job(REPORT_SECONDS, partial(commitment.verify, is_stopping)),
        Job(FORGET_SECONDS, commitment.forget),
        Job(FORGET_SECONDS, house.storage.worklist.forget),
        Job(LOOK_SECONDS, forwarding.look),
        Job(LOOK_SECONDS, forwarding.send),
        Job(FORGET_SECONDS, forwarding.forget),
    ]


async def run(house: House, stop: asyncio.Event) -> None:
    """Do every job until `stop` is set, none waiting for another; one that fails is logged and tried again."""
    commitment, forwarding = Commitment(house), Forwarding(house)
    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs_of(house, commitment, forwarding, stop.is_set):
                group.create_task(_repeat(job, stop))
    finally:
        await asyncio.to_thread(commitment.close)
        await asyncio.to_thread(forwarding.close)


async def _repeat(job: Job, stop: asyncio.Event) -> None:
    while not await _stopped(stop, job.seconds):
        try:
            await asyncio.to_thread(job.work)
        except Refusal as refusal:
            _LOG.error("job_refused detail=%s", refusal.detail)
        except Exception:
            # What one study makes impossible must not end the work on all others.
            _LOG.exception("job_failed")


def _pictures(house: House, is_stopping: Callable[[], bool]) -> list[Job]:
    most = house.config.storage.first_pictures_mb * 1024 * 1024
    return [Job(PAUSE_SECONDS, FirstPictures(house.storage, most, is_stopping).prepare)] if most else []


def look_at_pepper(house: House) -> None:
    """Say so when there are shares that nobody can open; `durchblick check` names them and the remedy."""
    strangers = house.shares.from_another_pepper()
    if strangers:
        _LOG.error("shares_of_another_pepper count=%d", len(strangers))


def _look_at_disk(house: House) -> None:
    free = free_bytes(house)
    if free < house.config.storage.free_space_floor_mb * 1024 * 1024:
        _LOG.error("disk_full free_bytes=%d", free)


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
    return stop.is_set()
