"""On which processor the threads of the DIMSE server run.

The event loop and the thread that stores take turns: one of them holds the interpreter. On two processors each turn
would begin with cold caches, which makes an instance cost about a fifth more processor time (`benchmarks.ingest`). So
both stay on one processor, another one in each process. Whatever talks with peers for long runs wherever there is
room.
"""

import os
from typing import Final

_CAN_CHOOSE: Final = hasattr(os, "sched_setaffinity")


def allowed() -> frozenset[int]:
    """The processors that the calling thread may use; none where the platform does not tell."""
    return frozenset(os.sched_getaffinity(0)) if _CAN_CHOOSE else frozenset()


def stay_on_one(number: int = 1) -> None:
    """Keep the calling thread, and those that it starts, on one of its processors: 1 is the last, 2 the one before."""
    if processors := sorted(allowed()):
        os.sched_setaffinity(0, {processors[-number % len(processors)]})


def spread_over(processors: frozenset[int]) -> None:
    """Let the calling thread run on all of these again."""
    if processors:
        os.sched_setaffinity(0, processors)
