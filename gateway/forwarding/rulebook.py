"""Which rules hold: those of the configuration file, and those that administrators keep at the desk.

Every question reads the database, so what one process changes counts at once for all of them.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import orjson

from gateway.forwarding.rules import Rule, Selection
from gateway.forwarding.schema import MIGRATIONS
from gateway.sections import MAIN_SITE
from storage.audit import note
from storage.database import Database

MOST: Final = 200
"""Rules of the desk."""
LONGEST_NAME: Final = 64

Standing = Literal["holds", "off", "clash", "no target"]
"""A rule of the desk rests when it is off, when the file has one of the same name, or when none of its targets is in
the file any more."""


class NoSuchRule(Exception):
    """There is no rule of the desk with this number."""


class RuleChanged(Exception):
    """Somebody else has changed or removed the rule since it was read."""


class NameTaken(ValueError):
    """Another rule, of the file or of the desk, is called so."""


class TooMany(ValueError):
    """There are as many rules at the desk as there may be."""


@dataclass(frozen=True, slots=True)
class KeptRule:
    """A rule where it stands. `lost` are targets that the file has no more; `version` counts changes, 0 in the file."""

    rule: Rule
    standing: Standing
    lost: tuple[str, ...] = ()
    version: int = 0

    @property
    def is_configured(self) -> bool:
        """Whether it stands in the file, where only the operator's editor changes it."""
        return not self.rule.number


class RuleBook:
    """Blocking; safe from any thread and several processes."""

    def __init__(self, database: Database, configured: Iterable[Rule], targets: Iterable[str]) -> None:
        """`configured` are the rules of the file, and `targets` the names of its targets: nothing goes elsewhere."""
        database.migrate(MIGRATIONS)
        self._database = database
        self._configured = tuple(configured)
        self._names = frozenset(rule.name.casefold() for rule in self._configured)
        self._targets = frozenset(targets)

    def holding(self) -> list[Rule]:
        """The rules that hold now: those of the file in their order, then those of the desk in the order in which
        they were made. Each goes to targets that there are."""
        return [one.rule for one in self.all() if one.standing == "holds"]

    def all(self) -> list[KeptRule]:
        """Every rule, in the same order. The targets of a rule of the desk are those that there are."""
        rows = self._database.read("SELECT * FROM forwarding_rule ORDER BY id")
        return [*(KeptRule(rule, "holds") for rule in self._configured), *(self._kept(row) for row in rows)]

    def get(self, number: int) -> KeptRule:
        """The rule of the desk with this number. Raises `NoSuchRule`."""
        rows = self._database.read("SELECT * FROM forwarding_rule WHERE id = ?", (number,))
        if not rows:
            raise NoSuchRule("No rule of the desk has this number.")
        return self._kept(rows[0])

    def add(self, name: str, selection: Selection, targets: tuple[str, ...]) -> KeptRule:
        """A new rule, which is off until somebody has looked at it. Raises `NameTaken`, `TooMany`."""
        self._check(name, targets)

        def work(connection: sqlite3.Connection) -> int:
            if connection.execute("SELECT count(*) FROM forwarding_rule").fetchone()[0] >= MOST:
                raise TooMany("There are enough rules at the desk.")
            _is_free(connection, name, 0)
            row = (name, name.casefold(), orjson.dumps(targets).decode(), selection.encode())
            number = connection.execute(_INSERT, row).lastrowid or 0
            _note(connection, "forwarding rule made", number, selection, targets)
            return number

        return self.get(self._database.write(work))

    def change(self, number: int, version: int, name: str, selection: Selection, targets: tuple[str, ...]) -> KeptRule:
        """Another name, other conditions or targets, from now on. Raises `NameTaken`, `RuleChanged`."""
        self._check(name, targets)

        def work(connection: sqlite3.Connection) -> None:
            before = _unchanged(connection, number, version)
            _is_free(connection, name, number)
            row = (name, name.casefold(), orjson.dumps(targets).decode(), selection.encode(), number)
            connection.execute(_CHANGE, row)
            if before["name_key"] not in self._names:
                # What was sent by it is found under its name.
                connection.execute("UPDATE delivery SET rule = ? WHERE rule = ?", (name, before["name"]))
            _note(connection, "forwarding rule changed", number, selection, targets)

        self._database.write(work)
        return self.get(number)

    def switch(self, number: int, version: int, *, on: bool) -> None:
        """Let it hold, or rest, from now on: what is wanted by it already is sent. Raises `RuleChanged`."""

        def work(connection: sqlite3.Connection) -> None:
            _unchanged(connection, number, version)
            connection.execute(
                "UPDATE forwarding_rule SET is_on = ?, version = version + 1 WHERE id = ?", (int(on), number)
            )
            event = "forwarding rule switched on" if on else "forwarding rule switched off"
            note(connection, event, f"rule {number}")

        self._database.write(work)

    def remove(self, number: int, version: int) -> None:
        """Forget it; what is wanted by it already is sent. Raises `RuleChanged`."""

        def work(connection: sqlite3.Connection) -> None:
            _unchanged(connection, number, version)
            connection.execute("DELETE FROM forwarding_rule WHERE id = ?", (number,))
            note(connection, "forwarding rule removed", f"rule {number}")

        self._database.write(work)

    def _check(self, name: str, targets: tuple[str, ...]) -> None:
        if not 0 < len(name) <= LONGEST_NAME:
            raise ValueError(f"The name of a rule has 1 to {LONGEST_NAME} characters.")
        if not targets or not self._targets.issuperset(targets):
            raise ValueError("A rule goes to targets of the configuration.")
        if name.casefold() in self._names:
            raise NameTaken("A rule of the configuration file is called so.")

    def _kept(self, row: sqlite3.Row) -> KeptRule:
        named = tuple(orjson.loads(row["targets"]))
        there = tuple(name for name in named if name in self._targets)
        rule = Rule(row["name"], Selection.decode(row["selection"]), there, row["id"])
        lost = tuple(name for name in named if name not in self._targets)
        return KeptRule(rule, self._standing(row, there), lost, row["version"])

    def _standing(self, row: sqlite3.Row, there: tuple[str, ...]) -> Standing:
        if row["name_key"] in self._names:
            return "clash"
        if not row["is_on"]:
            return "off"
        return "holds" if there else "no target"


