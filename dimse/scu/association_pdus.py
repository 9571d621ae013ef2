"""A-ASSOCIATE-RQ, -AC and -RJ as the requestor writes and reads them (PS3.8 9.3.2 to 9.3.4; PS3.7 annex D)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from dimse import association_items as items
from dimse.association_items import Role
from dimse.association_pdus import ProposedContext
from dimse.pdu_protocol import ASSOCIATE_RQ, INVALID_PARAMETER, ProtocolViolation

_AE_TITLE: Final = 16
_PERMANENT: Final = 1

# PS3.8 table 9-21: (source, reason) to what it means and how to mend it.
_REASONS: Final = {
    (1, 1): ("it gives no reason", "read its log"),
    (1, 2): ("it does not support the application context", "is it a DICOM node at all?"),
    (1, 3): ("it does not know the calling AE title {calling}", "enter this AE title and our address on the peer"),
    (1, 7): ("it does not know the called AE title {called}", "use the AE title by which the peer calls itself"),
    (2, 1): ("it gives no reason", "read its log"),
    (2, 2): ("it does not support the protocol version", "is it a DICOM node at all?"),
    (3, 1): ("it is congested", "try again later, or let it allow more associations"),
    (3, 2): ("a local limit is exceeded", "try again later, or let it allow more associations"),
}


@dataclass(frozen=True, slots=True)
class ContextAnswer:
    """What the acceptor makes of one proposed context (PS3.8 table 9-18); result 0 is acceptance."""

    result: int
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class AssociationAccept:
    """A decoded A-ASSOCIATE-AC; `longest_pdu` 0 means no limit, `contexts` are answers by presentation context ID."""

    contexts: Mapping[int, ContextAnswer]
    longest_pdu: int
    roles: tuple[Role, ...]
    implementation: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A decoded A-ASSOCIATE-RJ (PS3.8 table 9-21)."""

    result: int
    source: int
    reason: int

    @property
    def is_permanent(self) -> bool:
        """Whether the same request will be rejected again."""
        return self.result == _PERMANENT

    def sentence(self, called: str, calling: str) -> str:
        """Why, and how to mend it."""
        unknown = (f"source {self.source}, reason {self.reason}", "read its log")
        why, mend = _REASONS.get((self.source, self.reason), unknown)
        return f"rejected the association: {why.format(called=called, calling=calling)}; {mend}."


def encode_request(
    called: str,
    calling: str,
    contexts: Iterable[ProposedContext],
    *,
    roles: Iterable[Role] = (),
    longest_pdu: int,
    implementation_class_uid: str,
    implementation_version: str,
) -> bytes:
    """The A-ASSOCIATE-RQ PDU."""
    variable = items.encode_name(items.APPLICATION_CONTEXT_ITEM, items.APPLICATION_CONTEXT)
    variable += b"".join(_encode_context(context) for context in contexts)
    user = [
        items.encode_longest_pdu(longest_pdu),
        items.encode_name(items.IMPLEMENTATION_CLASS_ITEM, implementation_class_uid),
        *(items.encode_role(role) for role in roles),
        items.encode_name(items.IMPLEMENTATION_VERSION_ITEM, implementation_version),
    ]
    variable += items.encode_item(items.USER_INFORMATION_ITEM, b"".join(user))
    titles = b"".join(title.encode("ascii", "replace")[:_AE_TITLE].ljust(_AE_TITLE) for title in (called, calling))
    return items.HEADER.pack(ASSOCIATE_RQ, items.FIXED_LENGTH + len(variable), 1) + titles + bytes(32) + variable


def decode_accept(body: bytes) -> AssociationAccept:
    """Decode what follows the length field of an A-ASSOCIATE-AC PDU. Raises `ProtocolViolation`."""
    if len(body) < items.FIXED_LENGTH:
        raise ProtocolViolation("the A-ASSOCIATE-AC is too short", INVALID_PARAMETER)
    found = list(items.items(body[items.FIXED_LENGTH :]))
    user = list(items.items(items.joined(found, items.USER_INFORMATION_ITEM)))
    return AssociationAccept(
        contexts=dict(_answer(value) for kind, value in found if kind == items.ANSWERED_CONTEXT_ITEM),
        longest_pdu=items.longest_pdu(items.joined(user, items.MAXIMUM_LENGTH_ITEM)),
        roles=tuple(items.role(value) for kind, value in user if kind == items.ROLE_SELECTION_ITEM),
        implementation=items.text(items.joined(user, items.IMPLEMENTATION_VERSION_ITEM)),
    )


def decode_reject(body: bytes) -> Rejected:
    """Decode what follows the length field of an A-ASSOCIATE-RJ PDU. Raises `ProtocolViolation`."""
    if len(body) != 4:
        raise ProtocolViolation("the A-ASSOCIATE-RJ is malformed", INVALID_PARAMETER)
    return Rejected(*body[1:])


def _answer(value: bytes) -> tuple[int, ContextAnswer]:
    if len(value) < 4:
        raise ProtocolViolation("a presentation context is cut short", INVALID_PARAMETER)
    found = list(items.items(value[4:])) if value[2] == items.ACCEPTED else []
    return value[0], ContextAnswer(value[2], items.text(items.joined(found, items.TRANSFER_SYNTAX_ITEM)))


def _encode_context(context: ProposedContext) -> bytes:
    value = bytes((context.id, 0, 0, 0)) + items.encode_name(items.ABSTRACT_SYNTAX_ITEM, context.abstract_syntax)
    value += b"".join(items.encode_name(items.TRANSFER_SYNTAX_ITEM, uid) for uid in context.transfer_syntaxes)
    return items.encode_item(items.PROPOSED_CONTEXT_ITEM, value)
