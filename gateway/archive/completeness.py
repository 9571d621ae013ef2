"""Shares that wait until all of their studies has come: quiet for long enough, or as many images as the archive has."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from auth.clock import Clock
from auth.records import Share
from auth.shares import Shares
from gateway.archive.archive import Archive, ArchiveAway
from storage.database import Database
from storage.scope import ListedStudies, predicate

_LOG: Final = logging.getLogger("durchblick.gateway")

COMPLETE_SECONDS: Final = 20.0
LONGEST_WAIT: Final = timedelta(hours=24)
"""When nothing has come for so long, nobody waits any more for an archive that is away, or has something else."""

_ARRIVED: Final = """
    SELECT study.study_instance_uid, max(instance.received_at) AS last, count(*) AS instances
    FROM study JOIN series ON series.study_id = study.id JOIN instance ON instance.series_id = series.id
    WHERE {} GROUP BY study.study_instance_uid"""


class Completeness:
    """Looks at every share that waits. Blocking; one process at a time is enough, more do no harm."""

    def __init__(self, database: Database, shares: Shares, archives: Mapping[str, Archive], clock: Clock) -> None:
        """`archives` by the key of their site: each is asked about the shares of its own."""
        self._database = database
        self._shares = shares
        self._archives = archives
        self._clock = clock

    def look(self) -> int:
        """Open what is complete; how many shares that were."""
        sql = "SELECT id FROM share WHERE waits <> '' AND revoked = 0 AND lapsed = 0"
        complete = [share for row in self._database.read(sql) if self.is_complete(share := self._shares.get(row["id"]))]
        for share in complete:
            self._shares.open_when_complete(share.id)
            _LOG.info("share_ready share=%s", share.id)
        return len(complete)

    def is_complete(self, share: Share) -> bool:
        """Whether nothing more is to be expected of what is here of this share; never while nothing is here."""
        where, parameters = predicate(share.rule)
        rows = self._database.read(_ARRIVED.format(where), parameters)
        listed = share.rule.study_instance_uids if isinstance(share.rule, ListedStudies) else frozenset()
        if not rows or listed - {row["study_instance_uid"] for row in rows} or share.wait is None:
            return False
        last = max(datetime.fromisoformat(row["last"]) for row in rows)
        quiet = self._clock().astimezone(UTC) - last
        if quiet >= LONGEST_WAIT:
            return True
        archive = self._archives.get(share.site)
        if share.wait.for_archive and archive:
            return self._agrees(archive, {row["study_instance_uid"]: row["instances"] for row in rows})
        return quiet >= timedelta(minutes=share.wait.minutes)

    def _agrees(self, archive: Archive, here: dict[str, int]) -> bool:
        try:
            return all(archive.count(study) == instances for study, instances in here.items())
        except ArchiveAway as away:
            _LOG.warning("archive_asked_in_vain why=%s", away)
            return False
