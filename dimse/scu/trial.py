"""Tries what a peer can do, step by step, for whoever sets up the connection: `durchblick ae test`."""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

from pydicom.config import IGNORE
from pydicom.uid import UID

from dimse.exchange import AssociationLost
from dimse.scu import query, retrieve, verification
from dimse.scu.caller import Caller
from dimse.scu.establishing import Proposal
from dimse.scu.outgoing import NATIVE
from dimse.scu.requestor import Requestor
from dimse.scu.wire import AssociationFailed, Step
from dimse.services.operation import Context
from dimse.settings import Peer

_STEPS: Final[tuple[Step, ...]] = ("name", "tcp", "tls", "association")

_SERVICES: Final = (
    "1.2.840.10008.1.1",
    query.PATIENT_ROOT_FIND,
    retrieve.PATIENT_ROOT_MOVE,
    retrieve.PATIENT_ROOT_GET,
    query.STUDY_ROOT_FIND,
    retrieve.STUDY_ROOT_MOVE,
    retrieve.STUDY_ROOT_GET,
    "1.2.840.10008.5.1.4.31",
    "1.2.840.10008.1.20.1",
)
"""Verification, queries and retrievals, Modality Worklist, Storage Commitment (PS3.4)."""

_STORAGE: Final = (
    "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.2.1",
    "1.2.840.10008.5.1.4.1.1.4",
    "1.2.840.10008.5.1.4.1.1.4.1",
    "1.2.840.10008.5.1.4.1.1.1",
    "1.2.840.10008.5.1.4.1.1.1.1",
    "1.2.840.10008.5.1.4.1.1.1.2",
    "1.2.840.10008.5.1.4.1.1.6.1",
    "1.2.840.10008.5.1.4.1.1.3.1",
    "1.2.840.10008.5.1.4.1.1.12.1",
    "1.2.840.10008.5.1.4.1.1.20",
    "1.2.840.10008.5.1.4.1.1.128",
    "1.2.840.10008.5.1.4.1.1.7",
)
"""CT, MR (each also enhanced), CR, DX, MG, US (each single and multi-frame), XA, NM, PET, Secondary Capture."""

_SYNTAXES: Final = (*NATIVE, *retrieve.COMPRESSED)


@dataclass(frozen=True, slots=True)
class Finding:
    """One step: what was tried, whether it went well, and what it showed or how to mend it."""

    what: str
    good: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class AcceptedSyntaxes:
    """The transfer syntaxes that a peer accepts for one SOP class, by UID."""

    sop_class_uid: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """Everything that was tried, up to the first step that failed."""

    findings: tuple[Finding, ...]
    accepted: tuple[AcceptedSyntaxes, ...]

    @property
    def good(self) -> bool:
        """Whether every step went well."""
        return all(finding.good for finding in self.findings)


def try_peer(caller: Caller, peer: Peer) -> Trial:
    """Connect, associate, echo, and ask for every context that may be of use, on a second association."""
    try:
        with caller.associate(peer, [verification.PROPOSAL]) as requestor:
            findings = [*_connected(peer, requestor), _echoed(requestor)]
    except AssociationFailed as failed:
        return Trial((*_before(failed.step, peer), Finding(failed.step, False, str(failed))), ())
    try:
        with caller.associate(peer, _proposals()) as requestor:
            accepted = _accepted(requestor.contexts)
    except AssociationFailed as failed:
        return Trial((*findings, Finding("contexts", False, str(failed))), ())
    return Trial((*findings, _surveyed(accepted)), accepted)


def name_of(uid: str) -> str:
    """How PS3.6 calls a UID; the UID itself where it does not."""
    return UID(uid, validation_mode=IGNORE).name


def _before(failed: Step, peer: Peer) -> Iterator[Finding]:
    """The steps that must have gone well for `failed` to be tried."""
    for step in _STEPS[: _STEPS.index(failed)]:
        if step == "name":
            yield Finding(step, True, _addresses(peer))
        elif step == "tcp":
            yield Finding(step, True, f"connected to port {peer.port}")
        elif peer.tls:
            yield Finding(step, True, "the handshake went well")


def _connected(peer: Peer, requestor: Requestor) -> Iterator[Finding]:
    yield Finding("name", True, _addresses(peer))
    yield Finding("tcp", True, f"connected to port {peer.port}")
    if peer.tls:
        until = requestor.wire.certificate.get("notAfter", "an unknown date")
        yield Finding("tls", True, f"{requestor.wire.tls_version}; its certificate is valid until {until}")
    longest = f"{requestor.longest_pdu} bytes" if requestor.longest_pdu else "any length"
    yield Finding("association", True, f"{peer.ae_title} accepts us as {requestor.calling_ae_title}, PDUs of {longest}")


def _addresses(peer: Peer) -> str:
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(peer.host, None, type=socket.SOCK_STREAM)}
    except OSError:
        found = set()
    return peer.host if found <= {peer.host} else f"{peer.host} is {', '.join(sorted(found))}"


def _echoed(requestor: Requestor) -> Finding:
    try:
        status = verification.echo(requestor)
    except AssociationLost as lost:
        return Finding("echo", False, f"no answer to C-ECHO: {lost}; see the log of the peer")
    if not requestor.contexts:
        return Finding("echo", False, "the Verification SOP class is not accepted; let the peer accept it from us")
    return Finding("echo", status == 0, "answered" if status == 0 else f"answered with {status:04X}H; see its log")


def _proposals() -> list[Proposal]:
    stored = [Proposal(sop_class, (syntax,)) for sop_class, syntax in product(_STORAGE, _SYNTAXES)]
    return [*(Proposal(service, NATIVE) for service in _SERVICES), *stored]


def _accepted(contexts: Mapping[int, Context]) -> tuple[AcceptedSyntaxes, ...]:
    by_class: dict[str, list[str]] = {}
    for context in contexts.values():
        by_class.setdefault(context.abstract_syntax, []).append(context.transfer_syntax)
    return tuple(AcceptedSyntaxes(uid, tuple(syntaxes)) for uid, syntaxes in by_class.items())


def _surveyed(accepted: tuple[AcceptedSyntaxes, ...]) -> Finding:
    classes = {one.sop_class_uid for one in accepted}
    services, stored = len(classes.intersection(_SERVICES)), len(classes.intersection(_STORAGE))
    sentence = f"{services} of {len(_SERVICES)} services and {stored} of {len(_STORAGE)} kinds of image are accepted"
    if not stored:
        sentence += "; if it is to receive images, let it accept storage from us"
    return Finding("contexts", True, sentence)
