"""An event as DICOM audit message (PS3.15 A.5), and as what carries it (RFC 5424, RFC 5425, PS3.15 A.6)."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from gateway.audit.events import About, Code, Kind, kind_of
from storage.audit_trail import Event

_SOURCE_TYPE: Final = "4"
"""Application server process."""
_FACILITY_SEVERITY: Final = 10 * 8 + 5
"""Security/authorization messages, severity notice."""
_APPLICATION: Final = ("110150", "Application")
_SOURCE_ROLE: Final = ("110153", "Source Role ID")
_DESTINATION_ROLE: Final = ("110152", "Destination Role ID")
_STUDY: Final = ("110180", "Study Instance UID")
_PATIENT: Final = ("2", "Patient Number")
_USER: Final = ("11", "User Identifier")
_NODE: Final = ("110182", "Node ID")
_RFC_3881: Final = "RFC-3881"

# Participant object type and role (PS3.15 A.5.1.2.2), and what its id is.
_OBJECTS: Final[dict[About, tuple[str, str, Code]]] = {
    "study": ("2", "3", _STUDY),
    "instance": ("2", "3", ("9", "Report Number")),
    "commitment": ("2", "20", ("12", "URI")),
    "workitem": ("2", "20", ("12", "URI")),
    "share": ("2", "13", _USER),
    "token": ("2", "13", _USER),
    "account": ("1", "11", _USER),
    "network": ("2", "13", _NODE),
    "gateway": ("2", "13", _NODE),
}
_OF_RFC_3881: Final = frozenset({"2", "9", "11", "12"})


@dataclass(frozen=True, slots=True)
class Source:
    """Who reports: the site's name (may be empty), our AE title, and the host name for syslog."""

    site: str
    node: str
    host: str


def message(event: Event, source: Source, patient_id: str = "") -> bytes:
    """The audit message in UTF-8. `patient_id` is that of the study, where it is to be told."""
    kind = kind_of(event.event)
    root = Element("AuditMessage")
    _identification(root, event, kind)
    for participant in _participants(event, kind, source):
        root.append(participant)
    reporting = SubElement(root, "AuditSourceIdentification", AuditSourceID=source.node)
    if source.site:
        reporting.set("AuditEnterpriseSiteID", source.site)
    SubElement(reporting, "AuditSourceTypeCode", {"csd-code": _SOURCE_TYPE})
    _object(root, event, kind)
    if kind.about == "study":
        _patient(root, patient_id)
    return bytes(ElementTree.tostring(root, "utf-8", xml_declaration=True))


def syslog_frame(event: Event, source: Source, content: bytes) -> bytes:
    """The message as RFC 5424 has it, preceded by its length (RFC 5425 4.3)."""
    head = f"<{_FACILITY_SEVERITY}>1 {event.at} {source.host} durchblick {event.number} DICOM+RFC3881 - "
    line = head.encode("ascii", "replace") + b"\xef\xbb\xbf" + content
    return b"%d %s" % (len(line), line)


def _identification(root: Element, event: Event, kind: Kind) -> None:
    identification = SubElement(
        root,
        "EventIdentification",
        EventActionCode=kind.action,
        EventDateTime=event.at,
        EventOutcomeIndicator=kind.outcome,
    )
    _coded(identification, "EventID", kind.id)
    if kind.type:
        _coded(identification, "EventTypeCode", kind.type)
    SubElement(identification, "EventOutcomeDescription").text = event.event


def _participants(event: Event, kind: Kind, source: Source) -> Iterator[Element]:
    """Who asked, where somebody did, and the gateway, which did it."""
    comes_in = event.event == "instances stored"
    if event.actor:
        yield _participant(event.actor, True, _SOURCE_ROLE if comes_in else _DESTINATION_ROLE)
    role = _APPLICATION if kind.about not in ("study", "instance") else _DESTINATION_ROLE if comes_in else _SOURCE_ROLE
    yield _participant(source.node, not event.actor, role)


def _participant(user: str, is_requestor: bool, role: Code) -> Element:
    participant = Element("ActiveParticipant", UserID=user, UserIsRequestor=str(is_requestor).lower())
    address = user.rpartition("@")[2] if user.startswith("peer ") else ""
    if address:
        participant.set("NetworkAccessPointID", address)
        participant.set("NetworkAccessPointTypeCode", "2")
    _coded(participant, "RoleIDCode", role)
    return participant


def _object(root: Element, event: Event, kind: Kind) -> None:
    object_type, role, id_type = _OBJECTS[kind.about]
    described = SubElement(
        root,
        "ParticipantObjectIdentification",
        ParticipantObjectID=event.subject,
        ParticipantObjectTypeCode=object_type,
        ParticipantObjectTypeCodeRole=role,
    )
    if event.event == "deleted":
        described.set("ParticipantObjectDataLifeCycle", "15")
    _coded(described, "ParticipantObjectIDTypeCode", id_type)
    if event.event == "query":
        # What was asked for may be a name, so it is kept nowhere.
        SubElement(described, "ParticipantObjectQuery")
    else:
        SubElement(described, "ParticipantObjectName").text = kind.about
    # With number and digest outside, nobody can rewrite the chain inside unnoticed.
    for name, value in (("detail", event.detail), ("number", str(event.number)), ("digest", event.digest)):
        if value:
            encoded = base64.b64encode(value.encode()).decode()
            SubElement(described, "ParticipantObjectDetail", type=name, value=encoded)


def _patient(root: Element, patient_id: str) -> None:
    """The one patient of the message; only an id, and only where the site wants that."""
    described = SubElement(
        root,
        "ParticipantObjectIdentification",
        ParticipantObjectID=patient_id or "withheld",
        ParticipantObjectTypeCode="1",
        ParticipantObjectTypeCodeRole="1",
    )
    _coded(described, "ParticipantObjectIDTypeCode", _PATIENT)
    SubElement(described, "ParticipantObjectName")


def _coded(parent: Element, name: str, code: Code) -> None:
    scheme = _RFC_3881 if code[0] in _OF_RFC_3881 else "DCM"
    SubElement(parent, name, {"csd-code": code[0], "codeSystemName": scheme, "originalText": code[1]})
