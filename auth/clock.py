"""Time as `auth` takes it: from a callable that is passed in, so that tests can set it."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present as an aware datetime in UTC."""


def system_clock() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


def seconds(moment: datetime) -> int:
    """Whole seconds since 1970, as the tables of `auth` keep moments."""
    return int(moment.timestamp())


def moment(timestamp: int) -> datetime:
    """The aware datetime in UTC of whole seconds since 1970."""
    return datetime.fromtimestamp(timestamp, UTC)
