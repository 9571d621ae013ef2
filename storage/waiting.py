"""Work that is tried where nobody may wait: on an event loop, which serves everybody else meanwhile.

What is warm (rows of an index that is in memory, pages of a file that the kernel holds) costs less to read at once than
to hand over to a thread. What is not would stop the loop; so whatever could wait asks `may_wait` first.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final


class WouldWait(Exception):
    """The work cannot go on without waiting; nothing has been changed. It is to be done again in a thread."""


_STEPS: Final = 20
"""How many thousands of instructions SQLite may take for all that is tried once: about a millisecond."""


class _State(threading.local):
    impatient = False
    steps = 0


_STATE = _State()


@contextmanager
def without_waiting() -> Iterator[None]:
    """Inside, this thread does not wait: `WouldWait` is raised instead. Not to be nested."""
    _STATE.impatient = True
    _STATE.steps = _STEPS
    try:
        yield
    finally:
        _STATE.impatient = False


def may_wait() -> bool:
    """Whether this thread may wait."""
    return not _STATE.impatient


def takes_too_long() -> bool:
    """To be asked after each thousand instructions of SQLite: whether this thread must not go on."""
    _STATE.steps -= 1
    return _STATE.impatient and _STATE.steps < 0


def about_to_wait() -> None:
    """Raise `WouldWait` where this thread may not."""
    if _STATE.impatient:
        raise WouldWait
