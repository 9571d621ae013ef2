"""A-ASSOCIATE-RQ and A-ASSOCIATE-AC as the acceptor reads and writes them (PS3.8 9.3.2, 9.3.3; PS3.7 annex D).

Items of a kind that we do not know are skipped, as PS3.8 9.3.1 demands. (pynetdicom's decoder fails on them, which is
why it is not used here; the tests hold both against each other.)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from struct import Struct
from typing import Final

from dimse import association_items as items
from dimse.association_items import (
    ABSTRACT_SYNTAX_NOT_SUPPORTED,
    ACCEPTED,
    APPLICATION_CONTEXT,
    TRANSFER_SYNTAXES_NOT_SUPPORTED,
    Extended,
    Role,
)
from dimse.pdu_protocol import ASSOCIATE_AC, INVALID_PARAMETER, ProtocolViolation

__all__ = [
    "ABSTRACT_SYNTAX_NOT_SUPPORTED",
    "ACCEPTED",
    "APPLICATION_CONTEXT",
    "TRANSFER_SYNTAXES_NOT_SUPPORTED",
    "AnsweredContext",
    "AssociationRequest",
    "Extended",
    "ProposedContext",
    "Role",
    "decode_request",
    "encode_accept",
]

_SYNCHRONOUS: Final = bytes((0, 1, 0, 1))
# User names, with a passcode or without, and JSON Web Tokens; for the others the answer would hold a ticket or an
# assertion that is not ours to give (PS3.7 table D.3-15).
_ANSWERED_WITH_NOTHING: Final = (1, 2, 5)
_UINT2: Final = Struct(">H")


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
    extended: tuple[Extended, ...] = ()
    has_operations_window: bool = False
    """Whether asynchronous operations are proposed (PS3.7 D.3.3.3)."""
    wants_identity_answer: bool = False
    """Whether a user identity comes with the wish for a positive response that we can give (PS3.7 D.3.3.7)."""


def decode_request(body: bytes) -> AssociationRequest:
    """Decode what follows the length field of an A-ASSOCIATE-RQ PDU. Raises `ProtocolViolation`.

    Who a user identity names, and by which passcode, is not even looked at.
    """
    if len(body) < items.FIXED_LENGTH:
        raise ProtocolViolation("the A-ASSOCIATE-RQ is too short", INVALID_PARAMETER)
    found = list(items.items(body[items.FIXED_LENGTH :]))
    user = list(items.items(items.joined(found, items.USER_INFORMATION_ITEM)))
    negotiated = (items.extended(value) for kind, value in user if kind == items.EXTENDED_NEGOTIATION_ITEM)
    return AssociationRequest(
        protocol_version=_UINT2.unpack_from(body)[0],
        called_ae_title=items.text(body[4:20]),
        calling_ae_title=items.text(body[20:36]),
        application_context=items.text(items.joined(found, items.APPLICATION_CONTEXT_ITEM)),
        contexts=_contexts(value for kind, value in found if kind == items.PROPOSED_CONTEXT_ITEM),
        longest_pdu=items.longest_pdu(items.joined(user, items.MAXIMUM_LENGTH_ITEM)),
        roles=tuple(items.role(value) for kind, value in user if kind == items.ROLE_SELECTION_ITEM),
        implementation=items.text(items.joined(user, items.IMPLEMENTATION_VERSION_ITEM)),
        echoed=body[4 : items.FIXED_LENGTH],
        extended=tuple(one for one in negotiated if one is not None),
        has_operations_window=any(kind == items.OPERATIONS_WINDOW_ITEM for kind, _ in user),
        wants_identity_answer=_wants_identity_answer(items.joined(user, items.USER_IDENTITY_ITEM)),
    )


def encode_accept(
    request: AssociationRequest,
    contexts: Iterable[AnsweredContext],
    *,
    roles: Iterable[Role] = (),
    extended: Iterable[Extended] = (),
    longest_pdu: int,
    implementation_class_uid: str,
    implementation_version: str,
) -> bytes:
    """The A-ASSOCIATE-AC PDU; `roles` and `extended` are our answers to those that were proposed.

    A proposed window of asynchronous operations is answered with one operation at a time (PS3.7 D.3.3.3).
    """
    variable = items.encode_name(items.APPLICATION_CONTEXT_ITEM, APPLICATION_CONTEXT)
    variable += b"".join(_encode_context(context) for context in contexts)
    # In ascending order, as older peers expect the sub-items (PS3.8 9.3.2.3).
    user = [
        items.encode_longest_pdu(longest_pdu),
        items.encode_name(items.IMPLEMENTATION_CLASS_ITEM, implementation_class_uid),
        items.encode_item(items.OPERATIONS_WINDOW_ITEM, _SYNCHRONOUS) if request.has_operations_window else b"",
        *(items.encode_role(role) for role in roles),
        items.encode_name(items.IMPLEMENTATION_VERSION_ITEM, implementation_version),
        *(items.encode_extended(one) for one in extended),
        items.encode_item(items.USER_IDENTITY_ANSWER_ITEM, bytes(2)) if request.wants_identity_answer else b"",
    ]
    variable += items.encode_item(items.USER_INFORMATION_ITEM, b"".join(user))
    return items.HEADER.pack(ASSOCIATE_AC, items.FIXED_LENGTH + len(variable), 1) + request.echoed + variable


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
    found = list(items.items(value[4:]))
    syntaxes = tuple(items.text(data) for kind, data in found if kind == items.TRANSFER_SYNTAX_ITEM)
    return ProposedContext(value[0], items.text(items.joined(found, items.ABSTRACT_SYNTAX_ITEM)), syntaxes)


def _wants_identity_answer(identity: bytes) -> bool:
    return len(identity) >= 2 and identity[0] in _ANSWERED_WITH_NOTHING and identity[1] == 1


def _encode_context(context: AnsweredContext) -> bytes:
    syntax = items.encode_name(items.TRANSFER_SYNTAX_ITEM, context.transfer_syntax)
    return items.encode_item(items.ANSWERED_CONTEXT_ITEM, bytes((context.id, 0, context.result, 0)) + syntax)
