"""C-MOVE and C-GET, the retrieval services (PS3.7 9.1.3 and 9.1.4, PS3.4 C.4.2 and C.4.3)."""

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import chain
from typing import Final

from dimse.command import AFFECTED_SOP_CLASS_UID, AFFECTED_SOP_INSTANCE_UID, C_STORE_RQ, STATUS, Command
from dimse.exchange import AssociationLost, Exchange
from dimse.pdu_protocol import ProtocolViolation
from dimse.scu import elements
from dimse.scu.elements import MOVE_DESTINATION, MoveOriginator
from dimse.scu.outgoing import Outgoing, sendable_syntaxes
from dimse.scu.storage import Outlook, StorageScu
from dimse.services.information_models import GET_MODELS, MOVE_MODELS, InformationModel
from dimse.services.operation import Answered, Collected, Context, Operation, Request, Response
from dimse.services.retrieve_keys import wanted
from dimse.services.suboperations import Progress, SubOperations
from dimse.settings import Peer
from dimse.status import CANNOT_UNDERSTAND, SOP_CLASS_NOT_SUPPORTED, Status, failed
from storage.catalogue.selection import Selection, select
from storage.errors import DataSetMismatch, OutOfResources
from storage.records import InstanceRecord
from storage.scope import WholeArchive
from storage.storage import Storage

_log = logging.getLogger("durchblick.dimse")

MATCHES_NOT_CALCULATED: Final = 0xA701
DESTINATION_UNKNOWN: Final = 0xA801

_TOO_LARGE: Final = Status(MATCHES_NOT_CALCULATED, "The identifier is too large.")
_PIECE: Final = 1 << 18

Retrieve = Callable[[Request, Selection, Exchange], Response]
Pages = Iterator[Sequence[InstanceRecord]]
Ended = Generator[tuple[str, Status], None, None]
"""Sub-operations as they end: SOP Instance UID and status."""


