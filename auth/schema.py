"""The tables of `auth`. Moments are whole seconds since 1970 in UTC; secrets are digests (see `auth.digests`)."""

import json
from typing import Final

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from storage.catalogue.comparable import folded

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


# parent: the share that this one is handed on from. opened: when somebody first signed in. ended: when it was revoked.
# waits: JSON, see auth.records.Wait; empty when it does not wait. terms: when they were accepted. erase: the patient
# wants its studies deleted.
_LIFE: Final = (
    "ALTER TABLE share ADD COLUMN parent TEXT REFERENCES share (id) ON DELETE CASCADE",
    "ALTER TABLE share ADD COLUMN opened INTEGER",
    "ALTER TABLE share ADD COLUMN ended INTEGER",
    "ALTER TABLE share ADD COLUMN waits TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE share ADD COLUMN terms INTEGER",
    "ALTER TABLE share ADD COLUMN erase INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX share_by_parent ON share (parent) WHERE parent IS NOT NULL",
    # Whether shares that are there already were used is not known, so they count as used.
    "UPDATE share SET opened = created",
    "UPDATE share SET ended = created WHERE revoked = 1",
)

# What decides about a share: its own row, and that of the share it comes from.
_SHARE_SEEN: Final = """
CREATE VIEW share_seen AS SELECT share.*, parent.rule AS parent_rule, parent.expires AS parent_expires,
    parent.lapsed AS parent_lapsed, parent.revoked AS parent_revoked, parent.frozen AS parent_frozen,
    parent.waits AS parent_waits
FROM share LEFT JOIN share AS parent ON parent.id = share.parent
"""

# site: key of the site whose desk keeps the share, "" for the first. patient_id: of the rule, "" of a list of studies.
_SITES: Final = (
    "ALTER TABLE share ADD COLUMN site TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE share ADD COLUMN patient_id TEXT NOT NULL DEFAULT ''",
    "UPDATE share SET patient_id = COALESCE(json_extract(rule, '$.patient_id'), '')",
    "CREATE INDEX share_by_patient ON share (patient_id)",
    "CREATE INDEX share_by_site ON share (site, expires)",
    "ALTER TABLE bearer_token ADD COLUMN site TEXT NOT NULL DEFAULT ''",
)

# site: NULL for all sites. password, seed: see auth.staff; NULL where there is none. confirmed: whether the seed of the
# one-time codes was proven; step: the last one used. subject: issuer and subject at the OpenID provider.
_STAFF: Final = """
CREATE TABLE staff (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    site TEXT,
    sign_in TEXT NOT NULL,
    password TEXT,
    seed TEXT,
    confirmed INTEGER NOT NULL DEFAULT 0,
    step INTEGER NOT NULL DEFAULT 0,
    subject TEXT UNIQUE,
    handle TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0
) STRICT
"""

# stage: "enrol" while the second factor is missing. search: what was searched last.
_STAFF_SESSION: Final = """
CREATE TABLE staff_session (
    digest TEXT PRIMARY KEY,
    name TEXT NOT NULL REFERENCES staff (name) ON DELETE CASCADE,
    stage TEXT NOT NULL,
    search TEXT NOT NULL DEFAULT '',
    begun INTEGER NOT NULL,
    seen INTEGER NOT NULL
) STRICT
"""

_PASSKEY: Final = """
CREATE TABLE staff_passkey (
    credential TEXT PRIMARY KEY,
    name TEXT NOT NULL REFERENCES staff (name) ON DELETE CASCADE,
    public_key BLOB NOT NULL,
    sign_count INTEGER NOT NULL,
    created INTEGER NOT NULL
) STRICT
"""

# One open request of each kind for a share.
_REQUEST: Final = """
CREATE TABLE share_request (
    id INTEGER PRIMARY KEY,
    share_id TEXT NOT NULL REFERENCES share (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    done INTEGER,
    by TEXT NOT NULL DEFAULT ''
) STRICT
"""


@MIGRATIONS()
def m002_life_of_shares(database: Database) -> None:
    """Shares that are handed on, that wait for their studies, and when they were first opened and ended."""
    for statement in (*_LIFE, _SHARE_SEEN):
        database.execute(statement)


@MIGRATIONS()
def m010_sites_staff_requests(database: Database) -> None:
    """The desk: which site a share belongs to, who works there, and what patients ask for."""
    for statement in (
        *_SITES,
        _STAFF,
        _STAFF_SESSION,
        "CREATE INDEX staff_session_by_name ON staff_session (name)",
        _PASSKEY,
        "CREATE INDEX staff_passkey_by_name ON staff_passkey (name)",
        _REQUEST,
        "CREATE UNIQUE INDEX share_request_open ON share_request (share_id, kind) WHERE done IS NULL",
    ):
        database.execute(statement)


