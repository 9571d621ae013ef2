"""Work that is tried where nobody may wait: on an event loop, which serves everybody else meanwhile.

What is warm (rows of an index that is in memory, pages of a file that the kernel holds) costs less to read at once than
to hand over to a thread. What is not would stop the loop; so whatever could wait asks `may_wait` first.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class WouldWait(Exception):
    """The work cannot go on without waiting; nothing has been changed. It is to be done again in a thread."""


class _State(threading.local):
    impatient = False


_STATE = _State()


@contextmanager
def without_waiting() -> Iterator[None]:
    """Inside, this thread does not wait: `WouldWait` is raised instead. Not to be nested."""
    _STATE.impatient = True
    try:
        yield
    finally:
        _STATE.impatient = False


def may_wait() -> bool:
    """Whether this thread may wait."""
    return not _STATE.impatient


def about_to_wait() -> None:
    """Raise `WouldWait` where this thread may not."""
    if _STATE.impatient:
        raise WouldWait
