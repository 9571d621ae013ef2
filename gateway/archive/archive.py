"""Asks the archive: what it has of a study, a patient or an accession number, and to send a study."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Literal

from dimse.exchange import AssociationLost
from dimse.scu import query
from dimse.scu.caller import Caller
from dimse.scu.query import OperationRefused, find
from dimse.scu.retrieve import STUDY_ROOT_GET, STUDY_ROOT_MOVE, Progress, get, move, receiving, storage_proposals
from dimse.scu.trouble import Trouble, TroubleKind, of_association, of_status
from dimse.scu.wire import AssociationFailed
from dimse.services.storage import StorageService
from dimse.settings import Peer
from gateway.archive.fetching import Fetching
from storage.ingest import Ingest
from storage.scope import PatientIdentity

MOST: Final = 200
"""Studies that are listed of a patient or an accession number."""

_LEVEL: Final = "00080052"
_CHARACTER_SET: Final = "00080005"
# What is offered where the archive does not say which classes a study has: images that patients are given.
_USUAL_CLASSES: Final = tuple(
    f"1.2.840.10008.5.1.4.1.1.{end}"
    for end in ("1", "1.1", "1.1.1", "1.2", "2", "2.1", "3.1", "4", "4.1", "6.1", "7", "12.1", "20", "88.33", "104.1")
)
# Attributes of a study by keyword, each with its tag and VR (PS3.4 C.6.2.1.2).
_KEYS: Final = {
    "StudyInstanceUID": ("0020000D", "UI"),
    "NumberOfStudyRelatedInstances": ("00201208", "IS"),
    "SOPClassesInStudy": ("00080062", "UI"),
    "StudyDate": ("00080020", "DA"),
    "ModalitiesInStudy": ("00080061", "CS"),
    "StudyDescription": ("00081030", "LO"),
    "AccessionNumber": ("00080050", "SH"),
    "PatientName": ("00100010", "PN"),
    "PatientID": ("00100020", "LO"),
    "IssuerOfPatientID": ("00100021", "LO"),
    "PatientBirthDate": ("00100030", "DA"),
}
_TOLD: Final = tuple(keyword for keyword in _KEYS if keyword != "SOPClassesInStudy")

Way = Literal["move", "get"]


class ArchiveAway(Exception):
    """The archive cannot be asked, or refuses; the message says why, without a word about a patient."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.sentence)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class ArchivedStudy:
    """A study as the archive tells of it; texts are "" and `instances` None where it does not say."""

    uid: str
    study_date: str
    modalities: tuple[str, ...]
    description: str
    accession_number: str = field(repr=False)
    patient_name: str = field(repr=False)
    patient_id: str = field(repr=False)
    issuer_of_patient_id: str = field(repr=False)
    patient_birth_date: str = field(repr=False)
    instances: int | None


