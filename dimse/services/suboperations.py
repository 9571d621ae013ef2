"""The C-STORE sub-operations of one retrieval: counted, and reported while they go on and when they have ended.

The numbers and statuses are those of PS3.4 tables C.4-2 and C.4-3, and of PS3.7 9.1.3 and 9.1.4.
"""

import threading
from contextlib import suppress
from typing import Final, Self

from dimse.command import uint2
from dimse.exchange import AssociationLost, Exchange
from dimse.scu.elements import COMPLETED, FAILED, REMAINING, WARNING
from dimse.services.operation import Response
from dimse.status import CANCELLED, PENDING, SUCCESS, Status
from storage.data_set.encoder import encode

FAILURES_OR_WARNINGS: Final = 0xB000
NONE_PERFORMED: Final = 0xA702
"""Refused: Out of resources - Unable to perform sub-operations."""

# Everything else but success has failed, whatever a peer may invent (PS3.7 annex C).
_WARNINGS: Final = frozenset({0x0001, 0x0107, 0x0116, *range(0xB000, 0xC000)})
_MOST: Final = 0xFFFF
_LONGEST_LIST: Final = 1 << 20
_FAILED_SOP_INSTANCE_UID_LIST: Final = "00080058"


class SubOperations:
    """Counts. One thread calls `performed`; any may ask for responses."""

    def __init__(self, total: int, transfer_syntax_uid: str) -> None:
        """`total` are wanted; `transfer_syntax_uid` is that of the responses."""
        self._total = total
        self._transfer_syntax_uid = transfer_syntax_uid
        self._completed = self._failed = self._warning = 0
        self._failed_uids: list[str] = []
        self._length = 0
        self._first_failure = ""

    def performed(self, sop_instance_uid: str, status: Status) -> None:
        """One has ended with this status: of the peer's C-STORE response, or ours where nothing could be sent."""
        if not status.code:
            self._completed += 1
        elif status.code in _WARNINGS:
            self._warning += 1
        else:
            self._failed += 1
            self._first_failure = self._first_failure or f"{status.code:04X}H {status.comment}".strip()
            self._list(sop_instance_uid)

    @property
    def remaining(self) -> int:
        """How many were not performed yet."""
        return self._total - self._completed - self._failed - self._warning

    def __str__(self) -> str:
        counts = f"completed={self._completed} failed={self._failed} warning={self._warning}"
        return f"{counts} remaining={self.remaining}"

    def pending(self) -> Response:
        """How far it has come."""
        return Response(PENDING, elements=self._numbers(with_remaining=True))

    def cancelled(self) -> Response:
        """The final response to who cancelled."""
        return Response(CANCELLED, self._identifier(), self._numbers(with_remaining=True))

    def ended(self) -> Response:
        """The final response. What was counted at first and is not there any more has failed, too."""
        self._failed = self._total - self._completed - self._warning
        if not self._failed and not self._warning:
            status = SUCCESS
        elif self._failed == self._total:
            status = Status(NONE_PERFORMED, self._first_failure)
        else:
            status = Status(FAILURES_OR_WARNINGS, self._first_failure)
        return Response(status, self._identifier(), self._numbers(with_remaining=False))

    def _list(self, sop_instance_uid: str) -> None:
        """Not more than a peer would take: the number says how many there are."""
        self._length += len(sop_instance_uid) + 1
        if self._length <= _LONGEST_LIST:
            self._failed_uids.append(sop_instance_uid)

    def _numbers(self, *, with_remaining: bool) -> tuple[tuple[int, bytes], ...]:
        completed, failed, warning = self._completed, self._failed, self._warning
        numbers = {COMPLETED: completed, FAILED: failed, WARNING: warning}
        if with_remaining:
            numbers = {REMAINING: self._total - completed - failed - warning} | numbers
        # VR US ends here; whoever retrieves more learns no more than that they are many.
        return tuple((element, uint2(min(number, _MOST))) for element, number in numbers.items())

    def _identifier(self) -> bytes:
        """The Failed SOP Instance UID List (PS3.4 C.4.2.1.4.2), or no data set where none failed."""
        if not self._failed_uids:
            return b""
        uids = {"vr": "UI", "Value": self._failed_uids}
        return encode({_FAILED_SOP_INSTANCE_UID_LIST: uids}, self._transfer_syntax_uid)


class Progress:
    """Tells the peer how far its retrieval has come: at once, when asked to, and when `seconds` went by without.

    A context manager; once it is left, nothing more is told.
    """

    def __init__(self, exchange: Exchange, sub_operations: SubOperations, seconds: float) -> None:
        self._exchange = exchange
        self._sub_operations = sub_operations
        self._seconds = seconds
        self._ended = threading.Event()
        self._told = threading.Event()
        self._thread = threading.Thread(target=self._remind, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self.tell()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def tell(self) -> None:
        """Send a pending response. Raises `AssociationLost`."""
        self._told.set()
        self._exchange.respond(self._sub_operations.pending())

    def _remind(self) -> None:
        # Who retrieves learns of a lost association with its next word; here nobody would hear of it.
        with suppress(AssociationLost):
            while not self._ended.wait(self._seconds):
                if not self._told.is_set():
                    self._exchange.respond(self._sub_operations.pending())
                self._told.clear()
