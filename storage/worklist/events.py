"""Events on their way to subscribers, whichever process they happened in."""

from dataclasses import dataclass
from typing import Final

import orjson

from storage.database import Database
from storage.worklist.data_sets import DataSet, element
from storage.worklist.reports import MESSAGE_ID

_LARGEST_MESSAGE_ID: Final = 0xFFFF
_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Event:
    """One event report for one subscriber; `number` rises from event to event."""

    number: int
    report: DataSet


class Events:
    """Safe to use from any thread and process; all methods block."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def after(self, aetitle: str, number: int) -> list[Event]:
        """The next events for this subscriber after event `number`, oldest first, at most 100."""
        rows = self._database.read(_AFTER, (aetitle, number, _AT_ONCE))
        return [Event(row["id"], _numbered(row["id"], orjson.loads(row["report"]))) for row in rows]

    def delivered(self, aetitle: str) -> int:
        """The number of the last event that this subscriber got; 0 for none."""
        rows = self._database.read(_DELIVERED, (aetitle,))
        return rows[0]["delivered"] if rows else 0

    def acknowledge(self, aetitle: str, number: int) -> None:
        """This subscriber has got everything up to event `number`."""
        self._database.write(lambda connection: connection.execute(_ACKNOWLEDGE, (aetitle, number)))


def _numbered(number: int, report: DataSet) -> DataSet:
    message_id = (number - 1) % _LARGEST_MESSAGE_ID + 1
    return dict(sorted((report | {MESSAGE_ID: element("US", message_id)}).items()))


_AFTER: Final = "SELECT id, report FROM worklist_event WHERE aetitle = ? AND id > ? ORDER BY id LIMIT ?"
_DELIVERED: Final = "SELECT delivered FROM worklist_channel WHERE aetitle = ?"
_ACKNOWLEDGE: Final = """
    INSERT INTO worklist_channel (aetitle, delivered) VALUES (?, ?)
    ON CONFLICT (aetitle) DO UPDATE SET delivered = excluded.delivered
    WHERE excluded.delivered > worklist_channel.delivered"""
