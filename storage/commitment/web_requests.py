"""Requests for commitment over the web (PS3.18 chapter 13): transactions as those of DIMSE, which nobody is told of.

Whoever asks for a result that is not there yet, and the worker, verify what is due.
"""

import secrets
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import orjson

from storage.commitment.holding import Holding
from storage.commitment.modules import NOWHERE, Place, response
from storage.commitment.references import (
    NO_SUCH_OBJECT_INSTANCE,
    Reference,
    Verdict,
    content,
    pack,
    unpack,
    unpack_verdicts,
)
from storage.commitment.schema import MIGRATIONS
from storage.commitment.transactions import HELD_SECONDS, Clock, NoLongerHeld, Transaction, Transactions
from storage.commitment.verifying import Verifier
from storage.data_set.json_values import Json
from storage.database import Database
from storage.errors import DuplicateTransaction, NoSuchTransaction, NotAuthorised
from storage.scope import ListedStudies, StudyScope, WholeArchive
from storage.verify import indexed

NOBODY: Final = ""
"""The peer of these transactions: no AE title is empty."""


class _Stopped(Exception):
    """The time that was given is over."""


class WebRequests:
    """Safe to use from any thread and process; all methods block."""

    def __init__(self, database: Database, verifier: Verifier, clock: Clock = time.time) -> None:
        """`verifier` looks at the instances of `database`."""
        database.migrate(MIGRATIONS)
        self._database = database
        self._verifier = verifier
        self._clock = clock
        self._transactions = Transactions(database, clock)

    def begin(self, transaction_uid: str, asked: Mapping[Reference, Place], scope: StudyScope) -> None:
        """Take up a request; it is durable when this returns.

        Instances that `scope` does not show are none. Raises `DuplicateTransaction` when the Transaction UID is in
        use, and `NotAuthorised` for a patient: patients are shown what is kept, they do not send it.
        """
        studies = _encode_scope(scope)
        places = zlib.compress(orjson.dumps([(place.study, place.series) for place in asked.values()]))
        now = self._clock()
        values = (transaction_uid, NOBODY, now, content(asked), pack(asked), now, studies, places)

        def work(connection: sqlite3.Connection) -> None:
            if connection.execute(_KNOWN, (transaction_uid,)).fetchone():
                raise DuplicateTransaction("This Transaction UID is in use. GET tells the result of its request.")
            connection.execute(_INSERT, values)

        self._database.write(work)

    def result(self, transaction_uid: str, scope: StudyScope, patience: float) -> Json | None:
        """The Storage Commitment Response Module, or None when it is not there within about `patience` seconds.

        Raises `NoSuchTransaction`, also for a request that was made with a scope beyond `scope`.
        """
        row = self._row(transaction_uid, scope)
        if row["verdicts"] is None and self._taken_up(row, _until(patience)):
            row = self._row(transaction_uid, scope)
        if row["verdicts"] is None:
            return None
        return response(unpack_verdicts(row["verdicts"]), _places(row))

    def work_off(self, is_stopping: Callable[[], bool]) -> int:
        """Verify what is due until nothing is, or until `is_stopping`; how many requests have got their result."""
        rows = self._database.read(_DUE, (NOBODY, self._clock()))
        return sum(self._taken_up(row, is_stopping) for row in rows)

    def _row(self, transaction_uid: str, scope: StudyScope) -> sqlite3.Row:
        rows = self._database.read(_FIND, (transaction_uid, NOBODY))
        if not rows or not _within(_decode_scope(rows[0]["studies"]), scope):
            raise NoSuchTransaction("There is no such request for storage commitment.")
        return rows[0]

    def _taken_up(self, row: sqlite3.Row, is_over: Callable[[], bool]) -> bool:
        """Whether the request has its verdicts now, thanks to us."""
        holder, now = secrets.token_hex(8), self._clock()
        values = (holder, now + HELD_SECONDS, row["id"], now)
        if not self._database.write(lambda connection: connection.execute(_TAKE_UP, values).rowcount):
            return False
        references = unpack(row["sop_references"])
        uid = row["transaction_uid"]
        transaction = Transaction(row["id"], uid, NOBODY, row["requested_at"], references, None, 0, holder)
        with suppress(NoLongerHeld):
            try:
                verdicts = self._verdicts(row, transaction, is_over)
            except _Stopped:
                self._transactions.hand_over(transaction)
                return False
            self._transactions.verified(transaction, verdicts, finished=True)
            return True
        return False

    def _verdicts(self, row: sqlite3.Row, transaction: Transaction, is_over: Callable[[], bool]) -> Sequence[Verdict]:
        hold = Holding(self._transactions, transaction)

        def look_up() -> None:
            if is_over():
                raise _Stopped
            hold()

        scope = _decode_scope(row["studies"])
        verdicts = self._verifier.verdicts(transaction.references, look_up, scope)
        places = _places(row)
        if all(place == NOWHERE for place in places):
            return verdicts
        return list(self._in_place(verdicts, places, scope))

    def _in_place(self, verdicts: Sequence[Verdict], places: Sequence[Place], scope: StudyScope) -> Iterator[Verdict]:
        """The verdicts, where an instance that lies in another study or series than was said is none."""
        records = indexed(self._database, scope, (verdict.reference.sop_instance_uid for verdict in verdicts))
        for verdict, place in zip(verdicts, places, strict=True):
            record = records.get(verdict.reference.sop_instance_uid)
            is_there = record and Place(record.study_instance_uid, record.series_instance_uid) == place
            if place == NOWHERE or is_there or not verdict.is_committed:
                yield verdict
            else:
                yield Verdict(verdict.reference, NO_SUCH_OBJECT_INSTANCE)


def _until(seconds: float) -> Callable[[], bool]:
    deadline = time.monotonic() + seconds
    return lambda: time.monotonic() >= deadline


def _places(row: sqlite3.Row) -> list[Place]:
    return [Place(*names) for names in orjson.loads(zlib.decompress(row["places"]))]


def _encode_scope(scope: StudyScope) -> str | None:
    match scope:
        case WholeArchive():
            return None
        case ListedStudies(studies):
            return orjson.dumps(sorted(studies)).decode()
        case _:
            raise NotAuthorised("Storage commitment is for those who store.")


def _decode_scope(studies: Any) -> WholeArchive | ListedStudies:
    return WholeArchive() if studies is None else ListedStudies(frozenset(orjson.loads(studies)))


def _within(asked: WholeArchive | ListedStudies, scope: StudyScope) -> bool:
    """Whether who has `scope` may learn what was told to who had `asked`."""
    if isinstance(scope, WholeArchive):
        return True
    if not isinstance(scope, ListedStudies) or not isinstance(asked, ListedStudies):
        return False
    return asked.study_instance_uids <= scope.study_instance_uids


_KNOWN: Final = "SELECT 1 FROM commitment_transaction WHERE transaction_uid = ?"
_INSERT: Final = """
    INSERT INTO commitment_transaction
    (transaction_uid, peer, requested_at, content, sop_references, attempts, due_at, holder, outcome, studies, places)
    VALUES (?, ?, ?, ?, ?, 0, ?, '', '', ?, ?)"""
_FIND: Final = "SELECT * FROM commitment_transaction WHERE transaction_uid = ? AND peer = ? ORDER BY id LIMIT 1"
_DUE: Final = "SELECT * FROM commitment_transaction WHERE peer = ? AND due_at <= ? ORDER BY id LIMIT 100"
_TAKE_UP: Final = """
    UPDATE commitment_transaction SET holder = ?, due_at = ? WHERE id = ? AND due_at <= ? AND verdicts IS NULL"""
