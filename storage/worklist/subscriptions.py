"""Who is told of which workitem: the subscription states of PS3.4 table CC.2.3-2, and the events that they lead to.

Functions take the connection of a running transaction, so that a change and its events stand or fall together.
"""

import sqlite3
from collections.abc import Callable, Iterable
from typing import Final

import orjson

from storage.worklist import reports
from storage.worklist.data_sets import DataSet
from storage.worklist.requirements import FILTERED_WORKLIST as FILTERED_WORKLIST
from storage.worklist.requirements import WORKLIST as WORKLIST

EVENTS_KEPT: Final = 3600.0
"""Seconds for which events wait for a subscriber whose channel is not open."""

MOST_EVENTS: Final = 100_000

Keys = tuple[tuple[str, str], ...]
"""Query parameters of a filtered subscription, as they were given."""

Filter = Callable[[DataSet], bool]


def subscribe(connection: sqlite3.Connection, workitem_id: int, aetitle: str, *, deletion_lock: bool) -> None:
    """Subscribe to one workitem, or change the lock of the subscription."""
    connection.execute(_SUBSCRIBE, (workitem_id, aetitle, deletion_lock))


def subscribe_new(
    connection: sqlite3.Connection, workitem_id: int, workitem: DataSet, filter_of: Callable[[Keys], Filter]
) -> None:
    """Subscribe to a new workitem whoever is subscribed to the worklist, or to what it matches."""
    for row in connection.execute(_WORKLIST_SUBSCRIBERS).fetchall():
        keys = keys_of(row["keys"])
        if not keys or filter_of(keys)(workitem):
            subscribe(connection, workitem_id, row["aetitle"], deletion_lock=bool(row["deletion_lock"]))


def subscribe_to_worklist(connection: sqlite3.Connection, aetitle: str, *, deletion_lock: bool, keys: Keys) -> None:
    """Subscribe to workitems to come; in the place of an earlier subscription to the worklist."""
    connection.execute(_SUBSCRIBE_WORKLIST, (aetitle, deletion_lock, orjson.dumps(keys).decode() if keys else ""))


def subscribe_where_not(connection: sqlite3.Connection, workitem_id: int, aetitle: str, *, deletion_lock: bool) -> bool:
    """Subscribe to an existing workitem unless that has been done; False when it has."""
    return connection.execute(_SUBSCRIBE_IF_NOT, (workitem_id, aetitle, deletion_lock)).rowcount == 1


def suspend(connection: sqlite3.Connection, aetitle: str) -> bool:
    """End the subscription to workitems to come; False when there is none."""
    return connection.execute(_SUSPEND, (aetitle,)).rowcount == 1


def unsubscribe(connection: sqlite3.Connection, workitem_id: int, aetitle: str) -> None:
    """End the subscription to one workitem, if there is one."""
    connection.execute(_UNSUBSCRIBE, (workitem_id, aetitle))


def unsubscribe_everywhere(connection: sqlite3.Connection, aetitle: str) -> None:
    """End every subscription, with all locks."""
    suspend(connection, aetitle)
    connection.execute(_UNSUBSCRIBE_ALL, (aetitle,))


def has_subscribers(connection: sqlite3.Connection, workitem_id: int) -> bool:
    """Whether anybody would be told of this workitem."""
    return connection.execute(_ANY_SUBSCRIBER, (workitem_id,)).fetchone() is not None


def tell(connection: sqlite3.Connection, workitem_id: int, events: Iterable[DataSet], now: float) -> None:
    """Keep `events` for everybody who is subscribed to the workitem."""
    subscribers = [row["aetitle"] for row in connection.execute(_SUBSCRIBERS, (workitem_id,)).fetchall()]
    if subscribers:
        for event in events:
            keep(connection, subscribers, event, now)
        forget_events(connection, now)


def tell_state(connection: sqlite3.Connection, aetitle: str, workitem: DataSet, now: float) -> None:
    """Keep the initial event of a subscription for one subscriber."""
    keep(connection, (aetitle,), reports.state_report(workitem), now)


def keys_of(text: str) -> Keys:
    """The keys of a filtered subscription as they are kept; none for one to everything."""
    return tuple((name, value) for name, value in orjson.loads(text)) if text else ()


def everybody(connection: sqlite3.Connection) -> list[str]:
    """The AE titles that are subscribed to anything."""
    return [row["aetitle"] for row in connection.execute(_EVERYBODY).fetchall()]


def keep(connection: sqlite3.Connection, aetitles: Iterable[str], event: DataSet, now: float) -> None:
    """Keep an event for these subscribers."""
    report = orjson.dumps(event).decode()
    connection.executemany(_ADD_EVENT, [(aetitle, now, report) for aetitle in aetitles])


def forget_events(connection: sqlite3.Connection, now: float) -> None:
    """Remove what nobody fetched in time. The newest event always stays, so that no number is used twice."""
    connection.execute(_FORGET_EVENTS, (now - EVENTS_KEPT, MOST_EVENTS))


_SUBSCRIBE: Final = """
    INSERT INTO workitem_subscription (workitem_id, aetitle, deletion_lock) VALUES (?, ?, ?)
    ON CONFLICT (workitem_id, aetitle) DO UPDATE SET deletion_lock = excluded.deletion_lock"""
_SUBSCRIBE_IF_NOT: Final = """
    INSERT INTO workitem_subscription (workitem_id, aetitle, deletion_lock) VALUES (?, ?, ?)
    ON CONFLICT (workitem_id, aetitle) DO NOTHING"""
_SUBSCRIBE_WORKLIST: Final = """
    INSERT INTO worklist_subscription (aetitle, deletion_lock, keys) VALUES (?, ?, ?)
    ON CONFLICT (aetitle) DO UPDATE SET deletion_lock = excluded.deletion_lock, keys = excluded.keys"""
_WORKLIST_SUBSCRIBERS: Final = "SELECT aetitle, deletion_lock, keys FROM worklist_subscription ORDER BY aetitle"
_SUBSCRIBERS: Final = "SELECT aetitle FROM workitem_subscription WHERE workitem_id = ? ORDER BY aetitle"
_ANY_SUBSCRIBER: Final = "SELECT 1 FROM workitem_subscription WHERE workitem_id = ? LIMIT 1"
_EVERYBODY: Final = """
    SELECT aetitle FROM worklist_subscription UNION SELECT aetitle FROM workitem_subscription ORDER BY aetitle"""
_SUSPEND: Final = "DELETE FROM worklist_subscription WHERE aetitle = ?"
_UNSUBSCRIBE: Final = "DELETE FROM workitem_subscription WHERE workitem_id = ? AND aetitle = ?"
_UNSUBSCRIBE_ALL: Final = "DELETE FROM workitem_subscription WHERE aetitle = ?"
_ADD_EVENT: Final = "INSERT INTO worklist_event (aetitle, at, report) VALUES (?, ?, ?)"
_FORGET_EVENTS: Final = """
    DELETE FROM worklist_event WHERE (at < ? AND id < (SELECT max(id) FROM worklist_event))
    OR id <= (SELECT max(id) FROM worklist_event) - ?"""
