"""What is to be sent where: durable rows, each worked on by one worker at a time.

Whoever works on a delivery holds it for a limited time; when it is not heard of again, the next one takes it up and
goes on behind what has been settled. So everything is delivered, and nothing twice without need.
"""

import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from dimse.scu.trouble import Trouble
from gateway.forwarding.delivery import Delivery, State, Tally, Wanted
from gateway.forwarding.rules import Selection
from gateway.forwarding.schema import MIGRATIONS
from storage.audit import note
from storage.database import Database
from storage.scope import StudyScope, WholeArchive, predicate

Clock = Callable[[], float]
"""Returns seconds since 1970 in UTC."""

HELD_SECONDS: Final = 30.0
FIRST_PAUSE: Final = 15.0
LONGEST_PAUSE: Final = 3600.0
FORGOTTEN: Final = 90 * 24 * 3600.0
"""After it was delivered."""
_LONGEST_TROUBLE: Final = 500
_EVERYTHING: Final = WholeArchive()


class NoLongerHeld(Exception):
    """Somebody else has taken the delivery up, or it was withdrawn."""


class NoSuchDelivery(Exception):
    """There is no delivery with this number that can be treated so."""


class IsBeingSent(NoSuchDelivery):
    """It is being sent at this moment: whoever decides now would not know what has become of it."""

    def __init__(self) -> None:
        super().__init__("This delivery is being sent at this moment. Try again when the attempt has ended.")


