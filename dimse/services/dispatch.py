"""The operations offered as SCP, as one table: negotiation, dispatch, policies and the conformance statement read it.

One row for each command (PS3.7 table E.1-1): the abstract syntaxes it is offered under, the transfer syntaxes of its
data sets, what a peer must be allowed, and the service that performs it.
"""

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from dimse.command import C_ECHO_RQ, C_FIND_RQ, C_GET_RQ, C_MOVE_RQ, C_STORE_RQ, N_ACTION_RQ, N_EVENT_REPORT_RQ
from dimse.scu.caller import Caller
from dimse.scu.storage import StorageScu
from dimse.services import query_negotiation
from dimse.services.commitment import CommitmentService
from dimse.services.echo import VERIFICATION, echo
from dimse.services.information_models import FIND_MODELS, GET_MODELS, MOVE_MODELS
from dimse.services.operation import Answered, Operation, Request
from dimse.services.query import QueryService
from dimse.services.retrieve import RetrieveService
from dimse.services.storage import Received, StorageService, answer_extended, unheard
from dimse.settings import DimseSettings, Peer
from dimse.status import UNRECOGNIZED_OPERATION, Status
from storage.commitment.references import STORAGE_COMMITMENT
from storage.sop_classes import is_storage
from storage.storage import Storage

UNCOMPRESSED: Final = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")
"""Implicit VR Little Endian, Explicit VR Little Endian, Explicit VR Big Endian: what we decode and encode ourselves."""

Begin = Callable[[Request], Operation]


@dataclass(frozen=True, slots=True)
class Parts:
    """What services are made of."""

    storage: Storage
    settings: DimseSettings
    threads: Executor
    """Where instances are stored."""
    find: Callable[[str], Peer | None]
    """Knows peers by AE title; may block."""
    received: Received
    """Told what was stored."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One row: an operation offered."""

    command_field: int
    name: str
    takes: Callable[[str], bool]
    """Whether the operation is offered under this abstract syntax."""
    transfer_syntaxes: tuple[str, ...]
    """Those of its data sets; empty: every one, data sets are kept as they come."""
    allowance: str
    """Which of `settings.ALLOWANCES` a peer needs; empty: none, being known suffices."""
    made_of: Callable[[Parts], Begin]
    """The service, put together; what it returns takes up a request."""
    extended: Callable[[bytes], bytes] | None = None
    """What is answered to SOP class extended negotiation; None: nothing."""


def _under(*abstract_syntaxes: str) -> Callable[[str], bool]:
    return frozenset(abstract_syntaxes).__contains__


def _retrieval(parts: Parts) -> RetrieveService:
    caller = Caller(parts.settings.ae_title, parts.settings.tls)
    return RetrieveService(parts.storage, parts.find, lambda peer: StorageScu(parts.storage, caller, peer))


OFFERS: Final = (
    Offer(C_ECHO_RQ, "C-ECHO", _under(VERIFICATION), UNCOMPRESSED, "", lambda parts: echo),
    Offer(
        C_STORE_RQ,
        "C-STORE",
        is_storage,
        (),
        "store",
        lambda parts: StorageService(parts.storage.ingest, parts.threads, parts.received).store,
        answer_extended,
    ),
    Offer(
        C_FIND_RQ,
        "C-FIND",
        _under(*FIND_MODELS),
        UNCOMPRESSED,
        "query",
        lambda parts: QueryService(parts.storage, parts.settings.ae_title).find,
        query_negotiation.answer,
    ),
    Offer(C_MOVE_RQ, "C-MOVE", _under(*MOVE_MODELS), UNCOMPRESSED, "retrieve", lambda parts: _retrieval(parts).move),
    Offer(C_GET_RQ, "C-GET", _under(*GET_MODELS), UNCOMPRESSED, "retrieve", lambda parts: _retrieval(parts).get),
    Offer(
        N_ACTION_RQ,
        "N-ACTION",
        _under(STORAGE_COMMITMENT),
        UNCOMPRESSED,
        "commit",
        lambda parts: CommitmentService(parts.storage, parts.settings).action,
    ),
    # Of those whom we asked for commitment; from others it is refused.
    Offer(
        N_EVENT_REPORT_RQ,
        "N-EVENT-REPORT",
        _under(STORAGE_COMMITMENT),
        UNCOMPRESSED,
        "",
        lambda parts: CommitmentService(parts.storage, parts.settings).report,
    ),
)
_BY_FIELD: Final = {offer.command_field: offer for offer in OFFERS}


def offer_of(command_field: int) -> Offer | None:
    """The row of this command."""
    return _BY_FIELD.get(command_field)


def offers_under(abstract_syntax: str) -> tuple[Offer, ...]:
    """The rows that are offered under this abstract syntax."""
    return tuple(offer for offer in OFFERS if offer.takes(abstract_syntax))


class Services:
    """Every DIMSE service that this node offers as SCP."""

    def __init__(
        self,
        storage: Storage,
        settings: DimseSettings | None = None,
        find: Callable[[str], Peer | None] | None = None,
        received: Received = unheard,
    ) -> None:
        """`find` knows peers by AE title and may block; without it, those of the settings are known.

        `received` is told what was stored, before the peer is.
        """
        settings = settings or DimseSettings()
        known = {peer.ae_title.strip(): peer for peer in settings.peers}
        self._threads = ThreadPoolExecutor(settings.store_threads, thread_name_prefix="store")
        parts = Parts(storage, settings, self._threads, find or known.get, received)
        self._operations: dict[int, Begin] = {offer.command_field: offer.made_of(parts) for offer in OFFERS}

    def close(self) -> None:
        """Finish storing what has been received: it must be in the index before the storage is closed. Blocks."""
        self._threads.shutdown(cancel_futures=True)

    def takes(self, abstract_syntax: str) -> bool:
        """Whether a presentation context of this abstract syntax is accepted."""
        return bool(offers_under(abstract_syntax))

    def begin(self, request: Request) -> Operation:
        """The operation for a request; what is not offered is answered with 0211H."""
        begin = self._operations.get(request.command.field)
        if begin is None:
            return Answered(Status(UNRECOGNIZED_OPERATION, "This operation is not offered here."))
        return begin(request)
