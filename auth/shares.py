"""Shares: what a patient may see and until when. The code and the token exist once, in what `Issued` carries."""

import logging
import secrets
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from auth import rules
from auth.birth_date import is_birth_date
from auth.clock import Clock, seconds
from auth.codes import new_code, new_token
from auth.digests import Digests, Verifiers
from auth.errors import NoSuchShare, ShareEnded, ShareStillLives, TooManyShares, UnusablePepper
from auth.records import (
    Issued,
    Share,
    Wait,
    end_of_day,
    end_sessions,
    is_past,
    row_of,
    seen,
    share_of_row,
    state_of_row,
    throttle_subject,
)
from storage.audit import note
from storage.catalogue.comparable import folded
from storage.database import Database
from storage.scope import ListedStudies, PatientIdentity, StudyScope

__all__ = ["Issued", "Share", "Shares"]

_log = logging.getLogger("durchblick.auth")

MOST_HANDED_ON: Final = 10
"""How many live shares may come from one."""

Renewed = Callable[[sqlite3.Connection, Share], None]
"""Called with a share as it was, in the transaction in which it is extended or gets a new code."""

_Kept = dict[str, str]
_INSERT: Final = """
INSERT INTO share (id, rule, label, birth_date, created, expires, pepper_id, selector, verifier, token,
                   site, patient_id, name, parent, waits, issue, lapsed, revoked, frozen, failures)
VALUES (:id, :rule, :label, :birth_date, :created, :expires, :pepper_id, :selector, :verifier, :token,
        :site, :patient_id, :name, :parent, :waits, 1, 0, 0, 0, 0)
"""
_REISSUE: Final = """
UPDATE share SET pepper_id = :pepper_id, selector = :selector, verifier = :verifier, token = :token,
                 issue = issue + 1, frozen = 0, failures = 0
WHERE id = :id
"""
_REVOKE: Final = "UPDATE share SET revoked = 1, ended = ?, selector = NULL, verifier = NULL, token = NULL WHERE id = ?"


