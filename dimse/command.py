"""DIMSE command sets: group 0000, always Implicit VR Little Endian (PS3.7 6.3.1, annex E)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from struct import Struct
from typing import Final

from dimse.pdu_protocol import INVALID_PARAMETER, ProtocolViolation

GROUP_LENGTH: Final = 0x0000
AFFECTED_SOP_CLASS_UID: Final = 0x0002
REQUESTED_SOP_CLASS_UID: Final = 0x0003
COMMAND_FIELD: Final = 0x0100
MESSAGE_ID: Final = 0x0110
MESSAGE_ID_RESPONDED_TO: Final = 0x0120
DATA_SET_TYPE: Final = 0x0800
STATUS: Final = 0x0900
OFFENDING_ELEMENT: Final = 0x0901
ERROR_COMMENT: Final = 0x0902
AFFECTED_SOP_INSTANCE_UID: Final = 0x1000
REQUESTED_SOP_INSTANCE_UID: Final = 0x1001
EVENT_TYPE_ID: Final = 0x1002
ACTION_TYPE_ID: Final = 0x1008

# Command fields (PS3.7 table E.1-1).
C_STORE_RQ: Final = 0x0001
C_GET_RQ: Final = 0x0010
C_FIND_RQ: Final = 0x0020
C_MOVE_RQ: Final = 0x0021
C_ECHO_RQ: Final = 0x0030
N_EVENT_REPORT_RQ: Final = 0x0100
N_ACTION_RQ: Final = 0x0130
C_CANCEL_RQ: Final = 0x0FFF
RESPONSE: Final = 0x8000

A_DATA_SET: Final = 0x0000
NO_DATA_SET: Final = 0x0101
LONGEST_COMMAND: Final = 65_536

_ELEMENT: Final = Struct("<HHI")
_UINT2: Final = Struct("<H")
_UINT4: Final = Struct("<I")


@dataclass(frozen=True, slots=True)
class Command:
    """A decoded command set: the values by their element number in group 0000."""

    elements: Mapping[int, bytes]

    @property
    def field(self) -> int:
        """The Command Field (0000,0100)."""
        return self.number(COMMAND_FIELD)

    @property
    def is_request(self) -> bool:
        """Whether it asks for an operation or notification, so that it has a Message ID and wants a response."""
        return not self.field & RESPONSE and self.field != C_CANCEL_RQ

    @property
    def message_id(self) -> int:
        """The Message ID (0000,0110)."""
        return self.number(MESSAGE_ID)

    @property
    def has_data_set(self) -> bool:
        """Whether a data set follows (0000,0800)."""
        return self.number(DATA_SET_TYPE) != NO_DATA_SET

    def number(self, element: int) -> int:
        """The value of an element with VR US. Raises `ProtocolViolation` when it is missing or malformed."""
        value = self.elements.get(element, b"")
        if len(value) != _UINT2.size:
            raise ProtocolViolation(f"the command has no usable element (0000,{element:04X})", INVALID_PARAMETER)
        number: int = _UINT2.unpack(value)[0]
        return number

    def text(self, element: int) -> str:
        """The value of an element with VR UI or AE without its padding; empty when it is missing."""
        return self.elements.get(element, b"").decode("ascii", errors="replace").strip("\0 ")


def decode(data: bytes) -> Command:
    """Decode a complete command set. Raises `ProtocolViolation`."""
    elements: dict[int, bytes] = {}
    offset, end = 0, len(data)
    while offset < end:
        if end - offset < _ELEMENT.size:
            raise ProtocolViolation("the command set is cut short", INVALID_PARAMETER)
        group, element, length = _ELEMENT.unpack_from(data, offset)
        offset += _ELEMENT.size
        if group != 0 or length > end - offset:
            raise ProtocolViolation("the command set is malformed", INVALID_PARAMETER)
        elements[element] = data[offset : offset + length]
        offset += length
    return Command(elements)


def encode(elements: Iterable[tuple[int, bytes]]) -> bytes:
    """A command set of these elements (ascending, each of even length), its group length in front."""
    body = b"".join(_ELEMENT.pack(0, element, len(value)) + value for element, value in elements)
    return _ELEMENT.pack(0, GROUP_LENGTH, 4) + _UINT4.pack(len(body)) + body


def uint2(number: int) -> bytes:
    """A value of VR US."""
    return _UINT2.pack(number)


def padded(value: bytes, padding: bytes) -> bytes:
    """`value` made even in length."""
    return value + padding if len(value) % 2 else value
