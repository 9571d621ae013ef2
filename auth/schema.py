"""The tables of `auth`. Moments are whole seconds since 1970 in UTC; secrets are digests (see `auth.digests`)."""

from typing import Final

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

MIGRATIONS: Final = Migrations("auth")

# rule: JSON, see auth.rules. issue counts how often a code was made. selector, verifier and token are NULL once the
# share is revoked. lapsed: somebody has seen the share past its end, and no clock that goes back revives it.
_SHARE: Final = """
CREATE TABLE share (
    id TEXT PRIMARY KEY,
    rule TEXT NOT NULL,
    label TEXT NOT NULL,
    issue INTEGER NOT NULL,
    pepper_id TEXT NOT NULL,
    selector TEXT UNIQUE,
    verifier TEXT,
    token TEXT UNIQUE,
    birth_date TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    lapsed INTEGER NOT NULL,
    revoked INTEGER NOT NULL,
    frozen INTEGER NOT NULL,
    failures INTEGER NOT NULL
) STRICT
"""

_SESSION: Final = """
CREATE TABLE share_session (
    digest TEXT PRIMARY KEY,
    share_id TEXT NOT NULL REFERENCES share (id) ON DELETE CASCADE,
    begun INTEGER NOT NULL,
    seen INTEGER NOT NULL
) STRICT
"""

_THROTTLE: Final = """
CREATE TABLE throttle (
    subject TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    blocked_until INTEGER NOT NULL,
    forget_at INTEGER NOT NULL
) STRICT
"""

# studies: JSON array of Study Instance UIDs, NULL for the whole archive. revoked, expires: NULL while and where not.
_BEARER: Final = """
CREATE TABLE bearer_token (
    digest TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    rights TEXT NOT NULL,
    studies TEXT,
    created INTEGER NOT NULL,
    expires INTEGER,
    revoked INTEGER
) STRICT
"""


@MIGRATIONS()
def m001_shares_sessions_throttle_tokens(database: Database) -> None:
    """The first tables."""
    for statement in (
        _SHARE,
        "CREATE INDEX share_by_expires ON share (expires) WHERE lapsed = 0",
        _SESSION,
        "CREATE INDEX share_session_by_share ON share_session (share_id, begun)",
        _THROTTLE,
        "CREATE INDEX throttle_by_forget_at ON throttle (forget_at)",
        _BEARER,
        "CREATE INDEX bearer_token_by_name ON bearer_token (name) WHERE revoked IS NULL",
    ):
        database.execute(statement)
