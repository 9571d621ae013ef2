"""SOP class extended negotiation of the C-FIND classes (PS3.4 C.5.1.1): what a peer asks for, and gets."""

from dataclasses import dataclass
from typing import Final

# By byte of the service class application information (PS3.4 tables C.5-1 and C.5-2).
_RELATIONAL_QUERIES: Final = 0
_COMBINED_DATE_TIME: Final = 1
_FUZZY_NAMES: Final = 2
_MULTIPLE_VALUES: Final = 6
# All but time zone adjustment (which is of responses too) and views of enhanced images.
_OFFERED: Final = bytes((1, 1, 1, 0, 0, 1, 1))


@dataclass(frozen=True, slots=True)
class Agreed:
    """What was agreed for one SOP class. Empty values are matched whether agreed or not.

    Of multiple values any one matches, as PS3.4 C.2.2.2.8 leaves open, until it is agreed that each has to.
    """

    relational_queries: bool = False
    combined_date_time: bool = False
    fuzzy_names: bool = False
    multiple_values: bool = False

    @classmethod
    def read(cls, information: bytes) -> "Agreed":
        """From the application information of our answer; b"" when nothing was negotiated."""
        places = (_RELATIONAL_QUERIES, _COMBINED_DATE_TIME, _FUZZY_NAMES, _MULTIPLE_VALUES)
        return cls(*(information[at : at + 1] == b"\1" for at in places))


def answer(proposed: bytes) -> bytes:
    """Our application information for what a requestor has proposed: of what it asks for, what is offered."""
    return bytes(wanted & offered for wanted, offered in zip(proposed, _OFFERED, strict=False))