class Deliveries:
    """Safe to use from any thread and process; all methods block."""

    def __init__(self, database: Database, clock: Clock = time.time) -> None:
        """`database` is that of an index, whose arrivals count from when this is made for the first time."""
        database.migrate(MIGRATIONS)
        self._database = database
        self._clock = clock

    def mark(self) -> int:
        """The place up to which arrivals are dealt with."""
        return int(self._database.read("SELECT place FROM forwarding_mark")[0]["place"])

    def places(self) -> dict[str, int]:
        """Of studies that began behind the mark: up to where they are dealt with."""
        return {row["study"]: row["place"] for row in self._database.read("SELECT study, place FROM forwarding_study")}

    def deal(self, mark: int, places: Iterable[tuple[str, int]], wanted: Iterable[Wanted]) -> None:
        """Want these, and remember up to where arrivals are dealt with: all of it or nothing."""
        now, asked = self._clock(), list(wanted)
        dealt = list(places)

        def work(connection: sqlite3.Connection) -> None:
            for one in asked:
                connection.execute(_INSERT, (one.rule, *one.key, one.instances, now, now, now))
            connection.executemany(_PLACE, dealt)
            connection.execute(_MARK, (mark,))
            connection.execute("DELETE FROM forwarding_study WHERE place <= ?", (mark,))

        self._database.write(work)

    def want(self, wanted: Wanted) -> Delivery:
        """One more, asked for by hand; the same again that has ended begins anew."""
        now = self._clock()

        def work(connection: sqlite3.Connection) -> sqlite3.Row:
            connection.execute(_INSERT, (wanted.rule, *wanted.key, wanted.instances, now, now, now))
            row: sqlite3.Row = connection.execute(_SAME, wanted.key).fetchone()
            if row["state"] != "waiting":
                connection.execute(_ANEW, (now, now, row["id"]))
            _note(connection, "forwarding asked for", wanted)
            return row

        return self.get(self._database.write(work)["id"])

    def want_all(self, wanted: Iterable[Wanted]) -> int:
        """More of them, asked for by hand; those that there are stay as they are. Returns how many are new."""
        now, asked = self._clock(), list(wanted)

        def work(connection: sqlite3.Connection) -> int:
            new = [
                one
                for one in asked
                if connection.execute(_INSERT, (one.rule, *one.key, one.instances, now, now, now)).rowcount
            ]
            for one in new:
                _note(connection, "forwarding asked for", one)
            return len(new)

        return self._database.write(work)

    def places_of(self, target: str, study: str, selection: Selection) -> list[tuple[int, int]]:
        """Behind which place up to which one there are deliveries of this selection of a study to a target."""
        sql = "SELECT after_place, upto_place FROM delivery WHERE target = ? AND study = ? AND selection = ?"
        rows = self._database.read(sql, (target, study, selection.encode()))
        return [(row["after_place"], row["upto_place"]) for row in rows]

    def get(self, number: int, scope: StudyScope = _EVERYTHING) -> Delivery:
        """The delivery of this number; `NoSuchDelivery` also where its study is not within `scope`."""
        within, studies = _within(scope)
        rows = self._database.read(f"SELECT * FROM delivery WHERE id = ? AND {within}", (number, *studies))
        if not rows:
            raise NoSuchDelivery("There is no delivery with this number.")
        return Delivery.of(rows[0])

    def listed(
        self,
        states: Sequence[State] = ("waiting", "failed"),
        limit: int = 1000,
        scope: StudyScope = _EVERYTHING,
    ) -> list[Delivery]:
        """Those in one of `states` of studies within `scope`, newest first."""
        marks = ", ".join("?" * len(states))
        within, studies = _within(scope)
        sql = f"SELECT * FROM delivery WHERE state IN ({marks}) AND {within} ORDER BY id DESC LIMIT ?"
        return [Delivery.of(row) for row in self._database.read(sql, (*states, *studies, limit))]

    def failed_of(self, target: str, limit: int, scope: StudyScope, before: int | None = None) -> list[Delivery]:
        """The failed ones of a target of studies within `scope`, newest first; only those older than `before`."""
        within, studies = _within(scope)
        older, place = ("1 = 1", ()) if before is None else ("id < ?", (before,))
        sql = (
            f"SELECT * FROM delivery WHERE state = 'failed' AND target = ? AND {older} AND {within} "
            "ORDER BY id DESC LIMIT ?"
        )
        return [Delivery.of(row) for row in self._database.read(sql, (target, *place, *studies, limit))]

    def failed(self, scope: StudyScope) -> dict[str, int]:
        """How many have failed of studies within `scope`, by target, in the order of their names."""
        within, studies = _within(scope)
        sql = f"SELECT target, count(*) AS n FROM delivery WHERE state = 'failed' AND {within} GROUP BY 1 ORDER BY 1"
        return {row["target"]: row["n"] for row in self._database.read(sql, studies)}

    def tallies(self, scope: StudyScope) -> dict[str, Tally]:
        """What became of the deliveries of studies within `scope`, by the names of rules."""
        within, studies = _within(scope)
        rows = self._database.read(f"{_TALLIES} WHERE {within} GROUP BY rule", studies)
        return {row["rule"]: Tally(row["waiting"], row["failed"], row["latest"]) for row in rows}

    def owed(self, studies: Iterable[str]) -> frozenset[str]:
        """Those of `studies` that somebody still has to get: they must not be deleted."""
        asked = list(studies)
        marks = ", ".join("?" * len(asked))
        sql = f"SELECT DISTINCT study FROM delivery WHERE state <> 'delivered' AND study IN ({marks})"
        return frozenset(row["study"] for row in self._database.read(sql, asked))

    def take_up(self, target: str, limit: int) -> list[Delivery]:
        """What is to do for `target` now, oldest first, at most `limit`."""
        now, holder = self._clock(), secrets.token_hex(8)

        def work(connection: sqlite3.Connection) -> list[Delivery]:
            rows = connection.execute(_DUE, (target, now, limit)).fetchall()
            connection.executemany(_TAKE_UP, [(holder, now + HELD_SECONDS, row["id"]) for row in rows])
            return [Delivery.of(connection.execute(_BY_ID, (row["id"],)).fetchone()) for row in rows]

        return self._database.write(work)

    def due_targets(self) -> list[str]:
        """The targets for which there is something to do now, also those that are none any more."""
        sql = "SELECT DISTINCT target FROM delivery WHERE state = 'waiting' AND due_at <= ?"
        return [row["target"] for row in self._database.read(sql, (self._clock(),))]

    def hold(self, at_work: Iterable[Delivery]) -> None:
        """Whoever has taken these up still works on them; what somebody else has taken up meanwhile stays theirs."""
        due = self._clock() + HELD_SECONDS
        held = [(due, one.id, one.holder) for one in at_work]
        if held:
            self._database.write(lambda connection: connection.executemany(_HOLD, held))

    def taken(self, delivery: Delivery) -> set[int]:
        """The places of instances that the target has taken already."""
        rows = self._database.read("SELECT place FROM delivery_taken WHERE delivery_id = ?", (delivery.id,))
        return {row["place"] for row in rows}

    def take(self, delivery: Delivery, places: Iterable[tuple[int, bool]]) -> None:
        """The target has taken these, with a warning or without; the delivery is held on. Raises `NoLongerHeld`."""
        due = self._clock() + HELD_SECONDS
        rows = [(delivery.id, place, int(warned)) for place, warned in places]

        def work(connection: sqlite3.Connection) -> None:
            _change(connection, delivery, "due_at = ?", (due,))
            connection.executemany("INSERT OR REPLACE INTO delivery_taken VALUES (?, ?, ?)", rows)
            _change(connection, delivery, _COUNTED, (delivery.id, delivery.id))

        self._database.write(work)

    def asked(self, delivery: Delivery, transaction_uid: str) -> None:
        """Commitment was asked for in this transaction. Raises `NoLongerHeld`."""
        self._update(delivery, "transaction_uid = ?", transaction_uid)

    def postpone(self, delivery: Delivery, trouble: Trouble, last_seconds: float) -> float | None:
        """It did not work now: seconds until the next attempt, or None where `last_seconds` after the start are over
        and it is given up. Raises `NoLongerHeld`."""
        now = self._clock()
        pause = min(FIRST_PAUSE * 2.0 ** min(delivery.attempts, 30), LONGEST_PAUSE)
        if now + pause > delivery.begun_at + last_seconds:
            self.fail(delivery, trouble)
            return None
        changes = "due_at = ?, holder = '', attempts = attempts + 1, trouble_kind = ?, trouble = ?"
        self._update(delivery, changes, now + pause, *_kept(trouble))
        return pause

    def fail(self, delivery: Delivery, trouble: Trouble, refused: int = 0) -> None:
        """Give it up, with so many instances refused, until somebody begins it anew. Raises `NoLongerHeld`."""
        self._end(delivery, "failed", trouble, "forwarding failed", refused=refused)

    def deliver(self, delivery: Delivery, *, committed: bool) -> None:
        """Everything is there, and kept there for good if `committed`. Raises `NoLongerHeld`."""
        self._end(delivery, "delivered", None, "forwarded", committed=committed)

    def hand_over(self, delivery: Delivery) -> None:
        """Let whoever comes next take it up, at once. Raises `NoLongerHeld`."""
        self._update(delivery, "due_at = ?, holder = ''", self._clock())

    def retry(self, number: int) -> Delivery:
        """Begin a failed one anew, or let one that waits be due at once: what was taken stays so.

        `NoSuchDelivery`, `IsBeingSent`.
        """
        now = self._clock()

        def work(connection: sqlite3.Connection) -> None:
            delivery = _open(connection, number, now)
            if delivery.state == "failed":
                connection.execute(_ANEW, (now, now, number))
            else:
                connection.execute("UPDATE delivery SET due_at = ? WHERE id = ?", (now, number))
            _note(connection, "forwarding retried", delivery.wanted)

        self._database.write(work)
        return self.get(number)

    def drop(self, number: int) -> None:
        """Give up a failed or waiting delivery for good. `NoSuchDelivery`, `IsBeingSent`."""
        now = self._clock()

        def work(connection: sqlite3.Connection) -> None:
            delivery = _open(connection, number, now)
            connection.execute("DELETE FROM delivery WHERE id = ?", (number,))
            _note(connection, "forwarding given up", delivery.wanted)

        self._database.write(work)

    def retry_failed(self, target: str, scope: StudyScope) -> int:
        """Begin all failed ones of a target anew, of studies within `scope`; returns how many."""
        now = self._clock()
        return self._decide(_ANEW_ANY, (now, now), target, scope, "forwarding retried")

    def drop_failed(self, target: str, scope: StudyScope) -> int:
        """Give up all failed ones of a target for good, of studies within `scope`; returns how many."""
        return self._decide("DELETE FROM delivery WHERE", (), target, scope, "forwarding given up")

    def forget(self) -> None:
        """Remove what was delivered long ago."""
        limit = self._clock() - FORGOTTEN
        sql = "DELETE FROM delivery WHERE state = 'delivered' AND finished_at < ?"
        self._database.write(lambda connection: connection.execute(sql, (limit,)))

    def _decide(self, change: str, values: tuple[float, ...], target: str, scope: StudyScope, event: str) -> int:
        within, studies = _within(scope)
        sql = f"{change} state = 'failed' AND target = ? AND {within} RETURNING *"

        def work(connection: sqlite3.Connection) -> int:
            rows = connection.execute(sql, (*values, target, *studies)).fetchall()
            for row in rows:
                _note(connection, event, Delivery.of(row).wanted)
            return len(rows)

        return self._database.write(work)

    def _update(self, delivery: Delivery, assignments: str, *values: object) -> None:
        self._database.write(lambda connection: _change(connection, delivery, assignments, values))

    def _end(
        self,
        delivery: Delivery,
        state: State,
        trouble: Trouble | None,
        event: str,
        *,
        refused: int = 0,
        committed: bool = False,
    ) -> None:
        values = (state, *_kept(trouble), refused, int(committed), self._clock())

        def work(connection: sqlite3.Connection) -> None:
            _change(connection, delivery, _ENDED, values)
            if state == "delivered":
                connection.execute("DELETE FROM delivery_taken WHERE delivery_id = ?", (delivery.id,))
            _note(connection, event, delivery.wanted)

        self._database.write(work)


