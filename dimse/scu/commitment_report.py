"""Storage commitment as provider, on associations of our own: what peers still have to be told (PS3.4 J.3.3.1.2)."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from dimse.commitment.data_sets import encode_report
from dimse.commitment.messages import event_report
from dimse.exchange import AssociationLost
from dimse.scu.caller import Caller
from dimse.scu.establishing import Proposal
from dimse.scu.requestor import AssociationFailed, Requestor
from dimse.settings import Peer
from dimse.status import SUCCESS, failed
from storage.commitment.holding import Holding
from storage.commitment.references import STORAGE_COMMITMENT
from storage.commitment.transactions import HELD_SECONDS, NoLongerHeld, Transaction, Transactions
from storage.commitment.verifying import Verifier
from storage.errors import Refusal
from storage.storage import Storage

_log = logging.getLogger("durchblick.dimse")

PROPOSAL: Final = Proposal(STORAGE_COMMITMENT, ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2"), as_scp=True)
"""We are SCP on an association that we ask for: that takes role selection (PS3.4 J.3.3.1.3)."""

_PEERS_AT_ONCE: Final = 4
_REPORTS_PER_ASSOCIATION: Final = 16


class _Stopped(Exception):
    """The process ends; what was not finished is for the next one."""


class _NotTold(Exception):
    """The peer cannot be told now; the message says why and how to mend it."""


class Reporter:
    """Verifies and reports what is due, each peer by itself, so that one that is down holds up nobody else."""

    def __init__(
        self, storage: Storage, caller: Caller, find: Callable[[str], Peer | None], transactions: Transactions
    ) -> None:
        """`find` knows peers by AE title; `transactions` are those in the database of `storage`."""
        self._verifier = Verifier(storage)
        self._caller = caller
        self._find = find
        self._transactions = transactions
        self._pool = ThreadPoolExecutor(_PEERS_AT_ONCE, thread_name_prefix="commitment")
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def begin(self) -> list[Future[None]]:
        """Take up whatever is due and is not being worked on; returns at once, with the work on each peer."""
        begun = []
        for peer in self._transactions.peers_due():
            with self._lock:
                if peer in self._busy:
                    continue
                self._busy.add(peer)
            begun.append(self._pool.submit(self._work, peer))
        return begun

    def close(self) -> None:
        """Stop verifying, and return when what is being said to peers has been said."""
        self._stopped.set()
        self._pool.shutdown(cancel_futures=True)

    def _work(self, ae_title: str) -> None:
        try:
            self._verify(ae_title)
            while transactions := self._transactions.take_up(ae_title, _REPORTS_PER_ASSOCIATION, verified=True):
                self._serve(ae_title, transactions)
        except _Stopped:
            pass
        except Refusal as refusal:
            _log.error("commitment_delayed peer=%r why=%r", ae_title, refusal.detail)
        except Exception as error:
            failed(error)
        finally:
            with self._lock:
                self._busy.discard(ae_title)

    def _verify(self, ae_title: str) -> None:
        """Look at the disk for all that is due, before the peer is called: that may take long."""
        while transactions := self._transactions.take_up(ae_title, 1, verified=False):
            (transaction,) = transactions
            with suppress(NoLongerHeld):
                verdicts = self._verifier.verdicts(transaction.references, self._while_holding(transaction))
                self._transactions.verified(transaction, verdicts)
                self._transactions.hand_over(transaction)

    def _while_holding(self, transaction: Transaction) -> Callable[[], None]:
        hold = Holding(self._transactions, transaction)

        def look_up() -> None:
            if self._stopped.is_set():
                raise _Stopped
            hold()

        return look_up

    def _serve(self, ae_title: str, transactions: list[Transaction]) -> None:
        """Report these on one association; what the peer did not take, for whatever reason, is for later."""
        waiting = list(transactions)
        why = ""
        try:
            if self._stopped.is_set():
                raise _Stopped
            with self._associated(ae_title) as requestor:
                while waiting:
                    self._report(requestor, waiting[0])
                    del waiting[0]
        except (AssociationFailed, AssociationLost, _NotTold) as error:
            why = str(error)
        for transaction in waiting:
            self._postpone(transaction, why)

    def _associated(self, ae_title: str) -> Requestor:
        peer = self._find(ae_title)
        if peer is None or not peer.port:
            raise _NotTold("it is not known how to reach this AE; list it under [[dimse.peers]]")
        return self._caller.associate(peer, (PROPOSAL,))

    def _report(self, requestor: Requestor, transaction: Transaction) -> None:
        context = requestor.context(STORAGE_COMMITMENT)
        if context is None:
            raise _NotTold("it takes no storage commitment where we are SCP; let it accept that role from us")
        verdicts = transaction.verdicts or ()
        syntax, ae_title = context.transfer_syntax, self._caller.ae_title
        try:
            self._transactions.hold(transaction, HELD_SECONDS + self._caller.patience.response)
            data = encode_report(transaction.transaction_uid, verdicts, ae_title, syntax)
            status = requestor.ask(context, event_report(verdicts), (data,)).status
            if status != SUCCESS.code:
                self._postpone(transaction, f"it answers with status {status:04X}H")
                return
            self._transactions.reported(transaction)
        except NoLongerHeld:
            return
        uid = transaction.transaction_uid
        _log.info("commitment_reported peer=%r transaction=%s later=True", transaction.peer, uid)

    def _postpone(self, transaction: Transaction, why: str) -> None:
        with suppress(NoLongerHeld):
            pause = self._transactions.postpone(transaction)
            event = "commitment_given_up" if pause is None else "commitment_postponed"
            uid = transaction.transaction_uid
            _log.warning("%s peer=%r transaction=%s seconds=%s why=%r", event, transaction.peer, uid, pause, why)
