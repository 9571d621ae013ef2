"""The worker's jobs: mend what a crash left, keep answers ready that would otherwise be made while somebody waits."""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from gateway.health import free_bytes
from gateway.house import House
from storage.errors import Refusal
from storage.records import ChangedSeries
from storage.scope import ListedStudies, WholeArchive
from storage.sweep import SweepReport

_LOG: Final = logging.getLogger("durchblick.gateway")

PAUSE_SECONDS: Final = 3.0
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


async def run(house: House, stop: asyncio.Event) -> None:
    """Warm and sweep until `stop` is set; a job that fails is logged and tried again."""
    warmer = Warmer(house)
    loop = asyncio.get_running_loop()
    swept = loop.time()
    while not await _stopped(stop, PAUSE_SECONDS):
        try:
            await asyncio.to_thread(warmer.warm)
            if loop.time() - swept > SWEEP_SECONDS:
                swept = loop.time()
                await asyncio.to_thread(mend, house)
            _look_at_disk(house)
        except Refusal as refusal:
            _LOG.error("job_refused detail=%s", refusal.detail)


def _look_at_disk(house: House) -> None:
    free = free_bytes(house)
    if free < house.config.storage.free_space_floor_mb * 1024 * 1024:
        _LOG.error("disk_full free_bytes=%d", free)


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
    return stop.is_set()
