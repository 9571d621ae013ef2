"""C-ECHO, the Verification service (PS3.7 9.1.5, PS3.4 annex A)."""

from typing import Final

from dimse.command import AFFECTED_SOP_CLASS_UID
from dimse.services.operation import Answered, Operation, Request
from dimse.status import SOP_CLASS_NOT_SUPPORTED, SUCCESS, Status

VERIFICATION: Final = "1.2.840.10008.1.1"


def echo(request: Request) -> Operation:
    """Success, when asked on a context of the Verification SOP class."""
    if request.context.abstract_syntax != VERIFICATION:
        comment = "C-ECHO belongs on a context of the Verification SOP Class."
        return Answered(Status(SOP_CLASS_NOT_SUPPORTED, comment, AFFECTED_SOP_CLASS_UID))
    return Answered(SUCCESS)
