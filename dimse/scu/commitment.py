"""Storage commitment as client: asks a peer to commit, and hears its report (PS3.4 annex J)."""

import time
from collections.abc import Sequence
from typing import Final

from pydicom.uid import generate_uid

from dimse.command import Command
from dimse.commitment.data_sets import encode_request
from dimse.commitment.messages import action
from dimse.exchange import AssociationLost
from dimse.scu.caller import Caller
from dimse.scu.elements import comment
from dimse.scu.establishing import Proposal
from dimse.scu.requestor import Requestor
from dimse.services.commitment import CommitmentService
from dimse.services.operation import Context, Operation, Request
from dimse.settings import DimseSettings, Peer
from dimse.status import SOP_CLASS_NOT_SUPPORTED, SUCCESS, Status
from storage.commitment.references import STORAGE_COMMITMENT, Reference, Verdict
from storage.commitment.requests import Requests
from storage.storage import Storage

PROPOSAL: Final = Proposal(STORAGE_COMMITMENT, ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2"))

STAY_SECONDS: Final = 10.0
_LOOK_EVERY: Final = 0.25


class CommitmentRefused(Exception):
    """The peer does not take up the request; `status` is its answer."""

    def __init__(self, status: Status) -> None:
        super().__init__(f"The peer refused the request for storage commitment ({status.code:04X}H).")
        self.status = status


class CommitmentScu:
    """Asks one peer. Safe to use from several threads; each request has an association of its own."""

    def __init__(self, storage: Storage, caller: Caller, peer: Peer, stay_seconds: float = STAY_SECONDS) -> None:
        """After the N-ACTION response, stay on the association for the report for up to `stay_seconds`.

        Peers that report on an association of their own need to reach our listener, whose process puts the report
        into the database of `storage`.
        """
        self._service = CommitmentService(storage, DimseSettings(ae_title=caller.ae_title))
        self._requests = Requests(storage.database)
        self._caller = caller
        self._peer = peer
        self._stay_seconds = stay_seconds

    def request(self, references: Sequence[Reference]) -> str:
        """Ask for commitment to all of these (one at least), and return the Transaction UID.

        The report may have come on the same association already, or comes later: see `wait`. Raises
        `AssociationFailed`, `AssociationLost`, `CommitmentRefused`, and `OutOfResources` when nothing can be written.
        """
        transaction_uid = str(generate_uid(None))
        self._requests.asked(self._peer.ae_title, transaction_uid)
        with self._caller.associate(self._peer, (PROPOSAL,), self._perform) as requestor:
            status = self._ask(requestor, transaction_uid, references)
            if status == SUCCESS:
                self._stay(requestor, transaction_uid)
        if status != SUCCESS:
            raise CommitmentRefused(status)
        return transaction_uid

    def verdicts(self, transaction_uid: str) -> tuple[Verdict, ...] | None:
        """What the peer has told of this transaction, in its order; None as long as it has not."""
        return self._requests.verdicts(transaction_uid)

    def wait(self, transaction_uid: str, seconds: float) -> tuple[Verdict, ...] | None:
        """The same, waiting for the peer for up to `seconds`."""
        deadline = time.monotonic() + seconds
        while (verdicts := self.verdicts(transaction_uid)) is None and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY)
        return verdicts

    def _ask(self, requestor: Requestor, transaction_uid: str, references: Sequence[Reference]) -> Status:
        context = requestor.context(STORAGE_COMMITMENT)
        if context is None:
            return Status(SOP_CLASS_NOT_SUPPORTED)
        data = encode_request(transaction_uid, references, context.transfer_syntax)
        response = requestor.ask(context, action(), (data,))
        return Status(response.status, comment(response.command)) if response.status else SUCCESS

    def _stay(self, requestor: Requestor, transaction_uid: str) -> None:
        """The report may come on this association, or meanwhile on another one, or the peer has enough of this one."""
        deadline = time.monotonic() + self._stay_seconds
        try:
            while self.verdicts(transaction_uid) is None and time.monotonic() < deadline:
                requestor.perform_request(min(_LOOK_EVERY, self._stay_seconds))
        except AssociationLost:
            return

    def _perform(self, context: Context, command: Command) -> Operation:
        return self._service.report(Request(context, command, self._peer.ae_title, self._peer.host))
