"""One association after the other on which instances are sent, with what is done when one is lost."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dimse import command as commands
from dimse.command import C_STORE_RQ
from dimse.exchange import AssociationLost
from dimse.scu import elements
from dimse.scu.elements import MoveOriginator
from dimse.scu.outgoing import NATIVE, Outgoing, sendable_syntaxes
from dimse.scu.requestor import AbortedByPeer, Requestor
from dimse.scu.trouble import Trouble, TroubleKind, of_association, of_status
from dimse.scu.wire import AssociationFailed
from dimse.services.operation import Context
from dimse.status import PROCESSING_FAILURE, SOP_CLASS_NOT_SUPPORTED, Status, failed
from storage.errors import Refusal
from storage.records import InstanceRecord
from storage.storage import Storage

_log = logging.getLogger("durchblick.dimse")

_MOST_LOST_IN_A_ROW: Final = 3
_NOT_TRIED: Final = Trouble(TroubleKind.LOST, "")


@dataclass(frozen=True, slots=True)
class SubOperation:
    """What became of one instance. `comment` is the peer's own or ours; `is_answered` tells whether the status is
    the peer's, so that the same instance would meet the same answer again; `trouble` is the kind of a failure where
    the status does not tell it."""

    record: InstanceRecord
    status: int
    comment: str = ""
    is_answered: bool = True
    trouble: TroubleKind | None = None

    @property
    def kind(self) -> TroubleKind:
        """The kind of a failure."""
        return self.trouble or of_status(self.status)

    @property
    def is_success(self) -> bool:
        """Kept by the peer, without reservations."""
        return self.status == 0

    @property
    def is_failure(self) -> bool:
        """Not kept by the peer; what is neither success nor failure is a warning (Bxxx)."""
        return Status(self.status).is_failure


@dataclass(slots=True)
class Outlook:
    """What all lanes to one peer know of it: why nothing more is tried (None while there is hope), and how many
    instances in a row cost all their associations."""

    hopeless: Trouble | None = None
    lost_in_a_row: int = 0


class Lane:
    """Sends instances one by one; whenever its association is lost, it gets another one."""

    def __init__(
        self,
        storage: Storage,
        associate: Callable[[], Requestor],
        *,
        originator: MoveOriginator | None,
        attempts: int,
        pause: Callable[[], bool],
        outlook: Outlook,
    ) -> None:
        """`pause` is called between two attempts, True ends them."""
        self._outlook = outlook
        self._storage = storage
        self._associate = associate
        self._originator = originator
        self._attempts = attempts
        self._pause = pause
        self._requestor: Requestor | None = None

    def send(self, record: InstanceRecord) -> SubOperation:
        """Send one instance. Never raises because of the peer or of the instance."""
        why, aborts = self._outlook.hopeless or _NOT_TRIED, 0
        for attempt in range(0 if self._outlook.hopeless else self._attempts):
            if attempt and self._pause():
                break
            try:
                # Who aborts again and again may not be able to read it as it is: the last attempt is in plain form.
                sent = self._sent(record, rewritten=aborts > 0 and attempt + 1 == self._attempts)
                self._outlook.lost_in_a_row = 0
                return sent
            except AssociationLost as lost:
                self._requestor = None
                aborts += isinstance(lost, AbortedByPeer)
                why = Trouble(TroubleKind.LOST, f"The association was lost: {lost}.")
                _log.warning("store_lost attempt=%d why=%r", attempt + 1, str(lost))
            except AssociationFailed as error:
                why = of_association(error)
                _log.warning("store_unconnected attempt=%d step=%s", attempt + 1, error.step)
                if error.is_permanent or attempt + 1 == self._attempts:
                    self._outlook.hopeless = why
                    break
        self._outlook.lost_in_a_row += 1
        if self._outlook.lost_in_a_row == _MOST_LOST_IN_A_ROW:
            self._outlook.hopeless = why
        return SubOperation(record, PROCESSING_FAILURE, why.sentence, is_answered=False, trouble=why.kind)

    def close(self) -> None:
        """Release the association. Idempotent."""
        if self._requestor is not None:
            self._requestor.release()
            self._requestor = None

    def _sent(self, record: InstanceRecord, *, rewritten: bool) -> SubOperation:
        if self._requestor is None:
            self._requestor = self._associate()
        requestor = self._requestor
        syntaxes = NATIVE if rewritten else sendable_syntaxes(record.transfer_syntax_uid)
        context = requestor.context(record.sop_class_uid, *syntaxes)
        if context is None:
            comment = "The peer accepts this SOP class in no transfer syntax that we can send it in."
            return SubOperation(record, SOP_CLASS_NOT_SUPPORTED, comment, is_answered=False)
        try:
            made = Outgoing.rewritten if rewritten else Outgoing.of
            with made(self._storage, record, context.transfer_syntax) as outgoing:
                return self._stored(requestor, context, record, outgoing)
        except (Refusal, OSError) as error:
            # Ours, of reading or decompressing; in the middle of a data set it has cost the association.
            if requestor.is_lost:
                self._requestor = None
            status = failed(error)
            return SubOperation(record, status.code, status.comment, is_answered=False, trouble=TroubleKind.UNREADABLE)

    def _stored(
        self, requestor: Requestor, context: Context, record: InstanceRecord, outgoing: Outgoing
    ) -> SubOperation:
        more = [(commands.AFFECTED_SOP_INSTANCE_UID, elements.uid(record.sop_instance_uid))]
        if self._originator is not None:
            number = commands.uint2(self._originator.message_id)
            more.append((elements.MOVE_ORIGINATOR_AE_TITLE, elements.ae_title(self._originator.ae_title)))
            more.append((elements.MOVE_ORIGINATOR_MESSAGE_ID, number))
        request = elements.request(C_STORE_RQ, record.sop_class_uid, priority=True, more=more)
        response = requestor.ask(context, request, outgoing.pieces(requestor.piece_length))
        return SubOperation(record, response.status, elements.comment(response.command))
