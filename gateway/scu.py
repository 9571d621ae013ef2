"""Sends data sets over a real association, as a modality or PACS would: the demo's other end."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Final

from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from dimse import command as commands
from dimse.command import C_STORE_RQ
from dimse.scu import elements
from dimse.scu.requestor import AssociationFailed, AssociationLost, Patience, Proposal, Requestor
from dimse.services.operation import Context
from dimse.settings import Peer

PATIENCE: Final = Patience(association=120.0, response=300.0, send=300.0)
"""A store waits for the disk, which on a machine that has just installed all this may be busy for long."""

_DICOMDIR: Final = "1.2.840.10008.1.3.10"
# Preamble, prefix and the element File Meta Information Group Length, whose value ends here (PS3.10 7.1).
_AFTER_GROUP_LENGTH: Final = 144


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
    peer = Peer(called, host, port)
    requestor: Requestor | None = None
    open_for: tuple[str, str] | None = None
    try:
        for data_set in data_sets:
            kind = (str(data_set.SOPClassUID), str(data_set.file_meta.TransferSyntaxUID))
            if requestor is None or kind != open_for:
                _end(requestor)
                requestor, open_for = _associate(kind, peer, calling), kind
            yield _sent(data_set, requestor, _context(requestor, kind))
    except (AssociationFailed, AssociationLost) as error:
        raise PushFailed(f"Not everything was sent: {error}") from error
    finally:
        _end(requestor)


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


def _associate(kind: tuple[str, str], peer: Peer, calling: str) -> Requestor:
    sop_class, transfer_syntax = kind
    proposal = Proposal(sop_class, (transfer_syntax,))
    return Requestor.associate(peer, [proposal], calling_ae_title=calling, patience=PATIENCE)


def _context(requestor: Requestor, kind: tuple[str, str]) -> Context:
    context = requestor.context(kind[0])
    if context is None:
        raise PushFailed(f"The SOP class {kind[0]} is not accepted in the transfer syntax {kind[1]}.")
    return context


def _end(requestor: Requestor | None) -> None:
    if requestor is not None:
        requestor.release()


def _sent(data_set: Dataset, requestor: Requestor, context: Context) -> Sent:
    more = [(commands.AFFECTED_SOP_INSTANCE_UID, elements.uid(str(data_set.SOPInstanceUID)))]
    request = elements.request(C_STORE_RQ, context.abstract_syntax, priority=True, more=more)
    response = requestor.ask(context, request, [_bare(data_set)])
    return Sent(
        status=response.status,
        study_instance_uid=str(data_set.get("StudyInstanceUID", "")),
        patient_id=str(data_set.get("PatientID", "") or ""),
        issuer_of_patient_id=str(data_set.get("IssuerOfPatientID", "") or ""),
        patient_birth_date=str(data_set.get("PatientBirthDate", "") or ""),
        modality=str(data_set.get("Modality", "") or "OT"),
    )


def _bare(data_set: Dataset) -> bytes:
    """`data_set` as it is encoded in its transfer syntax, without file meta information."""
    file = BytesIO()
    dcmwrite(file, data_set, enforce_file_format=True)
    content = file.getvalue()
    return content[
        _AFTER_GROUP_LENGTH + int.from_bytes(content[_AFTER_GROUP_LENGTH - 4 : _AFTER_GROUP_LENGTH], "little") :
    ]