def _within(scope: StudyScope) -> tuple[str, tuple[str, ...]]:
    """The condition that a delivery's study is within `scope`; one that is not kept any more is so for the whole."""
    if isinstance(scope, WholeArchive):
        return "1 = 1", ()
    condition, parameters = predicate(scope)
    # Few have failed, while `IN` would list all studies of the scope first, for each page of the desk.
    return f"EXISTS (SELECT 1 FROM study WHERE study.study_instance_uid = delivery.study AND {condition})", parameters


def _open(connection: sqlite3.Connection, number: int, now: float) -> Delivery:
    """The delivery if it waits or has failed. `NoSuchDelivery`, `IsBeingSent`."""
    row = connection.execute(_BY_ID, (number,)).fetchone()
    if row is None or row["state"] == "delivered":
        raise NoSuchDelivery("There is no delivery with this number that waits or has failed.")
    delivery = Delivery.of(row)
    if delivery.is_being_sent(now):
        raise IsBeingSent
    return delivery


def _kept(trouble: Trouble | None) -> tuple[str, str]:
    return (trouble.kind.value, trouble.sentence[:_LONGEST_TROUBLE]) if trouble else ("", "")


def _note(connection: sqlite3.Connection, event: str, wanted: Wanted) -> None:
    note(connection, event, wanted.study, f"target={wanted.target}")


