"""Asks a peer for an association and reads its answer (PS3.8 7.1)."""

import logging
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dimse import pdu_protocol as pdus
from dimse.association_items import ACCEPTED, Role
from dimse.association_pdus import ProposedContext
from dimse.pdu_protocol import ProtocolViolation
from dimse.scu.association_pdus import AssociationAccept, decode_accept, decode_reject, encode_request
from dimse.scu.wire import AssociationFailed, Patience, Wire, connect, tls_failed
from dimse.services.operation import Context
from dimse.settings import Peer
from dimse.tls import NOT_LIKED
from storage.data_set.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

_log = logging.getLogger("durchblick.dimse")

MOST_CONTEXTS: Final = 128
"""Presentation context IDs are odd and fit in one byte (PS3.8 9.3.2.2)."""

_LONGEST_PDU: Final = 131_072


@dataclass(frozen=True, slots=True)
class Proposal:
    """A presentation context to propose; with `as_scp` the peer is to ask us under this abstract syntax."""

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]
    as_scp: bool = False


def establish(
    peer: Peer, proposals: Sequence[Proposal], calling_ae_title: str, tls: ssl.SSLContext | None, patience: Patience
) -> tuple[Wire, AssociationAccept, dict[int, Context]]:
    """The connection, the peer's answer, and the contexts it accepted. Raises `AssociationFailed`."""
    if not 0 < len(proposals) <= MOST_CONTEXTS:
        raise ValueError(f"an association has 1 to {MOST_CONTEXTS} presentation contexts")
    proposed = {2 * number + 1: proposal for number, proposal in enumerate(proposals)}
    request = encode_request(
        peer.ae_title,
        calling_ae_title,
        (ProposedContext(id, one.abstract_syntax, one.transfer_syntaxes) for id, one in proposed.items()),
        roles=_roles(proposals),
        longest_pdu=_LONGEST_PDU,
        implementation_class_uid=IMPLEMENTATION_CLASS_UID,
        implementation_version=IMPLEMENTATION_VERSION_NAME,
    )
    wire = connect(peer, tls, patience)
    try:
        accept = _ask(wire, request, peer, calling_ae_title, patience.association)
    except BaseException:
        wire.close()
        raise
    wire.expect_data(_LONGEST_PDU)
    contexts = accepted_contexts(proposed, accept)
    _log.info("association called=%r host=%s contexts=%d", peer.ae_title, peer.host, len(contexts))
    return wire, accept, contexts


def accepted_contexts(proposed: Mapping[int, Proposal], accept: AssociationAccept) -> dict[int, Context]:
    """The contexts that both sides want, by their ids. Answers to what was not proposed are passed over.

    Without an answer to the role selection the peer stays SCP (PS3.7 D.3.3.4).
    """
    granted = {role.sop_class_uid for role in accept.roles if role.scp}
    return {
        id: Context(
            id,
            proposed[id].abstract_syntax,
            answer.transfer_syntax,
            peer_is_scp=not (proposed[id].as_scp and proposed[id].abstract_syntax in granted),
        )
        for id, answer in accept.contexts.items()
        if id in proposed and answer.result == ACCEPTED and answer.transfer_syntax in proposed[id].transfer_syntaxes
    }


def _roles(proposals: Iterable[Proposal]) -> list[Role]:
    """Role selection where we want to be SCP; for everything else the default says it (PS3.7 D.3.3.4)."""
    scp = {one.abstract_syntax for one in proposals if one.as_scp}
    scu = {one.abstract_syntax for one in proposals if not one.as_scp}
    return [Role(name, scu=name in scu, scp=True) for name in sorted(scp)]


def _ask(wire: Wire, request: bytes, peer: Peer, calling: str, seconds: float) -> AssociationAccept:
    who = f"{peer.ae_title} at {peer.host} port {peer.port}"
    try:
        wire.send(request)
        pdu = wire.receive(time.monotonic() + seconds)
        if pdu.kind == pdus.ASSOCIATE_AC:
            return decode_accept(bytes(pdu.body))
        if pdu.kind == pdus.ASSOCIATE_RJ:
            rejected = decode_reject(bytes(pdu.body))
            sentence = f"{who} {rejected.sentence(peer.ae_title, calling)}"
            raise AssociationFailed("association", sentence, is_permanent=rejected.is_permanent)
        raise AssociationFailed("association", f"{who} aborted instead of answering; see its log.")
    except ssl.SSLError as error:
        raise tls_failed(error, peer) from error
    except TimeoutError as error:
        sentence = f"{who} takes the connection but does not answer; is it a DICOM node, and does it expect TLS?"
        raise AssociationFailed("association", sentence) from error
    except OSError as error:
        if peer.tls:
            # With TLS 1.3 a server judges our certificate after we take the handshake for done, and its alert is lost
            # when our request crosses it.
            sentence = f"{who} closed the connection after the TLS handshake: {NOT_LIKED}."
            raise AssociationFailed("tls", sentence) from error
        sentence = f"{who} closed the connection instead of answering; does it expect TLS, or us from another address?"
        raise AssociationFailed("association", sentence) from error
    except ProtocolViolation as error:
        sentence = f"{who} answered with something that is not DICOM ({error.detail}); is the port right?"
        raise AssociationFailed("association", sentence, is_permanent=True) from error
