"""From what staff type or a scanner reads to studies: an accession number, a patient id, a date, or a name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from auth.birth_date import parse_birth_date
from storage.attributes import BY_KEYWORD, Level
from storage.errors import NoSuchInstance
from storage.index import Index
from storage.query import Match, Query
from storage.records import StudyOverview
from storage.scope import ListedStudies, PatientIdentity, StudyScope, Within

MOST: Final = 200
LONGEST: Final = 200
_WILD: Final = str.maketrans(dict.fromkeys("*?\\", " "))


@dataclass(frozen=True, slots=True)
class Patient:
    """Who it is by everything that tells patients apart, and the studies that are known, newest first."""

    name: str = field(repr=False)
    patient_id: str = field(repr=False)
    issuer: str = field(repr=False)
    birth_date: str = field(repr=False)
    sex: str = field(repr=False)
    studies: tuple[StudyOverview, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found; `by_accession` says that it was one examination that was asked for."""

    studies: Sequence[StudyOverview]
    by_accession: bool = False


def find(index: Index, scope: StudyScope, text: str) -> Found:
    """The studies that `text` means, at most 200: the first way of reading it that finds any.

    Accession number, patient id, both as they stand; birth date (also beside a name) and study date in any usual form;
    name in any order of its words, with small mistakes and umlauts written either way, or its beginning.
    """
    typed = " ".join(text[:LONGEST].translate(_WILD).split())
    if not typed:
        return Found(())
    for keyword in ("AccessionNumber", "PatientID"):
        studies = index.overviews(scope, _query(_match(keyword, typed)))
        if studies:
            return Found(studies, keyword == "AccessionNumber")
    for matches in _readings(typed):
        studies = index.overviews(scope, _query(*matches))
        if studies:
            return Found(studies)
    return Found(())


def of_patient(index: Index, scope: StudyScope, study: StudyOverview) -> Patient:
    """The patient of a study, with every study of the very same identity; without a patient id only this one."""
    studies: Sequence[StudyOverview] = (study,)
    if study.patient_id:
        same = index.overviews(scope, _query(_match("PatientID", study.patient_id.translate(_WILD))))
        studies = [one for one in same if _identity(one) == _identity(study)] or studies
    return _patient(study, studies)


def one_study(index: Index, scope: StudyScope, uid: str) -> StudyOverview:
    """The study with this UID; `NoSuchInstance` where `scope` does not show it."""
    found = index.overviews(scope, _query(_match("StudyInstanceUID", uid)))
    if not found:
        raise NoSuchInstance("No such study.")
    return found[0]


def some_studies(index: Index, scope: StudyScope, uids: Sequence[str]) -> list[StudyOverview]:
    """Those of these studies that `scope` shows."""
    return index.overviews(scope, _query(_match("StudyInstanceUID", *uids), most=len(uids))) if uids else []


def patients_with(index: Index, scope: StudyScope, patient_ids: Sequence[str]) -> list[StudyOverview]:
    """Studies of patients with these ids."""
    wanted = sorted({one.translate(_WILD) for one in patient_ids if one.strip()})
    return index.overviews(scope, _query(_match("PatientID", *wanted), most=10_000)) if wanted else []


def of_shares(index: Index, scope: StudyScope, rules: Sequence[StudyScope]) -> list[StudyOverview]:
    """Studies of all these shares within `scope`, to say whose they are."""
    listed = sorted({uid for one in rules if isinstance(one, ListedStudies) for uid in one.study_instance_uids})
    patients = [one.patient_id for one in rules if isinstance(one, PatientIdentity)]
    accepted = sorted({uid for one in rules if isinstance(one, PatientIdentity) for uid in one.accepted})
    return [*patients_with(index, scope, patients), *some_studies(index, scope, [*listed, *accepted])]


def identity_of(study: StudyOverview) -> PatientIdentity:
    """The patient of a study, name included."""
    identity = PatientIdentity(study.patient_id, study.issuer_of_patient_id, study.patient_birth_date)
    return replace(identity, patient_name=study.patient_name)


def named(index: Index, scope: StudyScope, patient: PatientIdentity) -> PatientIdentity:
    """`patient` with the name that the newest study has, where none is said and one is known."""
    if patient.patient_name:
        return patient
    own = index.overviews(Within(patient, scope), _query())
    return replace(patient, patient_name=next((one.patient_name for one in own if one.patient_name), ""))


def is_of(patient: PatientIdentity, study: StudyOverview) -> bool:
    """Whether a study is this patient's, by what it says or because somebody has decided so."""
    said = (study.patient_id, study.issuer_of_patient_id, study.patient_birth_date, study.patient_name)
    return study.study_instance_uid in patient.accepted or patient.is_of(*said)


def by_patient(studies: Sequence[StudyOverview]) -> list[Patient]:
    """The studies put together by patient, in the order in which their patients first come."""
    groups: dict[tuple[str, ...], list[StudyOverview]] = {}
    for study in studies:
        # Without an id nothing tells two patients apart, so each study stands alone.
        key = _identity(study) if study.patient_id else (study.study_instance_uid,)
        groups.setdefault(key, []).append(study)
    return [_patient(group[0], group) for group in groups.values()]


def _readings(typed: str) -> Iterator[tuple[Match, ...]]:
    words = typed.split()
    dates = [date for word in words if (date := parse_birth_date(word))]
    name = " ".join(word for word in words if parse_birth_date(word) is None)
    whole = parse_birth_date(typed)
    if whole:
        yield (_match("PatientBirthDate", whole),)
        yield (_match("StudyDate", whole),)
        return
    born = (_match("PatientBirthDate", dates[0]),) if len(dates) == 1 else ()
    if name and (born or not dates):
        yield (*born, Match(BY_KEYWORD["PatientName"], (name.replace(",", " "),), fuzzy=True))
        yield (*born, _match("PatientName", "*" + name.replace(",", " ").replace(" ", "*") + "*"))


def _patient(first: StudyOverview, studies: Sequence[StudyOverview]) -> Patient:
    # The first name may be missing in the newest study only.
    name = next((one.patient_name for one in studies if one.patient_name), "")
    return Patient(
        name, first.patient_id, first.issuer_of_patient_id, first.patient_birth_date, first.patient_sex, tuple(studies)
    )


def _identity(study: StudyOverview) -> tuple[str, ...]:
    return study.patient_id, study.issuer_of_patient_id, study.patient_birth_date


def _match(keyword: str, *values: str) -> Match:
    return Match(BY_KEYWORD[keyword], values)


def _query(*matches: Match, most: int = MOST) -> Query:
    return Query(Level.STUDY, matches, limit=most)
