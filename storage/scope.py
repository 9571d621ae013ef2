"""What a caller may see: a restriction that every read of the index takes as its first argument.

A scope is produced by `auth`, passed on by `gateway`, and turned into SQL here and nowhere else, so a forgotten
check is a type error and not a leak.
"""

from dataclasses import dataclass
from typing import Final

from storage.catalogue import person_names

_PATIENT_NAME: Final = "00100010"


@dataclass(frozen=True, slots=True)
class WholeArchive:
    """Everything, held instances included: staff and systems."""


@dataclass(frozen=True, slots=True)
class ListedStudies:
    """These studies and no others."""

    study_instance_uids: frozenset[str]


@dataclass(frozen=True, slots=True)
class PatientIdentity:
    """Every study, also future ones, whose PatientID, IssuerOfPatientID and PatientBirthDate are exactly these.

    Names are written in many ways, so the name need only agree.
    """

    patient_id: str
    issuer_of_patient_id: str
    patient_birth_date: str
    site: str | None = None
    """Only studies of this site (see `SiteStudies`): two houses may give the same PatientID to two people."""
    accepted: frozenset[str] = frozenset()
    """Studies that belong to the patient although they say otherwise: somebody has looked and decided."""
    patient_name: str = ""
    """Where it is known: only studies whose PatientName agrees (see `person_names.agree`), for ids are mixed up too."""

    def is_of(self, patient_id: str, issuer_of_patient_id: str, patient_birth_date: str, patient_name: str) -> bool:
        """Whether a study with these values is the patient's, whatever was decided and whichever site it belongs to."""
        own = (self.patient_id, self.issuer_of_patient_id, self.patient_birth_date)
        theirs = (patient_id, issuer_of_patient_id, patient_birth_date)
        return own == theirs and person_names.agree(self.patient_name, patient_name)


@dataclass(frozen=True, slots=True)
class SiteStudies:
    """Every study of one site, held instances included: its staff. A site is a key; "" is the one that takes the rest.

    A study belongs to the site of the application entity that sent its first instance (`Index.assign_origins`).
    """

    site: str


@dataclass(frozen=True, slots=True)
class Within:
    """What two scopes both show: what somebody was given, of what somebody else may see."""

    inner: "StudyScope"
    outer: "StudyScope"


StudyScope = WholeArchive | ListedStudies | PatientIdentity | SiteStudies | Within


def shows_held(scope: StudyScope) -> bool:
    """Whether instances whose patient disagrees with their study's are visible: not to patients."""
    if isinstance(scope, Within):
        return shows_held(scope.inner) and shows_held(scope.outer)
    return isinstance(scope, WholeArchive | SiteStudies)


def predicate(scope: StudyScope) -> tuple[str, tuple[str, ...]]:
    """The SQL condition over the table `study` that this scope stands for, and its parameters."""
    match scope:
        case WholeArchive():
            return "1 = 1", ()
        case ListedStudies(uids):
            return _listed(uids)
        case SiteStudies(site):
            return _of_site(site)
        case PatientIdentity():
            return _of_patient(scope)
        case Within(inner, outer):
            (first, of_first), (second, of_second) = predicate(inner), predicate(outer)
            return f"({first}) AND ({second})", (*of_first, *of_second)


def _listed(uids: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    if not uids:
        return "1 = 0", ()
    return f"study.study_instance_uid IN ({', '.join('?' * len(uids))})", tuple(sorted(uids))


def _of_site(site: str) -> tuple[str, tuple[str, ...]]:
    if not site:
        return "study.origin NOT IN (SELECT origin FROM site_origin)", ()
    return "study.origin IN (SELECT origin FROM site_origin WHERE site = ?)", (site,)


def _of_patient(scope: PatientIdentity) -> tuple[str, tuple[str, ...]]:
    sql = "study.patient_id = ? AND study.issuer_of_patient_id = ? AND study.patient_birth_date = ?"
    parameters: tuple[str, ...] = (scope.patient_id, scope.issuer_of_patient_id, scope.patient_birth_date)
    if scope.patient_name:
        agreeing = person_names.agreeing(_PATIENT_NAME, scope.patient_name)
        sql, parameters = f"({sql} AND {agreeing.sql})", (*parameters, *agreeing.parameters)
    if scope.accepted:
        listed, uids = _listed(scope.accepted)
        sql, parameters = f"(({sql}) OR {listed})", (*parameters, *uids)
    if scope.site is not None:
        within, site = _of_site(scope.site)
        sql, parameters = f"({sql}) AND {within}", (*parameters, *site)
    return sql, parameters
