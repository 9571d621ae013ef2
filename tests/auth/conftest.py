"""One household for all tests of `auth`: a database, a clock that stands until it is moved, a cheap Argon2id."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auth.digests import Verifiers
from auth.identity import Identification, IdentitySettings
from auth.records import Share
from auth.requests import Requests
from auth.schema import MIGRATIONS
from auth.sessions import Sessions
from auth.shares import Issued, Shares
from auth.staff import Staff
from auth.staff_administration import Administration
from auth.staff_sessions import StaffSessions
from auth.staff_sign_in import SignInSettings, StaffSignIn
from auth.tokens import Tokens
from auth.viewer_passes import ViewerPasses
from storage import schema
from storage.database import Database
from storage.scope import ListedStudies, PatientIdentity

BIRTH_DATE = "19500131"
WRONG_BIRTH_DATE = "19500130"
HOME = "192.0.2.1"
PEPPER = bytes(range(32))
VIEWER_SECONDS = 3600
STUDIES = ListedStudies(frozenset({"1.2.3", "1.2.4"}))
PATIENT = PatientIdentity("TEST-1", "", BIRTH_DATE)


class StandingClock:
    """Tells the same moment until a test moves it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float = 0, *, days: float = 0) -> None:
        self.now += timedelta(seconds=seconds, days=days)


class CountingVerifiers(Verifiers):
    """Argon2id at its cheapest, counting how often a guess cost one."""

    def __init__(self) -> None:
        super().__init__(memory_kib=8, passes=1)
        self.calls = 0

    def fits(self, verifier: str | None, rest: str) -> bool:
        self.calls += 1
        return super().fits(verifier, rest)


@dataclass(frozen=True, slots=True)
class Household:
    """Every service of `auth` over one database, as `gateway` puts them together."""

    folder: Path
    database: Database
    clock: StandingClock
    verifiers: CountingVerifiers
    shares: Shares
    identification: Identification
    sessions: Sessions
    tokens: Tokens
    viewer_passes: ViewerPasses
    requests: Requests
    staff: Staff
    administration: Administration
    staff_sessions: StaffSessions
    staff_sign_in: StaffSignIn

    def share(self, days: int = 90) -> Issued:
        return self.shares.create(STUDIES, BIRTH_DATE, days)

    def sign_in(self, issued: Issued, network: str = HOME) -> str:
        """The cookie of a new session."""
        return self.sessions.begin(self.identification.by_code(issued.code, BIRTH_DATE, network))

    def share_of(self, cookie: str) -> Share | None:
        """What the bearer of this cookie may see, if anything."""
        session = self.sessions.session_of(cookie)
        return session.share if session else None

    def audited(self, subject: str) -> list[str]:
        """What the audit says of a subject, in its order, each event with its detail."""
        rows = self.database.read("SELECT event, detail FROM audit WHERE subject = ? ORDER BY id", (subject,))
        return [" ".join(filter(None, row)) for row in rows]


def household(folder: Path, clock: StandingClock, attempts_per_second: int = 50) -> Household:
    """Another process's view of the same folder."""
    database = Database(folder / "durchblick.sqlite")
    database.migrate(schema.MIGRATIONS)
    database.migrate(MIGRATIONS)
    verifiers = CountingVerifiers()
    return Household(
        folder,
        database,
        clock,
        verifiers,
        Shares(database, PEPPER, clock, verifiers),
        Identification(database, PEPPER, clock, IdentitySettings(attempts_per_second=attempts_per_second), verifiers),
        Sessions(database, clock),
        Tokens(database, clock),
        ViewerPasses(database, clock, VIEWER_SECONDS),
        Requests(database, clock),
        Staff(database, PEPPER, clock, verifiers),
        Administration(database, PEPPER, clock, verifiers),
        StaffSessions(database, clock),
        StaffSignIn(
            database, PEPPER, clock, SignInSettings(attempts_per_second=attempts_per_second), verifiers=verifiers
        ),
    )


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def house(tmp_path: Path, clock: StandingClock) -> Iterator[Household]:
    made = household(tmp_path, clock, attempts_per_second=100_000)
    yield made
    made.database.close()