def _change(connection: sqlite3.Connection, delivery: Delivery, assignments: str, values: Sequence[object]) -> None:
    changed = connection.execute(
        f"UPDATE delivery SET {assignments} WHERE id = ? AND holder = ? AND state = 'waiting'",
        (*values, delivery.id, delivery.holder),
    )
    if changed.rowcount != 1:
        raise NoLongerHeld


_INSERT: Final = """
    INSERT INTO delivery (rule, target, study, after_place, upto_place, selection, instances, requested_at, begun_at,
    due_at, state, sent, warned, refused, transaction_uid, committed, attempts, trouble, holder)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting', 0, 0, 0, '', 0, 0, '', '') ON CONFLICT DO NOTHING"""
_SAME: Final = (
    "SELECT * FROM delivery WHERE target = ? AND study = ? AND after_place = ? AND upto_place = ? AND selection = ?"
)
_TALLIES: Final = """
    SELECT rule, sum(state = 'waiting') AS waiting, sum(state = 'failed') AS failed,
    max(CASE WHEN state = 'delivered' THEN finished_at END) AS latest FROM delivery"""
_PLACE: Final = (
    "INSERT INTO forwarding_study (study, place) VALUES (?, ?) ON CONFLICT (study) DO UPDATE SET place = excluded.place"
)
_MARK: Final = "UPDATE forwarding_mark SET place = ?"
_ENDED: Final = "state = ?, trouble_kind = ?, trouble = ?, refused = ?, committed = ?, finished_at = ?, holder = ''"
_BY_ID: Final = "SELECT * FROM delivery WHERE id = ?"
_DUE: Final = (
    "SELECT id FROM delivery WHERE state = 'waiting' AND target = ? AND due_at <= ? ORDER BY due_at, id LIMIT ?"
)
_TAKE_UP: Final = "UPDATE delivery SET holder = ?, due_at = ? WHERE id = ?"
_HOLD: Final = "UPDATE delivery SET due_at = ? WHERE id = ? AND holder = ? AND state = 'waiting'"
_COUNTED: Final = """
    sent = (SELECT count(*) FROM delivery_taken WHERE delivery_id = ?),
    warned = (SELECT count(*) FROM delivery_taken WHERE delivery_id = ? AND warned <> 0)"""
# What was refused is tried again; what was taken is not sent again, unless all of it had been delivered.
_ANEW_ANY: Final = """
    UPDATE delivery SET state = 'waiting', attempts = 0, trouble_kind = '', trouble = '', refused = 0,
    transaction_uid = '', begun_at = ?, due_at = ?, finished_at = NULL, holder = '' WHERE"""
_ANEW: Final = f"{_ANEW_ANY} id = ?"