# ticket, token: digests; token is NULL until the ticket is exchanged. until: the end of the ticket, then of the token.
# session: the handle of the session that opened the viewer.
_VIEWER_PASS: Final = """
CREATE TABLE viewer_pass (
    ticket TEXT PRIMARY KEY,
    token TEXT UNIQUE,
    share_id TEXT NOT NULL REFERENCES share (id) ON DELETE CASCADE,
    session TEXT NOT NULL,
    viewer TEXT NOT NULL,
    study TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT
"""


@MIGRATIONS()
def m011_answered_challenges(database: Database) -> None:
    """Challenges to passkeys that were answered, as long as their cookies could come again."""
    database.execute("CREATE TABLE staff_challenge (challenge TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT")


@MIGRATIONS()
def m012_viewer_passes(database: Database) -> None:
    """Tickets and tokens for viewers outside of the portal."""
    for statement in (_VIEWER_PASS, "CREATE INDEX viewer_pass_by_share ON viewer_pass (share_id, until)"):
        database.execute(statement)


@MIGRATIONS()
def m020_set_up_codes(database: Database) -> None:
    """Until when a password counts that somebody else has drawn; NULL for one of the holder's own choice."""
    database.execute("ALTER TABLE staff ADD COLUMN set_up_until INTEGER")


# name: of the patient, folded, as far as the rule says it. share_study: what a share lists. share_search: what was
# searched last in the list of shares.
_SEARCH: Final = (
    "ALTER TABLE share ADD COLUMN name TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE staff_session ADD COLUMN share_search TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX share_by_created ON share (created, id)",
    """
    CREATE TABLE share_study (
        study TEXT NOT NULL,
        share_id TEXT NOT NULL REFERENCES share (id) ON DELETE CASCADE,
        PRIMARY KEY (study, share_id)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX share_study_by_share ON share_study (share_id)",
    "INSERT INTO share_study SELECT DISTINCT each.value, share.id FROM share, json_each(rule, '$.studies') AS each",
)


@MIGRATIONS()
def m021_search_of_shares(database: Database) -> None:
    """Shares are found by their patient's name and by their studies."""
    for statement in _SEARCH:
        database.execute(statement)
    for share_id, rule in database.execute("SELECT id, rule FROM share").fetchall():
        name = folded(json.loads(rule).get("name", ""))
        database.execute("UPDATE share SET name = ? WHERE id = ?", (name, share_id))


# doubted: PatientID of a share by patient is also that of a study whose issuer, birth date or name is another one. Once
# set it stays: `Index.lookalikes` judges, this only tells where to look. By triggers, since either may come first.
_DIFFERS: Final = """
    share.patient_id <> '' AND study.patient_id = share.patient_id
    AND (study.issuer_of_patient_id <> json_extract(share.rule, '$.issuer')
        OR study.patient_birth_date <> json_extract(share.rule, '$.birth_date')
        OR (share.name <> '' AND study.patient_name_folded <> share.name))
"""
_OF_PATIENT: Final = ("patient_id", "issuer_of_patient_id", "patient_birth_date", "patient_name_folded")
_DOUBT: Final = f"UPDATE share SET doubted = 1 WHERE doubted = 0 AND EXISTS (SELECT 1 FROM study WHERE {_DIFFERS})"
_DOUBTED: Final = (
    "ALTER TABLE share ADD COLUMN doubted INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX share_doubted ON share (patient_id) WHERE doubted = 1",
    f"CREATE TRIGGER share_doubted_by_studies AFTER INSERT ON share BEGIN {_DOUBT} AND id = NEW.id; END",
    f"CREATE TRIGGER study_doubts_shares AFTER INSERT ON study BEGIN {_DOUBT} AND patient_id = NEW.patient_id; END",
    f"""CREATE TRIGGER changed_study_doubts_shares AFTER UPDATE OF {", ".join(_OF_PATIENT)} ON study
    WHEN {" OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in _OF_PATIENT)}
    BEGIN {_DOUBT} AND patient_id = NEW.patient_id; END""",
    _DOUBT,
)


@MIGRATIONS()
def m022_doubted_shares(database: Database) -> None:
    """Which shares the desk has to compare with studies that have the same PatientID."""
    for statement in _DOUBTED:
        database.execute(statement)
