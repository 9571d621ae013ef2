"""C-MOVE and C-GET as client (PS3.7 9.1.3 and 9.1.4, PS3.4 C.4.2 and C.4.3)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from dimse.command import C_GET_RQ, C_MOVE_RQ, C_STORE_RQ, Command
from dimse.scu import elements
from dimse.scu.arriving import unexpected
from dimse.scu.establishing import MOST_CONTEXTS, Proposal
from dimse.scu.outgoing import NATIVE
from dimse.scu.query import OperationRefused
from dimse.scu.requestor import Perform, ReceivedResponse, Requestor
from dimse.services.operation import Context, Operation, Request
from dimse.services.storage import StorageService
from dimse.settings import Peer
from storage.data_set.encoder import encode
from storage.data_set.identifier import decode

PATIENT_ROOT_MOVE: Final = "1.2.840.10008.5.1.4.1.2.1.2"
STUDY_ROOT_MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"
PATIENT_ROOT_GET: Final = "1.2.840.10008.5.1.4.1.2.1.3"
STUDY_ROOT_GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"

COMPRESSED: Final = (
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.5",
)
"""JPEG lossless, baseline and extended, JPEG-LS lossless, JPEG 2000 lossless and not, RLE: what archives often hold."""

_FAILED_SOP_INSTANCE_UID_LIST: Final = "00080058"
_CANCELLED: Final = 0xFE00
_WARNING: Final = 0xB000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a retrieval is, in numbers of sub-operations. `failed_uids` come with the last one, if the peer tells."""

    status: int
    remaining: int
    completed: int
    failed: int
    warning: int
    failed_uids: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether everything arrived, without failures or warnings."""
        return self.status == 0


def move(
    requestor: Requestor, identifier: dict[str, Any], destination: str, information_model: str = STUDY_ROOT_MOVE
) -> Iterator[Progress]:
    """Let the peer send what `identifier` (DICOM JSON) names to the AE `destination`, and tell how far it is.

    The last `Progress` has status 0000H, B000H (some failed) or FE00H (cancelled). Closing the iterator cancels.
    Raises `OperationRefused` for other ends and where the peer does not offer it, and `AssociationLost`.
    """
    more = [(elements.MOVE_DESTINATION, elements.ae_title(destination))]
    return _retrieve(requestor, "C-MOVE", C_MOVE_RQ, identifier, information_model, more)


def get(
    requestor: Requestor, identifier: dict[str, Any], information_model: str = STUDY_ROOT_GET
) -> Iterator[Progress]:
    """As `move`, but the instances come on this association, which was made with `storage_proposals` and
    `receiving`."""
    return _retrieve(requestor, "C-GET", C_GET_RQ, identifier, information_model, [])


def storage_proposals(
    sop_classes: Iterable[str], transfer_syntaxes: Iterable[str] = COMPRESSED
) -> tuple[Proposal, ...]:
    """Contexts on which a peer may store here, of each class one for native images and one for each of
    `transfer_syntaxes`. As many as fit on an association beside the one for the retrieval: the last ones fall off.
    """
    compressed = tuple(transfer_syntaxes)
    classes = tuple(dict.fromkeys(sop_classes))
    native = [Proposal(uid, NATIVE, as_scp=True) for uid in classes]
    others = [Proposal(uid, (syntax,), as_scp=True) for syntax in compressed for uid in classes]
    return tuple([*native, *others][: MOST_CONTEXTS - 1])


def receiving(service: StorageService, peer: Peer) -> Perform:
    """What performs the C-STORE sub-operations of a C-GET: instances go into the store as if `peer` had sent them."""

    def perform(context: Context, command: Command) -> Operation:
        if command.field != C_STORE_RQ:
            return unexpected(context, command)
        return service.store(Request(context, command, peer.ae_title, peer.host))

    return perform


def _retrieve(
    requestor: Requestor,
    name: str,
    field: int,
    identifier: dict[str, Any],
    information_model: str,
    more: list[tuple[int, bytes]],
) -> Iterator[Progress]:
    context = requestor.context(information_model, *NATIVE)
    if context is None:
        raise OperationRefused(name, 0x0122, "the peer accepts no retrieval by this information model")
    request = elements.request(field, information_model, priority=True, more=more)
    responses = requestor.request(context, request, [encode(identifier, context.transfer_syntax)])
    for response in responses:
        if not response.is_pending and response.status not in (0, _CANCELLED, _WARNING):
            raise OperationRefused(name, response.status, elements.comment(response.command))
        yield _progress(response, context)


def _progress(response: ReceivedResponse, context: Context) -> Progress:
    command = response.command
    return Progress(
        response.status,
        elements.count(command, elements.REMAINING),
        elements.count(command, elements.COMPLETED),
        elements.count(command, elements.FAILED),
        elements.count(command, elements.WARNING),
        _failed_uids(response, context),
    )


def _failed_uids(response: ReceivedResponse, context: Context) -> tuple[str, ...]:
    if response.is_pending or not response.identifier:
        return ()
    listed = decode(response.identifier, context.transfer_syntax).get(_FAILED_SOP_INSTANCE_UID_LIST, {})
    return tuple(str(uid) for uid in listed.get("Value", ()))
