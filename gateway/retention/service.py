"""Retention as the configuration wants it: built once for the worker's job and for the command line."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from auth.clock import seconds, system_clock
from gateway.house import House
from gateway.retention.needs import KeptStudy
from gateway.retention.purge import Purge
from storage.bookmarks import Lease

PURGE_SECONDS: Final = 600.0
_LEASE_SECONDS: Final = 1800


def period_of(house: House) -> Callable[[KeptStudy], timedelta | None]:
    """How long a study stays when nobody needs it any more, as its site has it: for ever while a PACS has to get it."""

    def period_of_study(study: KeptStudy) -> timedelta | None:
        days = house.config.retention_days(study.site)
        return None if not days or house.deliveries.owed([study.study_instance_uid]) else timedelta(days=days)

    return period_of_study


def purge_of(house: House) -> Purge:
    """The purge of this house, by its clock."""
    section = house.config.retention
    return Purge(
        house.storage,
        house.shares,
        system_clock,
        period_of(house),
        timedelta(hours=section.grace_hours),
        timedelta(days=section.shares_days) if house.config.deletes and section.shares_days else None,
    )


class PurgeJob:
    """The worker's part, in whichever process takes the lease."""

    def __init__(self, house: House, is_stopping: Callable[[], bool]) -> None:
        self._purge = purge_of(house)
        self._lease = Lease(house.storage.database, "purge", _LEASE_SECONDS)
        self._is_stopping = is_stopping

    def run(self) -> None:
        """One pass, unless another process does it."""
        if self._lease.take(seconds(system_clock())):
            self._purge.run(self._is_stopping)