def _unchanged(connection: sqlite3.Connection, number: int, version: int) -> sqlite3.Row:
    sql = "SELECT * FROM forwarding_rule WHERE id = ? AND version = ?"
    row: sqlite3.Row | None = connection.execute(sql, (number, version)).fetchone()
    if row is None:
        raise RuleChanged("Somebody else has changed this rule in the meantime.")
    return row


def _is_free(connection: sqlite3.Connection, name: str, own: int) -> None:
    sql = "SELECT 1 FROM forwarding_rule WHERE name_key = ? AND id <> ?"
    if connection.execute(sql, (name.casefold(), own)).fetchone():
        raise NameTaken("A rule of the desk is called so.")


def _note(
    connection: sqlite3.Connection, event: str, number: int, selection: Selection, targets: tuple[str, ...]
) -> None:
    """Of attributes only the keywords: their values may be a patient's."""
    parts = {
        "targets": targets,
        "sources": sorted(selection.sources),
        "sites": sorted(site or MAIN_SITE for site in selection.sites),
        "modalities": sorted(selection.modalities),
        "attributes": [keyword for keyword, _ in selection.keys],
    }
    detail = " ".join(f"{name}={','.join(values)}" for name, values in parts.items() if values)
    note(connection, event, f"rule {number}", detail)


_INSERT: Final = """
    INSERT INTO forwarding_rule (name, name_key, targets, selection, is_on, version) VALUES (?, ?, ?, ?, 0, 1)"""
_CHANGE: Final = """
    UPDATE forwarding_rule SET name = ?, name_key = ?, targets = ?, selection = ?, version = version + 1
    WHERE id = ?"""
