"""Several lanes at once, each in a thread, behind one iterator."""

import threading
from collections.abc import Iterator, Sequence
from queue import Queue

from dimse.scu.lane import Lane, SubOperation
from storage.records import InstanceRecord


def in_parallel(
    lanes: Sequence[Lane], records: Sequence[InstanceRecord], stopped: threading.Event
) -> Iterator[SubOperation]:
    """What became of each record, in the order in which they end. Closing the iterator sets `stopped`, and waits
    for the instances that are being sent."""
    work = _Work(records, stopped, len(lanes))
    threads = [threading.Thread(target=work.perform, args=(lane,), name="storage-scu", daemon=True) for lane in lanes]
    for thread in threads:
        thread.start()
    running = len(lanes)
    try:
        while running:
            ended = work.done.get()
            if ended is None:
                running -= 1
            elif isinstance(ended, BaseException):
                raise ended
            else:
                yield ended
    finally:
        stopped.set()
        while running:
            running -= work.done.get() is None
        for thread in threads:
            thread.join()


class _Work:
    """What the threads share. Each puts None into `done` as its last."""

    def __init__(self, records: Sequence[InstanceRecord], stopped: threading.Event, lanes: int) -> None:
        # Small, so that lanes do not run ahead of who counts what is done.
        self.done: Queue[SubOperation | BaseException | None] = Queue(maxsize=lanes)
        self._todo = iter(records)
        self._turn = threading.Lock()
        self._stopped = stopped

    def perform(self, lane: Lane) -> None:
        try:
            while (record := self._next()) is not None:
                self.done.put(lane.send(record))
        except BaseException as error:
            self.done.put(error)
        finally:
            lane.close()
            self.done.put(None)

    def _next(self) -> InstanceRecord | None:
        with self._turn:
            return None if self._stopped.is_set() else next(self._todo, None)
