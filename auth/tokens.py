"""Bearer tokens (RFC 6750) for DICOMweb clients: shown once, kept as SHA-256 of 160 random bits."""

import hashlib
import json
import logging
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, get_args

from auth.clock import Clock, moment, seconds
from auth.errors import NoSuchToken
from storage.audit import note
from storage.database import Database
from storage.identifiers import uid
from storage.scope import ListedStudies, StudyScope, WholeArchive

_log = logging.getLogger("durchblick.auth")

Right = Literal["read", "write", "delete", "share"]
RIGHTS: Final[tuple[Right, ...]] = get_args(Right)
PREFIX: Final = "dbk_"

_RANDOM_BYTES: Final = 20
_INSERT: Final = """
INSERT INTO bearer_token (digest, name, rights, studies, site, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?)
"""


@dataclass(frozen=True, slots=True)
class Access:
    """What the bearer of a token may do, and with which studies."""

    scope: StudyScope = field(repr=False)
    rights: frozenset[Right]
    name: str = ""
    site: str = ""
    """Where the right to share counts: the key of a site."""
    actor: str = ""
    """Who does it, for the audit."""


@dataclass(frozen=True, slots=True)
class TokenSummary:
    """A token for the desk's list; `expires` is None for one that does not expire."""

    name: str
    access: Access
    created: datetime
    expires: datetime | None
    live: bool


class Tokens:
    """Makes, lists, revokes and recognises bearer tokens. Blocking; safe from any thread and several processes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(
        self,
        name: str,
        rights: Iterable[str],
        studies: frozenset[str] | None = None,
        expires: datetime | None = None,
        *,
        site: str = "",
    ) -> str:
        """A new token, for these studies or, with None, for the whole archive. It is shown this once.

        Raises `ValueError` for an empty name, no or unknown rights, or an empty set of studies;
        `MalformedIdentifier` for a study that is no UID. Several tokens may have one name: a client that gets a new
        one keeps working with the old one until both are revoked.
        """
        row = (
            _checked_name(name),
            _checked_rights(rights),
            _checked_studies(studies),
            site,
            seconds(self._clock()),
            None if expires is None else seconds(expires),
        )
        bearer = PREFIX + secrets.token_hex(_RANDOM_BYTES)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_INSERT, (_digest(bearer), *row))
            note(connection, "token created", name, f"allow={row[1]}" + (f" studies={len(studies)}" if studies else ""))

        self._database.write(work)
        _log.info("token created name=%s rights=%s", name, row[1])
        return bearer

    def list(self) -> Sequence[TokenSummary]:
        """Every token that was ever made, newest first; none can be shown again."""
        now = seconds(self._clock())
        rows = self._database.read("SELECT * FROM bearer_token ORDER BY created DESC, name")
        return [_summary(row, now) for row in rows]

    def revoke(self, name: str) -> None:
        """End every token of this name at once; `NoSuchToken` when no live one has it."""
        now = seconds(self._clock())

        def work(connection: sqlite3.Connection) -> None:
            sql = "UPDATE bearer_token SET revoked = ? WHERE name = ? AND revoked IS NULL"
            ended = connection.execute(sql, (now, name)).rowcount
            if not ended:
                raise NoSuchToken("No live bearer token has this name.")
            note(connection, "token revoked", name, f"tokens={ended}")

        self._database.write(work)
        _log.info("token revoked name=%s", name)

    def access_of(self, bearer: str) -> Access | None:
        """What this token allows now, or None; read from the database on every call."""
        rows = self._database.read("SELECT * FROM bearer_token WHERE digest = ?", (_digest(bearer),))
        if not rows or not _is_live(rows[0], seconds(self._clock())):
            return None
        return _access(rows[0])


def _summary(row: sqlite3.Row, now: int) -> TokenSummary:
    expires = None if row["expires"] is None else moment(row["expires"])
    return TokenSummary(row["name"], _access(row), moment(row["created"]), expires, _is_live(row, now))


def _access(row: sqlite3.Row) -> Access:
    studies = row["studies"]
    scope = WholeArchive() if studies is None else ListedStudies(frozenset(json.loads(studies)))
    kept = row["rights"].split(",")
    rights = frozenset(right for right in RIGHTS if right in kept)
    return Access(scope, rights, row["name"], row["site"], f"token {row['name']}")


def _is_live(row: sqlite3.Row, now: int) -> bool:
    return row["revoked"] is None and (row["expires"] is None or now <= row["expires"])


def _checked_name(name: str) -> str:
    if not name.strip() or not name.isprintable():
        raise ValueError("A bearer token needs a name.")
    return name


def _checked_rights(rights: Iterable[str]) -> str:
    asked = set(rights)
    if not asked or not asked <= set(RIGHTS):
        raise ValueError(f"A bearer token allows at least one of {', '.join(RIGHTS)}, and nothing else.")
    return ",".join(right for right in RIGHTS if right in asked)


def _checked_studies(studies: frozenset[str] | None) -> str | None:
    if studies is None:
        return None
    if not studies:
        raise ValueError("A bearer token for studies needs at least one study.")
    return json.dumps(sorted(uid(study, "Study Instance UID") for study in studies))


def _digest(bearer: str) -> str:
    return hashlib.sha256(bearer.encode()).hexdigest()
