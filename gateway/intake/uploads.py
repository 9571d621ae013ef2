"""Uploads: what somebody sent in, from the form to the decision of staff. The rows; the files are in quarantine."""

import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import orjson

from auth.clock import Clock, moment, seconds
from auth.codes import ALPHABET, new_token, normalise_token
from auth.digests import Digests
from gateway.intake.links import UploadLink
from gateway.intake.schema import MIGRATIONS
from storage.audit import note
from storage.database import Database
from storage.errors import NotAuthorised, OutOfResources, Refusal

State = Literal["open", "sent", "waiting", "asked", "accepting", "accepted", "rejected"]
"""open: the sender is at it. sent: the files are to be read. waiting: for staff. asked: staff wait for the sender.
accepting: being taken into the archive. accepted, rejected: decided, for good."""

SENDING: Final[tuple[State, ...]] = ("open", "asked")
UNDECIDED: Final[tuple[State, ...]] = ("sent", "waiting", "asked", "accepting")
"""What staff have before them: nothing that is still being sent, and nothing that was decided."""

HELD_SECONDS: Final = 60
MOST_ATTEMPTS: Final = 5
_REFERENCE_LENGTH: Final = 8


class NoSuchUpload(Refusal):
    """There is no upload with this reference."""

    http_status = 404
    title = "No such upload"


class NotNow(Refusal):
    """The upload is not in the state that this needs."""

    http_status = 409
    title = "Not in this state"


class TooMuch(Refusal):
    """More than may be sent."""

    http_status = 413
    title = "Too much"


class NoLongerHeld(Exception):
    """Another worker is at this upload, or nobody wants it any more."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one upload may be, and how long it is kept."""

    files: int = 20_000
    bytes: int = 20 << 30
    open_for: timedelta = timedelta(days=2)
    """After this long without a new file an upload that was not finished is abandoned."""
    kept_for: timedelta = timedelta(days=30)
    """How long what was sent waits for a decision, and a decision can be asked for."""


