"""Storage Commitment Push Model, as SCP and where peers report to us as SCU (PS3.4 annex J)."""

import logging
from functools import cached_property, partial
from typing import Final

from dimse import command as commands
from dimse.commitment.data_sets import LARGEST_REPORT, LARGEST_REQUEST, decode_report, decode_request, encode_report
from dimse.commitment.messages import event_report, number
from dimse.exchange import AssociationLost, Exchange
from dimse.services.operation import Answered, Collected, Context, Operation, Request, Response
from dimse.settings import DimseSettings
from dimse.status import SUCCESS, Status, failed
from storage.commitment.holding import Holding
from storage.commitment.references import (
    ALL_COMMITTED,
    REQUEST_COMMITMENT,
    SOME_FAILED,
    STORAGE_COMMITMENT,
    WELL_KNOWN_INSTANCE,
)
from storage.commitment.requests import Requests
from storage.commitment.transactions import HELD_SECONDS, NoLongerHeld, Transaction, Transactions
from storage.commitment.verifying import Verifier
from storage.errors import CannotUnderstand, OutOfResources, Refusal
from storage.storage import Storage

_log = logging.getLogger("durchblick.dimse")

NO_SUCH_SOP_INSTANCE: Final = 0x0112
NO_SUCH_EVENT_TYPE: Final = 0x0113
INVALID_ARGUMENT_VALUE: Final = 0x0115
NO_SUCH_ARGUMENT: Final = 0x0114
NO_SUCH_SOP_CLASS: Final = 0x0118
NO_SUCH_ACTION: Final = 0x0123
RESOURCE_LIMITATION: Final = 0x0213

_TOO_LARGE: Final = Status(RESOURCE_LIMITATION, "The data set is too large; ask for fewer instances at once.")
_ACCEPTED: Final = ((commands.ACTION_TYPE_ID, commands.uint2(REQUEST_COMMITMENT)),)


