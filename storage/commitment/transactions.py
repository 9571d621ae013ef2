"""What peers asked us to commit to: durable from the answer to their request until they have been told.

Whoever works on a transaction, in whichever process, holds it for a limited time; when it is not heard of again, the
next one takes it up. So nothing is owed for ever, and nobody is told twice without need.
"""

import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from storage.audit import note
from storage.commitment.references import (
    DUPLICATE_TRANSACTION_UID,
    Reference,
    Verdict,
    content,
    pack,
    pack_verdicts,
    unpack,
    unpack_verdicts,
)
from storage.commitment.schema import MIGRATIONS
from storage.database import Database

Clock = Callable[[], float]
"""Returns seconds since 1970 in UTC."""

HELD_SECONDS: Final = 15.0
"""How long a transaction is held by somebody who does not say that he is still at it."""

FIRST_PAUSE: Final = 10.0
LONGEST_PAUSE: Final = 3600.0
LAST_ATTEMPT: Final = 24 * 3600.0
"""After the request; then the peer is given up."""

FORGOTTEN: Final = 30 * 24 * 3600.0
"""After the request: until then a Transaction UID is recognised when it comes again."""


class NoLongerHeld(Exception):
    """Somebody else has taken the transaction up, or the peer has asked anew."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A request for commitment, taken up; `verdicts` are None until the disk was looked at."""

    id: int
    transaction_uid: str
    peer: str
    """The AE title that asked."""
    requested_at: float
    references: tuple[Reference, ...]
    verdicts: tuple[Verdict, ...] | None
    attempts: int
    """How often the peer could not be told."""
    holder: str


class Transactions:
    """Safe to use from any thread and process; all methods block."""

    def __init__(self, database: Database, clock: Clock = time.time) -> None:
        database.migrate(MIGRATIONS)
        self._database = database
        self._clock = clock

    def open(self, peer: str, transaction_uid: str, references: Sequence[Reference]) -> Transaction:
        """Take up a request of `peer`; it is durable when this returns.

        The same request again replaces the one before, if that is still open. Other instances under a known
        Transaction UID all fail (0131H). Raises `OutOfResources`.
        """
        now, holder, digest = self._clock(), secrets.token_hex(8), content(references)

        def work(connection: sqlite3.Connection) -> Transaction:
            first = connection.execute(_FIRST, (transaction_uid,)).fetchone()
            verdicts = None
            if first is not None and first["content"] != digest:
                verdicts = tuple(Verdict(one, DUPLICATE_TRANSACTION_UID) for one in references)
            connection.execute(_SUPERSEDE, (transaction_uid, peer, digest))
            packed = pack_verdicts(verdicts) if verdicts else None
            values = (transaction_uid, peer, now, digest, pack(references), packed, now + HELD_SECONDS, holder)
            row = connection.execute(_INSERT, values).fetchone()
            return Transaction(row[0], transaction_uid, peer, now, tuple(references), verdicts, 0, holder)

        return self._database.write(work)

    def peers_due(self) -> list[str]:
        """AE titles for which there is something to do now."""
        return [row["peer"] for row in self._database.read(_PEERS_DUE, (self._clock(),))]

    def take_up(self, peer: str, limit: int, *, verified: bool) -> list[Transaction]:
        """What is to do for `peer` now, oldest first, at most `limit` transactions that have verdicts, or have none."""
        now, holder = self._clock(), secrets.token_hex(8)

        def work(connection: sqlite3.Connection) -> list[Transaction]:
            rows = connection.execute(_DUE, (peer, now, verified, limit)).fetchall()
            for row in rows:
                connection.execute(_TAKE_UP, (holder, now + HELD_SECONDS, row["id"]))
            return [_transaction(row, holder) for row in rows]

        return self._database.write(work)

    def hold(self, transaction: Transaction, seconds: float = HELD_SECONDS) -> None:
        """Hold it for so long from now on. Raises `NoLongerHeld`."""
        self._update(transaction, "due_at = ?", self._clock() + seconds)

    def verified(self, transaction: Transaction, verdicts: Sequence[Verdict], *, finished: bool = False) -> None:
        """Keep the verdicts, and account for them; `finished` if nobody has to be told. Raises `NoLongerHeld`."""
        assignments = "verdicts = ?, due_at = NULL, holder = '', outcome = 'verified'" if finished else "verdicts = ?"
        committed = sum(verdict.is_committed for verdict in verdicts)
        detail = f"peer={transaction.peer} committed={committed} failed={len(verdicts) - committed}"

        def work(connection: sqlite3.Connection) -> None:
            _change(connection, transaction, assignments, (pack_verdicts(verdicts),))
            note(connection, "storage commitment", transaction.transaction_uid, detail)

        self._database.write(work)

    def reported(self, transaction: Transaction) -> None:
        """The peer has taken the report. Raises `NoLongerHeld`."""
        self._update(transaction, "due_at = NULL, holder = '', outcome = ?", "reported")

    def hand_over(self, transaction: Transaction) -> None:
        """Let whoever comes next take it up, at once. Raises `NoLongerHeld`."""
        self._update(transaction, "due_at = ?, holder = ''", self._clock())

    def postpone(self, transaction: Transaction) -> float | None:
        """The peer could not be told: seconds until the next attempt, or None where it is given up.

        Raises `NoLongerHeld`.
        """
        now = self._clock()
        pause = min(FIRST_PAUSE * 2.0 ** min(transaction.attempts, 30), LONGEST_PAUSE)
        if now + pause > transaction.requested_at + LAST_ATTEMPT:
            self._update(transaction, "due_at = NULL, holder = '', outcome = ?", "given up")
            return None
        self._update(transaction, "due_at = ?, holder = '', attempts = attempts + 1", now + pause)
        return pause

    def forget(self) -> None:
        """Remove what is finished and long ago."""
        limit = self._clock() - FORGOTTEN
        self._database.write(lambda connection: connection.execute(_FORGET, (limit,)))

    def _update(self, transaction: Transaction, assignments: str, *values: object) -> None:
        self._database.write(lambda connection: _change(connection, transaction, assignments, values))


