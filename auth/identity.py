"""From an access code or QR token and a birth date to a share, in a way that tells a guesser nothing.

Guessing is prevented by the 75 bits of the code; the throttles are a second line. A stranger's failures count against
his network only. Failures count against a share only where the code was right, so nobody without the sheet can
lock a patient out (OWASP ASVS 5.0 6.1.1), and the birth date is a brake for finders of a sheet, no factor (6.4.2).
"""

import hmac
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from auth.birth_date import parse_birth_date
from auth.clock import Clock, seconds
from auth.codes import normalise, normalise_token
from auth.digests import Digests, Verifiers
from auth.errors import Denied
from auth.network import network_of
from auth.records import Share, end_sessions, lapse, row_of, share_of_row, state_of_row, throttle_subject
from auth.throttle import WAIT, Gate, Limits, Throttle, forgive, prune
from storage.audit import note, note_once
from storage.database import Database

__all__ = ["Denied", "Identification", "IdentitySettings", "parse_birth_date"]

_log = logging.getLogger("durchblick.auth")

_NOBODYS_BIRTH_DATE: Final = "0" * 64
_MOST_NETWORKS: Final = 1000
_NETWORK_NAME: Final = 12
_FAILED_NETWORKS: Final = """
SELECT count(*) FROM (SELECT 1 FROM audit_once WHERE event = 'sign-in failed' LIMIT ?)
"""


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    """Limits on guessing. `lifetime_failures` wrong birth dates with the right code freeze a share."""

    per_network: Limits = Limits(free=20, window=600, first_delay=30, longest_delay=3600)
    per_credential: Limits = Limits(free=5, window=3600, first_delay=30, longest_delay=3600)
    lifetime_failures: int = 15
    attempts_per_second: int = 50
    hashes_at_a_time: int = 2
    hashes_waiting: int = 32


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What is known once the secret was looked up; `share_id` is empty when it opens nothing."""

    network: str
    subject: str
    birth_date: str
    share_id: str = ""
    issue: int = 0


@dataclass(frozen=True, slots=True)
class _Verdict:
    """A share, or how many seconds to wait and whether this failure froze the share."""

    share: Share | None = None
    retry_after: int = 0
    froze: bool = False


class Identification:
    """The patient's side of shares. Blocking (some 40 ms of hashing); safe from any thread and several processes."""

    def __init__(
        self,
        database: Database,
        pepper: bytes,
        clock: Clock,
        settings: IdentitySettings = IdentitySettings(),
        verifiers: Verifiers | None = None,
    ) -> None:
        self._database = database
        self._digests = Digests(pepper)
        self._clock = clock
        self._lifetime_failures = settings.lifetime_failures
        self._networks = Throttle(settings.per_network)
        self._credentials = Throttle(settings.per_credential)
        self._gate = Gate(settings.attempts_per_second, settings.hashes_at_a_time, settings.hashes_waiting)
        self._verifiers = verifiers or Verifiers()

    def by_code(self, code: str, birth_date: str, network: str) -> Share:
        """The live share of a typed code and a birth date (YYYYMMDD) for a caller at the address `network`.

        Raises `MalformedCode` for what cannot be a code (that is no guess and costs nothing), and `Denied` for every
        other failure, after the same work.
        """
        written = normalise(code)
        return self._identify(written, lambda: self._find_by_code(written), birth_date, network)

    def by_token(self, token: str, birth_date: str, network: str) -> Share:
        """The live share of a QR token and a birth date (YYYYMMDD) for a caller at the address `network`; or `Denied`.

        A token has 128 bits, so that a keyed digest finds it and no costly hash is needed.
        """
        written = normalise_token(token)
        return self._identify(written, lambda: self._find_by_token(written), birth_date, network)

    def confirm(self, share: Share, birth_date: str) -> None:
        """Let whoever is signed in show once more that they know the birth date (YYYYMMDD); or `Denied`.

        A wrong one counts as it does at the door, and in the end freezes the share.
        """
        attempt = _Attempt("", throttle_subject(share.id), birth_date, share.id, share.issue)
        verdict = self._database.write(lambda connection: self._judge_confirmation(connection, attempt))
        if not verdict.share:
            raise Denied(verdict.retry_after)

    def _judge_confirmation(self, connection: sqlite3.Connection, attempt: _Attempt) -> _Verdict:
        now = seconds(self._clock())
        row = row_of(connection, attempt.share_id)
        wait = self._credentials.wait(connection.execute(WAIT, (attempt.subject,)).fetchone(), now)
        if wait or state_of_row(row, now) != "live":
            return _Verdict(retry_after=wait)
        if self._is_birth_date(row, attempt):
            return _Verdict(share_of_row(row, now))
        froze = self._count_against(connection, row)
        return _Verdict(retry_after=self._credentials.fail(connection, attempt.subject, now), froze=froze)

    def _identify(
        self, credential: str, find: Callable[[], sqlite3.Row | None], birth_date: str, address: str
    ) -> Share:
        network = self._digests.network(network_of(address))
        self._refuse_blocked(network)
        self._gate.admit()
        row = find()
        if row is None:
            attempt = _Attempt(network, self._digests.attempt(credential), birth_date)
        else:
            attempt = _Attempt(network, throttle_subject(row["id"]), birth_date, row["id"], row["issue"])
        verdict = self._database.write(lambda connection: self._judge(connection, attempt))
        if verdict.share:
            _log.info("share opened share=%s", verdict.share.id)
            return verdict.share
        if verdict.froze:
            _log.warning("share frozen share=%s", attempt.share_id)
        _log.info("identification denied retry_after=%d", verdict.retry_after)
        raise Denied(verdict.retry_after)

    def _refuse_blocked(self, network: str) -> None:
        rows = self._database.read(WAIT, (network,))
        wait = self._networks.wait(rows[0] if rows else None, seconds(self._clock()))
        if wait:
            raise Denied(wait)

    def _find_by_code(self, code: str) -> sqlite3.Row | None:
        """One index probe and one Argon2id, whatever the code."""
        rest = self._digests.rest(code)
        with self._gate.hashing():
            rows = self._database.read(
                "SELECT id, issue, verifier FROM share WHERE selector = ?", (self._digests.selector(code),)
            )
            fits = self._verifiers.fits(rows[0]["verifier"] if rows else None, rest)
        return rows[0] if fits else None

    def _find_by_token(self, token: str) -> sqlite3.Row | None:
        rows = self._database.read("SELECT id, issue FROM share WHERE token = ?", (self._digests.token(token),))
        return rows[0] if rows else None

    def _judge(self, connection: sqlite3.Connection, attempt: _Attempt) -> _Verdict:
        """Judge and count; alone in its transaction, so that no race grants an extra guess."""
        now = seconds(self._clock())
        lapse(connection, now)
        prune(connection, now)
        blocked = self._networks.wait(connection.execute(WAIT, (attempt.network,)).fetchone(), now)
        if blocked:
            return _Verdict(retry_after=blocked)
        row = connection.execute(
            "SELECT * FROM share_seen WHERE id = ? AND issue = ?", (attempt.share_id, attempt.issue)
        ).fetchone()
        wait = self._credentials.wait(connection.execute(WAIT, (attempt.subject,)).fetchone(), now)
        state = "unknown" if row is None else state_of_row(row, now)
        open_now = state == "live" and not wait
        if self._is_birth_date(row, attempt) and open_now:
            forgive(connection, attempt.subject)
            return _Verdict(share_of_row(row, now))
        froze = open_now and self._count_against(connection, row)
        by_network = self._networks.fail(connection, attempt.network, now)
        by_credential = wait or self._credentials.fail(connection, attempt.subject, now)
        _note_network(connection, attempt.network, by_network)
        if row is not None and not wait:
            _note_refusal(connection, attempt.share_id, state, by_credential)
        return _Verdict(retry_after=max(by_network, by_credential), froze=froze)

    def _is_birth_date(self, row: sqlite3.Row | None, attempt: _Attempt) -> bool:
        kept = _NOBODYS_BIRTH_DATE if row is None else row["birth_date"]
        return hmac.compare_digest(kept, self._digests.birth_date(attempt.share_id, attempt.birth_date))

    def _count_against(self, connection: sqlite3.Connection, row: sqlite3.Row) -> bool:
        """Count a wrong birth date; whether the share is frozen by it."""
        failures = row["failures"] + 1
        frozen: bool = failures >= self._lifetime_failures
        connection.execute("UPDATE share SET failures = ?, frozen = ? WHERE id = ?", (failures, int(frozen), row["id"]))
        note(connection, "birth date wrong", row["id"], f"failures={failures}")
        if frozen:
            end_sessions(connection, row["id"])
            note(connection, "share frozen", row["id"])
        return frozen


def _note_network(connection: sqlite3.Connection, network: str, delay: int) -> None:
    """Audit the first failure of a network in a day, and each time it has to wait.

    From so many addresses that nobody would read them all, no more are noted: nobody can fill the table.
    """
    (networks,) = connection.execute(_FAILED_NETWORKS, (_MOST_NETWORKS,)).fetchone()
    actor = f"network {network[:_NETWORK_NAME]}"
    if networks < _MOST_NETWORKS:
        note_once(connection, "sign-in failed", "portal", actor=actor)
    if delay:
        note(connection, "network blocked", "portal", f"seconds={delay}", actor=actor)


def _note_refusal(connection: sqlite3.Connection, share_id: str, state: str, delay: int) -> None:
    """Audit a refusal of the right code. None is noted while its share waits, so that nobody can fill the table."""
    if state != "live":
        note(connection, "share refused", share_id, f"state={state}")
    if delay:
        note(connection, "share locked", share_id, f"seconds={delay}")
