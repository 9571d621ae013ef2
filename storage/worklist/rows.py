"""The rows of workitems. Functions take the connection of a running transaction."""

import sqlite3
from collections.abc import Iterable
from typing import Final

import orjson

from storage.audit import note
from storage.catalogue import comparable
from storage.worklist import subscriptions
from storage.worklist.data_sets import DataSet, text
from storage.worklist.refusals import GONE, NO_SUCH_WORKITEM, WorkitemRefused
from storage.worklist.requirements import START, STATE
from storage.worklist.states import State

_GONE: Final = ""
"""The state, so to say, of a workitem of which nothing but its UID is kept."""


def insert(connection: sqlite3.Connection, uid: str, workitem: DataSet) -> int | None:
    """The id of a new workitem, or None when its UID is known already."""
    values = (uid, State.SCHEDULED.value, _start(workitem), _packed(workitem))
    row = connection.execute(_INSERT, values).fetchone()
    if row is None:
        return None
    note(connection, "workitem created", uid)
    return int(row["id"])


def row_of(connection: sqlite3.Connection, uid: str) -> sqlite3.Row:
    """The row of a workitem. Raises `WorkitemRefused` when it is not there, or no longer."""
    return there(connection.execute(SELECT, (uid,)).fetchone())


def there(row: sqlite3.Row | None) -> sqlite3.Row:
    """`row`, or `WorkitemRefused`."""
    if row is None:
        raise WorkitemRefused(NO_SUCH_WORKITEM)
    if row["state"] == _GONE:
        raise WorkitemRefused(GONE)
    return row


def every(connection: sqlite3.Connection) -> Iterable[sqlite3.Row]:
    """The rows of all workitems, oldest first."""
    return connection.execute(_EVERY)


def change(
    connection: sqlite3.Connection,
    row: sqlite3.Row,
    workitem: DataSet,
    now: float,
    events: Iterable[DataSet],
    transaction_uid: str = "",
) -> None:
    """Let `workitem` take the place of what was there, and keep `events` for its subscribers."""
    state = State(text(workitem, STATE))
    finished = now if state.is_final else None
    claim = row["transaction_uid"] or transaction_uid
    if state != row["state"]:
        note(connection, "workitem state", row["workitem_uid"], f"state={state.value}")
    connection.execute(_UPDATE, (state.value, claim, _start(workitem), _packed(workitem), finished, row["id"]))
    subscriptions.tell(connection, row["id"], events, now)


def forget(connection: sqlite3.Connection, finished_before: float) -> int:
    """Empty the rows that were finished before and are not locked; how many that were."""
    gone = connection.execute(_FORGET, (finished_before,)).fetchall()
    for row in gone:
        note(connection, "workitem forgotten", row["workitem_uid"])
        connection.execute(_UNSUBSCRIBE_GONE, (row["id"],))
    return len(gone)


def _start(workitem: DataSet) -> str:
    return comparable.date_time(text(workitem, START))


def _packed(workitem: DataSet) -> str:
    return orjson.dumps(workitem).decode()


_INSERT: Final = """
    INSERT INTO workitem (workitem_uid, state, transaction_uid, scheduled_start, attributes) VALUES (?, ?, '', ?, ?)
    ON CONFLICT (workitem_uid) DO NOTHING RETURNING id"""
SELECT: Final = "SELECT id, workitem_uid, state, transaction_uid, attributes FROM workitem WHERE workitem_uid = ?"
_EVERY: Final = "SELECT id, attributes FROM workitem WHERE state <> '' ORDER BY id"
_FORGET: Final = """
    UPDATE workitem SET state = '', transaction_uid = '', attributes = '{}'
    WHERE state <> '' AND finished_at < ? AND id NOT IN (
        SELECT workitem_id FROM workitem_subscription WHERE deletion_lock = 1
    ) RETURNING id, workitem_uid"""
_UNSUBSCRIBE_GONE: Final = "DELETE FROM workitem_subscription WHERE workitem_id = ?"
_UPDATE: Final = """
    UPDATE workitem SET state = ?, transaction_uid = ?, scheduled_start = ?, attributes = ?, finished_at = ?
    WHERE id = ?"""
