"""Whom we let in, and for what: admission of associations, choice of presentation contexts (PS3.8 7.1.1)."""

import ipaddress
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from dimse.association_pdus import (
    ABSTRACT_SYNTAX_NOT_SUPPORTED,
    ACCEPTED,
    APPLICATION_CONTEXT,
    TRANSFER_SYNTAXES_NOT_SUPPORTED,
    AnsweredContext,
    AssociationRequest,
    ProposedContext,
    Role,
)
from dimse.services.operation import Context
from dimse.services.storage import is_storage
from dimse.settings import DimseSettings, Peer
from storage.identifiers import is_uid

ANY_SCP: Final = "ANY-SCP"

_IMPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
_SENT_RATHER: Final = ("1.2.840.10008.1.2.1", _IMPLICIT_VR_LITTLE_ENDIAN)
_PROTOCOL_VERSION_1: Final = 0x0001


@dataclass(frozen=True, slots=True)
class Rejection:
    """An A-ASSOCIATE-RJ (PS3.8 table 9-21), with what the operator can read in the log: why, and how to mend it."""

    result: int
    source: int
    reason: int
    why: str
    mend: str


def too_many(why: str, mend: str) -> Rejection:
    """Rejected transient, by the presentation service: local limit exceeded."""
    return Rejection(2, 3, 2, why, mend)


class Admission:
    """Decides by version, application context, AE titles and address whether a peer may associate."""

    def __init__(self, settings: DimseSettings) -> None:
        """Look up the addresses of all peers' hosts. Blocks; names that cannot be resolved admit nobody."""
        self._ae_title = settings.ae_title.strip()
        self._accept_unknown_peers = settings.accept_unknown_peers
        self._peers = {(peer.ae_title.strip(), address) for peer in settings.peers for address in _addresses(peer)}

    def rejection(self, request: AssociationRequest, address: str) -> Rejection | None:
        """Why this request from this IP address must be rejected, or None."""
        if not request.protocol_version & _PROTOCOL_VERSION_1:
            return Rejection(1, 2, 2, "protocol version not supported", "the peer must speak version 1 of PS3.8")
        if request.application_context != APPLICATION_CONTEXT:
            return Rejection(1, 1, 2, "application context not supported", "the peer must propose that of DICOM")
        if request.called_ae_title not in (self._ae_title, ANY_SCP):
            mend = f"call us {self._ae_title} on the peer, or set dimse.ae_title"
            return Rejection(1, 1, 7, "called AE title not recognized", mend)
        if not self._admits(request.calling_ae_title, address):
            mend = "list this AE title with this address under [[dimse.peers]], or set dimse.accept_unknown_peers"
            return Rejection(1, 1, 3, "calling AE title not recognized", mend)
        return None

    def _admits(self, ae_title: str, address: str) -> bool:
        if not is_ae_title(ae_title):
            return False
        return self._accept_unknown_peers or (ae_title, address) in self._peers


def is_ae_title(text: str) -> bool:
    """Whether `text` is a value of VR AE (PS3.5 6.2): 1 to 16 printable ASCII characters without backslash."""
    return 0 < len(text) <= 16 and text.isascii() and text.isprintable() and "\\" not in text and not text.isspace()


def plain_address(host: str) -> str:
    """An IP address in one canonical form; an IPv4 address mapped into IPv6 is the IPv4 address."""
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def answer_roles(proposed: Iterable[Role]) -> tuple[Role, ...]:
    """As proposed, but SCP only of storage classes: C-STORE of a C-GET is the one thing we ask in return."""
    return tuple(Role(role.sop_class_uid, role.scu, role.scp and is_storage(role.sop_class_uid)) for role in proposed)


def answer_contexts(
    proposed: Iterable[ProposedContext], roles: Iterable[Role], takes: Callable[[str], bool]
) -> tuple[AnsweredContext, ...]:
    """One answer to each, accepted where the abstract syntax is one that is taken here.

    The transfer syntax is the first one, whichever it is. Only where the peer wants to receive, what every image can
    be given in comes first: Explicit, then Implicit VR Little Endian.
    """
    receives = {role.sop_class_uid for role in roles if role.scp}
    return tuple(_answer(context, takes, context.abstract_syntax in receives) for context in proposed)


def accepted_contexts(answered: Iterable[AnsweredContext], roles: Iterable[Role]) -> dict[int, Context]:
    """The accepted contexts by their ids; without role selection the peer is SCU only (PS3.7 D.3.3.4)."""
    receives = {role.sop_class_uid for role in roles if role.scp}
    return {
        context.id: Context(
            context.id, context.abstract_syntax, context.transfer_syntax, context.abstract_syntax in receives
        )
        for context in answered
        if context.result == ACCEPTED
    }


def _answer(context: ProposedContext, takes: Callable[[str], bool], receives: bool) -> AnsweredContext:
    usable = [syntax for syntax in context.transfer_syntaxes if is_uid(syntax)]
    if receives:
        usable.sort(key=lambda syntax: _SENT_RATHER.index(syntax) if syntax in _SENT_RATHER else len(_SENT_RATHER))
    syntax = usable[0] if usable else _IMPLICIT_VR_LITTLE_ENDIAN
    if not takes(context.abstract_syntax):
        result = ABSTRACT_SYNTAX_NOT_SUPPORTED
    else:
        result = ACCEPTED if usable else TRANSFER_SYNTAXES_NOT_SUPPORTED
    return AnsweredContext(context.id, result, context.abstract_syntax, syntax)


def _addresses(peer: Peer) -> set[str]:
    try:
        found = socket.getaddrinfo(peer.host, None, type=socket.SOCK_STREAM)
    except OSError:
        return set()
    return {plain_address(str(address[0])) for *_, address in found}
