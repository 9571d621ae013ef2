"""What administrators do with the accounts of the site that they see.

Whoever acts is judged anew inside each transaction, and nobody acts on his own account: so whoever takes an account
away is an administrator who is still there afterwards, also when two of them act on each other at the same moment.
"""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from auth.clock import Clock, moment, seconds
from auth.codes import new_code
from auth.digests import Digests, Verifiers
from auth.errors import NoSuchStaff, OwnAccount
from auth.staff import MEMBERS, Member, Role, checked, disable, end_sessions, forget_factors, insert, member_of, row_of
from storage.audit import note
from storage.database import Database
from storage.errors import NotAuthorised

_LIFETIME: Final = 72 * 3600
"""Seconds in which a set-up code opens the choice of a password."""

_log = logging.getLogger("durchblick.auth")


@dataclass(frozen=True, slots=True)
class SetUp:
    """An account and the code that its holder signs in with once, instead of a password; None at a provider's."""

    member: Member
    code: str | None = field(repr=False)
    until: datetime | None


class Administration:
    """Blocking; safe from any thread and several processes. `by` is whoever acts.

    Every method raises `NotAuthorised` for whoever is no administrator (any more), and `NoSuchStaff` for an account
    of another site, as for none.
    """

    def __init__(self, database: Database, pepper: bytes, clock: Clock, verifiers: Verifiers | None = None) -> None:
        self._database = database
        self._digests = Digests(pepper)
        self._clock = clock
        self._verifiers = verifiers or Verifiers()

    def list(self, by: Member) -> Sequence[Member]:
        """The accounts of the site, by their name."""
        sql = f"{MEMBERS} WHERE ? IS NULL OR staff.site = ? ORDER BY staff.name"
        return [member_of(row) for row in self._database.read(sql, (by.site, by.site))] if by.may_administer else []

    def get(self, by: Member, name: str) -> Member:
        """One of them."""
        found = next((one for one in self.list(by) if one.name == name), None)
        if found is None:
            raise NoSuchStaff("No account has this name.")
        return found

    def add(self, by: Member, name: str, role: Role, site: str | None, *, openid: bool = False) -> SetUp:
        """A new account. Raises `ValueError` for a name that is taken or none, and an unknown role."""
        checked(name, role)
        code = None if openid else new_code()
        verifier = None if code is None else self._verifier(name, code)
        now = seconds(self._clock())
        until = None if code is None else now + _LIFETIME

        def work(connection: sqlite3.Connection) -> None:
            _reaches(_acting(connection, by), site)
            insert(connection, name, role, site, verifier, now, until)

        self._database.write(work)
        _log.info("account added name=%s role=%s", name, role)
        return self._set_up(name, code, until)

    def change(self, by: Member, name: str, role: Role, site: str | None) -> Member:
        """Another role or site; it counts at the next request."""
        checked(name, role)

        def work(connection: sqlite3.Connection) -> None:
            _reaches(_acting(connection, by), site)
            connection.execute("UPDATE staff SET role = ?, site = ? WHERE name = ?", (role, site, name))
            note(connection, "account changed", name, f"role={role} site={site or ''}")

        self._on(by, name, work)
        return self._member(name)

    def lock(self, by: Member, name: str) -> Member:
        """End its sessions, and let it sign in no more until it is unlocked."""
        self._on(by, name, lambda connection: disable(connection, name))
        return self._member(name)

    def unlock(self, by: Member, name: str) -> Member:
        """Let it sign in again."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE staff SET disabled = 0 WHERE name = ?", (name,))
            note(connection, "account enabled", name)

        self._on(by, name, work)
        return self._member(name)

    def set_up_anew(self, by: Member, name: str) -> SetUp:
        """A new set-up code in the place of password and second factor; sessions end, and a lost phone opens nothing.

        `ValueError` for an account that signs in at the OpenID provider.
        """
        code = new_code()
        verifier, until = self._verifier(name, code), seconds(self._clock()) + _LIFETIME

        def work(connection: sqlite3.Connection) -> None:
            if row_of(connection, name)["sign_in"] != "local":
                raise ValueError("This account signs in at the OpenID provider; it has no password here.")
            sql = "UPDATE staff SET password = ?, set_up_until = ? WHERE name = ?"
            connection.execute(sql, (verifier, until, name))
            forget_factors(connection, name)
            end_sessions(connection, name)
            note(connection, "set-up code given out", name, "second factor forgotten")

        self._on(by, name, work)
        _log.info("set-up code given out name=%s", name)
        return self._set_up(name, code, until)

    def remove(self, by: Member, name: str) -> None:
        """Remove it with its sessions and passkeys; the audit keeps its name."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM staff WHERE name = ?", (name,))
            note(connection, "account removed", name)

        self._on(by, name, work)
        _log.info("account removed name=%s", name)

    def _on(self, by: Member, name: str, work: Callable[[sqlite3.Connection], None]) -> None:
        """Do `work` on an account that `by` may act on; alone in its transaction."""

        def judged(connection: sqlite3.Connection) -> None:
            actor = _acting(connection, by)
            if not actor.may_see_account(row_of(connection, name)["site"]):
                raise NoSuchStaff("No account has this name.")
            if actor.name == name:
                raise OwnAccount("Another administrator has to change this account.")
            work(connection)

        self._database.write(judged)

    def _member(self, name: str) -> Member:
        return member_of(self._database.read(f"{MEMBERS} WHERE staff.name = ?", (name,))[0])

    def _set_up(self, name: str, code: str | None, until: int | None) -> SetUp:
        return SetUp(self._member(name), code, None if until is None else moment(until))

    def _verifier(self, name: str, password: str) -> str:
        return self._verifiers.make(self._digests.password(name, password))


def _acting(connection: sqlite3.Connection, by: Member) -> Member:
    """Whoever acts, as the account is now."""
    sql = f"{MEMBERS} WHERE staff.name = ? AND staff.disabled = 0 AND staff.role = 'admin'"
    row = connection.execute(sql, (by.name,)).fetchone()
    if row is None:
        raise NotAuthorised("Only administrators manage accounts.")
    return member_of(row)


def _reaches(actor: Member, site: str | None) -> None:
    if not actor.may_see_account(site):
        raise NotAuthorised("An administrator of a site manages the accounts of that site.")