class Shares:
    """The desk's side of shares. Blocking; safe from any thread and from several processes."""

    def __init__(
        self,
        database: Database,
        pepper: bytes,
        clock: Clock,
        verifiers: Verifiers | None = None,
        renewed: Sequence[Renewed] = (),
    ) -> None:
        """`renewed`: who has to know when a share is extended or gets a new code, whoever does it."""
        self._database = database
        self._digests = Digests(pepper)
        self._clock = clock
        self._verifiers = verifiers or Verifiers()
        self._renewed = renewed

    def create(
        self,
        scope: StudyScope,
        birth_date: str,
        days: int,
        label: str = "",
        *,
        site: str = "",
        wait: Wait | None = None,
    ) -> Issued:
        """Open a share until the end (UTC) of the day `days` days from now; with `wait` it shows nothing at first.

        `birth_date` is YYYYMMDD. Raises `ValueError` for a scope that no share may have, a birth date that is none,
        or days outside 0..3650; `MalformedIdentifier` for a study that is no UID.
        """
        if not is_birth_date(birth_date):
            raise ValueError("A share needs a birth date, written YYYYMMDD.")
        now = self._clock()
        row = {
            "label": label,
            "site": site,
            "patient_id": scope.patient_id if isinstance(scope, PatientIdentity) else "",
            "expires": seconds(end_of_day(now, days)),
            "parent": None,
            "waits": wait.to_json() if wait else "",
        }
        return self._insert(scope, row, birth_date, f"days={days}")

    def hand_on(self, share_id: str, birth_date: str, days: int, label: str = "", study: str = "") -> Issued:
        """Open a share of what `share_id` shows, or of one `study` of it, for somebody whom its holder trusts.

        It asks for the same birth date, has its own code, ends no later than the other one and with it, and never
        shows more than that does; it cannot be handed on again. Raises `ShareEnded` when the other one has ended,
        `TooManyShares` when as many live as one may hand on, and `ValueError` as `create`.
        """
        parent = self.get(share_id)
        if parent.state != "live" or parent.parent:
            raise ShareEnded("Only a live share that was not handed on itself can be handed on.")
        if sum(child.state == "live" for child in self.handed_on(share_id)) >= MOST_HANDED_ON:
            raise TooManyShares("As many shares live as may be handed on; end one of them first.")
        end = seconds(end_of_day(self._clock(), days))
        scope = ListedStudies(frozenset({study})) if study else parent.rule
        row = {
            "label": label,
            "site": parent.site,
            # The desk finds patients by what they were given themselves.
            "patient_id": "",
            "expires": min(end, seconds(parent.expires)),
            "parent": share_id,
            "waits": "",
        }
        return self._insert(scope, row, birth_date, f"days={days} from={share_id}")

    def handed_on(self, share_id: str) -> Sequence[Share]:
        """What was handed on from a share, newest first."""
        sql = "SELECT * FROM share_seen WHERE parent = ? ORDER BY created DESC, id"
        return seen(self._database, self._database.read(sql, (share_id,)), seconds(self._clock()))

    def _insert(self, scope: StudyScope, values: Mapping[str, object], birth_date: str, detail: str) -> Issued:
        rule = rules.checked(scope, birth_date)
        named = folded(rule.patient_name) if isinstance(rule, PatientIdentity) else ""
        studies = sorted(rule.study_instance_uids) if isinstance(rule, ListedStudies) else []
        row = {**values, "rule": rules.to_json(rule), "name": named}
        share_id = secrets.token_hex(6)
        born, now = self._digests.birth_date(share_id, birth_date), seconds(self._clock())

        def insert(connection: sqlite3.Connection, kept: _Kept) -> None:
            connection.execute(_INSERT, {**row, **kept, "id": share_id, "birth_date": born, "created": now})
            connection.executemany("INSERT INTO share_study VALUES (?, ?)", [(study, share_id) for study in studies])
            note(connection, "share created", share_id, detail)

        issued = self._issue(share_id, insert)
        _log.info("share created share=%s %s", share_id, detail)
        return issued

    def get(self, share_id: str) -> Share:
        """The share with this id; `NoSuchShare` when there is none."""
        rows = self._database.read("SELECT * FROM share_seen WHERE id = ?", (share_id,))
        if not rows:
            raise NoSuchShare("No share has this id.")
        return seen(self._database, rows, seconds(self._clock()))[0]

    def list(self) -> Sequence[Share]:
        """Every share, newest first."""
        rows = self._database.read("SELECT * FROM share_seen ORDER BY created DESC, id")
        return seen(self._database, rows, seconds(self._clock()))

    def of_patient(self, patient_id: str) -> Sequence[Share]:
        """Those by patient whose rule has this Patient ID, whatever else it has, newest first."""
        sql = "SELECT * FROM share_seen WHERE patient_id = ? ORDER BY created DESC, id"
        return seen(self._database, self._database.read(sql, (patient_id,)), seconds(self._clock()))

    def unlock(self, share_id: str) -> Share:
        """Forget the wrong birth dates of a share: its present code opens it again at once. Idempotent."""

        def work(connection: sqlite3.Connection) -> None:
            _unrevoked(connection, share_id)
            connection.execute("UPDATE share SET frozen = 0, failures = 0 WHERE id = ?", (share_id,))
            connection.execute("DELETE FROM throttle WHERE subject = ?", (throttle_subject(share_id),))
            note(connection, "share unlocked", share_id)

        self._database.write(work)
        _log.info("share unlocked share=%s", share_id)
        return self.get(share_id)

    def decide(self, share_id: str, study: str, *, accepted: bool) -> Share:
        """Take a study into a share by patient, or keep it out, whatever its issuer, birth date and name say.

        `ValueError` for a share that lists its studies; `ShareEnded` for a revoked one.
        """

        def work(connection: sqlite3.Connection) -> None:
            rule = rules.decided(_unrevoked(connection, share_id)["rule"], study, accepted)
            connection.execute("UPDATE share SET rule = ? WHERE id = ?", (rule, share_id))
            note(connection, "study accepted" if accepted else "study rejected", share_id, f"study={study}")

        self._database.write(work)
        return self.get(share_id)

    def extend(self, share_id: str, days: int) -> Share:
        """Let the share end `days` days from now, or when it would have ended anyway if that is later.

        An expired share lives again with the same code; `ShareEnded` for a revoked one.
        """
        now = self._clock()
        expires = seconds(end_of_day(now, days))

        def work(connection: sqlite3.Connection) -> None:
            self._tell(connection, _unrevoked(connection, share_id), seconds(now))
            connection.execute(
                "UPDATE share SET lapsed = 0, expires = CASE WHEN expires > ? THEN expires ELSE ? END WHERE id = ?",
                (expires, expires, share_id),
            )
            note(connection, "share extended", share_id, f"days={days}")

        self._database.write(work)
        _log.info("share extended share=%s days=%d", share_id, days)
        return self.get(share_id)

    def reissue(self, share_id: str) -> Issued:
        """Make a new code and token; the old ones and every session end at once, a frozen share is thawed.

        `ShareEnded` for a revoked share, and for an expired one, which must be extended first. `UnusablePepper` when
        the share was made with another pepper, for then its birth date cannot be compared any more.
        """
        now = seconds(self._clock())

        def replace(connection: sqlite3.Connection, kept: _Kept) -> None:
            row = _unrevoked(connection, share_id)
            if is_past(row, now):
                raise ShareEnded("The share is past its end; extend it first.")
            if row["pepper_id"] != self._digests.pepper_id:
                raise UnusablePepper("The share was made with another pepper; bring that one back or make a new share.")
            self._tell(connection, row, now)
            connection.execute(_REISSUE, {"id": share_id, **kept})
            note(connection, "share reissued", share_id, f"issue={row['issue'] + 1}")
            # Whoever found the old code may have handed it on.
            revoke_children(connection, share_id, now)
            end_sessions(connection, share_id)
            connection.execute("DELETE FROM throttle WHERE subject = ?", (throttle_subject(share_id),))

        issued = self._issue(share_id, replace)
        _log.info("share reissued share=%s issue=%d", share_id, issued.share.issue)
        return issued

    def revoke(self, share_id: str, *, erase: bool = False) -> Share:
        """End the share for good, and those handed on from it: code, token and sessions, at once. Idempotent.

        `erase`: its studies are to be deleted as soon as nobody else needs them.
        """
        now = seconds(self._clock())

        def work(connection: sqlite3.Connection) -> None:
            if not row_of(connection, share_id)["revoked"]:
                connection.execute("UPDATE share SET erase = ? WHERE id = ?", (int(erase), share_id))
                revoke(connection, share_id, now)

        self._database.write(work)
        _log.info("share revoked share=%s", share_id)
        return self.get(share_id)

    def open_when_complete(self, share_id: str) -> None:
        """Let a share that waits show what it was made for. Idempotent."""

        def work(connection: sqlite3.Connection) -> None:
            sql = "UPDATE share SET waits = '' WHERE id = ? AND waits <> ''"
            if connection.execute(sql, (share_id,)).rowcount:
                note(connection, "share ready", share_id)

        self._database.write(work)

    def accept_terms(self, share_id: str) -> None:
        """Note that whoever holds the share has accepted privacy notice and terms. Idempotent."""
        now = seconds(self._clock())

        def work(connection: sqlite3.Connection) -> None:
            sql = "UPDATE share SET terms = ? WHERE id = ? AND terms IS NULL"
            if connection.execute(sql, (now, share_id)).rowcount:
                note(connection, "terms accepted", share_id)

        self._database.write(work)

    def forget(self, share_id: str) -> None:
        """Remove a share that has ended, and those handed on from it: nothing of the patient's identity is left."""
        now = seconds(self._clock())

        def work(connection: sqlite3.Connection) -> None:
            row = row_of(connection, share_id)
            if state_of_row(row, now) in ("live", "frozen"):
                raise ShareStillLives("Only a share that has ended can be forgotten.")
            connection.execute("DELETE FROM throttle WHERE subject = ?", (throttle_subject(share_id),))
            connection.execute("DELETE FROM share WHERE id = ?", (share_id,))
            note(connection, "share forgotten", share_id)

        self._database.write(work)
        _log.info("share forgotten share=%s", share_id)

    def from_another_pepper(self) -> Sequence[str]:
        """The ids of shares that nobody can open, because they were made with another pepper, and are not revoked."""
        sql = "SELECT id FROM share WHERE revoked = 0 AND pepper_id <> ? ORDER BY created, id"
        return [row["id"] for row in self._database.read(sql, (self._digests.pepper_id,))]

    def _tell(self, connection: sqlite3.Connection, row: sqlite3.Row, now: int) -> None:
        share = share_of_row(row, now)
        for renewed in self._renewed:
            renewed(connection, share)

    def _issue(self, share_id: str, keep: Callable[[sqlite3.Connection, _Kept], None]) -> Issued:
        """Draw secrets until their selector is nobody's (25 bits: nearly always at once), then keep their digests."""
        while True:
            code, token = new_code(), new_token()
            kept = {
                "pepper_id": self._digests.pepper_id,
                "selector": self._digests.selector(code),
                "verifier": self._verifiers.make(self._digests.rest(code)),
                "token": self._digests.token(token),
            }
            if self._database.write(partial(_keep_if_free, kept=kept, keep=keep)):
                return Issued(self.get(share_id), code, token)


def revoke(connection: sqlite3.Connection, share_id: str, now: int) -> None:
    """End a share that is not revoked yet, and those handed on from it, inside a transaction."""
    revoke_children(connection, share_id, now)
    connection.execute(_REVOKE, (now, share_id))
    end_sessions(connection, share_id)
    note(connection, "share revoked", share_id)


def revoke_children(connection: sqlite3.Connection, share_id: str, now: int) -> None:
    """End what was handed on from a share."""
    sql = "SELECT id FROM share WHERE parent = ? AND revoked = 0"
    for (child,) in connection.execute(sql, (share_id,)).fetchall():
        revoke(connection, child, now)


def _keep_if_free(
    connection: sqlite3.Connection, kept: _Kept, keep: Callable[[sqlite3.Connection, _Kept], None]
) -> bool:
    if connection.execute("SELECT 1 FROM share WHERE selector = ?", (kept["selector"],)).fetchone():
        return False
    keep(connection, kept)
    return True


def _unrevoked(connection: sqlite3.Connection, share_id: str) -> sqlite3.Row:
    row = row_of(connection, share_id)
    if row["revoked"]:
        raise ShareEnded("The share has been revoked; make a new one.")
    return row
