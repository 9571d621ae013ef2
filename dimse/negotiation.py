"""Whom we let in, and for what: admission of associations, choice of presentation contexts (PS3.8 7.1.1)."""

import ipaddress
import socket
import time
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
    Extended,
    ProposedContext,
    Role,
)
from dimse.policy import Policy
from dimse.services.dispatch import offers_under
from dimse.services.operation import Context
from dimse.settings import DimseSettings, Peer
from dimse.status import Status
from storage.commitment.references import STORAGE_COMMITMENT

ANY_SCP: Final = "ANY-SCP"

_IMPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
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


def congested(why: str, mend: str) -> Rejection:
    """Rejected transient, by the presentation service: temporary congestion."""
    return Rejection(2, 3, 1, why, mend)


def cannot_judge(status: Status) -> Rejection:
    """The same, where it is not known who asks."""
    return congested("the list of peers cannot be read", status.comment)


class Admission:
    """Decides by version, application context, AE titles and address whether a peer may associate, and as whom."""

    def __init__(self, settings: DimseSettings, find: Callable[[str], Peer | None] | None = None) -> None:
        """`find` knows peers by AE title; without it, those of the settings are known."""
        self._ae_title = settings.ae_title.strip()
        self._called = {self._ae_title, ANY_SCP, *(title.strip() for title in settings.also_called)}
        self._accept_unknown_peers = settings.accept_unknown_peers
        peers = {peer.ae_title.strip(): peer for peer in settings.peers}
        self._find = find or peers.get
        self._addresses = Addresses()

    def admit(self, request: AssociationRequest, address: str) -> Peer | Rejection:
        """Who asks from this IP address, or why that must be rejected.

        Blocks: looks up the peer, and the addresses of its host; names that cannot be resolved admit nobody. Where
        unknown peers are accepted, one that is known keeps its restrictions, but may come from anywhere.
        """
        if not request.protocol_version & _PROTOCOL_VERSION_1:
            return Rejection(1, 2, 2, "protocol version not supported", "the peer must speak version 1 of PS3.8")
        if request.application_context != APPLICATION_CONTEXT:
            return Rejection(1, 1, 2, "application context not supported", "the peer must propose that of DICOM")
        if request.called_ae_title not in self._called:
            mend = f"call us {self._ae_title} on the peer, or set dimse.ae_title"
            return Rejection(1, 1, 7, "called AE title not recognized", mend)
        return self._peer(request.calling_ae_title, address)

    def _peer(self, ae_title: str, address: str) -> Peer | Rejection:
        if not is_ae_title(ae_title):
            return Rejection(1, 1, 3, "calling AE title is none", "set an AE title of 1 to 16 characters on the peer")
        peer = self._find(ae_title)
        if self._accept_unknown_peers:
            return peer or Peer(ae_title, address, 0)
        if peer is None:
            mend = "enter it: durchblick ae add, or [[dimse.peers]]; for trials only: dimse.accept_unknown_peers"
            return Rejection(1, 1, 3, "calling AE title not recognized", mend)
        if address not in self._addresses.of(peer.host):
            mend = f"list this address under [[dimse.peers]]: {ae_title} is known at {peer.host}"
            return Rejection(1, 1, 3, "calling AE title not recognized at this address", mend)
        return peer


class Addresses:
    """IP addresses of hosts, remembered for a while: associations come in crowds, and names change rarely."""

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._known: dict[str, tuple[float, frozenset[str]]] = {}

    def of(self, host: str) -> frozenset[str]:
        """The addresses of a host by name or address; none when it cannot be resolved, which is not remembered."""
        now = time.monotonic()
        until, addresses = self._known.get(host, (0.0, frozenset[str]()))
        if now < until:
            return addresses
        addresses = _resolved(host)
        if addresses:
            self._known[host] = (now + self._seconds, addresses)
        return addresses


def is_ae_title(text: str) -> bool:
    """Whether `text` is a value of VR AE (PS3.5 6.2): 1 to 16 printable ASCII characters without backslash."""
    return 0 < len(text) <= 16 and text.isascii() and text.isprintable() and "\\" not in text and not text.isspace()


def plain_address(host: str) -> str:
    """An IP address in one canonical form; an IPv4 address mapped into IPv6 is the IPv4 address."""
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def answer_roles(proposed: Iterable[Role], policy: Policy) -> tuple[Role, ...]:
    """As proposed, but SCP only where that is of use.

    That is of classes that the peer may be sent (the C-STORE of a C-GET), and of storage commitment, where it reports
    on what we asked (PS3.4 J.3.3.1.3).
    """

    def may_be_scp(sop_class: str) -> bool:
        return sop_class == STORAGE_COMMITMENT or policy.receives(sop_class)

    return tuple(Role(role.sop_class_uid, role.scu, role.scp and may_be_scp(role.sop_class_uid)) for role in proposed)


def answer_contexts(
    proposed: Iterable[ProposedContext], roles: Iterable[Role], takes: Callable[[str], bool], policy: Policy
) -> tuple[AnsweredContext, ...]:
    """One answer to each, accepted where the abstract syntax is one that is taken here, and from this peer."""
    receives = {role.sop_class_uid for role in roles if role.scp}
    return tuple(_answer(context, takes, policy, context.abstract_syntax in receives) for context in proposed)


def answer_extended(proposed: Iterable[Extended]) -> tuple[Extended, ...]:
    """One answer to each that an operation offered under its class knows how to answer (PS3.7 D.3.3.5)."""
    return tuple(
        Extended(one.sop_class_uid, offer.extended(one.information))
        for one in proposed
        for offer in offers_under(one.sop_class_uid)
        if offer.extended is not None
    )


def accepted_contexts(
    answered: Iterable[AnsweredContext], roles: Iterable[Role], extended: Iterable[Extended] = ()
) -> dict[int, Context]:
    """The accepted contexts by their ids; without role selection the peer is SCU only (PS3.7 D.3.3.4)."""
    receives = {role.sop_class_uid for role in roles if role.scp}
    agreed = {one.sop_class_uid: one.information for one in extended}
    return {
        context.id: Context(
            context.id,
            context.abstract_syntax,
            context.transfer_syntax,
            context.abstract_syntax in receives,
            agreed.get(context.abstract_syntax, b""),
        )
        for context in answered
        if context.result == ACCEPTED
    }


def _answer(context: ProposedContext, takes: Callable[[str], bool], policy: Policy, receives: bool) -> AnsweredContext:
    name = context.abstract_syntax
    usable = policy.transfer_syntaxes(name, context.transfer_syntaxes, receives=receives)
    if not takes(name) or not policy.takes(name, receives=receives):
        result = ABSTRACT_SYNTAX_NOT_SUPPORTED
    else:
        result = ACCEPTED if usable else TRANSFER_SYNTAXES_NOT_SUPPORTED
    return AnsweredContext(context.id, result, name, usable[0] if usable else _IMPLICIT_VR_LITTLE_ENDIAN)


def _resolved(host: str) -> frozenset[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return frozenset()
    return frozenset(plain_address(str(address[0])) for *_, address in found)
