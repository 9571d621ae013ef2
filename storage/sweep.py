"""Puts in order what a crash left: finishes or removes what was arriving, finds files and rows without each other."""

import logging
import time
from dataclasses import dataclass, field
from typing import Final

from storage.database import Database
from storage.errors import Refusal
from storage.files import Files, study_folder
from storage.ingest import Ingest

_log = logging.getLogger("durchblick.storage")

# A file gets its row within seconds; an hour is beyond any transaction of a process that still lives.
GRACE_SECONDS: Final = 3600.0


@dataclass(slots=True)
class SweepReport:
    """What was found and done."""

    kept: int = 0
    """Instances that had arrived whole and now are indexed."""
    removed_incoming: int = 0
    """Files in the incoming folder that were broken, unfinished, or indexed already."""
    removed_blobs: int = 0
    """Files without index entry."""
    missing_blobs: list[str] = field(default_factory=list)
    """SOP Instance UIDs of index entries whose file is gone."""


def sweep(files: Files, database: Database, ingest: Ingest, *, whole: bool = True) -> SweepReport:
    """Go through what dead processes left in the incoming folder; if `whole`, also compare all files with the index.

    Safe while other processes run: what they are receiving is locked, and files without index entry are left alone
    for an hour as long as others live. Works on a full disk too.
    """
    report = SweepReport()
    _finish_arrivals(files, ingest, report)
    if whole:
        oldest_orphan = time.time() - (GRACE_SECONDS if files.others_live() else 0)
        _compare(files, database, oldest_orphan, report)
    if report != SweepReport():
        _log.info(
            "sweep kept=%d removed_incoming=%d removed_blobs=%d missing_blobs=%d",
            report.kept,
            report.removed_incoming,
            report.removed_blobs,
            len(report.missing_blobs),
        )
    return report


def _finish_arrivals(files: Files, ingest: Ingest, report: SweepReport) -> None:
    for incoming in files.left_behind():
        if not incoming.was_synced:
            incoming.abandon()
            report.removed_incoming += 1
            continue
        try:
            ingest.store(incoming, source="sweep")
            report.kept += 1
        except Refusal:
            # Even on a full disk: whoever sent it was never told that it is kept, or its row is there.
            report.removed_incoming += 1


def _compare(files: Files, database: Database, oldest_orphan: float, report: SweepReport) -> None:
    studies = {
        study_folder(row["study_instance_uid"]): row["id"]
        for row in database.read("SELECT id, study_instance_uid FROM study")
    }
    for folder, blobs in files.blobs():
        rows = _rows(database, studies.pop(folder, None))
        for key, changed in blobs:
            if rows.pop(key, None) is None and changed <= oldest_orphan:
                files.remove(key)
                report.removed_blobs += 1
        _note_missing(files, rows, report)
    for study_id in studies.values():
        _note_missing(files, _rows(database, study_id), report)


def _note_missing(files: Files, rows: dict[str, str], report: SweepReport) -> None:
    # What was stored since the folder was read is there by now.
    report.missing_blobs += [sop_instance for key, sop_instance in rows.items() if not files.path(key).exists()]


def _rows(database: Database, study_id: int | None) -> dict[str, str]:
    """Blob key to SOP Instance UID of everything indexed of a study."""
    rows = database.read(
        """SELECT instance.blob_key, instance.sop_instance_uid FROM instance
        JOIN series ON series.id = instance.series_id WHERE series.study_id = ?""",
        (study_id,),
    )
    return {row["blob_key"]: row["sop_instance_uid"] for row in rows}