@dataclass(frozen=True, slots=True)
class UploadFile:
    """A file of an upload; `size` is what it will have when it is whole."""

    id: str
    upload_id: str
    name: str = field(repr=False)
    size: int
    digest: str
    whole: bool


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload as it was when it was read. `answers` are those of the form, `findings` what was found in the files."""

    id: str
    link_id: str
    site: str
    reference: str
    answers: dict[str, str] = field(repr=False)
    state: State
    corrections: dict[str, str] = field(repr=False)
    findings: dict[str, Any] = field(repr=False)
    remark: str = field(repr=False)
    decided_by: str
    created: datetime
    changed: datetime
    attempts: int
    holder: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """An upload with the secret of whoever sends it."""

    upload: Upload
    secret: str = field(repr=False)


class Uploads:
    """Safe to use from any thread and process; all methods block."""

    def __init__(self, database: Database, pepper: bytes, clock: Clock, limits: Limits | None = None) -> None:
        database.migrate(MIGRATIONS)
        self.limits = limits or Limits()
        self._database = database
        self._digests = Digests(pepper)
        self._clock = clock

    def begin(self, link: UploadLink, answers: dict[str, str]) -> Begun:
        """A new upload by this link."""
        now, own, secret = seconds(self._clock()), secrets.token_hex(16), new_token()
        kept = orjson.dumps(answers).decode()

        def work(connection: sqlite3.Connection) -> None:
            reference = _reference()
            while connection.execute("SELECT 1 FROM upload WHERE reference = ?", (reference,)).fetchone():
                reference = _reference()
            connection.execute(
                _INSERT, (own, link.id, link.site, reference, self._digests.token(secret), kept, now, now)
            )
            note(connection, "upload begun", reference, f"link={link.id}")

        self._database.write(work)
        return Begun(self._read("id", own), secret)

    def by_secret(self, secret: str) -> Upload:
        """The upload of whoever knows this secret. `NotAuthorised` for any other."""
        try:
            return self._read("secret", self._digests.token(normalise_token(secret)))
        except NoSuchUpload:
            raise NotAuthorised("This upload is not known, or no longer.") from None

    def by_reference(self, reference: str) -> Upload:
        """The upload that staff call so; `NoSuchUpload`."""
        return self._read("reference", reference.strip().upper())

    def listed(self, states: Sequence[State], site: str | None) -> list[Upload]:
        """Those of a site (None: of all) in one of `states`, what has waited longest first."""
        marks = ", ".join("?" * len(states))
        sql = f"SELECT * FROM upload WHERE state IN ({marks}) AND site = coalesce(?, site) ORDER BY changed, id"
        return [_upload(row) for row in self._database.read(sql, (*states, site))]

    def waiting(self, site: str | None) -> int:
        """How many of a site (None: of all) wait for a decision."""
        (row,) = self._database.read(_WAITING, (site,))
        return int(row["uploads"])

    def announce(self, upload: Upload, name: str, size: int, digest: str) -> UploadFile:
        """A file that is to come, or the same one that is there already. `NotNow`, `TooMuch`."""
        own, now = secrets.token_hex(16), seconds(self._clock())

        def work(connection: sqlite3.Connection) -> sqlite3.Row:
            _expect(connection, upload, SENDING)
            same = connection.execute(_SAME, (upload.id, digest, size)).fetchone() if digest else None
            if same is not None:
                return _row(same)
            count, total = connection.execute(_TOTAL, (upload.id,)).fetchone()
            if count >= self.limits.files:
                raise TooMuch(f"An upload has at most {self.limits.files} files; pack them into a ZIP archive.")
            if total + size > self.limits.bytes:
                raise TooMuch(f"An upload has at most {self.limits.bytes >> 30} gigabytes; send the rest separately.")
            connection.execute("UPDATE upload SET changed = ? WHERE id = ?", (now, upload.id))
            return _row(connection.execute(_ANNOUNCE, (own, upload.id, name[:255], size, digest, now)).fetchone())

        return _file(self._database.write(work))

    def file(self, upload: Upload, file_id: str) -> UploadFile:
        """A file of this upload; `NoSuchUpload`."""
        rows = self._database.read("SELECT * FROM upload_file WHERE id = ? AND upload_id = ?", (file_id, upload.id))
        if not rows:
            raise NoSuchUpload("This upload has no such file.")
        return _file(rows[0])

    def files(self, upload: Upload) -> list[UploadFile]:
        """Its files in the order in which they were announced."""
        sql = "SELECT * FROM upload_file WHERE upload_id = ? ORDER BY created, rowid"
        return [_file(row) for row in self._database.read(sql, (upload.id,))]

    def complete(self, file: UploadFile) -> None:
        """All of this file is there, durably."""
        sql = "UPDATE upload_file SET whole = 1 WHERE id = ?"
        self._database.write(lambda connection: connection.execute(sql, (file.id,)))

    def withdraw(self, upload: Upload, file: UploadFile) -> None:
        """The sender does not want to send this file after all. `NotNow`."""

        def work(connection: sqlite3.Connection) -> None:
            _expect(connection, upload, SENDING)
            connection.execute("DELETE FROM upload_file WHERE id = ?", (file.id,))

        self._database.write(work)

    def finish(self, upload: Upload) -> Upload:
        """The sender has sent everything; what is not whole is left out. Idempotent. `NotNow` without a file."""

        def work(connection: sqlite3.Connection) -> None:
            if _state(connection, upload) in ("sent", "waiting"):
                return
            _expect(connection, upload, SENDING)
            if not connection.execute(_ANY, (upload.id,)).fetchone():
                raise NotNow("Nothing has arrived yet.")
            self._move(connection, upload, "sent", "upload sent")

        self._database.write(work)
        return self._read("id", upload.id)

    def accept(self, upload: Upload, corrections: dict[str, str], by: str) -> Upload:
        """Let the worker take it into the archive, with these attributes (by keyword) instead of its own. `NotNow`."""
        kept = orjson.dumps(corrections).decode()

        def work(connection: sqlite3.Connection) -> None:
            _expect(connection, upload, ("waiting", "asked"))
            sql = "UPDATE upload SET corrections = ?, decided_by = ?, attempts = 0 WHERE id = ?"
            connection.execute(sql, (kept, by, upload.id))
            self._move(connection, upload, "accepting", "upload accepted", by)

        self._database.write(work)
        return self._read("id", upload.id)

    def reject(self, upload: Upload, remark: str, by: str) -> Upload:
        """Nothing of it is wanted; the sender reads `remark`. `NotNow`."""
        return self._decide(upload, "rejected", ("waiting", "asked", "sent"), remark, by, "upload rejected")

    def ask(self, upload: Upload, remark: str, by: str) -> Upload:
        """Ask the sender something; he may send more. `NotNow`."""
        return self._decide(upload, "asked", ("waiting", "asked"), remark, by, "upload question")

    def take_up(self, state: State) -> Upload | None:
        """The next upload in `state` (sent or accepting) that nobody is at, held for `HELD_SECONDS`."""
        now, holder = seconds(self._clock()), secrets.token_hex(8)

        def work(connection: sqlite3.Connection) -> Upload | None:
            row = connection.execute(_DUE, (state, now, MOST_ATTEMPTS)).fetchone()
            if row is None:
                return None
            connection.execute(_TAKE_UP, (holder, now + HELD_SECONDS, row["id"]))
            return _upload(connection.execute("SELECT * FROM upload WHERE id = ?", (row["id"],)).fetchone())

        return self._database.write(work) if self._database.read(_DUE, (state, now, MOST_ATTEMPTS)) else None

    def hold(self, upload: Upload) -> None:
        """The worker is still at it. Raises `NoLongerHeld`."""
        self._update(upload, "held_until = ?", seconds(self._clock()) + HELD_SECONDS)

    def hand_back(
        self, upload: Upload, pause: int = 0, *, attempted: bool = True, findings: dict[str, Any] | None = None
    ) -> None:
        """Let the next worker take it up in `pause` seconds, with these `findings` so far. Raises `NoLongerHeld`."""
        changes = "holder = '', held_until = ?, attempts = attempts - ?, findings = ?"
        told = orjson.dumps(upload.findings if findings is None else findings).decode()
        self._update(upload, changes, seconds(self._clock()) + pause, int(not attempted), told)

    def examined(self, upload: Upload, findings: dict[str, Any], infected: int = 0) -> None:
        """The files were read, of which so many are `infected`, and their rows are not needed any more.

        Raises `NoLongerHeld`.
        """

        def work(connection: sqlite3.Connection) -> None:
            _change(connection, upload, "findings = ?, attempts = 0, holder = ''", (orjson.dumps(findings).decode(),))
            connection.execute("DELETE FROM upload_file WHERE upload_id = ?", (upload.id,))
            if infected:
                note(connection, "malware found", upload.reference, f"files={infected}")
            self._move(connection, upload, "waiting", "upload examined")

        self._database.write(work)

    def accepted(self, upload: Upload, findings: dict[str, Any]) -> None:
        """Everything is in the archive. Raises `NoLongerHeld`."""

        def work(connection: sqlite3.Connection) -> None:
            _change(connection, upload, "findings = ?, holder = ''", (orjson.dumps(findings).decode(),))
            self._move(connection, upload, "accepted", "upload stored")

        self._database.write(work)

    def forget(self) -> list[str]:
        """Forget what was abandoned, or is over for long; returns the ids of the uploads that are gone."""
        now = self._clock()
        limits = (seconds(now - self.limits.open_for), seconds(now - self.limits.kept_for))

        def work(connection: sqlite3.Connection) -> list[str]:
            rows = connection.execute(_FORGET, limits).fetchall()
            for row in rows:
                note(connection, "upload forgotten", row["reference"], f"state={row['state']}")
            return [row["id"] for row in rows]

        return self._database.write(work)

    def known(self) -> set[str]:
        """The ids of all uploads."""
        return {row["id"] for row in self._database.read("SELECT id FROM upload")}

    def _decide(
        self, upload: Upload, state: State, allowed: Sequence[State], remark: str, by: str, event: str
    ) -> Upload:
        def work(connection: sqlite3.Connection) -> None:
            _expect(connection, upload, allowed)
            sql = "UPDATE upload SET remark = ?, decided_by = ?, holder = '' WHERE id = ?"
            connection.execute(sql, (remark, by, upload.id))
            self._move(connection, upload, state, event, by)

        self._database.write(work)
        return self._read("id", upload.id)

    def _move(self, connection: sqlite3.Connection, upload: Upload, state: State, event: str, by: str = "") -> None:
        sql = "UPDATE upload SET state = ?, changed = ?, held_until = 0 WHERE id = ?"
        connection.execute(sql, (state, seconds(self._clock()), upload.id))
        note(connection, event, upload.reference, f"by={by}" if by else "")

    def _read(self, column: str, value: str) -> Upload:
        rows = self._database.read(f"SELECT * FROM upload WHERE {column} = ?", (value,))
        if not rows:
            raise NoSuchUpload("There is no such upload.")
        return _upload(rows[0])

    def _update(self, upload: Upload, changes: str, *values: object) -> None:
        self._database.write(lambda connection: _change(connection, upload, changes, values))


def _reference() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(_REFERENCE_LENGTH))


def _row(row: Any) -> sqlite3.Row:
    if not isinstance(row, sqlite3.Row):
        raise OutOfResources("The database did not keep the file.")
    return row


def _state(connection: sqlite3.Connection, upload: Upload) -> str:
    row = connection.execute("SELECT state FROM upload WHERE id = ?", (upload.id,)).fetchone()
    return str(row["state"]) if row else ""


def _expect(connection: sqlite3.Connection, upload: Upload, states: Sequence[State]) -> None:
    found = _state(connection, upload)
    if found not in states:
        raise NotNow(f"The upload is {found or 'gone'}.")


def _change(connection: sqlite3.Connection, upload: Upload, changes: str, values: Sequence[object]) -> None:
    sql = f"UPDATE upload SET {changes} WHERE id = ? AND holder = ? AND holder <> ''"
    if connection.execute(sql, (*values, upload.id, upload.holder)).rowcount != 1:
        raise NoLongerHeld


def _upload(row: sqlite3.Row) -> Upload:
    return Upload(
        id=row["id"],
        link_id=row["link_id"],
        site=row["site"],
        reference=row["reference"],
        answers=orjson.loads(row["answers"]),
        state=row["state"],
        corrections=orjson.loads(row["corrections"]),
        findings=orjson.loads(row["findings"]),
        remark=row["remark"],
        decided_by=row["decided_by"],
        created=moment(row["created"]),
        changed=moment(row["changed"]),
        attempts=row["attempts"],
        holder=row["holder"],
    )


def _file(row: sqlite3.Row) -> UploadFile:
    return UploadFile(row["id"], row["upload_id"], row["name"], row["size"], row["digest"], bool(row["whole"]))


_INSERT: Final = """
    INSERT INTO upload (id, link_id, site, reference, secret, answers, created, changed, state, corrections, findings,
                        remark, decided_by, attempts, holder, held_until)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open', '{}', '{}', '', '', 0, '', 0)"""