class CommitmentService:
    """Takes up N-ACTION and N-EVENT-REPORT of all associations.

    The answer to an N-ACTION says that the request is kept. While the peer stays, its instances are verified and the
    report is sent on its association; otherwise, or when it does not take it, both are left to a `Reporter`.
    """

    def __init__(self, storage: Storage, settings: DimseSettings) -> None:
        self._storage = storage
        self._settings = settings

    def action(self, request: Request) -> Operation:
        """Take up an N-ACTION-RQ: a request for storage commitment."""
        command = request.command
        objection = _objection(
            command.text(commands.REQUESTED_SOP_CLASS_UID), command.text(commands.REQUESTED_SOP_INSTANCE_UID), request
        )
        if objection is None and number(command, commands.ACTION_TYPE_ID) != REQUEST_COMMITMENT:
            objection = Status(NO_SUCH_ACTION, "Storage commitment has the one Action Type ID 1.", 0x1008)
        if objection is not None:
            return Answered(objection)
        return Collected(partial(self._open, request), _TOO_LARGE, LARGEST_REQUEST)

    def report(self, request: Request) -> Operation:
        """Take up an N-EVENT-REPORT-RQ: the outcome of a request of ours."""
        command = request.command
        objection = _objection(
            command.text(commands.AFFECTED_SOP_CLASS_UID), command.text(commands.AFFECTED_SOP_INSTANCE_UID), request
        )
        if objection is None and number(command, commands.EVENT_TYPE_ID) not in (ALL_COMMITTED, SOME_FAILED):
            objection = Status(NO_SUCH_EVENT_TYPE, "Storage commitment has the Event Type IDs 1 and 2.", 0x1002)
        if objection is not None:
            return Answered(objection)
        return Collected(partial(self._note, request), _TOO_LARGE, LARGEST_REPORT)

    def _open(self, request: Request, data: bytes, exchange: Exchange) -> Response:
        try:
            transaction_uid, references = decode_request(data, request.context.transfer_syntax)
            transaction = self._transactions.open(request.calling_ae_title, transaction_uid, references)
        except Refusal as refusal:
            return Response(_refused(refusal))
        _log.info(
            "commitment_requested calling=%r transaction=%s instances=%d",
            request.calling_ae_title,
            transaction_uid,
            len(references),
        )
        return Response(
            SUCCESS, elements=_ACCEPTED, afterwards=partial(self._proceed, transaction, request.context, exchange)
        )

    def _note(self, request: Request, data: bytes, exchange: Exchange) -> Response:
        try:
            transaction_uid, verdicts = decode_report(data, request.context.transfer_syntax)
            is_ours = self._requests.answered(request.calling_ae_title, transaction_uid, verdicts)
        except Refusal as refusal:
            return Response(_refused(refusal))
        if not is_ours:
            return Response(Status(INVALID_ARGUMENT_VALUE, "This AE was not asked for such a transaction."))
        return Response(SUCCESS)

    @cached_property
    def _transactions(self) -> Transactions:
        return Transactions(self._storage.database)

    @cached_property
    def _requests(self) -> Requests:
        return Requests(self._storage.database)

    def _proceed(self, transaction: Transaction, context: Context, exchange: Exchange) -> None:
        """In a thread of its own: verify and report as long as the peer is there, and leave the rest to others."""
        try:
            if not self._reported(transaction, context, exchange):
                self._transactions.hand_over(transaction)
        except NoLongerHeld:
            pass
        except Exception as error:
            # It is held a while longer; then a `Reporter` takes it up.
            failed(error)

    def _reported(self, transaction: Transaction, context: Context, exchange: Exchange) -> bool:
        transactions = self._transactions
        try:
            verdicts = transaction.verdicts
            if verdicts is None:
                look_up = _Staying(transactions, transaction, exchange)
                verdicts = Verifier(self._storage).verdicts(transaction.references, look_up)
                transactions.verified(transaction, verdicts)
            transactions.hold(transaction, self._settings.settle_seconds + HELD_SECONDS)
            if exchange.ends_within(self._settings.settle_seconds):
                return False
            transactions.hold(transaction, self._settings.answer_seconds + HELD_SECONDS)
            ae_title, syntax = self._settings.ae_title, context.transfer_syntax
            data = encode_report(transaction.transaction_uid, verdicts, ae_title, syntax)
            response = exchange.request(context, event_report(verdicts), (data,))
        except AssociationLost:
            return False
        status = number(response, commands.STATUS)
        if status != SUCCESS.code:
            _log.warning("commitment_report_refused peer=%r status=%s", transaction.peer, status)
            return False
        transactions.reported(transaction)
        _log.info("commitment_reported peer=%r transaction=%s", transaction.peer, transaction.transaction_uid)
        return True


class _Staying:
    """Says now and then that we are still at it; raises `AssociationLost` once the peer has gone."""

    def __init__(self, transactions: Transactions, transaction: Transaction, exchange: Exchange) -> None:
        self._hold = Holding(transactions, transaction)
        self._exchange = exchange

    def __call__(self) -> None:
        if self._exchange.is_cancelled:
            raise AssociationLost("the peer did not stay")
        self._hold()


def _objection(sop_class: str, instance: str, request: Request) -> Status | None:
    if sop_class != STORAGE_COMMITMENT or request.context.abstract_syntax != STORAGE_COMMITMENT:
        return Status(NO_SUCH_SOP_CLASS, "Only Storage Commitment Push Model is offered here.")
    if instance != WELL_KNOWN_INSTANCE:
        return Status(NO_SUCH_SOP_INSTANCE, f"The one SOP instance here is {WELL_KNOWN_INSTANCE}.")
    if not request.command.has_data_set:
        return Status(NO_SUCH_ARGUMENT, "The request has no data set.")
    return None


def _refused(refusal: Refusal) -> Status:
    """The statuses of PS3.7 10.1.1.1.8 and 10.1.4.1.10; those of C-STORE mean nothing here."""
    if isinstance(refusal, CannotUnderstand):
        return Status(INVALID_ARGUMENT_VALUE, refusal.detail)
    if isinstance(refusal, OutOfResources):
        return Status(RESOURCE_LIMITATION, refusal.detail)
    return failed(refusal)
