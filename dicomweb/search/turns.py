"""How many threads search at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from storage.waiting import may_wait

_AT_ONCE: Final = 1
_PATIENCE: Final = 0.05


class Turns:
    """Lets one thread, or a few, work while others wait: at once they only take the interpreter from each other.

    Who has waited for `patience` seconds goes on without a turn: slow ones do not hold up quick ones for longer.
    """

    def __init__(self, at_once: int = _AT_ONCE, patience: float = _PATIENCE) -> None:
        self._free = threading.Semaphore(at_once)
        self._patience = patience

    @contextmanager
    def take(self) -> Iterator[None]:
        """Work when it is one's turn; at once where nobody may wait."""
        if not may_wait():
            yield
            return
        taken = self._free.acquire(timeout=self._patience)
        try:
            yield
        finally:
            if taken:
                self._free.release()
