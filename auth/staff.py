"""Accounts of those who work at the desk. Names of accounts are the only names that `auth` knows and that logs hold."""

import base64
import logging
import re
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

import pyotp
from cryptography.fernet import Fernet

from auth.clock import Clock, moment, seconds
from auth.digests import Digests, Verifiers
from auth.errors import NoSuchStaff, UnusablePassword
from auth.passwords import judge
from storage.audit import note
from storage.database import Database

Role = Literal["desk", "referral", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
SignIn = Literal["local", "openid"]

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_INSERT: Final = """
INSERT INTO staff (name, role, site, sign_in, password, set_up_until, handle, created)
VALUES (:name, :role, :site, :sign_in, :password, :set_up_until, :handle, :created)
ON CONFLICT (name) DO NOTHING
"""

_log = logging.getLogger("durchblick.auth")


@dataclass(frozen=True, slots=True)
class Member:
    """An account. `site` is the key of the only site that it sees, None for all. `secured`: has a second factor."""

    name: str
    role: Role
    site: str | None
    sign_in: SignIn
    created: datetime
    disabled: bool
    secured: bool
    passkeys: int = 0
    set_up_until: datetime | None = None
    """Until when the set-up code counts that an administrator gave out; None once the holder has chosen a password."""

    @property
    def may_administer(self) -> bool:
        """Whether it manages the accounts of the site that it sees."""
        return self.role == "admin"

    @property
    def may_share(self) -> bool:
        """Whether it may open, prolong and end shares; those with the role referral look only."""
        return self.role in ("desk", "admin")

    def may_see_account(self, site: str | None) -> bool:
        """Whether an account that sees this site (None: all of them) sees no more than this one."""
        return self.site is None or self.site == site

    def may_see(self, site: str) -> bool:
        """Whether what belongs to this site is its business."""
        return self.site is None or self.site == site


class Staff:
    """Makes, changes and lists accounts. Blocking; safe from any thread and several processes."""

    def __init__(
        self,
        database: Database,
        pepper: bytes,
        clock: Clock,
        verifiers: Verifiers | None = None,
        house: Sequence[str] = (),
    ) -> None:
        """`house` is what others call the house and its sites: no words for a password."""
        self._database = database
        self._digests = Digests(pepper)
        self._clock = clock
        self._verifiers = verifiers or Verifiers()
        self._house = house
        self._seeds = Seeds(self._digests)

    def add(self, name: str, role: Role, site: str | None, password: str | None) -> Member:
        """A new account; without a password it signs in at the OpenID provider.

        Raises `ValueError` for a name that is taken or none, an unknown role, and a password that is too short.
        """
        checked(name, role)
        verifier = None if password is None else self._verifier(name, password)
        now = seconds(self._clock())
        self._database.write(lambda connection: insert(connection, name, role, site, verifier, now))
        _log.info("account added name=%s role=%s", name, role)
        return self.get(name)

    def set_password(self, name: str, password: str, *, forget_second_factor: bool = False) -> Member:
        """Give a local account another password; its sessions end, and it lives again if it was disabled.

        With `forget_second_factor` the next sign-in enrols a new one. Raises `NoSuchStaff`, `ValueError`.
        """
        verifier = self._verifier(name, password)

        def work(connection: sqlite3.Connection) -> None:
            row = row_of(connection, name)
            if row["sign_in"] != "local":
                raise ValueError("This account signs in at the OpenID provider; it has no password here.")
            sql = "UPDATE staff SET password = ?, set_up_until = NULL, disabled = 0 WHERE name = ?"
            connection.execute(sql, (verifier, name))
            if forget_second_factor:
                forget_factors(connection, name)
            end_sessions(connection, name)
            detail = "second factor forgotten" if forget_second_factor else ""
            note(connection, "password set", name, detail)

        self._database.write(work)
        _log.info("password set name=%s", name)
        return self.get(name)

    def choose_password(self, name: str, password: str) -> Member:
        """Put a password of the holder's own choice in the place of a set-up code or of the last one; its sessions end.

        Who that is was proven before. `ValueError` for one that is none, or the same, and where somebody else has given
        out another meanwhile.
        """
        found = self._database.read("SELECT password FROM staff WHERE name = ? AND sign_in = 'local'", (name,))
        if not found or self._verifiers.fits(found[0]["password"], self._digests.password(name, password)):
            raise UnusablePassword("same", "Another password takes the place of the last one.")
        verifier = self._verifier(name, password)

        def work(connection: sqlite3.Connection) -> None:
            sql = "UPDATE staff SET password = ?, set_up_until = NULL WHERE name = ? AND password = ?"
            if not connection.execute(sql, (verifier, name, found[0]["password"])).rowcount:
                raise ValueError("Another set-up code was given out.")
            end_sessions(connection, name)
            note(connection, "password set", name, "by its holder")

        self._database.write(work)
        return self.get(name)

    def disable(self, name: str) -> Member:
        """End an account and its sessions at once. Idempotent; `NoSuchStaff` where there is none."""

        def work(connection: sqlite3.Connection) -> None:
            row_of(connection, name)
            disable(connection, name)

        self._database.write(work)
        _log.info("account disabled name=%s", name)
        return self.get(name)

    def get(self, name: str) -> Member:
        """The account of this name, or `NoSuchStaff`."""
        rows = self._database.read(f"{MEMBERS} WHERE staff.name = ?", (name,))
        if not rows:
            raise NoSuchStaff("No account has this name.")
        return member_of(rows[0])

    def list(self) -> Sequence[Member]:
        """Every account by its name."""
        return [member_of(row) for row in self._database.read(f"{MEMBERS} ORDER BY staff.name")]

    def seed(self, name: str) -> str:
        """The seed of the one-time codes (RFC 6238), in base32, made when there is none and to be shown once.

        `ValueError` once it was confirmed by a code: from then on nobody sees it again.
        """

        def work(connection: sqlite3.Connection) -> str:
            row = row_of(connection, name)
            if row["confirmed"]:
                raise ValueError("The seed of this account is in use.")
            if row["set_up_until"] is not None:
                raise ValueError("A password of one's own comes first.")
            if row["seed"] is not None:
                return self._seeds.opened(row["seed"])
            seed = pyotp.random_base32()
            connection.execute("UPDATE staff SET seed = ? WHERE name = ?", (self._seeds.closed(seed), name))
            return seed

        return self._database.write(work)

    def _verifier(self, name: str, password: str) -> str:
        judge(password, name, self._house)
        return self._verifiers.make(self._digests.password(name, password))


class Seeds:
    """Seeds of one-time codes at rest: encrypted under a key made of the pepper, which is not in the database."""

    def __init__(self, digests: Digests) -> None:
        self._cipher = cipher(digests, "seeds")

    def closed(self, seed: str) -> str:
        """`seed` as the table keeps it."""
        return self._cipher.encrypt(seed.encode()).decode()

    def opened(self, kept: str) -> str:
        """What `closed` was given."""
        return self._cipher.decrypt(kept.encode()).decode()


def cipher(digests: Digests, purpose: str) -> Fernet:
    """What encrypts for this purpose, under a key that is made of the pepper."""
    return Fernet(base64.urlsafe_b64encode(digests.key(purpose)))


MEMBERS: Final = (
    "SELECT staff.*, (SELECT count(*) FROM staff_passkey WHERE staff_passkey.name = staff.name) AS passkeys FROM staff"
)


def member_of(row: sqlite3.Row) -> Member:
    """The account of a row of `MEMBERS`."""
    return Member(
        name=row["name"],
        role=row["role"],
        site=row["site"],
        sign_in=row["sign_in"],
        created=moment(row["created"]),
        disabled=bool(row["disabled"]),
        secured=bool(row["confirmed"]) or row["passkeys"] > 0 or row["sign_in"] == "openid",
        passkeys=row["passkeys"],
        set_up_until=None if row["set_up_until"] is None else moment(row["set_up_until"]),
    )


def checked(name: str, role: str) -> None:
    """`ValueError` for what is no name or no role of an account."""
    if not _NAME.fullmatch(name):
        raise ValueError("A name has 1 to 64 of the characters a-z, 0-9, dot, hyphen, underscore and @.")
    if role not in ROLES:
        raise ValueError(f"A role is one of {', '.join(ROLES)}.")


def insert(
    connection: sqlite3.Connection,
    name: str,
    role: Role,
    site: str | None,
    verifier: str | None,
    now: int,
    set_up_until: int | None = None,
) -> None:
    """Make an account, inside a transaction; `ValueError` where its name is taken."""
    row = {
        "name": name,
        "role": role,
        "site": site,
        "sign_in": "openid" if verifier is None else "local",
        "password": verifier,
        "set_up_until": set_up_until,
        "handle": secrets.token_hex(16),
        "created": now,
    }
    if not connection.execute(_INSERT, row).rowcount:
        raise ValueError("An account has this name already.")
    note(connection, "account added", name, f"role={role} site={site or ''} sign_in={row['sign_in']}")


def disable(connection: sqlite3.Connection, name: str) -> None:
    """End an account and its sessions, inside a transaction."""
    connection.execute("UPDATE staff SET disabled = 1 WHERE name = ?", (name,))
    end_sessions(connection, name)
    note(connection, "account disabled", name)


def end_sessions(connection: sqlite3.Connection, name: str) -> None:
    """Sign an account out everywhere."""
    connection.execute("DELETE FROM staff_session WHERE name = ?", (name,))


def forget_factors(connection: sqlite3.Connection, name: str) -> None:
    """Forget seed and passkeys of an account, so that its next sign-in sets up a new second factor."""
    connection.execute("UPDATE staff SET seed = NULL, confirmed = 0, step = 0 WHERE name = ?", (name,))
    connection.execute("DELETE FROM staff_passkey WHERE name = ?", (name,))


def row_of(connection: sqlite3.Connection, name: str) -> sqlite3.Row:
    """The row of an account, or `NoSuchStaff`."""
    row: sqlite3.Row | None = connection.execute("SELECT * FROM staff WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise NoSuchStaff("No account has this name.")
    return row