def _change(
    connection: sqlite3.Connection, transaction: Transaction, assignments: str, values: Sequence[object]
) -> None:
    changed = connection.execute(
        f"UPDATE commitment_transaction SET {assignments} WHERE id = ? AND holder = ?",
        (*values, transaction.id, transaction.holder),
    )
    if changed.rowcount != 1:
        raise NoLongerHeld


def _transaction(row: sqlite3.Row, holder: str) -> Transaction:
    verdicts = row["verdicts"]
    return Transaction(
        row["id"],
        row["transaction_uid"],
        row["peer"],
        row["requested_at"],
        unpack(row["sop_references"]),
        None if verdicts is None else unpack_verdicts(verdicts),
        row["attempts"],
        holder,
    )


_FIRST: Final = "SELECT content FROM commitment_transaction WHERE transaction_uid = ? ORDER BY id LIMIT 1"
_SUPERSEDE: Final = """
    UPDATE commitment_transaction SET due_at = NULL, holder = '', outcome = 'asked anew'
    WHERE transaction_uid = ? AND peer = ? AND content = ? AND due_at IS NOT NULL"""
_INSERT: Final = """
    INSERT INTO commitment_transaction
    (transaction_uid, peer, requested_at, content, sop_references, verdicts, attempts, due_at, holder, outcome)
    VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, '') RETURNING id"""
_PEERS_DUE: Final = "SELECT DISTINCT peer FROM commitment_transaction WHERE due_at <= ? AND peer <> '' ORDER BY peer"
_DUE: Final = """
    SELECT * FROM commitment_transaction WHERE peer = ? AND due_at <= ? AND (verdicts IS NOT NULL) = ?
    ORDER BY id LIMIT ?"""
_TAKE_UP: Final = "UPDATE commitment_transaction SET holder = ?, due_at = ? WHERE id = ?"
_FORGET: Final = "DELETE FROM commitment_transaction WHERE due_at IS NULL AND requested_at < ?"
