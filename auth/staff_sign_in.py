"""How staff come in: name, password and a one-time code (RFC 6238) in one form, all failures alike.

As with patients, a stranger's failures count against his network only. Failures count against an account only where
the password was right, so that nobody can lock the desk out who does not know a password (OWASP ASVS 5.0 6.1.1).
"""

import sqlite3
from dataclasses import dataclass
from typing import Final

import pyotp

from auth.clock import Clock, seconds
from auth.digests import Digests, Verifiers
from auth.errors import Denied, SignInRefused
from auth.network import network_of
from auth.staff import Seeds, row_of
from auth.staff_sessions import Stage
from auth.throttle import WAIT, Gate, Limits, Throttle, forgive, prune
from storage.audit import note
from storage.database import Database

_STEP_SECONDS: Final = 30
_STEPS_AROUND: Final = 1


@dataclass(frozen=True, slots=True)
class SignInSettings:
    """Limits on guessing, by network and by account (whose password was right)."""

    per_network: Limits = Limits(free=10, window=600, first_delay=30, longest_delay=3600)
    per_account: Limits = Limits(free=5, window=3600, first_delay=30, longest_delay=3600)
    attempts_per_second: int = 20
    hashes_at_a_time: int = 2
    hashes_waiting: int = 16


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who came in, and whether a second factor has to be enrolled first."""

    name: str
    stage: Stage


class StaffSignIn:
    """Blocking (some 40 ms of hashing); safe from any thread and several processes."""

    def __init__(
        self,
        database: Database,
        pepper: bytes,
        clock: Clock,
        settings: SignInSettings = SignInSettings(),
        verifiers: Verifiers | None = None,
    ) -> None:
        self._database = database
        self._digests = Digests(pepper)
        self._seeds = Seeds(self._digests)
        self._clock = clock
        self._networks = Throttle(settings.per_network)
        self._accounts = Throttle(settings.per_account)
        self._gate = Gate(settings.attempts_per_second, settings.hashes_at_a_time, settings.hashes_waiting)
        self._verifiers = verifiers or Verifiers()

    def by_password(self, name: str, password: str, code: str, address: str) -> Admitted:
        """The account of this name and password, proven by a one-time code unless it has none yet.

        A set-up code stands for the password as long as it counts, and leads nowhere but to choosing one.
        `SignInRefused` for every failure, after the same work. A code counts once (RFC 6238 5.2).
        """
        network = self._network(address)
        self._refuse_blocked(network)
        row = self._checked(name.strip().lower(), password)
        verdict = self._database.write(lambda connection: self._judge(connection, row, code, network))
        if isinstance(verdict, int):
            raise SignInRefused(verdict)
        return verdict

    def confirm(self, name: str, code: str) -> bool:
        """Whether `code` proves the new seed of an account, which counts from then on."""

        def work(connection: sqlite3.Connection) -> bool:
            row = row_of(connection, name)
            if row["confirmed"] or row["set_up_until"] is not None or not self._use(connection, row, code):
                return False
            connection.execute("UPDATE staff SET confirmed = 1 WHERE name = ?", (name,))
            note(connection, "second factor enrolled", name, "kind=one-time codes")
            return True

        return self._database.write(work)

    def prove(self, name: str, password: str, address: str) -> None:
        """Let whoever is signed in show once more that they know the password.

        `SignInRefused` for a wrong one, which counts as it does at the door.
        """
        self.refuse_blocked(address)
        if self._checked(name, password) is None:
            raise self.refused(address)

    def refused(self, address: str) -> SignInRefused:
        """Count a failed attempt by another means (a passkey) against its network; returns what to raise."""
        network = self._network(address)
        wait = self._database.write(lambda connection: self._networks.fail(connection, network, seconds(self._clock())))
        return SignInRefused(wait)

    def refuse_blocked(self, address: str) -> None:
        """`SignInRefused` while the network has to wait."""
        self._refuse_blocked(self._network(address))

    def _network(self, address: str) -> str:
        return self._digests.network(f"desk {network_of(address)}")

    def _refuse_blocked(self, network: str) -> None:
        rows = self._database.read(WAIT, (network,))
        wait = self._networks.wait(rows[0] if rows else None, seconds(self._clock()))
        if wait:
            raise SignInRefused(wait)

    def _checked(self, name: str, password: str) -> sqlite3.Row | None:
        """The row whose password this is; one index probe and one Argon2id, whatever the name."""
        try:
            self._gate.admit()
            with self._gate.hashing():
                rows = self._database.read("SELECT * FROM staff WHERE name = ? AND disabled = 0", (name,))
                kept = rows[0]["password"] if rows else None
                fits = self._verifiers.fits(kept, self._digests.password(name, password))
        except Denied as busy:
            raise SignInRefused(busy.retry_after) from busy
        return rows[0] if fits else None

    def _judge(
        self, connection: sqlite3.Connection, found: sqlite3.Row | None, code: str, network: str
    ) -> Admitted | int:
        """Who came in, or seconds to wait; alone in its transaction, so that no race grants an extra guess."""
        now = seconds(self._clock())
        prune(connection, now)
        blocked = self._networks.wait(connection.execute(WAIT, (network,)).fetchone(), now)
        if blocked:
            return blocked
        row = self._unchanged(connection, found, now)
        if row is None:
            return self._networks.fail(connection, network, now)
        subject = f"staff {row['name']}"
        wait = self._accounts.wait(connection.execute(WAIT, (subject,)).fetchone(), now)
        if not wait and not _is_secured(connection, row):
            return Admitted(row["name"], "enrol")
        if not wait and row["confirmed"] and self._use(connection, row, code):
            forgive(connection, subject)
            return Admitted(row["name"], "full")
        by_account = wait or self._accounts.fail(connection, subject, now)
        if by_account and not wait:
            note(connection, "account locked", row["name"], f"seconds={by_account}")
        return max(by_account, self._networks.fail(connection, network, now))

    def _unchanged(self, connection: sqlite3.Connection, found: sqlite3.Row | None, now: int) -> sqlite3.Row | None:
        """The row as it is now, unless the password was changed, has lapsed, or the account ended since."""
        if found is None:
            return None
        sql = """
            SELECT * FROM staff WHERE name = ? AND password = ? AND disabled = 0
            AND (set_up_until IS NULL OR set_up_until >= ?)
        """
        row: sqlite3.Row | None = connection.execute(sql, (found["name"], found["password"], now)).fetchone()
        return row

    def _use(self, connection: sqlite3.Connection, row: sqlite3.Row, code: str) -> bool:
        """Whether `code` is one of the present ones and later than the last used; then it is used."""
        if row["seed"] is None:
            return False
        generator = pyotp.TOTP(self._seeds.opened(row["seed"]))
        typed = "".join(code.split())
        present = seconds(self._clock()) // _STEP_SECONDS
        for step in range(present - _STEPS_AROUND, present + _STEPS_AROUND + 1):
            if pyotp.utils.strings_equal(typed, generator.generate_otp(step)) and step > row["step"]:
                connection.execute("UPDATE staff SET step = ? WHERE name = ?", (step, row["name"]))
                return True
        return False


def _is_secured(connection: sqlite3.Connection, row: sqlite3.Row) -> bool:
    sql = "SELECT 1 FROM staff_passkey WHERE name = ? LIMIT 1"
    return bool(row["confirmed"]) or connection.execute(sql, (row["name"],)).fetchone() is not None
