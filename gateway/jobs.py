"""The worker's jobs: mend what a crash left, keep answers ready that would otherwise be made while somebody waits."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from gateway.archive.completeness import COMPLETE_SECONDS
from gateway.archive.service import (
    ASK_SECONDS,
    RETRIEVE_SECONDS,
    asking_of,
    completeness_of,
    retrievals_of,
    retrieving_of,
)
from gateway.audit.export import (
    ARRIVALS_SECONDS,
    EXPORT_SECONDS,
    Export,
    Patients,
    note_arrivals,
    server_of,
    source_of,
)
from gateway.commitment import FORGET_SECONDS, REPORT_SECONDS, Commitment
from gateway.downloads.worker import TIDY_SECONDS as DOWNLOADS_SECONDS
from gateway.downloads.worker import Preparation
from gateway.first_pictures import TIDY_SECONDS, FirstPictures
from gateway.forwarding.forwarding import FORWARD_SECONDS, Forwarding
from gateway.health import free_bytes
from gateway.house import House
from gateway.intake.examining import EXAMINE_SECONDS
from gateway.intake.pictures import drawing
from gateway.intake.tidying import INTAKE_TIDY_SECONDS
from gateway.printing.by_sending import PRINT_SECONDS
from gateway.printing.service import printing_of
from gateway.retention.service import PURGE_SECONDS, PurgeJob
from storage.errors import Refusal
from storage.records import ChangedSeries
from storage.scope import ListedStudies, WholeArchive
from storage.sweep import SweepReport

_LOG: Final = logging.getLogger("durchblick.gateway")

PAUSE_SECONDS: Final = 3.0
SESSIONS_SECONDS: Final = 60.0
DOWNLOAD_SECONDS: Final = 1.0
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
    preparation = Preparation(house, is_stopping)
    return [
        Job(PAUSE_SECONDS, Warmer(house).warm),
        *_pictures(house, is_stopping),
        Job(TIDY_SECONDS, house.storage.drawn.tidy),
        Job(PAUSE_SECONDS, partial(_look_at_disk, house)),
        Job(SESSIONS_SECONDS, house.sessions.prune),
        Job(SWEEP_SECONDS, partial(mend, house)),
        Job(DOWNLOAD_SECONDS, preparation.work),
        Job(DOWNLOADS_SECONDS, preparation.tidy),
        Job(REPORT_SECONDS, commitment.report),
        Job(REPORT_SECONDS, partial(commitment.verify, is_stopping)),
        Job(FORGET_SECONDS, commitment.forget),
        Job(FORGET_SECONDS, house.storage.worklist.forget),
        Job(EXAMINE_SECONDS, house.intake.examination(drawing(house.storage.pixels), is_stopping).work),
        Job(EXAMINE_SECONDS, house.intake.acceptance(house.storage.ingest, is_stopping).work),
        Job(INTAKE_TIDY_SECONDS, house.intake.tidying().work),
        Job(FORWARD_SECONDS, forwarding.look),
        Job(FORWARD_SECONDS, forwarding.send),
        Job(FORGET_SECONDS, forwarding.forget),
        Job(FORGET_SECONDS, house.storage.audit.forget_once),
        Job(ARRIVALS_SECONDS, partial(note_arrivals, house.storage.database)),
        *_audit_export(house),
        Job(COMPLETE_SECONDS, completeness_of(house).look),
        Job(ASK_SECONDS, partial(asking_of(house).work_off, is_stopping)),
        *(Job(RETRIEVE_SECONDS, partial(one.work_off, is_stopping)) for one in retrieving_of(house)),
        Job(FORGET_SECONDS, retrievals_of(house).forget),
        *_printing(house),
        Job(PURGE_SECONDS, PurgeJob(house, is_stopping).run),
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


def _audit_export(house: House) -> list[Job]:
    server = server_of(house.config)
    if server is None:
        return []
    database = house.storage.database
    patients = Patients(database, house.config.audit.patient_ids)
    return [Job(EXPORT_SECONDS, Export(database, server, source_of(house.config), patients).send)]


def _printing(house: House) -> list[Job]:
    printing = printing_of(house)
    return [Job(PRINT_SECONDS, printing.work_off)] if printing else []


def look_at_pepper(house: House) -> None:
    """Say so when there are shares that nobody can open; `durchblick check` names them and the remedy."""
    strangers = house.shares.from_another_pepper()
    if strangers:
        _LOG.error("shares_of_another_pepper count=%d", len(strangers))


def look_at_scanner(house: House) -> None:
    """Say so when what is sent in waits for a scanner that is not there."""
    scanner = house.intake.scanner
    if scanner is not None and not scanner.is_there:
        _LOG.error("scanner_missing program=%s", house.config.intake.scan[0])


def _look_at_disk(house: House) -> None:
    free = free_bytes(house)
    if free < house.config.storage.free_space_floor_mb * 1024 * 1024:
        _LOG.error("disk_full free_bytes=%d", free)


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
    return stop.is_set()