class Archive:
    """One peer. Blocking; safe to use from any thread."""

    def __init__(
        self, caller: Caller, peer_of: Callable[[str], Peer | None], ae_title: str, way: Way, ingest: Ingest
    ) -> None:
        """`way`: C-MOVE to ourselves, which the archive must know, or C-GET, which not every archive offers."""
        self._caller = caller
        self._peer_of = peer_of
        self.ae_title = ae_title
        self._way = way
        self._ingest = ingest

    def count(self, study: str) -> int | None:
        """How many instances the archive has of a study; None when it has none or does not say. Or `ArchiveAway`."""
        found = self._found({"StudyInstanceUID": study, "NumberOfStudyRelatedInstances": ""})
        return _instances(found[0]) if found else None

    def studies_of(self, patient: PatientIdentity) -> Sequence[ArchivedStudy]:
        """What the archive has of exactly this patient, newest first. Or `ArchiveAway`."""
        asked = {"PatientID": patient.patient_id, "PatientBirthDate": patient.patient_birth_date}
        own = (patient.patient_id, patient.patient_birth_date)
        return [
            one
            for one in self._studies(asked)
            if (one.patient_id, one.patient_birth_date) == own
            and one.issuer_of_patient_id in ("", patient.issuer_of_patient_id)
        ]

    def studies_by_accession(self, accession_number: str) -> Sequence[ArchivedStudy]:
        """What the archive has under an accession number, of whomever. Or `ArchiveAway`."""
        found = self._studies({"AccessionNumber": accession_number})
        return [one for one in found if one.accession_number == accession_number]

    def studies(self, uids: Sequence[str]) -> Sequence[ArchivedStudy]:
        """Those of these studies that the archive has. Or `ArchiveAway`."""
        wanted = frozenset(uids)
        return [one for one in self._studies({"StudyInstanceUID": "\\".join(uids)}) if one.uid in wanted]

    def fetch(self, study: str, fetching: Fetching | None = None) -> int:
        """Let the archive send a study, and wait for the end; how many instances came. Or `ArchiveAway`.

        Another thread may look at `fetching`, and end it.
        """
        fetching = fetching or Fetching()
        identifier = _identifier({"StudyInstanceUID": study})
        try:
            progress = (
                self._move(identifier, fetching) if self._way == "move" else self._get(study, identifier, fetching)
            )
        except _AWAY as error:
            raise ArchiveAway(_trouble(error)) from error
        if progress.failed:
            sentence = f"{progress.failed} of the instances could not be sent"
            raise ArchiveAway(Trouble(TroubleKind.INCOMPLETE, sentence))
        return progress.completed + progress.warning

    def _move(self, identifier: dict[str, Any], fetching: Fetching) -> Progress:
        with self._caller.associate(self._peer(), [query.proposal(STUDY_ROOT_MOVE)]) as requestor:
            return fetching.follow(requestor, move(requestor, identifier, self._caller.ae_title))

    def _get(self, study: str, identifier: dict[str, Any], fetching: Fetching) -> Progress:
        peer = self._peer()
        (found,) = self._found({"StudyInstanceUID": study, "SOPClassesInStudy": ""}) or [{}]
        classes = [str(uid) for uid in _values(found, "SOPClassesInStudy")] or _USUAL_CLASSES
        proposals = [query.proposal(STUDY_ROOT_GET), *storage_proposals(classes)]
        with ThreadPoolExecutor(1) as threads:
            service = StorageService(self._ingest, threads)
            with self._caller.associate(peer, proposals, receiving(service, peer)) as requestor:
                return fetching.follow(requestor, get(requestor, identifier))

    def _studies(self, asked: Mapping[str, str]) -> list[ArchivedStudy]:
        found = [_study(one) for one in self._found(dict.fromkeys(_TOLD, "") | dict(asked))]
        return sorted((one for one in found if one.uid), key=lambda one: (one.study_date, one.uid), reverse=True)

    def _found(self, keys: Mapping[str, str]) -> list[dict[str, Any]]:
        try:
            with self._caller.associate(self._peer(), [query.proposal(query.STUDY_ROOT_FIND)]) as requestor:
                return list(islice(find(requestor, _identifier(keys)), MOST))
        except _AWAY as error:
            raise ArchiveAway(_trouble(error)) from error

    def _peer(self) -> Peer:
        peer = self._peer_of(self.ae_title)
        if peer is None:
            sentence = f"no peer has the AE title {self.ae_title}; see [[dimse.peers]] or durchblick ae add"
            raise ArchiveAway(Trouble(TroubleKind.UNCONFIGURED, sentence))
        return peer


_AWAY: Final = (AssociationFailed, AssociationLost, OperationRefused, OSError)


def _identifier(keys: Mapping[str, str]) -> dict[str, Any]:
    asked: dict[str, Any] = {}
    for keyword, value in keys.items():
        tag, vr = _KEYS[keyword]
        asked[tag] = {"vr": vr} | ({"Value": value.split("\\")} if value else {})
    return asked | {
        _LEVEL: {"vr": "CS", "Value": ["STUDY"]},
        _CHARACTER_SET: {"vr": "CS", "Value": ["ISO_IR 192"]},
    }


def _study(found: Mapping[str, Any]) -> ArchivedStudy:
    name = _first(found, "PatientName")
    return ArchivedStudy(
        uid=str(_first(found, "StudyInstanceUID")),
        study_date=str(_first(found, "StudyDate")),
        modalities=tuple(str(one) for one in _values(found, "ModalitiesInStudy")),
        description=str(_first(found, "StudyDescription")),
        accession_number=str(_first(found, "AccessionNumber")),
        patient_name=str(name.get("Alphabetic", "")) if isinstance(name, dict) else "",
        patient_id=str(_first(found, "PatientID")),
        issuer_of_patient_id=str(_first(found, "IssuerOfPatientID")),
        patient_birth_date=str(_first(found, "PatientBirthDate")),
        instances=_instances(found),
    )


def _instances(found: Mapping[str, Any]) -> int | None:
    number = str(_first(found, "NumberOfStudyRelatedInstances"))
    return int(number) if number.isdecimal() else None


def _values(found: Mapping[str, Any], keyword: str) -> Sequence[Any]:
    tag, _ = _KEYS[keyword]
    values: Sequence[Any] = found.get(tag, {}).get("Value") or ()
    return [one for one in values if one is not None]


def _first(found: Mapping[str, Any], keyword: str) -> Any:
    return next(iter(_values(found, keyword)), "")


def _trouble(error: Exception) -> Trouble:
    """What may be told of an error: a peer's own words may quote what nobody else should read."""
    match error:
        case OperationRefused():
            return Trouble(of_status(error.status), f"status {error.status:04X}H")
        case AssociationFailed():
            return of_association(error)
        case _:
            return Trouble(TroubleKind.LOST, str(error))