_WAITING: Final = "SELECT count(*) AS uploads FROM upload WHERE state = 'waiting' AND site = coalesce(?, site)"
_ANY: Final = "SELECT 1 FROM upload_file WHERE upload_id = ? AND whole"
_SAME: Final = "SELECT * FROM upload_file WHERE upload_id = ? AND digest = ? AND size = ?"
_TOTAL: Final = "SELECT count(*), coalesce(sum(size), 0) FROM upload_file WHERE upload_id = ?"
_ANNOUNCE: Final = """
    INSERT INTO upload_file (id, upload_id, name, size, digest, whole, created) VALUES (?, ?, ?, ?, ?, 0, ?)
    RETURNING *"""
_DUE: Final = "SELECT id FROM upload WHERE state = ? AND held_until <= ? AND attempts < ? ORDER BY changed, id LIMIT 1"
_TAKE_UP: Final = "UPDATE upload SET holder = ?, held_until = ?, attempts = attempts + 1 WHERE id = ?"
# What is being taken in stays until that has come to an end.
_FORGET: Final = """
    DELETE FROM upload WHERE (state = 'open' AND changed < ?)
    OR (state IN ('sent', 'waiting', 'asked', 'accepted', 'rejected') AND changed < ?) RETURNING id, reference, state"""
