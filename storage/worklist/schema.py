"""The tables of the worklist. Moments are seconds since 1970 in UTC."""

from typing import Final

import sqlite_utils
from sqlite_utils.migrations import Migrations

MIGRATIONS: Final = Migrations("worklist")


# transaction_uid: of whoever has claimed it, and never told to anybody; "" before. scheduled_start: comparable form,
# for the order of searches. attributes: DICOM JSON. finished_at: when it reached a final state.
@MIGRATIONS(name="001_workitems")
def _workitems(database: sqlite_utils.Database) -> None:
    database.execute(
        """CREATE TABLE workitem (
            id INTEGER PRIMARY KEY,
            workitem_uid TEXT NOT NULL,
            state TEXT NOT NULL,
            transaction_uid TEXT NOT NULL,
            scheduled_start TEXT NOT NULL,
            attributes TEXT NOT NULL,
            finished_at REAL,
            UNIQUE (workitem_uid)
        ) STRICT"""
    )
    database.execute("CREATE INDEX workitem_by_start ON workitem (scheduled_start, id)")
    database.execute("CREATE INDEX workitem_by_state ON workitem (state)")


# keys: of a filtered subscription, as JSON; "" where everything is subscribed to.
@MIGRATIONS(name="002_subscriptions")
def _subscriptions(database: sqlite_utils.Database) -> None:
    database.execute(
        """CREATE TABLE workitem_subscription (
            workitem_id INTEGER NOT NULL REFERENCES workitem (id) ON DELETE CASCADE,
            aetitle TEXT NOT NULL,
            deletion_lock INTEGER NOT NULL,
            PRIMARY KEY (workitem_id, aetitle)
        ) STRICT"""
    )
    database.execute("CREATE INDEX workitem_subscription_by_subscriber ON workitem_subscription (aetitle)")
    database.execute(
        """CREATE TABLE worklist_subscription (
            aetitle TEXT PRIMARY KEY,
            deletion_lock INTEGER NOT NULL,
            keys TEXT NOT NULL
        ) STRICT"""
    )


# id: rises in the order of commits. report: DICOM JSON of the data set that is sent, without its Message ID.
# delivered: the last event that a subscriber has got.
@MIGRATIONS(name="003_events")
def _events(database: sqlite_utils.Database) -> None:
    database.execute(
        """CREATE TABLE worklist_event (
            id INTEGER PRIMARY KEY,
            aetitle TEXT NOT NULL,
            at REAL NOT NULL,
            report TEXT NOT NULL
        ) STRICT"""
    )
    database.execute("CREATE INDEX worklist_event_by_subscriber ON worklist_event (aetitle, id)")
    database.execute("CREATE INDEX worklist_event_by_time ON worklist_event (at)")
    database.execute(
        """CREATE TABLE worklist_channel (
            aetitle TEXT PRIMARY KEY,
            delivered INTEGER NOT NULL
        ) STRICT"""
    )
