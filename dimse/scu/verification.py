"""C-ECHO as client (PS3.7 9.1.5, PS3.4 annex A)."""

from typing import Final

from dimse.command import C_ECHO_RQ
from dimse.scu import elements
from dimse.scu.establishing import Proposal
from dimse.scu.requestor import Requestor
from dimse.services.echo import VERIFICATION
from dimse.status import SOP_CLASS_NOT_SUPPORTED

PROPOSAL: Final = Proposal(VERIFICATION, ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1"))


def echo(requestor: Requestor) -> int:
    """The status of a C-ECHO, 0 when all is well; 0122H when the peer accepts no context for it.

    Raises `AssociationLost`.
    """
    context = requestor.context(VERIFICATION)
    if context is None:
        return SOP_CLASS_NOT_SUPPORTED
    return requestor.ask(context, elements.request(C_ECHO_RQ, VERIFICATION)).status
