"""An event loop whose clock stands until a test lets it go on: deadlines pass when they should, on any machine."""

import asyncio
from typing import Final

_BEGIN: Final = 1_000.0
_ROUNDS: Final = 3


class StandingLoop(asyncio.SelectorEventLoop):
    """Serves sockets and threads as any other, but its deadlines only come when time `passes`."""

    def __init__(self) -> None:
        self._now = _BEGIN
        super().__init__()

    def time(self) -> float:
        """Seconds, of this clock."""
        return self._now

    async def passes(self, seconds: float) -> None:
        """Let so much time pass; what was due by then has been called when this returns."""
        self._now += seconds
        # Timers that are due join the queue behind us, and what they call may call others.
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)
