"""Elements of request command sets beside those that every message has (PS3.7 annex E)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dimse import command as commands
from dimse.command import Command

Elements = list[tuple[int, bytes]]

PRIORITY: Final = 0x0700
MOVE_DESTINATION: Final = 0x0600
REMAINING: Final = 0x1020
COMPLETED: Final = 0x1021
FAILED: Final = 0x1022
WARNING: Final = 0x1023
MOVE_ORIGINATOR_AE_TITLE: Final = 0x1030
MOVE_ORIGINATOR_MESSAGE_ID: Final = 0x1031

_MEDIUM: Final = 0x0000


@dataclass(frozen=True, slots=True)
class MoveOriginator:
    """Whose C-MOVE a C-STORE belongs to (PS3.7 9.1.1.1.6): AE title, and the Message ID of the C-MOVE-RQ."""

    ae_title: str
    message_id: int


def request(
    field: int, sop_class_uid: str, *, priority: bool = False, more: Sequence[tuple[int, bytes]] = ()
) -> Elements:
    """The elements of a request of the kind `field` on a SOP class; with medium priority where it has one."""
    elements = [(commands.AFFECTED_SOP_CLASS_UID, uid(sop_class_uid)), (commands.COMMAND_FIELD, commands.uint2(field))]
    if priority:
        elements.append((PRIORITY, commands.uint2(_MEDIUM)))
    return [*elements, *more]


def uid(value: str) -> bytes:
    """A value of VR UI."""
    return commands.padded(value.encode("ascii", "replace"), b"\0")


def ae_title(value: str) -> bytes:
    """A value of VR AE."""
    return commands.padded(value.encode("ascii", "replace"), b" ")


def count(command: Command, element: int) -> int:
    """A number of sub-operations, 0 where the peer states none."""
    return int.from_bytes(command.elements.get(element, b"")[:2], "little")


def comment(command: Command) -> str:
    """The Error Comment (0000,0902), cleaned of what does not belong into a line of text; the peer's own words."""
    return "".join(letter for letter in command.text(commands.ERROR_COMMENT) if letter.isprintable())
