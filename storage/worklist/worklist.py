"""The worklist: workitems are created, claimed, updated, finished, and watched (PS3.4 CC.2)."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import orjson

from storage.database import Database
from storage.errors import DuplicateInstance
from storage.query import Match
from storage.worklist import reports, requirements, rows, subscriptions
from storage.worklist.data_sets import DataSet, has_value
from storage.worklist.events import Events
from storage.worklist.keys import matches_of
from storage.worklist.refusals import (
    ALREADY_CANCELED,
    CANCEL_COMPLETED,
    MISSING_TRANSACTION_UID,
    NO_LONGER_UPDATED,
    NO_SUCH_WORKITEM,
    NOT_APPROPRIATE,
    NOT_CLAIMED,
    PERFORMER_UNREACHABLE,
    WRONG_TRANSACTION_UID,
    Status,
    WorkitemRefused,
)
from storage.worklist.schema import MIGRATIONS
from storage.worklist.search import Found, matching, search
from storage.worklist.states import State, outcome
from storage.worklist.subscriptions import FILTERED_WORKLIST, WORKLIST, Filter, Keys

Clock = Callable[[], float]
"""Returns seconds since 1970 in UTC."""

FORGOTTEN: Final = 30 * 24 * 3600.0
"""Seconds after which a finished workitem is deleted, unless a subscriber has locked it."""

_BAD_REQUEST: Final = 400


class Worklist:
    """Safe to use from any thread and process; all methods block, and what they change is durable when they return.

    Methods that name a workitem raise `WorkitemRefused` when it is not there. No answer ever holds a Transaction UID.
    """

    def __init__(self, database: Database, clock: Clock = time.time) -> None:
        database.migrate(MIGRATIONS)
        self._database = database
        self._clock = clock
        self.events = Events(database)

    def create(self, uid: str, given: DataSet) -> bool:
        """Create the workitem `uid`; True when something had to be added to `given` (CC.2.5).

        Raises `DuplicateInstance`, `CannotUnderstand` or `WorkitemRefused`.
        """
        now = self._clock()
        workitem, modified = requirements.created(uid, given, _date_time(now))

        def work(connection: sqlite3.Connection) -> None:
            own = rows.insert(connection, uid, workitem)
            if own is None:
                raise DuplicateInstance("A workitem with this UID exists already.")
            subscriptions.subscribe_new(connection, own, workitem, _filter)
            subscriptions.tell(connection, own, reports.of_creation(workitem), now)

        self._database.write(work)
        return modified

    def retrieve(self, uid: str) -> DataSet:
        """All attributes of a workitem but its Transaction UID (CC.2.7)."""
        found = self._database.read(rows.SELECT, (uid,))
        workitem: DataSet = orjson.loads(rows.there(found[0] if found else None)["attributes"])
        return workitem

    def search(
        self,
        matches: Sequence[Match],
        *,
        limit: int,
        offset: int = 0,
        include: frozenset[str] = frozenset(),
        include_all: bool = False,
    ) -> Found:
        """Workitems that match, by scheduled start (CC.2.8)."""
        return search(self._database, matches, include=include, include_all=include_all, limit=limit, offset=offset)

    def update(self, uid: str, changes: DataSet, transaction_uid: str) -> None:
        """Set attributes, each as a whole (CC.2.6). Only who has claimed a workitem may, before that everybody.

        Raises `CannotUnderstand` or `WorkitemRefused`.
        """
        now = self._clock()

        def work(connection: sqlite3.Connection) -> None:
            row = rows.row_of(connection, uid)
            _check_may_update(row, transaction_uid)
            before: DataSet = orjson.loads(row["attributes"])
            after = requirements.updated(before, changes, _date_time(now))
            rows.change(connection, row, after, now, reports.of_update(before, after))

        self._database.write(work)

    def change_state(self, uid: str, requested: State, transaction_uid: str) -> Status | None:
        """Claim, complete or cancel a workitem (CC.2.1); a status where it has the requested state already."""
        now = self._clock()

        def work(connection: sqlite3.Connection) -> Status | None:
            row = rows.row_of(connection, uid)
            if not transaction_uid and requested is not State.SCHEDULED:
                raise WorkitemRefused(MISSING_TRANSACTION_UID)
            correct = row["transaction_uid"] in ("", transaction_uid)
            found = outcome(requested, State(row["state"]), correct_transaction_uid=correct)
            if isinstance(found, Status):
                if found.http_status >= _BAD_REQUEST:
                    raise WorkitemRefused(found)
                return found
            before: DataSet = orjson.loads(row["attributes"])
            after = _in_state(before, found, now)
            rows.change(connection, row, after, now, [reports.state_report(after)], transaction_uid)
            return None

        return self._database.write(work)

    def request_cancel(self, uid: str, request: DataSet) -> Status | None:
        """Ask for a cancellation (CC.2.2): done at once while nobody has claimed it, else the performer is told.

        A status where it is canceled already. Raises `WorkitemRefused` when it is completed, and when nobody is
        subscribed: then the performer would not hear of it.
        """
        now = self._clock()

        def work(connection: sqlite3.Connection) -> Status | None:
            row = rows.row_of(connection, uid)
            workitem: DataSet = orjson.loads(row["attributes"])
            state = State(row["state"])
            if state is State.CANCELED:
                return ALREADY_CANCELED
            if state is State.COMPLETED:
                raise WorkitemRefused(CANCEL_COMPLETED)
            if state is State.IN_PROGRESS and not subscriptions.has_subscribers(connection, row["id"]):
                raise WorkitemRefused(PERFORMER_UNREACHABLE)
            subscriptions.tell(connection, row["id"], [reports.cancel_requested(workitem, request)], now)
            if state is State.SCHEDULED:
                claimed = requirements.in_state(workitem, State.IN_PROGRESS)
                canceled = requirements.canceled(claimed, _date_time(now), _reasons(request))
                events = [reports.state_report(claimed), reports.state_report(canceled)]
                rows.change(connection, row, canceled, now, events)
            return None

        return self._database.write(work)

    def subscribe(self, uid: str, aetitle: str, *, deletion_lock: bool, keys: Keys = ()) -> None:
        """Tell `aetitle` of the workitem `uid`, or of all, or of those that match `keys` (CC.2.3)."""
        now = self._clock()
        wanted = _filter(keys)

        def work(connection: sqlite3.Connection) -> None:
            if uid not in (WORKLIST, FILTERED_WORKLIST):
                row = rows.row_of(connection, uid)
                subscriptions.subscribe(connection, row["id"], aetitle, deletion_lock=deletion_lock)
                subscriptions.tell_state(connection, aetitle, orjson.loads(row["attributes"]), now)
                return
            subscriptions.subscribe_to_worklist(connection, aetitle, deletion_lock=deletion_lock, keys=keys)
            for row in rows.every(connection):
                workitem = orjson.loads(row["attributes"])
                if not wanted(workitem):
                    continue
                new = subscriptions.subscribe_where_not(connection, row["id"], aetitle, deletion_lock=deletion_lock)
                if new and deletion_lock:
                    subscriptions.tell_state(connection, aetitle, workitem, now)
            subscriptions.forget_events(connection, now)

        self._database.write(work)

    def unsubscribe(self, uid: str, aetitle: str) -> None:
        """Tell `aetitle` no more of the workitem `uid`, or of any (CC.2.3)."""

        def work(connection: sqlite3.Connection) -> None:
            if uid in (WORKLIST, FILTERED_WORKLIST):
                subscriptions.unsubscribe_everywhere(connection, aetitle)
            else:
                subscriptions.unsubscribe(connection, rows.row_of(connection, uid)["id"], aetitle)

        self._database.write(work)

    def suspend(self, uid: str, aetitle: str) -> None:
        """Tell `aetitle` of no new workitems, but still of those it knows (CC.2.3)."""
        if uid not in (WORKLIST, FILTERED_WORKLIST):
            raise WorkitemRefused(NOT_APPROPRIATE)

        def work(connection: sqlite3.Connection) -> None:
            if not subscriptions.suspend(connection, aetitle):
                raise WorkitemRefused(NO_SUCH_WORKITEM, "There is no such subscription.")

        self._database.write(work)

    def restarted(self) -> None:
        """Tell everybody who is subscribed to anything that the service was started again (CC.2.4.3)."""
        now = self._clock()

        def work(connection: sqlite3.Connection) -> None:
            subscriptions.keep(connection, subscriptions.everybody(connection), reports.restarted(), now)
            subscriptions.forget_events(connection, now)

        self._database.write(work)

    def forget(self) -> int:
        """Delete what was finished long ago and is not locked; how many that were. Their UIDs are still known."""
        limit = self._clock() - FORGOTTEN

        return self._database.write(lambda connection: rows.forget(connection, limit))


def _filter(keys: Keys) -> Filter:
    return matching(matches_of(keys)[0])


def _in_state(workitem: DataSet, state: State, now: float) -> DataSet:
    match state:
        case State.COMPLETED:
            return requirements.completed(workitem)
        case State.CANCELED:
            return requirements.canceled(workitem, _date_time(now), {})
        case _:
            return requirements.in_state(workitem, state)


def _check_may_update(row: sqlite3.Row, transaction_uid: str) -> None:
    """PS3.4 CC.2.6.3, with the HTTP statuses of PS3.18 table 11.6.3-1."""
    if State(row["state"]).is_final:
        raise WorkitemRefused(NO_LONGER_UPDATED, http_status=_BAD_REQUEST)
    if not row["transaction_uid"] and transaction_uid:
        raise WorkitemRefused(NOT_CLAIMED)
    if row["transaction_uid"] and not transaction_uid:
        raise WorkitemRefused(MISSING_TRANSACTION_UID, http_status=_BAD_REQUEST)
    if row["transaction_uid"] != transaction_uid:
        raise WorkitemRefused(WRONG_TRANSACTION_UID, http_status=_BAD_REQUEST)


def _reasons(request: DataSet) -> DataSet:
    return {tag: request[tag] for tag in (requirements.REASON, requirements.REASON_CODE) if has_value(request, tag)}


def _date_time(now: float) -> str:
    """A moment as DT (PS3.5 6.2)."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y%m%d%H%M%S.%f+0000")
