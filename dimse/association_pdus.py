"""A-ASSOCIATE-RQ and A-ASSOCIATE-AC: what a peer proposes and what we answer (PS3.8 9.3.2, 9.3.3; PS3.7 annex D).

Items of a kind that we do not know are skipped, as PS3.8 9.3.1 demands. (pynetdicom's decoder fails on them, which is
why it is not used here; the tests hold both against each other.)
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final

from dimse.pdu_protocol import ASSOCIATE_AC, INVALID_PARAMETER, ProtocolViolation

APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"

ACCEPTED: Final = 0
ABSTRACT_SYNTAX_NOT_SUPPORTED: Final = 3
TRANSFER_SYNTAXES_NOT_SUPPORTED: Final = 4

_APPLICATION_CONTEXT_ITEM: Final = 0x10
_PROPOSED_CONTEXT_ITEM: Final = 0x20
_ANSWERED_CONTEXT_ITEM: Final = 0x21
_ABSTRACT_SYNTAX_ITEM: Final = 0x30
_TRANSFER_SYNTAX_ITEM: Final = 0x40
_USER_INFORMATION_ITEM: Final = 0x50
_MAXIMUM_LENGTH_ITEM: Final = 0x51
_IMPLEMENTATION_CLASS_ITEM: Final = 0x52
_ROLE_SELECTION_ITEM: Final = 0x54
_IMPLEMENTATION_VERSION_ITEM: Final = 0x55

_FIXED_LENGTH: Final = 68
_ITEM: Final = Struct(">BxH")
_HEADER: Final = Struct(">BxIHxx")
_UINT2: Final = Struct(">H")
_UINT4: Final = Struct(">I")


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """A presentation context as proposed (PS3.8 9.3.2.2)."""

    id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnsweredContext:
    """A presentation context with our result and the one transfer syntax (PS3.8 9.3.3.2)."""

    id: int
    result: int
    abstract_syntax: str
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class Role:
    """SCP/SCU role selection for one SOP class (PS3.7 D.3.3.4)."""

    sop_class_uid: str
    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True)
class AssociationRequest:
    """A decoded A-ASSOCIATE-RQ; AE titles without surrounding spaces; `longest_pdu` 0 means no limit.

    `echoed` are the 64 bytes from the called AE title on, which the answer must repeat (PS3.8 table 9-17).
    """

    protocol_version: int
    called_ae_title: str
    calling_ae_title: str
    application_context: str
    contexts: tuple[ProposedContext, ...]
    longest_pdu: int
    roles: tuple[Role, ...]
    implementation: str
    echoed: bytes


def decode_request(body: bytes) -> AssociationRequest:
    """Decode what follows the length field of an A-ASSOCIATE-RQ PDU. Raises `ProtocolViolation`."""
    if len(body) < _FIXED_LENGTH:
        raise ProtocolViolation("the A-ASSOCIATE-RQ is too short", INVALID_PARAMETER)
    items = list(_items(body[_FIXED_LENGTH:]))
    user = list(_items(_joined(items, _USER_INFORMATION_ITEM)))
    return AssociationRequest(
        protocol_version=_UINT2.unpack_from(body)[0],
        called_ae_title=_text(body[4:20]),
        calling_ae_title=_text(body[20:36]),
        application_context=_text(_joined(items, _APPLICATION_CONTEXT_ITEM)),
        contexts=_contexts(value for kind, value in items if kind == _PROPOSED_CONTEXT_ITEM),
        longest_pdu=_longest_pdu(_joined(user, _MAXIMUM_LENGTH_ITEM)),
        roles=tuple(_role(value) for kind, value in user if kind == _ROLE_SELECTION_ITEM),
        implementation=_text(_joined(user, _IMPLEMENTATION_VERSION_ITEM)),
        echoed=body[4:_FIXED_LENGTH],
    )


def encode_accept(
    request: AssociationRequest,
    contexts: Iterable[AnsweredContext],
    *,
    roles: Iterable[Role] = (),
    longest_pdu: int,
    implementation_class_uid: str,
    implementation_version: str,
) -> bytes:
    """The A-ASSOCIATE-AC PDU, `roles` being our answers to the ones that were proposed."""
    items = [_encode_item(_APPLICATION_CONTEXT_ITEM, APPLICATION_CONTEXT.encode())]
    items += [_encode_context(context) for context in contexts]
    user = [
        _encode_item(_MAXIMUM_LENGTH_ITEM, _UINT4.pack(longest_pdu)),
        _encode_item(_IMPLEMENTATION_CLASS_ITEM, implementation_class_uid.encode()),
        *(_encode_role(role) for role in roles),
        _encode_item(_IMPLEMENTATION_VERSION_ITEM, implementation_version.encode()),
    ]
    items.append(_encode_item(_USER_INFORMATION_ITEM, b"".join(user)))
    variable = b"".join(items)
    return _HEADER.pack(ASSOCIATE_AC, _FIXED_LENGTH + len(variable), 1) + request.echoed + variable


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset < len(data):
        if len(data) - offset < _ITEM.size:
            raise ProtocolViolation("an item of the A-ASSOCIATE-RQ is cut short", INVALID_PARAMETER)
        kind, length = _ITEM.unpack_from(data, offset)
        offset += _ITEM.size
        if length > len(data) - offset:
            raise ProtocolViolation("an item of the A-ASSOCIATE-RQ is longer than the PDU", INVALID_PARAMETER)
        yield kind, data[offset : offset + length]
        offset += length


def _joined(items: list[tuple[int, bytes]], wanted: int) -> bytes:
    return b"".join(value for kind, value in items if kind == wanted)


def _text(data: bytes) -> str:
    return data.decode("ascii", errors="replace").strip("\0 ")


def _contexts(values: Iterable[bytes]) -> tuple[ProposedContext, ...]:
    contexts: dict[int, ProposedContext] = {}
    for value in values:
        context = _context(value)
        if context.id % 2 == 0 or context.id in contexts:
            raise ProtocolViolation("a presentation context ID is even or used twice", INVALID_PARAMETER)
        contexts[context.id] = context
    if not contexts:
        raise ProtocolViolation("no presentation context is proposed", INVALID_PARAMETER)
    return tuple(contexts.values())


def _context(value: bytes) -> ProposedContext:
    if len(value) < 4:
        raise ProtocolViolation("a presentation context is cut short", INVALID_PARAMETER)
    items = list(_items(value[4:]))
    syntaxes = tuple(_text(data) for kind, data in items if kind == _TRANSFER_SYNTAX_ITEM)
    return ProposedContext(value[0], _text(_joined(items, _ABSTRACT_SYNTAX_ITEM)), syntaxes)


def _longest_pdu(value: bytes) -> int:
    if not value:
        return 0
    if len(value) != _UINT4.size:
        raise ProtocolViolation("the maximum length sub-item is malformed", INVALID_PARAMETER)
    longest: int = _UINT4.unpack(value)[0]
    if 0 < longest <= 6:
        raise ProtocolViolation("the maximum length leaves no room for any data", INVALID_PARAMETER)
    return longest


def _role(value: bytes) -> Role:
    length = _UINT2.unpack_from(value)[0] if len(value) >= 2 else -1
    if len(value) != length + 4:
        raise ProtocolViolation("a role selection sub-item is malformed", INVALID_PARAMETER)
    return Role(_text(value[2:-2]), scu=value[-2] == 1, scp=value[-1] == 1)


def _encode_item(kind: int, value: bytes) -> bytes:
    return _ITEM.pack(kind, len(value)) + value


def _encode_context(context: AnsweredContext) -> bytes:
    syntax = _encode_item(_TRANSFER_SYNTAX_ITEM, context.transfer_syntax.encode("ascii", errors="replace"))
    return _encode_item(_ANSWERED_CONTEXT_ITEM, bytes((context.id, 0, context.result, 0)) + syntax)


def _encode_role(role: Role) -> bytes:
    name = role.sop_class_uid.encode("ascii", errors="replace")
    return _encode_item(_ROLE_SELECTION_ITEM, _UINT2.pack(len(name)) + name + bytes((role.scu, role.scp)))
