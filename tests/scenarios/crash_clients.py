"""The clients of a crash run: each works until the gateway is killed under it."""

import random
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from dimse.command import AFFECTED_SOP_INSTANCE_UID, C_STORE_RQ
from dimse.commitment.data_sets import encode_request
from dimse.commitment.messages import action
from dimse.exchange import AssociationLost
from dimse.scu import elements, query, retrieve
from dimse.scu.commitment import PROPOSAL
from dimse.scu.establishing import Proposal
from dimse.scu.requestor import Requestor
from dimse.scu.wire import AssociationFailed
from dimse.settings import Peer
from storage.commitment.references import Reference
from tests.dimse.peer import CT, EXPLICIT
from tests.scenarios.crash_ledger import Image, Ledger, Transaction
from tests.scenarios.crash_receiver import AE_TITLE, hearing
from tests.support import gateway
from tests.support.patience import UNHURRIED

_TRANSACTIONS: Final = 10
_UNKNOWN: Final = "1.2.7.404"


class Clients:
    """Whoever talks to the gateway that listens on `port`."""

    def __init__(self, port: int, ledger: Ledger) -> None:
        self._peer = Peer(gateway.AE_TITLE, "127.0.0.1", port)
        self._ledger = ledger

    def store(self, images: Iterable[Image]) -> None:
        """Store all of these, one after the other."""
        with self._associated(Proposal(CT, (EXPLICIT,)), AE_TITLE) as association:
            context = association.contexts[1]
            for image in images:
                more = [(AFFECTED_SOP_INSTANCE_UID, elements.uid(image.instance))]
                request = elements.request(C_STORE_RQ, CT, priority=True, more=more)
                self._ledger.sending(image)
                self._ledger.answered(image, association.ask(context, request, [image.data]).status)
            # As a modality may do between two patients.
            self._ledger.killed.wait()

    def move_without_end(self, chance: random.Random) -> None:
        """Move something again and again, each time on an association of its own."""
        while images := self._ledger.some(chance):
            self.move(images)

    def move(self, images: tuple[Image, ...]) -> str:
        """Move these, which are of one series; the name of this C-MOVE in the ledger."""
        name = self._ledger.moving(images)
        wanted = {"00080018": _uids(images), **_series("IMAGE", images[0])}
        with self._associated(query.proposal(retrieve.STUDY_ROOT_MOVE), name) as association:
            for progress in retrieve.move(association, wanted, AE_TITLE):
                self._ledger.moves[name].claimed = progress
        return name

    def found(self, image: Image) -> set[str]:
        """The SOP Instance UIDs of the series of `image`."""
        wanted = {"00080018": {"vr": "UI"}, **_series("IMAGE", image)}
        with self._associated(query.proposal(query.STUDY_ROOT_FIND), AE_TITLE) as association:
            return {str(match["00080018"]["Value"][0]) for match in query.find(association, wanted)}

    def commit_and_leave(self, chance: random.Random) -> None:
        """Ask for commitment and release at once, a few times."""
        for _ in range(_TRANSACTIONS):
            with self._associated(PROPOSAL, AE_TITLE) as association:
                self._ask(association, chance)

    def commit_and_stay(self, chance: random.Random) -> None:
        """Ask for commitment a few times on one association, and hear the reports there."""
        perform = partial(hearing, self._ledger)
        with self._associated(PROPOSAL, AE_TITLE, perform=perform) as association:
            for _ in range(chance.randint(1, 3)):
                self._ask(association, chance)
            while not self._ledger.killed.is_set():
                association.perform_request(0.2)

    def _ask(self, association: Requestor, chance: random.Random) -> None:
        images = self._ledger.some(chance)
        if not images:
            return
        transaction = Transaction(images, (_UNKNOWN,) if chance.random() < 0.3 else ())
        uids = [*(image.instance for image in images), *transaction.unknown]
        context = association.contexts[1]
        uid = self._ledger.new_transaction_uid()
        data = encode_request(uid, [Reference(CT, instance) for instance in uids], context.transfer_syntax)
        self._ledger.accept(uid, transaction, association.ask(context, action(), [data]).status)

    def _associated(self, proposal: Proposal, calling: str, **options: Any) -> Requestor:
        return Requestor.associate(self._peer, [proposal], calling_ae_title=calling, patience=UNHURRIED, **options)


def until_killed(ledger: Ledger, work: Callable[[], object]) -> None:
    """Do `work`; it may lose its association because of the kill, and for no other reason."""
    try:
        work()
    except (AssociationLost, AssociationFailed) as lost:
        if not ledger.killed.is_set():
            ledger.objections.append(f"before any kill: {lost}")
            ledger.wake()
    except Exception as error:
        ledger.objections.append(f"a client failed: {error!r}")
        ledger.wake()


def _uids(images: Iterable[Image]) -> dict[str, Any]:
    """A list of UIDs in DICOM JSON."""
    return {"vr": "UI", "Value": [image.instance for image in images]}


def _series(level: str, image: Image) -> dict[str, Any]:
    return {
        "00080052": {"vr": "CS", "Value": [level]},
        "0020000D": {"vr": "UI", "Value": [image.study]},
        "0020000E": {"vr": "UI", "Value": [image.series]},
    }
