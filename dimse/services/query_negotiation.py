"""SOP class extended negotiation of the C-FIND classes (PS3.4 C.5.1.1): what a peer asks for, and gets."""

from dataclasses import dataclass
from typing import Final

# By byte of the service class application information (PS3.4 tables C.5-1 and C.5-2).
_RELATIONAL_QUERIES: Final = 0
_COMBINED_DATE_TIME: Final = 1
# Relational queries, combined date-time, empty value and multiple value matching; neither fuzzy matching of names, time
# zone adjustment, nor views of enhanced images.
_OFFERED: Final = bytes((1, 1, 0, 0, 0, 1, 1))


@dataclass(frozen=True, slots=True)
class Agreed:
    """What was agreed for one SOP class. Empty and multiple values are matched whether agreed or not."""

    relational_queries: bool = False
    combined_date_time: bool = False

    @classmethod
    def read(cls, information: bytes) -> "Agreed":
        """From the application information of our answer; b"" when nothing was negotiated."""
        return cls(*(information[at : at + 1] == b"\1" for at in (_RELATIONAL_QUERIES, _COMBINED_DATE_TIME)))


def answer(proposed: bytes) -> bytes:
    """Our application information for what a requestor has proposed: of what it asks for, what is offered."""
    return bytes(wanted & offered for wanted, offered in zip(proposed, _OFFERED, strict=False))
