"""Deletes for good: first from the index, durably, then the files and what was made of them.

Whoever asks after the first step learns that it is gone. What a crash between the two leaves are files without index
entry, which the sweep removes, and pictures without file, which their tidying removes.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

from storage import holds
from storage.catalogue.removal import Doomed, doomed, remove
from storage.catalogue.tombstones import Names, absent
from storage.database import Database
from storage.files import Files
from storage.scope import StudyScope

_log = logging.getLogger("durchblick.storage")

Reason = Literal["wrong-patient", "wrong-images", "corrected", "patients-wish", "other"]
"""Why somebody deletes: images of somebody else, not the right ones, to be sent again as corrected, asked for."""

Drop = Callable[[str, Iterable[str]], None]
"""Drops what is kept ready of these instances, by Study Instance UID and blob keys; may raise OSError."""


@dataclass(frozen=True, slots=True)
class Target:
    """A study, a series of it, or an instance of that: empty below the level that is meant."""

    study: str
    series: str = ""
    instance: str = ""

    @property
    def names(self) -> Names:
        """Its UIDs from the study down."""
        return self.study, self.series, self.instance


@dataclass(frozen=True, slots=True)
class Extent:
    """How much a deletion takes, or would take, away; a series or study counts when nothing of it is left."""

    studies: int = 0
    series: int = 0
    instances: int = 0
    size: int = 0
    """Bytes."""

    def __add__(self, other: "Extent") -> "Extent":
        return Extent(
            self.studies + other.studies,
            self.series + other.series,
            self.instances + other.instances,
            self.size + other.size,
        )


_NOTHING: Final = Extent()


class Deletion:
    """Safe to use from any thread and process; all methods block."""

    def __init__(self, files: Files, database: Database, caches: Sequence[Drop]) -> None:
        """`caches` drop what was made of instances, before their files go."""
        self._files = files
        self._database = database
        self._caches = caches

    def preview(self, scope: StudyScope, targets: Iterable[Target]) -> Extent:
        """What `delete` would take away now. Targets must not overlap."""
        return sum((_extent(doomed(self._database.read, scope, target.names)) for target in targets), _NOTHING)

    def delete(
        self,
        scope: StudyScope,
        target: Target,
        *,
        source: str,
        reason: Reason | None = None,
        judge: Callable[[sqlite3.Connection], None] = holds.none,
    ) -> Extent:
        """Delete what `scope` shows of `target`; when this returns the index has it no more, durably.

        `source` says on whose behalf and `reason` why, for the audit. `judge` looks once more inside the transaction
        and raises what speaks against it.

        Held instances that the scope does not show stay, and with them their series and study. The same instance may
        be stored again later and is a new one then. Raises `NoSuchInstance` where there is nothing, `Gone` where that
        was deleted before, `OnHold` where a legal hold lies on the study, and `OutOfResources`.
        """

        def work(connection: sqlite3.Connection) -> Doomed:
            holds.refuse(connection, target.study)
            judge(connection)
            return remove(connection, scope, target.names, f"{source} reason={reason}" if reason else source)

        gone = self._database.write(work)
        if not gone.rows:
            raise absent(self._database, scope, *target.names)
        self._remove_files(target.study, gone)
        extent = _extent(gone)
        _log.info("deleted source=%s instances=%d bytes=%d", source, extent.instances, extent.size)
        return extent

    def _remove_files(self, study: str, gone: Doomed) -> None:
        keys = [row["blob_key"] for row in gone.rows]
        # What cannot be removed now is left to the sweep: the index has no entry of it any more. The study's folder
        # stays, because processes that store remember that they have made it.
        with suppress(OSError):
            for drop in self._caches:
                drop(study, keys)
            for key in keys:
                self._files.remove(key)


def _extent(gone: Doomed) -> Extent:
    return Extent(int(gone.study is not None), len(gone.series), len(gone.rows), gone.size)
