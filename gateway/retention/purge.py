"""Studies go in two phases: marked when nobody needs them any more, deleted for good when the grace is over.

A study whose share is prolonged, or to which something arrives, or on which a hold is laid, is unmarked. What goes is
looked at once more in the very transaction that deletes it.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from auth.clock import Clock, moment, seconds
from auth.shares import Shares
from gateway.retention.clock_guard import ClockGuard
from gateway.retention.needs import KeptStudy, Needs, PeriodOf, stays_until
from storage.audit import note
from storage.deletion import Extent, Target
from storage.errors import NoSuchInstance, OnHold, Refusal
from storage.holds import HELD
from storage.scope import PatientIdentity, WholeArchive
from storage.storage import Storage

_PAGE: Final = 1000
_STUDIES: Final = f"""
    SELECT study.id, study.study_instance_uid, study.patient_id, study.issuer_of_patient_id, study.patient_birth_date,
    {HELD} AS held, coalesce((SELECT site FROM site_origin WHERE origin = study.origin), '') AS site,
    (SELECT max(instance.received_at) FROM instance JOIN series ON series.id = instance.series_id
     WHERE series.study_id = study.id) AS arrived
    FROM study WHERE """
_NEEDED_AGAIN: Final = """
    SELECT 1 FROM audit WHERE id > ? AND event IN ('share created', 'share extended', 'share reissued') LIMIT 1"""


class NeededAgain(Refusal):
    """Something happened since the plan was made that may need the study; the next pass will see."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """A study that may go. `marked` is when its grace began, None where it has not been marked yet."""

    study: KeptStudy
    due: datetime
    marked: datetime | None


@dataclass(slots=True)
class Purged:
    """What a pass did, or in a dry run would have done."""

    marked: list[str] = field(default_factory=list)
    unmarked: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    instances: int = 0
    size: int = 0
    """Bytes."""
    forgotten_shares: list[str] = field(default_factory=list)
    stopped: str = ""
    """Why nothing was deleted; empty where nothing stood in the way."""

    def add(self, study: str, extent: Extent) -> None:
        """Count a study that went."""
        self.deleted.append(study)
        self.instances += extent.instances
        self.size += extent.size


class Purge:
    """Blocking; for one process at a time (see `storage.bookmarks.Lease`)."""

    def __init__(
        self,
        storage: Storage,
        shares: Shares,
        clock: Clock,
        period_of: PeriodOf,
        grace: timedelta,
        shares_stay: timedelta | None = None,
    ) -> None:
        """`grace` lies between mark and deletion. Shares are forgotten `shares_stay` after their end; None: never."""
        self._storage = storage
        self._database = storage.database
        self._shares = shares
        self._clock = clock
        self._period_of = period_of
        self._grace = grace
        self._shares_stay = shares_stay
        self._guard = ClockGuard(storage.database)

    def run(self, is_stopping: Callable[[], bool] = lambda: False) -> Purged:
        """One pass. It ends early when `is_stopping`."""
        now = self._clock()
        done = Purged()
        if self._guard.has_jumped(seconds(now)):
            done.stopped = (
                "the clock jumped, or nothing ran for more than an hour: the grace of all studies begins anew"
            )
            return done
        if self._guard.is_doubted:
            done.stopped = (
                "the clock jumped by more than a week; see that it is right: durchblick purge --clock-is-right"
            )
            return done
        place = self._place()
        leaving = list(self.leaving())
        self._mark(leaving, done, seconds(now))
        for one in leaving:
            if is_stopping():
                break
            if self._is_over(one, now):
                self._delete(one, place, done)
        self._forget_shares(done, now, dry_run=False)
        if done.deleted or done.forgotten_shares:
            # Where somebody reads at this moment, the next pass tries again.
            self._database.scrub()
        return done

    def would(self) -> Purged:
        """What a pass would do now; nothing is changed."""
        now = self._clock()
        done = Purged()
        if self._guard.is_doubted:
            done.stopped = "the clock is doubted: durchblick purge --clock-is-right"
        marks = self._marks()
        leaving = list(self.leaving())
        names = {one.study.study_instance_uid for one in leaving}
        done.unmarked = sorted(set(marks) - names)
        done.marked = [one.study.study_instance_uid for one in leaving if one.marked is None]
        for one in leaving:
            if self._is_over(one, now):
                target = Target(one.study.study_instance_uid)
                done.add(target.study, self._storage.deletion.preview(WholeArchive(), [target]))
        self._forget_shares(done, now, dry_run=True)
        return done

    def leaving(self) -> Iterator[Leaving]:
        """Every study that nobody needs any more now."""
        now, needs, marks = self._clock(), Needs(self._shares.list()), self._marks()
        for study in self._studies():
            due = stays_until(study, needs.of(study), self._period_of(study))
            if due is not None and due < now:
                marked = marks.get(study.study_instance_uid)
                yield Leaving(study, due, None if marked is None else moment(marked))

    def _studies(self) -> Iterator[KeptStudy]:
        last = 0
        while rows := self._database.read(f"{_STUDIES} study.id > ? ORDER BY study.id LIMIT ?", (last, _PAGE)):
            last = rows[-1]["id"]
            yield from (_kept(row) for row in rows if row["arrived"])

    def _marks(self) -> dict[str, int]:
        rows = self._database.read("SELECT study_instance_uid, marked FROM departure")
        return {row["study_instance_uid"]: row["marked"] for row in rows}

    def _place(self) -> int:
        (place,) = self._database.read("SELECT coalesce(max(id), 0) FROM audit")[0]
        return int(place)

    def _is_over(self, one: Leaving, now: datetime) -> bool:
        return one.marked is not None and one.marked + self._grace <= now

    def _mark(self, leaving: Sequence[Leaving], done: Purged, now: int) -> None:
        names = {one.study.study_instance_uid for one in leaving}
        done.marked = [one.study.study_instance_uid for one in leaving if one.marked is None]
        done.unmarked = sorted(set(self._marks()) - names)

        def work(connection: sqlite3.Connection) -> None:
            for study in done.unmarked:
                _unmark(connection, study)
            for study in done.marked:
                connection.execute("INSERT INTO departure (study_instance_uid, marked) VALUES (?, ?)", (study, now))
                note(connection, "deletion marked", study)

        if done.marked or done.unmarked:
            self._database.write(work)

    def _delete(self, one: Leaving, place: int, done: Purged) -> None:
        study = one.study.study_instance_uid

        def judge(connection: sqlite3.Connection) -> None:
            (row,) = connection.execute(f"{_STUDIES} study.study_instance_uid = ?", (study,)).fetchall() or [None]
            if row is None or _kept(row) != one.study or connection.execute(_NEEDED_AGAIN, (place,)).fetchone():
                raise NeededAgain("The study may be needed again.")
            connection.execute("DELETE FROM departure WHERE study_instance_uid = ?", (study,))

        try:
            done.add(
                study,
                self._storage.deletion.delete(WholeArchive(), Target(study), source="retention", judge=judge),
            )
        except (NeededAgain, NoSuchInstance, OnHold):
            return
        self._guard.still(seconds(self._clock()))

    def _forget_shares(self, done: Purged, now: datetime, *, dry_run: bool) -> None:
        if self._shares_stay is None:
            return
        for share in self._shares.list():
            end = min(share.expires, share.ended or share.expires)
            if share.state in ("expired", "revoked") and end + self._shares_stay < now and not share.parent:
                done.forgotten_shares.append(share.id)
                if not dry_run:
                    self._shares.forget(share.id)


def _unmark(connection: sqlite3.Connection, study: str) -> None:
    connection.execute("DELETE FROM departure WHERE study_instance_uid = ?", (study,))
    if connection.execute("SELECT 1 FROM study WHERE study_instance_uid = ?", (study,)).fetchone():
        note(connection, "deletion unmarked", study)


def _kept(row: sqlite3.Row) -> KeptStudy:
    identity = PatientIdentity(row["patient_id"], row["issuer_of_patient_id"], row["patient_birth_date"])
    return KeptStudy(
        row["study_instance_uid"], identity, datetime.fromisoformat(row["arrived"]), bool(row["held"]), row["site"]
    )
