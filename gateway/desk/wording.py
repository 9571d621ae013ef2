"""Patients, studies and shares in the words of staff."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from auth.birth_date import is_birth_date
from auth.records import Share
from auth.requests import Kind
from auth.sheet_texts import LANGUAGES, TEXTS
from gateway.archive.asking import Answer
from gateway.desk.finding import Patient
from gateway.pages.texts import Texts
from gateway.pages.wording import day, examination, plain
from storage.records import StudyOverview
from storage.scope import ListedStudies, PatientIdentity

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
ENDING_DAYS: Final = 14
SHEET_LANGUAGES: Final = [(tag, TEXTS[tag].name) for tag in LANGUAGES]
"""Tags of the languages in which sheets are printed, with what they call themselves."""


@dataclass(frozen=True, slots=True)
class StudyRow:
    """A study in words."""

    uid: str
    title: str
    date: str
    detail: str
    accession: str
    count: str
    latest: str
    is_fresh: bool
    """Whether it came so lately that more may come."""
    held: int
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class PatientRow:
    """A patient in words; `birth_date` is empty where none is known that could be asked for."""

    name: str
    patient_id: str
    issuer: str
    birth_date: str
    sex: str
    can_log_in: bool
    url: str
    studies: tuple[StudyRow, ...]
    count: str


@dataclass(frozen=True, slots=True)
class ShareRow:
    """A share in words; `state` is live, ending, expired, revoked or frozen."""

    id: str
    url: str
    who: str
    born: str
    what: str
    until: str
    state: str
    state_word: str
    failures: int
    created: str
    asked: tuple[str, ...]


class Wording:
    """Puts what the desk shows into the words of one language, as of `now`."""

    def __init__(self, words: Texts, now: datetime | None = None) -> None:
        self.words = words
        self._now = now or datetime.now(UTC)

    def patient(self, patient: Patient, chosen: str = "") -> PatientRow:
        """A patient with all studies; `chosen` is the UID of the one that was asked for."""
        words = self.words
        known = is_birth_date(patient.birth_date)
        return PatientRow(
            name=self.name(patient.name),
            patient_id=plain(patient.patient_id),
            issuer=plain(patient.issuer),
            birth_date=self.short_date(patient.birth_date) if known else "",
            sex=words.either(f"desk.sex.{patient.sex}", "desk.sex.other") if patient.sex else "",
            can_log_in=known,
            url=f"/desk/studies/{patient.studies[0].study_instance_uid}",
            studies=tuple(self.study(one, one.study_instance_uid == chosen) for one in patient.studies),
            count=words.count("studies", len(patient.studies)),
        )

    def study(self, study: StudyOverview, chosen: bool = False) -> StudyRow:
        """One study."""
        words = self.words
        age = self._age(study.latest)
        return StudyRow(
            uid=study.study_instance_uid,
            title=examination(words, study.modalities),
            date=day(words, study.study_date),
            detail=plain(study.study_description),
            accession=plain(study.accession_number),
            count=f"{words.count('series', study.series)}, {words.count('desk.objects', study.instances)}",
            latest=self._ago(age, study.latest),
            is_fresh=age is not None and age < 10 * _MINUTE,
            held=study.held,
            chosen=chosen,
        )

    def share(self, share: Share, known: Mapping[str, StudyOverview], asked: frozenset[Kind]) -> ShareRow:
        """One share; `known` are studies by their UID and by their PatientID, to say whose it is."""
        words = self.words
        study = _study_of(share, known)
        ends_soon = share.state == "live" and (share.expires - self._now).days < ENDING_DAYS
        state = "ending" if ends_soon else share.state
        return ShareRow(
            id=share.id,
            url=f"/desk/shares/{share.id}",
            who=self._who(share, study),
            born=self.short_date(study.patient_birth_date) if study else "",
            what=self._contents(share),
            until=day(words, share.expires.date()),
            state=state,
            state_word=words(f"desk.state.{state}"),
            failures=share.failures,
            created=day(words, share.created.date()),
            asked=tuple(words(f"desk.asked.{kind}") for kind in sorted(asked)),
        )

    def missing(self, answer: Answer) -> str:
        """What of a share's studies is not here, and what becomes of it; empty where nothing is known to be missing."""
        words = self.words
        if answer.here and not answer.missing:
            return ""
        what = words.count("desk.missing.some", answer.missing or 0) if answer.here else words("desk.missing.all")
        how = "asked" if answer.asked else "vain" if answer.trouble else "ask" if answer.archive else "send"
        return f"{what} {words(f'desk.missing.{how}', archive=plain(answer.archive))}"

    def name(self, person_name: str) -> str:
        """A Person Name as lists have it: family name, given name."""
        alphabetic, _, other = person_name.partition("=")
        family, given, middle, prefix, suffix = ((alphabetic or other).split("^") + [""] * 5)[:5]
        rest = plain(" ".join((prefix, given, middle, suffix)))
        return ", ".join(part for part in (plain(family), rest) if part) or self.words("desk.nameless")

    def short_date(self, value: str) -> str:
        """A DA value as staff compare it, with all its digits: 31.01.1950."""
        if not is_birth_date(value):
            return ""
        return self.words("desk.short_date", day=value[6:], month=value[4:6], year=value[:4])

    def since(self, moment: datetime) -> str:
        """How long ago that was: "vor 5 Minuten"."""
        return self._ago((self._now - moment).total_seconds(), moment.isoformat())

    def _contents(self, share: Share) -> str:
        match share.rule:
            case ListedStudies(uids):
                return self.words.count("studies", len(uids))
            case _:
                return self.words("desk.everything")

    def _who(self, share: Share, study: StudyOverview | None) -> str:
        match share.rule:
            case PatientIdentity(patient_name=name) if name:
                return self.name(name)
            case _ if study:
                return self.name(study.patient_name)
            case PatientIdentity(patient_id):
                return self.words("desk.patient_id_only", id=plain(patient_id))
            case _:
                return self.words("desk.nameless")

    def _age(self, moment: str) -> float | None:
        return (self._now - datetime.fromisoformat(moment)).total_seconds() if moment else None

    def _ago(self, age: float | None, moment: str) -> str:
        words = self.words
        if age is None:
            return ""
        if age < _MINUTE:
            return words("desk.just_now")
        if age < _HOUR:
            return words.count("desk.minutes_ago", int(age // _MINUTE))
        if age < _DAY:
            return words.count("desk.hours_ago", int(age // _HOUR))
        return words("desk.on_day", date=day(words, datetime.fromisoformat(moment).date()))


def _study_of(share: Share, known: Mapping[str, StudyOverview]) -> StudyOverview | None:
    match share.rule:
        case ListedStudies(uids):
            return next((known[uid] for uid in sorted(uids) if uid in known), None)
        case PatientIdentity(patient_id, issuer, birth_date):
            return known.get(patient_key(patient_id, issuer, birth_date))
        case _:
            return None


def patient_key(patient_id: str, issuer: str, birth_date: str) -> str:
    """One text for what tells patients apart."""
    return "\0".join((patient_id, issuer, birth_date))


def known_studies(studies: list[StudyOverview]) -> dict[str, Any]:
    """Studies by their UID and by their patient."""
    known: dict[str, Any] = {}
    for study in reversed(studies):
        known[study.study_instance_uid] = study
        known[patient_key(study.patient_id, study.issuer_of_patient_id, study.patient_birth_date)] = study
    return known
