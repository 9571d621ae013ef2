"""C-FIND as client (PS3.7 9.1.2, PS3.4 C.4.1)."""

from collections.abc import Iterator
from typing import Any, Final

from dimse.command import C_FIND_RQ
from dimse.scu import elements
from dimse.scu.establishing import Proposal
from dimse.scu.outgoing import NATIVE
from dimse.scu.requestor import ReceivedResponse, Requestor
from storage.data_set.encoder import encode
from storage.data_set.identifier import decode

PATIENT_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.1.1"
STUDY_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"


class OperationRefused(Exception):
    """The peer ends an operation with a failure; the message says with which status, and what it says about it."""

    def __init__(self, operation: str, status: int, comment: str) -> None:
        said = f": {comment}" if comment else ""
        super().__init__(f"{operation} was answered with {status:04X}H{said}")
        self.status = status
        self.comment = comment


def proposal(information_model: str) -> Proposal:
    """The context that a query or retrieval with this SOP class needs."""
    return Proposal(information_model, NATIVE)


def find(
    requestor: Requestor, identifier: dict[str, Any], information_model: str = STUDY_ROOT_FIND
) -> Iterator[dict[str, Any]]:
    """The matches of a C-FIND as DICOM JSON, as they come; `identifier` is the question in the same form.

    Closing the iterator cancels the query. Raises `OperationRefused` when the peer answers with a failure or accepts
    no such queries, and `AssociationLost`.
    """
    context = requestor.context(information_model, *NATIVE)
    if context is None:
        raise OperationRefused("C-FIND", 0x0122, "the peer accepts no queries of this information model")
    request = elements.request(C_FIND_RQ, information_model, priority=True)
    responses = requestor.request(context, request, [encode(identifier, context.transfer_syntax)])
    for response in responses:
        if response.is_pending:
            yield decode(response.identifier, context.transfer_syntax)
        else:
            raise_failure("C-FIND", response)


def raise_failure(operation: str, final: ReceivedResponse) -> None:
    """Raise `OperationRefused` unless the final response is a success, or tells that the operation was cancelled."""
    if final.status not in (0x0000, 0xFE00):
        raise OperationRefused(operation, final.status, elements.comment(final.command))