class RetrieveService:
    """Begins the C-MOVE and C-GET operations of all associations. Peers are trusted: they may retrieve everything."""

    def __init__(
        self,
        storage: Storage,
        find: Callable[[str], Peer | None],
        storage_scu: Callable[[Peer], StorageScu],
        *,
        remind_seconds: float = 0.5,
    ) -> None:
        """`find` knows the peers that may be moved to, by AE title; `storage_scu` sends to one of them.

        Where nothing else is to be told for `remind_seconds`, the counts are repeated, so that nobody gives up.
        """
        self._storage = storage
        self._find = find
        self._storage_scu = storage_scu
        self._remind_seconds = remind_seconds

    def move(self, request: Request) -> Operation:
        """Take up a C-MOVE-RQ."""
        return self._begin(request, MOVE_MODELS.get(request.context.abstract_syntax), self._move)

    def get(self, request: Request) -> Operation:
        """Take up a C-GET-RQ."""
        return self._begin(request, GET_MODELS.get(request.context.abstract_syntax), self._get)

    def _begin(self, request: Request, model: InformationModel | None, retrieve: Retrieve) -> Operation:
        if model is None:
            comment = "The context is none of this operation."
            return Answered(Status(SOP_CLASS_NOT_SUPPORTED, comment, AFFECTED_SOP_CLASS_UID))
        if not request.command.has_data_set:
            return Answered(Status(DataSetMismatch.dicom_status, "The request announces no identifier."))
        return Collected(partial(self._answer, request, model, retrieve), _TOO_LARGE)

    def _answer(
        self, request: Request, model: InformationModel, retrieve: Retrieve, identifier: bytes, exchange: Exchange
    ) -> Response:
        asked = wanted(identifier, request.context.transfer_syntax, model)
        try:
            selection = select(self._storage.database, WholeArchive(), asked)
        except OutOfResources as refusal:
            return Response(Status(MATCHES_NOT_CALCULATED, refusal.detail))
        return retrieve(request, selection, exchange)

    def _move(self, request: Request, selection: Selection, exchange: Exchange) -> Response:
        destination = request.command.text(MOVE_DESTINATION)
        peer = self._find(destination) if destination else None
        if peer is None:
            return Response(Status(DESTINATION_UNKNOWN, "The Move Destination is no AE that is known here."))
        originator = MoveOriginator(request.calling_ae_title, request.command.message_id)
        pages = self._noted(request, destination, selection)
        moved = self._moved(self._storage_scu(peer), originator, pages)
        return self._performed(request, destination, moved, len(selection), exchange)

    def _get(self, request: Request, selection: Selection, exchange: Exchange) -> Response:
        got = self._got(self._noted(request, request.calling_ae_title, selection), exchange)
        return self._performed(request, request.calling_ae_title, got, len(selection), exchange)

    def _performed(self, request: Request, receiver: str, ended: Ended, total: int, exchange: Exchange) -> Response:
        """Go through the sub-operations to the end, or until they are cancelled."""
        counts = SubOperations(total, request.context.transfer_syntax)
        response = None
        with closing(ended), Progress(exchange, counts, self._remind_seconds) as progress:
            while response is None:
                if exchange.is_cancelled and counts.remaining:
                    response = counts.cancelled()
                elif (one := next(ended, None)) is None:
                    response = counts.ended()
                else:
                    counts.performed(*one)
                    progress.tell()
        _log.info(
            "retrieved calling=%r receiver=%r status=%04XH %s",
            request.calling_ae_title,
            receiver,
            response.status.code,
            counts,
        )
        return response

    def _noted(self, request: Request, receiver: str, selection: Selection) -> Pages:
        """The pages of `selection`, each study in the audit before the first of its instances goes."""
        noted: set[str] = set()
        for page in selection.pages():
            for study in {record.study_instance_uid for record in page} - noted:
                self._storage.audit.record("instances sent", study, f"receiver={receiver}", actor=request.actor)
                noted.add(study)
            yield page

    @staticmethod
    def _moved(scu: StorageScu, originator: MoveOriginator, pages: Pages) -> Ended:
        outlook = Outlook()
        for page in pages:
            with closing(scu.send(page, originator=originator, outlook=outlook)) as sent:
                for one in sent:
                    # The peer's own words may quote what nobody else should read.
                    comment = "" if one.is_answered else one.comment
                    yield one.record.sop_instance_uid, Status(one.status, comment)

    def _got(self, pages: Pages, exchange: Exchange) -> Ended:
        for page in pages:
            for record in page:
                yield record.sop_instance_uid, self._stored(record, exchange)

    def _stored(self, record: InstanceRecord, exchange: Exchange) -> Status:
        """Send one instance on the association that asked for it. Raises nothing but `AssociationLost`."""
        context = _context(record, exchange)
        if context is None:
            return Status(SOP_CLASS_NOT_SUPPORTED, "No presentation context is accepted for it.")
        request = elements.request(
            C_STORE_RQ,
            record.sop_class_uid,
            priority=True,
            more=[(AFFECTED_SOP_INSTANCE_UID, elements.uid(record.sop_instance_uid))],
        )
        try:
            with Outgoing.of(self._storage, record, context.transfer_syntax) as outgoing:
                pieces = outgoing.pieces(_PIECE)
                first = next(pieces, b"")
                return _status(exchange.request(context, request, chain((first,), _unbroken(pieces))))
        except AssociationLost:
            raise
        except Exception as error:
            return failed(error)


def _context(record: InstanceRecord, exchange: Exchange) -> Context | None:
    """Where the peer takes this instance: best as stored, else in what it can be converted to."""
    accepted = {
        context.transfer_syntax: context
        for context in exchange.contexts.values()
        if context.peer_is_scp and context.abstract_syntax == record.sop_class_uid
    }
    syntaxes = sendable_syntaxes(record.transfer_syntax_uid)
    return next((accepted[syntax] for syntax in syntaxes if syntax in accepted), None)


def _unbroken(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """A data set that has begun must end: if it cannot, nothing more can be said on the association."""
    try:
        yield from pieces
    except Exception as error:
        status = failed(error)
        raise AssociationLost(f"a data set could not be read to its end, {status.code:04X}H") from error


def _status(response: Command) -> Status:
    try:
        return Status(response.number(STATUS))
    except ProtocolViolation:
        return Status(CANNOT_UNDERSTAND, "The response to C-STORE has no status.")
