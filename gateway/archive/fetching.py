"""A retrieval on its way: how far the archive says it is, and its end from another thread."""

import threading
import time
from collections.abc import Iterator

from dimse.exchange import AssociationLost
from dimse.scu.requestor import Requestor
from dimse.scu.retrieve import Progress


class Fetching:
    """One thread follows, others look and may end it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requestor: Requestor | None = None
        self._is_ended = False
        self.heard_at = time.monotonic()
        """When the archive said something last, by the clock `time.monotonic`."""
        self.announced = 0
        """How many instances the archive has spoken of so far; 0 before it has."""

    def follow(self, requestor: Requestor, responses: Iterator[Progress]) -> Progress:
        """The last of `responses`. Raises what they raise, and `AssociationLost` when somebody ends it."""
        with self._lock:
            if self._is_ended:
                raise AssociationLost("ended by us")
            self._requestor = requestor
        try:
            return self._last(responses)
        finally:
            with self._lock:
                self._requestor = None

    def end(self) -> None:
        """Let whoever follows find the association lost. Idempotent."""
        with self._lock:
            self._is_ended = True
            if self._requestor is not None:
                self._requestor.interrupt()

    def _last(self, responses: Iterator[Progress]) -> Progress:
        for progress in responses:
            self.heard_at = time.monotonic()
            told = progress.remaining + progress.completed + progress.failed + progress.warning
            self.announced = max(self.announced, told)
        return progress
