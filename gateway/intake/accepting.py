"""Takes an accepted upload into the archive, with the corrections that staff made.

Without corrections the bytes stay as they were sent; what `gateway.intake.correcting` does to the others is the same
bytes each time, so that what is taken in again after a crash is what was taken in before.
"""

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

import pydicom

from gateway.intake.correcting import correct
from gateway.intake.quarantine import Quarantine
from gateway.intake.uploads import NoLongerHeld, Upload, Uploads
from storage.errors import OutOfResources, Refusal
from storage.files import Files
from storage.ingest import Ingest
from storage.records import InstanceRecord
from storage.scope import WholeArchive
from storage.storage import Storage

_LOG: Final = logging.getLogger("durchblick.gateway")

SOURCE: Final = "upload"
"""Where these instances come from, as rules of forwarding may say."""
_PIECE: Final = 1 << 20
_HOLD_EVERY: Final = 50
_PAUSE: Final = 60
_MOST_TOLD: Final = 50


class _Stopping(Exception):
    """The process is about to end."""


class Acceptance:
    """Works off what was accepted. Blocking; one thread at a time."""

    def __init__(
        self, uploads: Uploads, quarantine: Quarantine, ingest: Ingest, is_stopping: Callable[[], bool]
    ) -> None:
        """`ingest` is the way into the great archive."""
        self._uploads = uploads
        self._quarantine = quarantine
        self._ingest = ingest
        self._is_stopping = is_stopping

    def work(self) -> int:
        """Take in until nothing is left; returns how many uploads that were."""
        done = 0
        while not self._is_stopping() and (upload := self._uploads.take_up("accepting")):
            with suppress(NoLongerHeld):
                done += self._accept(upload)
        return done

    def _accept(self, upload: Upload) -> bool:
        try:
            outcome = self._taken_in(upload)
        except _Stopping:
            self._uploads.hand_back(upload, attempted=False)
        except OutOfResources as refusal:
            _LOG.warning("upload_postponed reference=%s detail=%s", upload.reference, refusal.detail)
            self._uploads.hand_back(upload, _PAUSE, attempted=False)
        else:
            self._uploads.accepted(upload, upload.findings | outcome)
            self._quarantine.remove([upload.id])
            _LOG.info("upload_stored reference=%s instances=%d", upload.reference, outcome["taken"])
            return True
        return False

    def _taken_in(self, upload: Upload) -> dict[str, Any]:
        """How many are kept now, and which are not, and why. What an earlier attempt took in counts as taken."""
        taken, conflicts = 0, []
        with self._quarantine.archive(upload) as archive:
            for number, record in enumerate(_records(archive)):
                if self._is_stopping():
                    raise _Stopping
                if number % _HOLD_EVERY == 0:
                    self._uploads.hold(upload)
                try:
                    self._take_in(archive.files, record, upload)
                    taken += 1
                except OutOfResources:
                    raise
                except Refusal as refusal:
                    conflicts.append({"instance": record.sop_instance_uid, "detail": refusal.detail})
        return {"taken": taken, "not_taken": len(conflicts), "conflicts": conflicts[:_MOST_TOLD]}

    def _take_in(self, files: Files, record: InstanceRecord, upload: Upload) -> None:
        incoming = self._ingest.receive()
        try:
            for piece in _pieces(files, record, upload):
                incoming.write(piece)
        except BaseException:
            incoming.abandon()
            raise
        self._ingest.store(incoming, source=source_of(upload.site))


def source_of(site: str) -> str:
    """Where the instances of a site's uploads come from; those of [site] (key "") just from `SOURCE`."""
    return f"{SOURCE}:{site}" if site else SOURCE


def _records(archive: Storage) -> Iterator[InstanceRecord]:
    for study in archive.index.studies(WholeArchive()):
        yield from archive.index.instances(WholeArchive(), study.study_instance_uid)


def _pieces(files: Files, record: InstanceRecord, upload: Upload) -> Iterator[bytes]:
    with files.open(record.blob_key) as file:
        if not upload.corrections:
            while piece := file.read(_PIECE):
                yield piece
            return
        data_set = pydicom.dcmread(file)
    correct(data_set, upload.corrections, f"upload {upload.reference}", upload.changed)
    target = io.BytesIO()
    data_set.save_as(target, enforce_file_format=True)
    yield target.getbuffer().tobytes()
