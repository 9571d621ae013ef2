"""SQL truth values with their parameters, in the subset that SQLite and PostgreSQL share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Condition:
    """An SQL truth value with its parameters."""

    sql: str
    parameters: tuple[Any, ...] = ()

    def __and__(self, other: "Condition") -> "Condition":
        if self.sql == _TRUE:
            return other
        if other.sql == _TRUE:
            return self
        return Condition(f"({self.sql} AND {other.sql})", self.parameters + other.parameters)

    def __or__(self, other: "Condition") -> "Condition":
        return Condition(f"({self.sql} OR {other.sql})", self.parameters + other.parameters)


_TRUE: Final = "1 = 1"
ALWAYS: Final = Condition(_TRUE)
NEVER: Final = Condition("1 = 0")


def any_of(conditions: Sequence[Condition]) -> Condition:
    """Joined by OR as a balanced tree: databases limit the depth of an expression."""
    if not conditions:
        return NEVER
    if len(conditions) == 1:
        return conditions[0]
    middle = len(conditions) // 2
    return any_of(conditions[:middle]) | any_of(conditions[middle:])


def one_of(column: str, values: Sequence[Any]) -> Condition:
    """`column` holds one of these."""
    if not values:
        return NEVER
    if len(values) == 1:
        return Condition(f"{column} = ?", tuple(values))
    return Condition(f"{column} IN ({', '.join('?' * len(values))})", tuple(values))


def all_of(conditions: Sequence[Condition]) -> Condition:
    """Joined by AND, likewise."""
    if not conditions:
        return ALWAYS
    if len(conditions) == 1:
        return conditions[0]
    middle = len(conditions) // 2
    return all_of(conditions[:middle]) & all_of(conditions[middle:])
