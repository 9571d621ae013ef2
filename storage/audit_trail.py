"""Reads the audit, and finds out whether rows of it were changed, removed or put in between."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from storage.audit import seal
from storage.database import Database

_AT_ONCE: Final = 5000
_COLUMNS: Final = "id, at, actor, event, subject, detail, digest"


@dataclass(frozen=True, slots=True)
class Event:
    """One row. `at` is ISO 8601 in UTC; `actor` is empty where nobody is known to have done it."""

    number: int
    at: str
    actor: str
    event: str
    subject: str
    detail: str
    digest: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found. `wrong` is the number of the first row that does not fit, None when all do."""

    events: int
    last_digest: str
    wrong: int | None = None
    why: str = ""


class AuditTrail:
    """Reads in pages, so that memory does not grow with the years."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def events(self, after: int = 0, limit: int | None = None) -> Iterator[Event]:
        """The events with numbers above `after`, oldest first; at most `limit`."""
        left = limit
        while left is None or left > 0:
            page = self._page(after, _AT_ONCE if left is None else min(left, _AT_ONCE))
            yield from page
            if len(page) < _AT_ONCE:
                return
            after = page[-1].number
            left = None if left is None else left - len(page)

    def latest(self, limit: int) -> Sequence[Event]:
        """The newest events, oldest of them first."""
        rows = self._database.read(f"SELECT {_COLUMNS} FROM audit ORDER BY id DESC LIMIT ?", (limit,))
        return [Event(*row) for row in reversed(rows)]

    def of_subject(self, subject: str, events: Sequence[str], limit: int) -> Sequence[Event]:
        """The newest of these events that happened to `subject`, newest first."""
        marks = ", ".join("?" * len(events))
        rows = self._database.read(
            f"SELECT {_COLUMNS} FROM audit WHERE subject = ? AND event IN ({marks}) ORDER BY id DESC LIMIT ?",
            (subject, *events, limit),
        )
        return [Event(*row) for row in rows]

    def verify(self, known: tuple[int, str] | None = None) -> Verdict:
        """Go through the whole chain. `known` is a number and its digest as noted elsewhere, by a syslog server say:
        who can write the file could seal every row anew, but not what has left the house.
        """
        count, before = 0, ""
        for event in self.events():
            fields = (event.at, event.actor, event.event, event.subject, event.detail)
            if event.number != count + 1:
                return Verdict(count, before, count + 1, "rows are missing")
            if event.digest != seal(before, event.number, *fields):
                return Verdict(count, before, event.number, "the row was changed")
            if known and event.number == known[0] and event.digest != known[1]:
                return Verdict(
                    count, before, event.number, "the rows up to here are not those that were noted elsewhere"
                )
            count, before = event.number, event.digest
        if count < max(self._highest(), known[0] if known else 0):
            return Verdict(count, before, count + 1, "rows are missing at the end")
        return Verdict(count, before)

    def _page(self, after: int, limit: int) -> list[Event]:
        sql = f"SELECT {_COLUMNS} FROM audit WHERE id > ? ORDER BY id LIMIT ?"
        return [Event(*row) for row in self._database.read(sql, (after, limit))]

    def _highest(self) -> int:
        """The highest number that was ever given, which SQLite remembers apart from the rows (AUTOINCREMENT)."""
        rows = self._database.read("SELECT seq FROM sqlite_sequence WHERE name = 'audit'")
        return int(rows[0]["seq"]) if rows else 0
