"""Is it really that late? A clock that jumped must not make a year's studies go at once."""

import logging
import sqlite3
from typing import Final

from storage.audit import note
from storage.bookmarks import Bookmarks, keep
from storage.database import Database

_LOG: Final = logging.getLogger("durchblick.gateway")

LARGEST_STEP: Final = 3600
"""Seconds between two looks that are believed."""
DOUBTED: Final = 7 * 24 * 3600
"""A jump of so many seconds needs somebody who says that the clock is right."""

_SEEN: Final = "clock seen"
_DOUBT: Final = "clock doubted"


class ClockGuard:
    """Remembers what time it was, across restarts. Times are in seconds since 1970."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bookmarks = Bookmarks(database)

    @property
    def is_doubted(self) -> bool:
        """Whether the clock jumped so far that nothing goes before somebody has looked."""
        return bool(self._bookmarks.get(_DOUBT))

    def has_jumped(self, now: int) -> bool:
        """Whether more than an hour lies between the last look and this one, in either direction.

        Then the clock was set, or nobody looked, because the gateway was off: both look the same from here. Every
        study that was to go has its grace anew.
        """
        seen = self._bookmarks.get(_SEEN)
        if seen is None or abs(now - seen) <= LARGEST_STEP:
            self._bookmarks.keep(_SEEN, now)
            return False
        jump = now - seen

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE departure SET marked = ?", (now,))
            keep(connection, _SEEN, now)
            if abs(jump) > DOUBTED:
                keep(connection, _DOUBT, 1)
            note(connection, "clock jumped", "gateway", f"seconds={jump}")

        self._database.write(work)
        _LOG.error("clock_jumped seconds=%d deletion=stopped", jump)
        return True

    def still(self, now: int) -> None:
        """Say that work goes on which takes long, so that it is not taken for a jump."""
        self._bookmarks.keep(_SEEN, now)

    def confirm(self, now: int) -> None:
        """Somebody has looked: the clock is right. The grace begins now all the same."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE departure SET marked = ?", (now,))
            keep(connection, _SEEN, now)
            keep(connection, _DOUBT, 0)
            note(connection, "clock confirmed", "gateway")

        self._database.write(work)
