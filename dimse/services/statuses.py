"""Which statuses each operation answers with, and when (PS3.4 tables B.2-1, C.4-1 to C.4-3, J.3; PS3.7 annex C).

The conformance statement is made of this table, and the tests hold every response that they get against it.
"""

from dataclasses import dataclass
from typing import Final

from dimse import command
from dimse.services import commitment, query, retrieve, suboperations
from dimse.status import (
    CANCELLED,
    CANNOT_UNDERSTAND,
    INVALID_ATTRIBUTE_VALUE,
    INVALID_SOP_INSTANCE,
    NOT_AUTHORISED,
    PENDING,
    PROCESSING_FAILURE,
    SOP_CLASS_NOT_SUPPORTED,
    SUCCESS,
    UNRECOGNIZED_OPERATION,
    Status,
)
from storage.commitment import references
from storage.errors import DataSetMismatch, DuplicateInstance, OutOfResources

_WARNING: Final = 0xB


@dataclass(frozen=True, slots=True)
class Meaning:
    """When a status is given."""

    code: int
    when: str

    @property
    def kind(self) -> str:
        """The status type of PS3.7 annex C."""
        if self.code == SUCCESS.code:
            return "Success"
        if self.code == CANCELLED.code:
            return "Cancel"
        if self.code >> 8 == PENDING.code >> 8:
            return "Pending"
        if self.code >> 12 == _WARNING:
            return "Warning"
        assert Status(self.code).is_failure
        return "Failure"


_OTHER_CLASS: Final = Meaning(
    SOP_CLASS_NOT_SUPPORTED, "SOP class, or that of its presentation context, is none of this operation."
)
_NOT_ALLOWED: Final = Meaning(NOT_AUTHORISED, "This AE may not use the operation here.")
_UNEXPECTED: Final = Meaning(
    PROCESSING_FAILURE, "Anything unexpected; the Error Comment has a number that our log explains."
)
_NOT_READABLE: Final = Meaning(CANNOT_UNDERSTAND, "The identifier cannot be decoded.")

_STORE: Final = (
    Meaning(
        SUCCESS.code,
        "Kept: file, directory entry and index are on the disk. Also when the same bytes were kept already.",
    ),
    Meaning(
        OutOfResources.dicom_status,
        "No room, less free space than the operator wants, or the disk fails. The same request may succeed later.",
    ),
    Meaning(DataSetMismatch.dicom_status, "SOP Class or Instance UID of command and data set differ."),
    Meaning(
        CANNOT_UNDERSTAND, "No data set, cut short, malformed, or without the UIDs by which it could be found again."
    ),
    Meaning(INVALID_ATTRIBUTE_VALUE, "The command has no Affected SOP Class UID."),
    Meaning(DuplicateInstance.dicom_status, "Other bytes are kept under this SOP Instance UID; those stay."),
    Meaning(INVALID_SOP_INSTANCE, "A UID is missing or malformed."),
    Meaning(SOP_CLASS_NOT_SUPPORTED, "SOP class, or that of its presentation context, is none for storage."),
    Meaning(NOT_AUTHORISED, "This AE may not store here, or not this SOP class, or not in this transfer syntax."),
    _UNEXPECTED,
)

_FIND: Final = (
    Meaning(SUCCESS.code, "All matches were sent."),
    Meaning(PENDING.code, "A match; every key is supported."),
    Meaning(query.PENDING_WITH_WARNING.code, "A match; a key is not supported at this level and was not compared."),
    Meaning(CANCELLED.code, "Ended by C-CANCEL."),
    Meaning(OutOfResources.dicom_status, "The index cannot be read at the moment."),
    Meaning(
        DataSetMismatch.dicom_status,
        "Level missing or none of the model, unique key of a level above missing, or several items in a sequence.",
    ),
    Meaning(CANNOT_UNDERSTAND, "The identifier cannot be decoded, is missing, or is longer than 1 MiB."),
    _OTHER_CLASS,
    _NOT_ALLOWED,
    _UNEXPECTED,
)

