"""How often uploads may be begun: within an hour so many by one link, and so many from one network.

Each is a row, a folder and staff's time, and who has a link could begin any number. Files are not counted here: an
upload of thousands is one beginning.
"""

import sqlite3
from dataclasses import dataclass
from typing import Final

from auth.clock import Clock, seconds
from auth.digests import Digests
from auth.network import network_of
from gateway.intake.links import UploadLink
from gateway.intake.schema import MIGRATIONS
from storage.database import Database
from storage.errors import Refusal

WINDOW: Final = 3600
"""Seconds."""

# The one that has to leave the window before there is room for another.
_IN_THE_WAY: Final = "SELECT at FROM upload_beginning WHERE subject = ? ORDER BY at DESC LIMIT 1 OFFSET ?"
# What lies ahead was written by a clock that has since gone back.
_FORGET: Final = "DELETE FROM upload_beginning WHERE at <= ? OR at > ?"
_NOTE: Final = "INSERT INTO upload_beginning (subject, at) VALUES (?, ?)"


class TooOften(Refusal):
    """As many were begun as may be; `retry_after` seconds from now there is room for another."""

    http_status = 429
    title = "Too many uploads"

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many uploads were begun by this link or from this network.")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class MostBegun:
    """How many within an hour."""

    by_link: int
    from_network: int


class Beginnings:
    """Safe to use from any thread and process, which count together; blocking."""

    def __init__(self, database: Database, pepper: bytes, clock: Clock, most: MostBegun) -> None:
        database.migrate(MIGRATIONS)
        self._database = database
        self._digests = Digests(pepper)
        self._clock = clock
        self._most = most

    def admit(self, link: UploadLink, address: str) -> None:
        """Count an upload by this link from this address, of which a keyed digest is kept for an hour; or `TooOften`.

        What is refused does not count, so whoever waits as long as he is told gets through.
        """
        now = seconds(self._clock())
        most = {
            f"link {link.id}": self._most.by_link,
            self._digests.network(f"upload {network_of(address)}"): self._most.from_network,
        }

        def work(connection: sqlite3.Connection) -> int:
            connection.execute(_FORGET, (now - WINDOW, now + WINDOW))
            rows = [connection.execute(_IN_THE_WAY, (one, limit - 1)).fetchone() for one, limit in most.items()]
            in_the_way: list[int] = [row["at"] for row in rows if row is not None]
            if in_the_way:
                return min(max(in_the_way) - now, 0) + WINDOW
            connection.executemany(_NOTE, [(one, now) for one in most])
            return 0

        if wait := self._database.write(work):
            raise TooOften(wait)
