"""Uploads in the words of staff, and where the form and the images disagree."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from gateway.desk.wording import Wording
from gateway.intake.uploads import UNDECIDED, Upload
from gateway.pages.wording import day, examination, plain, series_name
from storage.catalogue.comparable import folded

_TOLD: Final = ("sender", "practice", "contact", "name", "birth_date")
"""What forms ask, in the order in which staff read it."""
_UNUSABLE: Final = {
    "skipped": "desk.uploads.skipped",
    "refused": "desk.uploads.refused",
    "incomplete": "desk.uploads.incomplete",
    "not_taken": "desk.uploads.not_taken",
}
_NO_PICTURE: Final = {
    "none": "desk.uploads.picture_none",
    "failed": "desk.uploads.picture_failed",
    "left out": "desk.uploads.picture_left_out",
    "gone": "desk.uploads.picture_gone",
}
_BADGES: Final = {"waiting": "ending", "rejected": "revoked", "accepted": "expired"}


@dataclass(frozen=True, slots=True)
class UploadRow:
    """An upload in words; `warnings` is what should be looked at before it is accepted."""

    url: str
    reference: str
    sender: str
    purpose: str
    sent: str
    count: str
    state: str
    state_word: str
    badge: str
    warnings: tuple[str, ...]
    decided_by: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One statement: by the form, and in the images. `verdict` is the text where they do not agree, else empty."""

    label: str
    told: str
    found: str
    verdict: str


@dataclass(frozen=True, slots=True)
class FoundSeries:
    """A series of an upload in words; without a `picture` (its address) `instead` says why."""

    name: str
    count: str
    picture: str
    instead: str


@dataclass(frozen=True, slots=True)
class FoundStudy:
    """A study of an upload in words."""

    title: str
    date: str
    detail: str
    count: str
    sides: tuple[Compared, ...]
    series: tuple[FoundSeries, ...]


class UploadWording:
    """Puts uploads into the words of one language."""

    def __init__(self, wording: Wording, scans: bool) -> None:
        """`scans`: whether what is sent in is looked at by a malware scanner here."""
        self._wording = wording
        self._words = wording.words
        self._scans = scans

    def row(self, upload: Upload, label: str) -> UploadRow:
        """An upload; `label` is what its link is for, as staff call it."""
        words, answers = self._words, upload.answers
        form = words("desk.uploads.form_referrer" if "sender" in answers else "desk.uploads.form_patient")
        return UploadRow(
            url=f"/desk/uploads/{upload.reference}",
            reference=upload.reference,
            sender=plain(answers.get("sender") or answers.get("name", "")) or words("desk.nameless"),
            purpose=" · ".join(part for part in (form, plain(label)) if part),
            sent=self._wording.since(upload.created),
            count=self._count(upload.findings),
            state=upload.state,
            state_word=words(f"desk.uploads.state_{upload.state}"),
            badge=_BADGES.get(upload.state, ""),
            warnings=tuple(words(f"desk.uploads.{one}") for one in _warnings(upload, self._scans)),
            decided_by=plain(upload.decided_by),
        )

    def _count(self, findings: dict[str, Any]) -> str:
        words = self._words
        objects = words.count("desk.objects", findings.get("stored", 0))
        directories = findings.get("directories", 0)
        return f"{objects}, {words.count('desk.uploads.directories', directories)}" if directories else objects

    def told(self, upload: Upload) -> list[tuple[str, str]]:
        """The answers of the form, each with its question."""
        words = self._words
        return [
            (words(f"desk.uploads.{key}"), self._wording.short_date(value) if key == "birth_date" else plain(value))
            for key in _TOLD
            if (value := upload.answers.get(key))
        ]

    def studies(self, upload: Upload) -> list[FoundStudy]:
        """What was found, by study."""
        return [self._study(upload, study) for study in upload.findings.get("studies", [])]

    def troubles(self, upload: Upload) -> list[str]:
        """What could not be used: how many, then files by name."""
        words, findings = self._words, upload.findings
        counts = [words.count(text, findings[counted]) for counted, text in _UNUSABLE.items() if findings.get(counted)]
        infected = [plain(f"{one['file']}: {one['what']}") for one in findings.get("scan", {}).get("infected", [])]
        if missed := len(findings.get("missed", [])):
            counts.append(words.count("desk.uploads.missed", missed))
        return infected + counts + [plain(one["file"]) for one in findings.get("troubles", [])]

    def scan(self, upload: Upload) -> str:
        """What the malware scanner said; empty where nobody asked it."""
        words, scan = self._words, upload.findings.get("scan", {})
        if scan.get("found"):
            return words.count("desk.uploads.scan_count", scan["found"])
        if scan.get("all") and upload.state != "sent":
            return words.count("desk.uploads.scan_clean", scan["files"])
        return words("desk.uploads.scan_not_yet") if self._scans else ""

    def _study(self, upload: Upload, study: dict[str, Any]) -> FoundStudy:
        words = self._words
        series = [words.count("series", study["series"])] if study.get("series") else []
        return FoundStudy(
            title=examination(words, study["modalities"]),
            date=day(words, str(study["date"])),
            detail=plain(str(study["description"])),
            count=", ".join([*series, words.count("desk.objects", int(study["instances"] or 0))]),
            sides=self._sides(upload.answers, study),
            series=tuple(self._series(upload, one) for one in study.get("shown", [])),
        )

    def _series(self, upload: Upload, series: dict[str, Any]) -> FoundSeries:
        words, there = self._words, upload.state in UNDECIDED
        outcome = series["picture"] if there else "gone"
        return FoundSeries(
            name=series_name(words, series["description"], series["number"], series["modality"]),
            count=words.count("desk.objects", series["instances"]),
            picture=f"/desk/uploads/{upload.reference}/series/{series['series']}" if outcome == "drawn" else "",
            instead=words(_NO_PICTURE[outcome]) if outcome in _NO_PICTURE else "",
        )

    def _sides(self, answers: dict[str, str], study: dict[str, Any]) -> tuple[Compared, ...]:
        words, wording, verdicts = self._words, self._wording, _verdicts(answers, study)
        name, born = str(study["patient_name"]), str(study["birth_date"])
        compared = {
            "desk.side.name": (plain(answers.get("name", "")), wording.name(name) if name else "", verdicts["name"]),
            "desk.birth_date": (
                wording.short_date(answers.get("birth_date", "")),
                wording.short_date(born) or plain(born),
                verdicts["birth_date"],
            ),
            "desk.patient_id": ("", plain(str(study["patient_id"])), ""),
            "desk.issuer": ("", plain(str(study["issuer"])), ""),
            "desk.uploads.accession": ("", plain(str(study["accession_number"])), ""),
        }
        return tuple(
            Compared(words(key), told, found, words(f"desk.uploads.{verdict}") if verdict else "")
            for key, (told, found, verdict) in compared.items()
            if told or found
        )


