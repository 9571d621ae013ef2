"""Statuses of DIMSE responses (PS3.7 annex C, PS3.4 table B.2-1)."""

from dataclasses import dataclass
from typing import Final

from storage.errors import Refusal

_LONGEST_COMMENT: Final = 64


@dataclass(frozen=True, slots=True)
class Status:
    """A status (0000,0900) with what explains it: Error Comment, and the offending element of the command."""

    code: int
    comment: str = ""
    offending_element: int | None = None

    @property
    def error_comment(self) -> bytes:
        """The comment as a value of VR LO in the default repertoire: at most 64 characters, no backslash."""
        text = self.comment[:_LONGEST_COMMENT].replace("\\", "/").encode("ascii", errors="replace")
        return bytes(byte if 0x20 <= byte < 0x7F else 0x3F for byte in text).rstrip()


SUCCESS: Final = Status(0x0000)

INVALID_ATTRIBUTE_VALUE: Final = 0x0106
PROCESSING_FAILURE: Final = 0x0110
INVALID_SOP_INSTANCE: Final = 0x0117
SOP_CLASS_NOT_SUPPORTED: Final = 0x0122
UNRECOGNIZED_OPERATION: Final = 0x0211
CANNOT_UNDERSTAND: Final = 0xC000


def refused(refusal: Refusal) -> Status:
    """The status that tells a peer about `refusal`."""
    return Status(refusal.dicom_status, refusal.detail)
