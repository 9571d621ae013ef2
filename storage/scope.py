"""What a caller may see: a restriction that every read of the index takes as its first argument.

A scope is produced by `auth`, passed on by `gateway`, and turned into SQL here and nowhere else, so a forgotten
check is a type error and not a leak.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WholeArchive:
    """Everything, held instances included: staff and systems."""


@dataclass(frozen=True, slots=True)
class ListedStudies:
    """These studies and no others."""

    study_instance_uids: frozenset[str]


@dataclass(frozen=True, slots=True)
class PatientIdentity:
    """Every study, also future ones, whose PatientID, IssuerOfPatientID and PatientBirthDate are exactly these."""

    patient_id: str
    issuer_of_patient_id: str
    patient_birth_date: str


@dataclass(frozen=True, slots=True)
class Within:
    """What two scopes both show: what somebody was given, of what somebody else may see."""

    inner: "StudyScope"
    outer: "StudyScope"


StudyScope = WholeArchive | ListedStudies | PatientIdentity | Within


def shows_held(scope: StudyScope) -> bool:
    """Whether instances whose patient disagrees with their study's are visible: only to those who see everything."""
    if isinstance(scope, Within):
        return shows_held(scope.inner) and shows_held(scope.outer)
    return isinstance(scope, WholeArchive)


def predicate(scope: StudyScope) -> tuple[str, tuple[str, ...]]:
    """The SQL condition over the table `study` that this scope stands for, and its parameters."""
    match scope:
        case WholeArchive():
            return "1 = 1", ()
        case ListedStudies(uids) if uids:
            marks = ", ".join("?" * len(uids))
            return f"study.study_instance_uid IN ({marks})", tuple(sorted(uids))
        case ListedStudies():
            return "1 = 0", ()
        case PatientIdentity(patient_id, issuer, birth_date):
            return (
                "study.patient_id = ? AND study.issuer_of_patient_id = ? AND study.patient_birth_date = ?",
                (patient_id, issuer, birth_date),
            )
        case Within(inner, outer):
            (first, of_first), (second, of_second) = predicate(inner), predicate(outer)
            return f"({first}) AND ({second})", (*of_first, *of_second)
