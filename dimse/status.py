"""Statuses of DIMSE responses (PS3.7 annex C, PS3.4 table B.2-1)."""

import logging
import secrets
from dataclasses import dataclass
from typing import Final

from storage.errors import OutOfResources, Refusal

_log = logging.getLogger("durchblick.dimse")

_LONGEST_COMMENT: Final = 64
# Attribute list error and attribute value out of range (PS3.7 C.4.2, C.4.3).
_WARNINGS: Final = (0x0107, 0x0116)


@dataclass(frozen=True, slots=True)
class Status:
    """A status (0000,0900) with what explains it: Error Comment, and the offending element of the command."""

    code: int
    comment: str = ""
    offending_element: int | None = None

    @property
    def is_failure(self) -> bool:
        """Whether it is of the status type Failure (PS3.7 annex C): neither success, pending, cancel nor warning."""
        return self.code >> 12 in (0xA, 0xC) or (self.code >> 8 in (0x01, 0x02) and self.code not in _WARNINGS)

    @property
    def error_comment(self) -> bytes:
        """The comment as a value of VR LO in the default repertoire: at most 64 characters, no backslash."""
        text = self.comment[:_LONGEST_COMMENT].replace("\\", "/").encode("ascii", errors="replace")
        return bytes(byte if 0x20 <= byte < 0x7F else 0x3F for byte in text).rstrip()


SUCCESS: Final = Status(0x0000)
PENDING: Final = Status(0xFF00)
CANCELLED: Final = Status(0xFE00)

INVALID_ATTRIBUTE_VALUE: Final = 0x0106
PROCESSING_FAILURE: Final = 0x0110
NOT_AUTHORISED: Final = 0x0124
INVALID_SOP_INSTANCE: Final = 0x0117
SOP_CLASS_NOT_SUPPORTED: Final = 0x0122
UNRECOGNIZED_OPERATION: Final = 0x0211
CANNOT_UNDERSTAND: Final = 0xC000


def refused(refusal: Refusal) -> Status:
    """The status that tells a peer about `refusal`."""
    return Status(refusal.dicom_status, refusal.detail)


def failed(error: Exception) -> Status:
    """The status for whatever went wrong; what nobody expected gets an incident number that the log has too.

    Messages of foreign exceptions may quote patients, so they are neither passed on nor logged.
    """
    if isinstance(error, Refusal):
        return refused(error)
    if isinstance(error, OSError):
        _log.error("operation_failed error=%s errno=%s", type(error).__name__, error.errno)
        return refused(OutOfResources("The store cannot write; see its log."))
    incident = secrets.token_hex(4)
    _log.error("operation_failed incident=%s error=%s at=%s", incident, type(error).__name__, _place(error))
    return Status(PROCESSING_FAILURE, f"Unexpected failure, incident {incident}.")


def _place(error: Exception) -> str:
    trace = error.__traceback__
    places = []
    while trace is not None:
        places.append(f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}")
        trace = trace.tb_next
    return "<".join(reversed(places))