_GET: Final = (
    Meaning(SUCCESS.code, "Every sub-operation succeeded, or nothing matched."),
    Meaning(PENDING.code, "Sub-operations go on."),
    Meaning(CANCELLED.code, "Ended by C-CANCEL; with the Failed SOP Instance UID List."),
    Meaning(
        suboperations.FAILURES_OR_WARNINGS,
        "Some sub-operations failed or had warnings; with the Failed SOP Instance UID List.",
    ),
    Meaning(retrieve.MATCHES_NOT_CALCULATED, "The matches cannot be counted, or the identifier is longer than 1 MiB."),
    Meaning(suboperations.NONE_PERFORMED, "No sub-operation succeeded; the Error Comment tells about the first one."),
    Meaning(DataSetMismatch.dicom_status, "The identifier is missing, or does not fit the model: level, unique keys."),
    _NOT_READABLE,
    _OTHER_CLASS,
    _NOT_ALLOWED,
    _UNEXPECTED,
)

_REPORT: Final = (
    Meaning(SUCCESS.code, "The report is taken."),
    Meaning(commitment.NO_SUCH_SOP_INSTANCE, f"The SOP Instance UID is not {references.WELL_KNOWN_INSTANCE}."),
    Meaning(commitment.NO_SUCH_EVENT_TYPE, "The Event Type ID is neither 1 nor 2."),
    Meaning(commitment.NO_SUCH_ARGUMENT, "There is no data set."),
    Meaning(
        commitment.INVALID_ARGUMENT_VALUE,
        "The data set cannot be understood, or this AE was not asked for such a transaction.",
    ),
    Meaning(
        commitment.NO_SUCH_SOP_CLASS, "The SOP class, or that of the context, is not Storage Commitment Push Model."
    ),
    Meaning(commitment.RESOURCE_LIMITATION, "The data set is too large, or cannot be kept at the moment."),
    _UNEXPECTED,
)

STATUSES: Final[dict[int, tuple[Meaning, ...]]] = {
    command.C_ECHO_RQ: (Meaning(SUCCESS.code, "We are here."), _OTHER_CLASS),
    command.C_STORE_RQ: _STORE,
    command.C_FIND_RQ: _FIND,
    command.C_GET_RQ: _GET,
    command.C_MOVE_RQ: (
        *_GET,
        Meaning(retrieve.DESTINATION_UNKNOWN, "The Move Destination is no AE that is known here."),
    ),
    command.N_ACTION_RQ: (
        Meaning(SUCCESS.code, "The request is kept; the report follows."),
        Meaning(commitment.NO_SUCH_SOP_INSTANCE, f"The SOP Instance UID is not {references.WELL_KNOWN_INSTANCE}."),
        Meaning(commitment.NO_SUCH_ARGUMENT, "There is no data set."),
        Meaning(commitment.INVALID_ARGUMENT_VALUE, "The data set cannot be understood: Transaction UID, references."),
        Meaning(
            commitment.NO_SUCH_SOP_CLASS, "The SOP class, or that of the context, is not Storage Commitment Push Model."
        ),
        Meaning(commitment.NO_SUCH_ACTION, "The Action Type ID is not 1."),
        Meaning(commitment.RESOURCE_LIMITATION, "Too many references, or the request cannot be kept at the moment."),
        _NOT_ALLOWED,
        _UNEXPECTED,
    ),
    command.N_EVENT_REPORT_RQ: _REPORT,
}
"""By command field."""

NOT_OFFERED: Final = Meaning(UNRECOGNIZED_OPERATION, "The operation is not offered.")
"""Of every other command."""


def is_stated(command_field: int, code: int) -> bool:
    """Whether the table names this status for this request."""
    meanings = STATUSES.get(command_field, (NOT_OFFERED,))
    return any(meaning.code == code for meaning in meanings)
