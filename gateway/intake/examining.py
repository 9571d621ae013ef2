"""Reads what was sent: every instance goes into the upload's own archive, and what was found is told to staff.

Nothing is trusted: files come in by the same door as everything else, archives within the limits of imports.
"""

import logging
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from gateway.importing import Importer, Result
from gateway.intake.pictures import Draw, Pictures
from gateway.intake.quarantine import Quarantine
from gateway.intake.uploads import NoLongerHeld, Upload, Uploads
from storage.attributes import Level
from storage.data_set.dicom_json import Json
from storage.errors import OutOfResources
from storage.query import Query
from storage.scope import WholeArchive
from storage.storage import Storage

_LOG: Final = logging.getLogger("durchblick.gateway")

EXAMINE_SECONDS: Final = 3.0
MOST_TOLD: Final = 50
"""Of files that could not be used, so many are named."""
_HOLD_EVERY: Final = 200
_PAUSE: Final = 60


class _Stopping(Exception):
    """The process is about to end."""


class Examination:
    """Works off what was sent. Blocking; one thread at a time."""

    def __init__(self, uploads: Uploads, quarantine: Quarantine, draw: Draw, is_stopping: Callable[[], bool]) -> None:
        """`draw` makes the small pictures that staff see."""
        self._uploads = uploads
        self._quarantine = quarantine
        self._draw = draw
        self._is_stopping = is_stopping

    def work(self) -> int:
        """Examine until nothing is left; returns how many uploads that were."""
        done = 0
        while not self._is_stopping() and (upload := self._uploads.take_up("sent")):
            with suppress(NoLongerHeld):
                done += self._examine(upload)
        return done

    def _examine(self, upload: Upload) -> bool:
        try:
            findings = self._findings(upload)
        except _Stopping:
            self._uploads.hand_back(upload, attempted=False)
        except OutOfResources as refusal:
            _LOG.warning("upload_postponed reference=%s detail=%s", upload.reference, refusal.detail)
            self._uploads.hand_back(upload, _PAUSE, attempted=False)
        else:
            self._uploads.examined(upload, findings)
            self._quarantine.drop_arriving(upload)
            _LOG.info("upload_examined reference=%s instances=%d", upload.reference, findings["stored"])
            return True
        return False

    def _findings(self, upload: Upload) -> dict[str, Any]:
        """What was found; instances that an earlier attempt, or an earlier sending, found count too."""
        counts: Counter[str] = Counter()
        troubles: list[dict[str, str]] = list(upload.findings.get("troubles", []))
        with self._quarantine.archive(upload) as archive:
            importer = Importer(archive.ingest, "upload")
            for file in self._uploads.files(upload):
                if not file.whole:
                    counts["incomplete"] += 1
                    continue
                for number, result in enumerate(importer.any_file(self._quarantine.path(file))):
                    self._go_on(upload, number)
                    counts[result.outcome] += 1
                    if result.outcome in ("refused", "skipped") and len(troubles) < MOST_TOLD:
                        troubles.append(_trouble(file.name, result))
            pictures = Pictures(upload, self._quarantine, self._draw, lambda: self._go_on(upload, 0))
            return findings(archive, counts, troubles, pictures.of(archive))

    def _go_on(self, upload: Upload, number: int) -> None:
        if self._is_stopping():
            raise _Stopping
        if number % _HOLD_EVERY == 0:
            self._uploads.hold(upload)


def findings(
    archive: Storage,
    counts: Counter[str],
    troubles: list[dict[str, str]],
    series: dict[str, list[dict[str, Any]]],
) -> dict[str, Any]:
    """What is in `archive`, by study with its `series`, and what became of the files."""
    studies = [_study(data_set) for data_set in archive.index.find(WholeArchive(), Query(Level.STUDY))]
    return {
        "stored": archive.index.counts(WholeArchive()).instances,
        "skipped": counts["skipped"],
        "refused": counts["refused"],
        "incomplete": counts["incomplete"],
        "troubles": troubles,
        "studies": [study | {"shown": series.get(study["study"], [])} for study in studies],
    }


# What staff compare with the form, under the names that the pages use.
_TOLD: Final = {
    "study": "0020000D",
    "date": "00080020",
    "description": "00081030",
    "accession_number": "00080050",
    "patient_name": "00100010",
    "patient_id": "00100020",
    "issuer": "00100021",
    "birth_date": "00100030",
    "series": "00201206",
    "instances": "00201208",
}


def _study(data_set: Json) -> dict[str, Any]:
    told = {name: _first(data_set, tag) for name, tag in _TOLD.items()}
    return told | {"modalities": data_set.get("00080061", {}).get("Value", [])}


def _first(data_set: Json, tag: str) -> Any:
    """The first value; of a person name all groups as one text; "" without any."""
    values = data_set.get(tag, {}).get("Value") or [""]
    value = values[0]
    if isinstance(value, dict):
        return "=".join(value.get(group, "") for group in ("Alphabetic", "Ideographic", "Phonetic")).rstrip("=")
    return "" if value is None else value


def _trouble(name: str, result: Result) -> dict[str, str]:
    """Which file, in the words of the sender's computer, and why."""
    _, _, inside = result.path.partition(":")
    return {"file": f"{name}: {inside}" if inside else name, "outcome": result.outcome, "detail": result.detail}
