"""Works off deliveries, each target by itself, so that one that is down holds up nobody else."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Final

from dimse.exchange import AssociationLost
from dimse.scu.commitment import CommitmentRefused, CommitmentScu
from dimse.scu.lane import SubOperation
from dimse.scu.trouble import OUT_OF_RESOURCES, Trouble, TroubleKind, of_association
from dimse.scu.wire import AssociationFailed
from dimse.status import SOP_CLASS_NOT_SUPPORTED, failed
from gateway.forwarding.deliveries import HELD_SECONDS, Deliveries, NoLongerHeld
from gateway.forwarding.delivery import Delivery
from gateway.forwarding.rules import sender
from gateway.forwarding.targets import Target, Targets, Unreachable
from storage.commitment.references import Reference
from storage.errors import Refusal
from storage.index import Index
from storage.records import Arrived
from storage.scope import WholeArchive

_LOG: Final = logging.getLogger("durchblick.gateway")

_TELL_SECONDS: Final = min(2.0, HELD_SECONDS / 4)
_COMMITMENT_SECONDS: Final = 5.0


class _Stopped(Exception):
    """The process ends; what was not finished is for the next one."""


class _NotNow(Exception):
    """It did not work, but may later."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.sentence)
        self.trouble = trouble


class _Refused(Exception):
    """The target will not take some of it."""

    def __init__(self, trouble: Trouble, count: int) -> None:
        super().__init__(trouble.sentence)
        self.trouble = trouble
        self.count = count


_PASSING: Final = (_NotNow, Unreachable, AssociationFailed, AssociationLost, CommitmentRefused)


