"""Sends data sets over a real association, as a modality or PACS would: the demo's other end."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pynetdicom import AE
from pynetdicom.association import Association

ANSWER_SECONDS: Final = 300.0
"""A store waits for the disk, which on a machine that has just installed all this may take a while to write."""

_DICOMDIR: Final = "1.2.840.10008.1.3.10"


class PushFailed(Exception):
    """The gateway did not take what was sent; the message says why."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What identifies an instance and whose it is, and the status it was answered with (PS3.7 annex C)."""

    status: int
    study_instance_uid: str
    patient_id: str
    issuer_of_patient_id: str
    patient_birth_date: str
    modality: str


def push(data_sets: Iterable[Dataset], host: str, port: int, called: str, calling: str) -> Iterator[Sent]:
    """C-STORE each data set as it comes, on one association for each run of the same kind.

    Raises PushFailed when the other side does not accept, or ends early.
    """
    association: Association | None = None
    open_for: tuple[str, str] | None = None
    try:
        for data_set in data_sets:
            kind = (str(data_set.SOPClassUID), str(data_set.file_meta.TransferSyntaxUID))
            if association is None or kind != open_for:
                _end(association)
                association, open_for = _associate(kind, host, port, called, calling), kind
            yield _sent(data_set, association)
    finally:
        _end(association)


def read(paths: Iterable[Path]) -> Iterator[Dataset]:
    """The storable data sets below `paths`, other files passed over. Raises PushFailed at once when there is none."""
    found = _storable(paths)
    first = next(found, None)
    if first is None:
        raise PushFailed("No DICOM files were found there. Name a file or folder that holds a study.")
    return chain([first], found)


def _storable(paths: Iterable[Path]) -> Iterator[Dataset]:
    for path in _files(paths):
        try:
            data_set = dcmread(path)
        except (InvalidDicomError, OSError):
            continue
        if "SOPInstanceUID" in data_set and data_set.get("SOPClassUID", _DICOMDIR) != _DICOMDIR:
            yield data_set


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(entry for entry in path.rglob("*") if entry.is_file()) if path.is_dir() else [path]


def _associate(kind: tuple[str, str], host: str, port: int, called: str, calling: str) -> Association:
    entity = AE(ae_title=calling)
    entity.maximum_pdu_size = 131_072
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = ANSWER_SECONDS
    entity.add_requested_context(*kind)
    association = entity.associate(host, port, ae_title=called)
    if not association.is_established:
        raise PushFailed(f"{called} at {host}:{port} did not accept the association.")
    return association


def _end(association: Association | None) -> None:
    if association is not None and association.is_established:
        association.release()


def _sent(data_set: Dataset, association: Association) -> Sent:
    status = association.send_c_store(data_set)
    if "Status" not in status:
        raise PushFailed(
            f"The association ended, or there was no answer for {ANSWER_SECONDS:g} s, before all was sent."
        )
    return Sent(
        status=int(status.Status),
        study_instance_uid=str(data_set.get("StudyInstanceUID", "")),
        patient_id=str(data_set.get("PatientID", "") or ""),
        issuer_of_patient_id=str(data_set.get("IssuerOfPatientID", "") or ""),
        patient_birth_date=str(data_set.get("PatientBirthDate", "") or ""),
        modality=str(data_set.get("Modality", "") or "OT"),
    )
