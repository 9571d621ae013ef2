"""C-STORE as client: kept instances go to one peer, over one or several associations (PS3.4 annex B)."""

import threading
from collections.abc import Generator, Sequence
from contextlib import closing

from dimse.scu.batches import Batch, batches
from dimse.scu.caller import Caller
from dimse.scu.elements import MoveOriginator
from dimse.scu.lane import Lane, Outlook, SubOperation
from dimse.scu.parallel import in_parallel
from dimse.settings import Peer
from storage.records import InstanceRecord
from storage.storage import Storage

__all__ = ["MoveOriginator", "Outlook", "StorageScu", "SubOperation"]


class StorageScu:
    """Sends instances to one peer. Safe to use from several threads; each `send` has associations of its own."""

    def __init__(
        self,
        storage: Storage,
        caller: Caller,
        peer: Peer,
        *,
        associations: int = 1,
        attempts: int = 3,
        pause_seconds: float = 1.0,
    ) -> None:
        """Use up to `associations` at once for a study. What fails because the association is lost, or cannot be
        had for the moment, is tried up to `attempts` times, `pause_seconds` apart."""
        self._storage = storage
        self._caller = caller
        self._peer = peer
        self._associations = associations
        self._attempts = attempts
        self._pause_seconds = pause_seconds

    def send(
        self,
        records: Sequence[InstanceRecord],
        *,
        originator: MoveOriginator | None = None,
        outlook: Outlook | None = None,
    ) -> Generator[SubOperation, None, None]:
        """Send each, and tell how it went: one `SubOperation` for each record, study by study.

        Nothing is sent before the first is asked for; with one association nothing is sent ahead either. Closing the
        iterator ends it after the instances that are being sent. Never raises because of the peer: what could not be
        delivered is a sub-operation that failed. Who sends the rest later gives the same `outlook`: a peer that could
        not be reached is not tried again.
        """
        outlook = outlook or Outlook()
        for batch in batches(records):
            stopped = threading.Event()
            lanes = [
                self._lane(batch, originator, stopped, outlook)
                for _ in range(max(1, min(self._associations, len(batch.records))))
            ]
            if len(lanes) == 1:
                with closing(lanes[0]) as lane:
                    yield from map(lane.send, batch.records)
            else:
                yield from in_parallel(lanes, batch.records, stopped)

    def _lane(
        self, batch: Batch, originator: MoveOriginator | None, stopped: threading.Event, outlook: Outlook
    ) -> Lane:
        return Lane(
            self._storage,
            lambda: self._caller.associate(self._peer, batch.proposals),
            originator=originator,
            attempts=self._attempts,
            pause=lambda: stopped.wait(self._pause_seconds),
            outlook=outlook,
        )