class Forwarder:
    """Sends what is due."""

    def __init__(self, index: Index, deliveries: Deliveries, targets: Targets, last_seconds: float) -> None:
        """What does not succeed within `last_seconds` is given up."""
        self._index = index
        self._deliveries = deliveries
        self._targets = targets
        self._last_seconds = last_seconds
        # One that is down holds up no thread of another.
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._busy: Counter[str] = Counter()
        self._at_work: dict[int, Delivery] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    @property
    def is_stopping(self) -> bool:
        """Whether `close` was called."""
        return self._stopped.is_set()

    def begin(self) -> list[Future[None]]:
        """Take up what is due and fits; returns at once, with the work on each delivery.

        What is worked on is held on by this, however long a single instance takes: it must be asked again in time.
        """
        with self._lock:
            self._deliveries.hold(self._at_work.values())
        begun = []
        for name, at_once in self._limits().items():
            with self._lock:
                free = at_once - self._busy[name]
                taken = self._deliveries.take_up(name, free) if free > 0 else []
                self._busy[name] += len(taken)
                self._at_work.update((one.id, one) for one in taken)
            begun += [self._pool(name, at_once).submit(self._work, delivery) for delivery in taken]
        return begun

    def close(self) -> None:
        """Return when what is being sent at this moment has been answered; the rest is for the next process."""
        self._stopped.set()
        for pool in self._pools.values():
            pool.shutdown(cancel_futures=True)

    def _limits(self) -> dict[str, int]:
        """How many deliveries at once each target takes; whoever is no target any more is to be told so."""
        limits = {name: config.at_once for name, config in self._targets.configured.items()}
        return dict.fromkeys(self._deliveries.due_targets(), 1) | limits

    def _pool(self, name: str, at_once: int) -> ThreadPoolExecutor:
        if name not in self._pools:
            self._pools[name] = ThreadPoolExecutor(at_once, thread_name_prefix="forwarding")
        return self._pools[name]

    def _work(self, delivery: Delivery) -> None:
        name = delivery.wanted.target
        try:
            with suppress(NoLongerHeld):
                self._attempt(delivery)
        except Refusal as refusal:
            _LOG.error("forwarding_delayed target=%r why=%r", name, refusal.detail)
        except Exception as error:
            failed(error)
        finally:
            with self._lock:
                self._busy[name] -= 1
                self._at_work.pop(delivery.id, None)

    def _attempt(self, delivery: Delivery) -> None:
        name = delivery.wanted.target
        try:
            target = self._targets.target(name)
            arrivals = self._wanted(delivery, target)
            self._send(delivery, target, arrivals)
            scu = target.commitment()
            if scu is not None and arrivals:
                self._commit(delivery, scu, arrivals)
            self._deliveries.deliver(delivery, committed=scu is not None)
            _LOG.info("forwarded target=%r delivery=%d instances=%d", name, delivery.id, len(arrivals))
        except _Stopped:
            self._deliveries.hand_over(delivery)
        except _Refused as refused:
            self._deliveries.fail(delivery, refused.trouble, refused.count)
            _LOG.error("forwarding_failed target=%r delivery=%d why=%r", name, delivery.id, str(refused))
        except _PASSING as error:
            pause = self._deliveries.postpone(delivery, _trouble(error), self._last_seconds)
            event = "forwarding_failed" if pause is None else "forwarding_postponed"
            _LOG.warning("%s target=%r delivery=%d seconds=%s why=%r", event, name, delivery.id, pause, str(error))

    def _wanted(self, delivery: Delivery, target: Target) -> list[Arrived]:
        """What is kept of it still, without what the target itself has sent us."""
        wanted = delivery.wanted
        arrivals = self._index.arrived(WholeArchive(), wanted.study, wanted.after, wanted.upto)
        chosen = wanted.selection.of_arrivals(self._index, wanted.study, arrivals)
        return [one for one in chosen if not target.ae_title or sender(one.source) != target.ae_title]

    def _send(self, delivery: Delivery, target: Target, arrivals: Sequence[Arrived]) -> None:
        taken = self._deliveries.taken(delivery)
        waiting = [one for one in arrivals if one.place not in taken]
        places = {one.record.sop_instance_uid: one.place for one in waiting}
        told: list[tuple[int, bool]] = []
        troubles: list[SubOperation] = []
        told_at = time.monotonic()
        with closing(target.send([one.record for one in waiting])) as outcomes:
            for outcome in outcomes:
                if outcome.is_failure:
                    troubles.append(outcome)
                else:
                    told.append((places[outcome.record.sop_instance_uid], not outcome.is_success))
                if time.monotonic() - told_at >= _TELL_SECONDS or self._stopped.is_set():
                    self._deliveries.take(delivery, told)
                    told, told_at = [], time.monotonic()
                if self._stopped.is_set():
                    raise _Stopped
        self._deliveries.take(delivery, told)
        _judge(troubles, len(arrivals))

    def _commit(self, delivery: Delivery, scu: CommitmentScu, arrivals: Sequence[Arrived]) -> None:
        """Ask once, and hear the answer now or in a later attempt."""
        uid = delivery.transaction_uid
        if not uid:
            references = [Reference(one.record.sop_class_uid, one.record.sop_instance_uid) for one in arrivals]
            uid = scu.request(references)
            self._deliveries.asked(delivery, uid)
        verdicts = scu.wait(uid, _COMMITMENT_SECONDS)
        if verdicts is None:
            sentence = "All is sent; the report of storage commitment has not come yet."
            raise _NotNow(Trouble(TroubleKind.REPORT, sentence))
        missing = len(arrivals) - sum(verdict.is_committed for verdict in verdicts)
        if missing > 0:
            sentence = f"All was sent, but {missing} of {len(arrivals)} instances are not committed to."
            raise _Refused(Trouble(TroubleKind.UNCOMMITTED, sentence), missing)


def _judge(troubles: Sequence[SubOperation], total: int) -> None:
    """Raise for what is not taken: `_NotNow` when some of it may be later."""
    passing = [one for one in troubles if _may_pass(one)]
    if passing:
        sentence = f"{len(troubles)} of {total} instances could not be sent: {_said(passing[0])}"
        raise _NotNow(Trouble(passing[0].kind, sentence))
    if troubles:
        sentence = f"{len(troubles)} of {total} instances are refused: {_said(troubles[0])}"
        raise _Refused(Trouble(troubles[0].kind, sentence), len(troubles))


def _may_pass(outcome: SubOperation) -> bool:
    if outcome.status in OUT_OF_RESOURCES:
        return True
    return not outcome.is_answered and outcome.status != SOP_CLASS_NOT_SUPPORTED


def _said(outcome: SubOperation) -> str:
    return f"{outcome.status:04X}H {outcome.comment}".strip()


def _trouble(error: Exception) -> Trouble:
    """What is kept of one of `_PASSING`."""
    match error:
        case _NotNow() | Unreachable():
            return error.trouble
        case AssociationFailed():
            return of_association(error)
        case CommitmentRefused():
            return Trouble(TroubleKind.UNCOMMITTED, str(error))
        case _:
            return Trouble(TroubleKind.LOST, str(error))
