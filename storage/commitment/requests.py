"""What we asked peers to commit to, and what they told: the meeting point of who asks and who hears the answer.

A peer may report on an association of its own, which another process takes than the one that asked.
"""

import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Final

from storage.commitment.references import Verdict, pack_verdicts, unpack_verdicts
from storage.commitment.schema import MIGRATIONS
from storage.database import Database


class Requests:
    """Safe to use from any thread and process; all methods block."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds since 1970."""
        database.migrate(MIGRATIONS)
        self._database = database
        self._clock = clock

    def asked(self, peer: str, transaction_uid: str) -> None:
        """Durably, before asking: the AE title `peer` may report on this transaction from now on."""
        values = (transaction_uid, peer, self._clock())
        self._database.write(lambda connection: connection.execute(_INSERT, values))

    def answered(self, peer: str, transaction_uid: str, verdicts: Sequence[Verdict]) -> bool:
        """Keep durably what `peer` tells; False when it was not asked. The last word counts."""
        values = (pack_verdicts(verdicts), transaction_uid, peer)

        def work(connection: sqlite3.Connection) -> bool:
            return connection.execute(_ANSWER, values).rowcount == 1

        return self._database.write(work)

    def verdicts(self, transaction_uid: str) -> tuple[Verdict, ...] | None:
        """What the peer told; None as long as it has not."""
        rows = self._database.read(_VERDICTS, (transaction_uid,))
        packed = rows[0]["verdicts"] if rows else None
        return None if packed is None else unpack_verdicts(packed)

    def forget(self, older_than: float) -> None:
        """Remove what was asked more than so many seconds ago."""
        limit = self._clock() - older_than
        self._database.write(lambda connection: connection.execute(_FORGET, (limit,)))


_INSERT: Final = "INSERT INTO commitment_request (transaction_uid, peer, requested_at) VALUES (?, ?, ?)"
_ANSWER: Final = "UPDATE commitment_request SET verdicts = ? WHERE transaction_uid = ? AND peer = ?"
_VERDICTS: Final = "SELECT verdicts FROM commitment_request WHERE transaction_uid = ?"
_FORGET: Final = "DELETE FROM commitment_request WHERE requested_at < ?"
