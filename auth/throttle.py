"""Brakes on guessing: a counter per subject in the database, and a gate in front of the costly hash.

Counters live in the database, so that processes share them and a restart forgives nobody. Subjects are keyed
digests or share ids; no address of a caller is kept.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from auth.errors import Denied

WAIT: Final = "SELECT failures, blocked_until, forget_at FROM throttle WHERE subject = ?"


@dataclass(frozen=True, slots=True)
class Limits:
    """`free` failures within `window` seconds cost nothing; the last of them and each later one doubles the delay.

    Delays go from `first_delay` to `longest_delay` seconds. All is forgotten after a quiet `window` beyond the delay.
    """

    free: int
    window: int
    first_delay: int
    longest_delay: int

    def delay(self, failures: int) -> int:
        """Seconds to wait after that many failures."""
        beyond = failures - self.free
        if beyond < 0:
            return 0
        return min(self.longest_delay, self.first_delay << min(beyond, 32))


class Throttle:
    """Counts failures by subject. Works inside the caller's transaction."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def wait(self, row: sqlite3.Row | None, now: int) -> int:
        """Seconds until the subject of this row of `WAIT` may try again; 0 for at once."""
        if row is None:
            return 0
        # A longer wait than any this throttle orders was written by a clock that has since gone back.
        remaining: int = row["blocked_until"] - now
        return remaining if 0 < remaining <= self._limits.longest_delay else 0

    def fail(self, connection: sqlite3.Connection, subject: str, now: int) -> int:
        """Count a failure and return the seconds to wait because of it."""
        row = connection.execute(WAIT, (subject,)).fetchone()
        known = row is not None and row["forget_at"] > now
        failures = row["failures"] + 1 if known else 1
        delay = self._limits.delay(failures)
        forget_at = row["forget_at"] if known and not delay else now + delay + self._limits.window
        connection.execute(
            "INSERT INTO throttle (subject, failures, blocked_until, forget_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (subject) DO UPDATE SET failures = excluded.failures,"
            " blocked_until = excluded.blocked_until, forget_at = excluded.forget_at",
            (subject, failures, now + delay, forget_at),
        )
        return delay


def forgive(connection: sqlite3.Connection, subject: str) -> None:
    """Forget a subject's failures."""
    connection.execute("DELETE FROM throttle WHERE subject = ?", (subject,))


def prune(connection: sqlite3.Connection, now: int) -> None:
    """Drop what is forgotten anyway."""
    connection.execute("DELETE FROM throttle WHERE forget_at <= ?", (now,))


class Gate:
    """Lets a bounded number of attempts a second through, and a bounded number of them hash at a time.

    One per process: it protects the machine, not the secrets.
    """

    def __init__(self, rate: int, hashes: int, queue: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`rate` attempts a second (bursts of twice as many), `hashes` at a time, at most `queue` waiting."""
        self._rate = rate
        self._burst = 2.0 * rate
        self._tokens = self._burst
        self._monotonic = monotonic
        self._refilled = monotonic()
        self._lock = threading.Lock()
        self._hashing = threading.BoundedSemaphore(hashes)
        self._waiting = threading.BoundedSemaphore(hashes + queue)

    def admit(self) -> None:
        """Take one attempt out of the bucket; `Denied` for a second when it is empty."""
        with self._lock:
            now = self._monotonic()
            self._tokens = min(self._burst, self._tokens + (now - self._refilled) * self._rate)
            self._refilled = now
            if self._tokens < 1:
                raise Denied(retry_after=1)
            self._tokens -= 1

    @contextmanager
    def hashing(self) -> Iterator[None]:
        """Hold one of the places for hashing; `Denied` for a second when too many wait for one."""
        if not self._waiting.acquire(blocking=False):
            raise Denied(retry_after=1)
        try:
            with self._hashing:
                yield
        finally:
            self._waiting.release()
