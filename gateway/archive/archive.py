"""Asks the archive: what it has of a study or a patient, and to send it once more."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Literal

from dimse.scu import query
from dimse.scu.caller import Caller
from dimse.scu.query import OperationRefused, find
from dimse.scu.retrieve import STUDY_ROOT_GET, STUDY_ROOT_MOVE, Progress, get, move, receiving, storage_proposals
from dimse.scu.wire import AssociationFailed
from dimse.services.storage import StorageService
from dimse.settings import Peer
from storage.ingest import Ingest
from storage.scope import PatientIdentity

_LEVEL: Final = "00080052"
_STUDY: Final = "0020000D"
_INSTANCES: Final = "00201208"
_CLASSES: Final = "00080062"
_PATIENT_ID: Final = "00100020"
_ISSUER: Final = "00100021"
_BIRTH_DATE: Final = "00100030"
_CHARACTER_SET: Final = "00080005"
# What is offered where the archive does not say which classes a study has: images that patients are given.
_USUAL_CLASSES: Final = tuple(
    f"1.2.840.10008.5.1.4.1.1.{end}"
    for end in ("1", "1.1", "1.1.1", "1.2", "2", "2.1", "3.1", "4", "4.1", "6.1", "7", "12.1", "20", "88.33", "104.1")
)

Way = Literal["move", "get"]


class ArchiveAway(Exception):
    """The archive cannot be asked, or refuses; the message says why, without a word about a patient."""


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
        (found,) = self._found({_STUDY: study, _INSTANCES: ""}) or [{}]
        number = _first(found, _INSTANCES)
        return int(number) if str(number).isdigit() else None

    def studies_of(self, patient: PatientIdentity) -> Sequence[str]:
        """The studies that the archive has of exactly this patient. Or `ArchiveAway`."""
        keys = {_STUDY: "", _PATIENT_ID: patient.patient_id, _BIRTH_DATE: patient.patient_birth_date, _ISSUER: ""}
        found = self._found(keys)
        exact = [
            one
            for one in found
            if (_first(one, _PATIENT_ID), _first(one, _BIRTH_DATE)) == (patient.patient_id, patient.patient_birth_date)
            and _first(one, _ISSUER) in ("", patient.issuer_of_patient_id)
        ]
        return [str(_first(one, _STUDY)) for one in exact]

    def fetch(self, study: str) -> int:
        """Let the archive send a study, and wait for the end; how many instances came. Or `ArchiveAway`."""
        identifier = _identifier({_STUDY: study})
        try:
            progress = self._move(identifier) if self._way == "move" else self._get(study, identifier)
        except (AssociationFailed, OperationRefused, OSError) as error:
            raise ArchiveAway(_said(error)) from error
        if progress.failed:
            raise ArchiveAway(f"{progress.failed} of the instances could not be sent")
        return progress.completed + progress.warning

    def _move(self, identifier: dict[str, Any]) -> Progress:
        with self._caller.associate(self._peer(), [query.proposal(STUDY_ROOT_MOVE)]) as requestor:
            *_, last = move(requestor, identifier, self._caller.ae_title)
        return last

    def _get(self, study: str, identifier: dict[str, Any]) -> Progress:
        peer = self._peer()
        (found,) = self._found({_STUDY: study, _CLASSES: ""}) or [{}]
        classes = [str(uid) for uid in found.get(_CLASSES, {}).get("Value", ())] or _USUAL_CLASSES
        proposals = [query.proposal(STUDY_ROOT_GET), *storage_proposals(classes)]
        with ThreadPoolExecutor(1) as threads:
            service = StorageService(self._ingest, threads)
            with self._caller.associate(peer, proposals, receiving(service, peer)) as requestor:
                *_, last = get(requestor, identifier)
        return last

    def _found(self, keys: dict[str, str]) -> list[dict[str, Any]]:
        try:
            with self._caller.associate(self._peer(), [query.proposal(query.STUDY_ROOT_FIND)]) as requestor:
                return list(find(requestor, _identifier(keys)))
        except (AssociationFailed, OperationRefused, OSError) as error:
            raise ArchiveAway(_said(error)) from error

    def _peer(self) -> Peer:
        peer = self._peer_of(self.ae_title)
        if peer is None:
            raise ArchiveAway(f"no peer has the AE title {self.ae_title}; see [[dimse.peers]] or durchblick ae add")
        return peer


def _identifier(keys: dict[str, str]) -> dict[str, Any]:
    vrs = {_STUDY: "UI", _INSTANCES: "IS", _CLASSES: "UI", _PATIENT_ID: "LO", _ISSUER: "LO", _BIRTH_DATE: "DA"}
    asked: dict[str, Any] = {
        tag: {"vr": vrs[tag]} | ({"Value": [value]} if value else {}) for tag, value in keys.items()
    }
    return asked | {
        _LEVEL: {"vr": "CS", "Value": ["STUDY"]},
        _CHARACTER_SET: {"vr": "CS", "Value": ["ISO_IR 192"]},
    }


def _first(found: dict[str, Any], tag: str) -> Any:
    return (found.get(tag, {}).get("Value") or [""])[0]


def _said(error: Exception) -> str:
    """What may be told of an error: a peer's own words may quote what nobody else should read."""
    return f"status {error.status:04X}H" if isinstance(error, OperationRefused) else str(error)
