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
from gateway.intake.scanning import Scanner, Unscanned
from gateway.intake.uploads import NoLongerHeld, Upload, UploadFile, Uploads
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
_INFLATES: Final = 4
"""All archives of an upload may hold so many times what it may have; images without loss pack two to three times."""
MOST_MISSED: Final = 1000
"""Of instances that a DICOMDIR names and that did not come, so many are kept in mind."""
_HOLD_EVERY: Final = 200
_PAUSE: Final = 60


class _Stopping(Exception):
    """The process is about to end."""


class Examination:
    """Works off what was sent. Blocking; one thread at a time."""

    def __init__(
        self,
        uploads: Uploads,
        quarantine: Quarantine,
        scanner: Scanner | None,
        draw: Draw,
        is_stopping: Callable[[], bool],
    ) -> None:
        """Without a `scanner` nobody looks for malware. `draw` makes the small pictures that staff see."""
        self._uploads = uploads
        self._quarantine = quarantine
        self._scanner = scanner
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
        except Unscanned as unscanned:
            _LOG.warning("upload_not_scanned reference=%s detail=%s", upload.reference, unscanned)
            waiting = {"scan": upload.findings.get("scan", {}) | {"trouble": unscanned.reason}}
            self._uploads.hand_back(upload, _PAUSE, attempted=False, findings=upload.findings | waiting)
        else:
            infected = findings["scan"].get("found", 0) - upload.findings.get("scan", {}).get("found", 0)
            self._uploads.examined(upload, findings, infected)
            self._quarantine.drop_arriving(upload)
            _LOG.info("upload_examined reference=%s instances=%d", upload.reference, findings["stored"])
            return True
        return False

    def _findings(self, upload: Upload) -> dict[str, Any]:
        """What was found; instances that an earlier attempt, or an earlier sending, found count too."""
        files = self._uploads.files(upload)
        whole = [file for file in files if file.whole]
        infected = self._infected(upload, whole)
        counts: Counter[str] = Counter(incomplete=len(files) - len(whole))
        troubles: list[dict[str, str]] = list(upload.findings.get("troubles", []))
        with self._quarantine.archive(upload) as archive:
            importer = Importer(archive.ingest, "upload", _INFLATES * self._uploads.limits.bytes)
            for file in whole:
                if file.id in infected:
                    continue
                for number, result in enumerate(importer.any_file(self._quarantine.path(file))):
                    self._go_on(upload, number)
                    counts["directories" if result.is_directory else result.outcome] += 1
                    if result.is_directory:
                        continue
                    if result.outcome in ("refused", "skipped") and len(troubles) < MOST_TOLD:
                        troubles.append(_trouble(file.name, result))
            pictures = Pictures(upload, self._quarantine, self._draw, lambda: self._go_on(upload, 0))
            more = {
                "missed": _missed(archive, importer.named.union(upload.findings.get("missed", []))),
                "scan": self._scan(upload, len(whole), infected),
            }
            return findings(archive, counts, troubles, pictures.of(archive)) | more

    def _infected(self, upload: Upload, files: list[UploadFile]) -> dict[str, dict[str, str]]:
        """What the scanner found, by id of the file. Raises `Unscanned`."""
        if self._scanner is None:
            return {}
        by_path = {self._quarantine.path(file): file for file in files}
        found = self._scanner.scan(list(by_path), lambda: self._go_on(upload, 0))
        return {by_path[path].id: {"file": by_path[path].name, "what": what} for path, what in found.items()}

    def _scan(self, upload: Upload, files: int, infected: dict[str, dict[str, str]]) -> dict[str, Any]:
        """What is known by now: of how many files, in how many something was found and what, and whether of all."""
        before = upload.findings.get("scan", {})
        if self._scanner is None:
            return {key: value for key, value in before.items() if key != "trouble"} | {"all": False}
        return {
            "files": before.get("files", 0) + files,
            "found": before.get("found", 0) + len(infected),
            "infected": [*before.get("infected", []), *infected.values()][:MOST_TOLD],
            "all": "stored" not in upload.findings or bool(before.get("all")),
        }

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
        "directories": counts["directories"],
        "refused": counts["refused"],
        "incomplete": counts["incomplete"],
        "troubles": troubles,
        "studies": [study | {"shown": series.get(study["study"], [])} for study in studies],
    }


def _missed(archive: Storage, named: set[str]) -> list[str]:
    """Which of the instances that a DICOMDIR names are not in `archive`."""
    if not named:
        return []
    everything = WholeArchive()
    for study in archive.index.studies(everything):
        named -= {one.sop_instance_uid for one in archive.index.instances(everything, study.study_instance_uid)}
    return sorted(named)[:MOST_MISSED]


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