def _warnings(upload: Upload, scans: bool) -> list[str]:
    """Keys of what should be looked at."""
    findings, scan = upload.findings, upload.findings.get("scan", {})
    studies: list[dict[str, Any]] = findings.get("studies", [])
    verdicts = [_verdicts(upload.answers, study) for study in studies]
    people = {(str(one["patient_id"]), str(one["issuer"]), str(one["birth_date"])) for one in studies}
    found = {
        "scan_found": bool(scan.get("found")),
        f"scan_{scan.get('trouble')}": upload.state == "sent" and "trouble" in scan,
        "scan_left_out": scans and upload.state in ("waiting", "asked") and not scan.get("all"),
        "name_differs": any(one["name"] == "differs" for one in verdicts),
        "birth_date_differs": any(one["birth_date"] == "differs" for one in verdicts),
        "several_people": len(people) > 1,
        "some_unusable": bool(findings.get("refused") or findings.get("incomplete")),
        "some_missed": bool(findings.get("missed")),
        "no_images": "stored" in findings and not findings["stored"],
    }
    return [key for key, holds in found.items() if holds]


def _verdicts(answers: dict[str, str], study: dict[str, Any]) -> dict[str, str]:
    """For name and birth date: "differs", "missing" where the images have none, else empty."""
    name, born = str(study["patient_name"]), str(study["birth_date"])
    told = answers.get("birth_date", "")
    return {
        "name": "missing" if not _parts(name) else "" if is_same_name(answers.get("name", ""), name) else "differs",
        "birth_date": "missing" if not born else "" if born == told else "differs",
    }


def is_same_name(told: str, person_name: str) -> bool:
    """Whether every word of the shorter is one of the other, as the sender's own page compares them.

    "Erika Muster" is Muster^Erika^Maria; ü, ue and u are alike, so are ß and ss. Any group of a Person Name will do.
    """
    one = _parts(told)
    return any(one <= other or other <= one for other in _groups(person_name))


def _groups(person_name: str) -> Iterable[frozenset[str]]:
    return [parts for group in person_name.split("=") if (parts := _parts(group))]


def _parts(name: str) -> frozenset[str]:
    return frozenset(re.findall(r"[^\W\d_]+", re.sub("[aou]e", lambda pair: pair[0][0], folded(name))))
