"""The items that A-ASSOCIATE PDUs are made of, in both directions (PS3.8 9.3.2, 9.3.3; PS3.7 annex D)."""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final

from dimse.pdu_protocol import INVALID_PARAMETER, ProtocolViolation

APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"

ACCEPTED: Final = 0
ABSTRACT_SYNTAX_NOT_SUPPORTED: Final = 3
TRANSFER_SYNTAXES_NOT_SUPPORTED: Final = 4

APPLICATION_CONTEXT_ITEM: Final = 0x10
PROPOSED_CONTEXT_ITEM: Final = 0x20
ANSWERED_CONTEXT_ITEM: Final = 0x21
ABSTRACT_SYNTAX_ITEM: Final = 0x30
TRANSFER_SYNTAX_ITEM: Final = 0x40
USER_INFORMATION_ITEM: Final = 0x50
MAXIMUM_LENGTH_ITEM: Final = 0x51
IMPLEMENTATION_CLASS_ITEM: Final = 0x52
OPERATIONS_WINDOW_ITEM: Final = 0x53
ROLE_SELECTION_ITEM: Final = 0x54
IMPLEMENTATION_VERSION_ITEM: Final = 0x55
EXTENDED_NEGOTIATION_ITEM: Final = 0x56
USER_IDENTITY_ITEM: Final = 0x58
USER_IDENTITY_ANSWER_ITEM: Final = 0x59

FIXED_LENGTH: Final = 68
"""Bytes of A-ASSOCIATE-RQ and -AC between the length field and the first item."""

HEADER: Final = Struct(">BxIHxx")
_ITEM: Final = Struct(">BxH")
_UINT2: Final = Struct(">H")
_UINT4: Final = Struct(">I")


@dataclass(frozen=True, slots=True)
class Role:
    """SCP/SCU role selection for one SOP class: the roles of the requestor (PS3.7 D.3.3.4)."""

    sop_class_uid: str
    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True)
class Extended:
    """SOP class extended negotiation: the service class application information (PS3.7 D.3.3.5)."""

    sop_class_uid: str
    information: bytes


def items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and value of each item in `data`. Raises `ProtocolViolation`."""
    offset = 0
    while offset < len(data):
        if len(data) - offset < _ITEM.size:
            raise ProtocolViolation("an item of the A-ASSOCIATE PDU is cut short", INVALID_PARAMETER)
        kind, length = _ITEM.unpack_from(data, offset)
        offset += _ITEM.size
        if length > len(data) - offset:
            raise ProtocolViolation("an item of the A-ASSOCIATE PDU is longer than the PDU", INVALID_PARAMETER)
        yield kind, data[offset : offset + length]
        offset += length


def joined(found: list[tuple[int, bytes]], wanted: int) -> bytes:
    """The values of all items of one type, behind one another: the value itself where there may only be one."""
    return b"".join(value for kind, value in found if kind == wanted)


def text(data: bytes) -> str:
    """A UID, AE title or name without its padding."""
    return data.decode("ascii", errors="replace").strip("\0 ")


def longest_pdu(value: bytes) -> int:
    """The maximum length sub-item; 0 for no limit, also where it is missing (PS3.8 D.1)."""
    if not value:
        return 0
    if len(value) != _UINT4.size:
        raise ProtocolViolation("the maximum length sub-item is malformed", INVALID_PARAMETER)
    longest: int = _UINT4.unpack(value)[0]
    if 0 < longest <= 6:
        raise ProtocolViolation("the maximum length leaves no room for any data", INVALID_PARAMETER)
    return longest


def role(value: bytes) -> Role:
    """A role selection sub-item (PS3.7 table D.3-9)."""
    length = _UINT2.unpack_from(value)[0] if len(value) >= 2 else -1
    if len(value) != length + 4:
        raise ProtocolViolation("a role selection sub-item is malformed", INVALID_PARAMETER)
    return Role(text(value[2:-2]), scu=value[-2] == 1, scp=value[-1] == 1)


def extended(value: bytes) -> Extended | None:
    """An extended negotiation sub-item (PS3.7 table D.3-11); None for a malformed one, which nobody needs."""
    length = _UINT2.unpack_from(value)[0] if len(value) >= 2 else len(value)
    if 2 + length > len(value):
        return None
    return Extended(text(value[2 : 2 + length]), value[2 + length :])


def encode_item(kind: int, value: bytes) -> bytes:
    """One item."""
    return _ITEM.pack(kind, len(value)) + value


def encode_name(kind: int, name: str) -> bytes:
    """One item that holds a UID or a name."""
    return encode_item(kind, name.encode("ascii", errors="replace"))


def encode_longest_pdu(longest: int) -> bytes:
    """A maximum length sub-item."""
    return encode_item(MAXIMUM_LENGTH_ITEM, _UINT4.pack(longest))


def encode_role(selected: Role) -> bytes:
    """A role selection sub-item."""
    name = selected.sop_class_uid.encode("ascii", errors="replace")
    return encode_item(ROLE_SELECTION_ITEM, _UINT2.pack(len(name)) + name + bytes((selected.scu, selected.scp)))


def encode_extended(negotiated: Extended) -> bytes:
    """An extended negotiation sub-item."""
    name = negotiated.sop_class_uid.encode("ascii", errors="replace")
    return encode_item(EXTENDED_NEGOTIATION_ITEM, _UINT2.pack(len(name)) + name + negotiated.information)
