"""Fetches what staff have asked for, and watches whether it comes: received against expected."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Final

from dimse.scu.trouble import Trouble, TroubleKind
from dimse.status import failed
from gateway.archive.archive import Archive, ArchiveAway
from gateway.archive.fetching import Fetching
from gateway.archive.retrievals import NoLongerHeld, Retrieval, Retrievals
from storage.index import Index
from storage.scope import ListedStudies

_LOG: Final = logging.getLogger("durchblick.gateway")
_LOOK_SECONDS: Final = 0.5


class Retrieving:
    """For one site, one study at a time. Blocking."""

    def __init__(
        self,
        retrievals: Retrievals,
        index: Index,
        site: str,
        archive: Archive,
        stall_seconds: float,
        look_seconds: float = _LOOK_SECONDS,
    ) -> None:
        """A retrieval is ended when for `stall_seconds` nothing has come and the archive has said nothing."""
        self._retrievals = retrievals
        self._index = index
        self._site = site
        self._archive = archive
        self._stall_seconds = stall_seconds
        self._look_seconds = look_seconds

    def work_off(self, is_stopping: Callable[[], bool] = lambda: False) -> int:
        """Fetch what is due; how many studies came whole."""
        came = 0
        while not is_stopping() and (retrieval := self._retrievals.take_up(self._site)):
            with suppress(NoLongerHeld):
                came += self._attempt(retrieval, is_stopping)
        return came

    def _attempt(self, retrieval: Retrieval, is_stopping: Callable[[], bool]) -> bool:
        fetching = Fetching()
        with ThreadPoolExecutor(1, thread_name_prefix="retrieving") as threads:
            fetched = threads.submit(self._archive.fetch, retrieval.study, fetching)
            try:
                stalled = self._watch(retrieval, fetching, fetched, is_stopping)
            finally:
                fetching.end()
        return self._judge(retrieval, fetching, fetched, stalled=stalled, stopped=is_stopping())

    def _watch(
        self, retrieval: Retrieval, fetching: Fetching, fetched: Future[int], is_stopping: Callable[[], bool]
    ) -> bool:
        """Tell how much is here until it has ended; whether that was because nothing came any more."""
        here, moved = -1, time.monotonic()
        while not wait([fetched], self._look_seconds).done and not is_stopping():
            if (now_here := self._here(retrieval)) != here:
                here, moved = now_here, time.monotonic()
            self._retrievals.tell(retrieval, here, max(retrieval.expected, fetching.announced))
            if time.monotonic() - max(moved, fetching.heard_at) > self._stall_seconds:
                return True
        return False

    def _judge(
        self, retrieval: Retrieval, fetching: Fetching, fetched: Future[int], *, stalled: bool, stopped: bool
    ) -> bool:
        """By what is here, whatever the archive says."""
        here, expected = self._here(retrieval), max(retrieval.expected, fetching.announced)
        self._retrievals.tell(retrieval, here, expected)
        trouble = _trouble(fetched, here, expected, stalled=stalled)
        if trouble is None:
            self._retrievals.finish(retrieval, here)
            _LOG.info("retrieved archive=%r instances=%d", retrieval.archive, here)
        elif stopped:
            self._retrievals.hand_over(retrieval)
        else:
            self._retrievals.postpone(retrieval, trouble)
            _LOG.warning("retrieval_postponed archive=%r why=%r", retrieval.archive, trouble.sentence)
        return trouble is None

    def _here(self, retrieval: Retrieval) -> int:
        return self._index.counts(ListedStudies(frozenset({retrieval.study}))).instances


def _trouble(fetched: Future[int], here: int, expected: int, *, stalled: bool) -> Trouble | None:
    """None where everything is here: some archives count as failed what they have sent twice."""
    told = f"{here} of {expected} instances are here."
    if expected and here >= expected:
        return None
    if stalled:
        return Trouble(TroubleKind.STALLED, f"Nothing more has come; {told}")
    try:
        fetched.result()
    except ArchiveAway as away:
        return away.trouble
    except Exception as error:
        return Trouble(TroubleKind.OTHER, failed(error).comment)
    if here < max(expected, 1):
        return Trouble(TroubleKind.INCOMPLETE, f"The archive has sent all that it wants to; {told}")
    return None
