"""A question to the index in the words of PS3.4 C.2.2.2 and PS3.18 8.3.4, common to QIDO-RS and C-FIND."""

from dataclasses import dataclass

from storage.attributes import Attribute, Level


@dataclass(frozen=True, slots=True)
class Match:
    """One matching key: an instance matches when its value matches any of `values`.

    Values are as the peer sent them, decoded: with wildcards and ranges where the attribute's matching has them. No
    value, or only empty ones, is universal matching. A value that cannot be read (a month 13a) matches nothing.
    """

    attribute: Attribute
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched at which level, which further attributes are wanted, and which part of the answer."""

    level: Level
    matches: tuple[Match, ...] = ()
    include: frozenset[str] = frozenset()
    """Tags (8 hexadecimal digits, upper case) to be returned where known, beside those always returned."""
    include_all: bool = False
    limit: int | None = None
    offset: int = 0

    def __post_init__(self) -> None:
        if any(match.attribute.level > self.level for match in self.matches):
            raise ValueError("a matching key lies below the level of the query")

    def single_uid(self, tag: str) -> bool:
        """Whether the query names exactly one value for the UID `tag`, so that the answer lies below that one."""
        return any(match.attribute.tag == tag and len(match.values) == 1 for match in self.matches)
