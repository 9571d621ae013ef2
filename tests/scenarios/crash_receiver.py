"""The other end of a crash run, which nobody kills: destination of C-MOVE, and who is told of commitments."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Final, cast

from dimse.command import AFFECTED_SOP_INSTANCE_UID, C_STORE_RQ, N_EVENT_REPORT_RQ, Command
from dimse.commitment.data_sets import LARGEST_REPORT, decode_report
from dimse.exchange import Exchange
from dimse.scu.elements import MOVE_ORIGINATOR_AE_TITLE
from dimse.services.dispatch import Services
from dimse.services.operation import Collected, Context, Done, Operation, Request, Response
from dimse.status import PROCESSING_FAILURE, SUCCESS, Status
from storage.storage import Storage
from tests.dimse.node import running
from tests.scenarios.crash_ledger import Ledger

AE_TITLE: Final = "MODALITY"
_TOO_LARGE: Final = Status(PROCESSING_FAILURE)


@contextmanager
def receiving(ledger: Ledger) -> Iterator[int]:
    """Listen until the end of the block; the port."""
    with running(None, services=_Receiver(ledger), ae_title=AE_TITLE) as node:
        yield node.port


def hearing(ledger: Ledger, context: Context, command: Command) -> Operation:
    """What takes a report, on whichever association it comes."""
    return Collected(partial(_heard, ledger, context), _TOO_LARGE, LARGEST_REPORT)


def _heard(ledger: Ledger, context: Context, data: bytes, exchange: Exchange) -> Response:
    transaction_uid, verdicts = decode_report(data, context.transfer_syntax)
    ledger.report(transaction_uid, tuple(verdicts))
    return Response(SUCCESS)


class _Receiver(Services):
    def __init__(self, ledger: Ledger) -> None:
        # Nothing is kept, so there is no store.
        super().__init__(cast(Storage, SimpleNamespace(ingest=None)))
        self._ledger = ledger

    def begin(self, request: Request) -> Operation:
        if request.command.field == C_STORE_RQ:
            return _Receiving(self._ledger, request.command)
        if request.command.field == N_EVENT_REPORT_RQ:
            return hearing(self._ledger, request.context, request.command)
        return super().begin(request)


class _Receiving:
    """A C-STORE of which only the digest is kept."""

    converses = False

    def __init__(self, ledger: Ledger, command: Command) -> None:
        self._ledger = ledger
        self._move = command.text(MOVE_ORIGINATOR_AE_TITLE)
        self._instance = command.text(AFFECTED_SOP_INSTANCE_UID)
        self._digest = hashlib.sha256()

    def write(self, fragments: list[memoryview]) -> None:
        for fragment in fragments:
            self._digest.update(fragment)

    def perform(self, exchange: Exchange, done: Done) -> None:
        self._ledger.received(self._move, self._instance, self._digest.hexdigest())
        done(Response(SUCCESS))

    def abandon(self) -> None:
        """Nothing was kept."""
