"""Upload links: who knows one may send something in, and nothing else."""

import secrets
import sqlite3
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from auth.clock import Clock, moment, seconds
from auth.codes import new_token, normalise_token
from auth.digests import Digests
from auth.records import end_of_day
from gateway.intake.schema import MIGRATIONS
from storage.audit import note
from storage.database import Database
from storage.errors import NotAuthorised, Refusal

Form = Literal["patient", "referrer"]

_GROUP: Final = 5


class NoSuchLink(Refusal):
    """There is no upload link with this id."""

    http_status = 404
    title = "No such upload link"


@dataclass(frozen=True, slots=True)
class UploadLink:
    """A link as it was when it was read; `site` is the key of whose it is, `expires` None for a standing one."""

    id: str
    site: str
    form: Form
    label: str
    language: str
    created: datetime
    expires: datetime | None
    live: bool


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """A link with its secret: to be printed, never to be stored or logged."""

    link: UploadLink
    token: str = field(repr=False)

    @property
    def code(self) -> str:
        """The token as it is typed, in groups."""
        return "-".join((*(self.token[start : start + _GROUP] for start in range(0, 20, _GROUP)), self.token[20:]))

    def url(self, public_url: str) -> str:
        """What the QR code says; the token stands in the fragment, which browsers never send (RFC 9110 4.1)."""
        return f"{public_url.rstrip('/')}/u#{self.token}"


class UploadLinks:
    """Makes, lists, revokes and recognises upload links. Blocking; safe from any thread and several processes."""

    def __init__(self, database: Database, pepper: bytes, clock: Clock) -> None:
        database.migrate(MIGRATIONS)
        self._database = database
        self._digests = Digests(pepper)
        self._clock = clock

    def create(
        self, form: Form, label: str, language: str = "de", days: int | None = None, *, site: str = ""
    ) -> IssuedLink:
        """A link of this site that lasts until the end (UTC) of the day `days` days from now, or until it is revoked.

        `ValueError` outside 0..3650 days.
        """
        now = self._clock()
        expires = None if days is None else seconds(end_of_day(now, days))
        own, token = secrets.token_hex(6), new_token()
        values = (
            own,
            site,
            form,
            label,
            language,
            self._digests.token(token),
            self._digests.pepper_id,
            seconds(now),
            expires,
        )

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_INSERT, values)
            note(connection, "upload link created", own, f"form={form} site={site or 'main'}")

        self._database.write(work)
        return IssuedLink(self.get(own), token)

    def get(self, link_id: str) -> UploadLink:
        """The link with this id; `NoSuchLink`."""
        rows = self._database.read("SELECT * FROM upload_link WHERE id = ?", (link_id,))
        if not rows:
            raise NoSuchLink("No upload link has this id.")
        return self._link(rows[0])

    def of_site(self, site: str | None) -> list[UploadLink]:
        """Every link of a site (None: of all), those that can be used before those that have ended, newest first."""
        rows = self._database.read(_OF_SITE, (site,))
        return sorted(map(self._link, rows), key=lambda link: not link.live)

    def revoke(self, link_id: str) -> UploadLink:
        """End the link for good; what was sent by it stays, and what is being sent may be finished. Idempotent."""

        def work(connection: sqlite3.Connection) -> None:
            if connection.execute(_REVOKE, (link_id,)).rowcount:
                note(connection, "upload link revoked", link_id)

        self._database.write(work)
        return self.get(link_id)

    def by_token(self, token: str) -> UploadLink:
        """The live link of a token. `NotAuthorised`, always the same, for any other."""
        digest = self._digests.token(normalise_token(token))
        rows = self._database.read("SELECT * FROM upload_link WHERE token = ?", (digest,))
        link = self._link(rows[0]) if rows else None
        if link is None or not link.live:
            raise NotAuthorised("This link is not valid, or no longer.")
        return link

    def _link(self, row: sqlite3.Row) -> UploadLink:
        past = row["expires"] is not None and row["expires"] < seconds(self._clock())
        return UploadLink(
            id=row["id"],
            site=row["site"],
            form=row["form"],
            label=row["label"],
            language=row["language"],
            created=moment(row["created"]),
            expires=None if row["expires"] is None else moment(row["expires"]),
            live=not row["revoked"] and not past and row["pepper_id"] == self._digests.pepper_id,
        )


_INSERT: Final = """
    INSERT INTO upload_link (id, site, form, label, language, token, pepper_id, created, expires, revoked)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)"""
_OF_SITE: Final = "SELECT * FROM upload_link WHERE site = coalesce(?, site) ORDER BY created DESC, id"
_REVOKE: Final = "UPDATE upload_link SET revoked = 1 WHERE id = ? AND revoked = 0"
