"""An event as FHIR R4 AuditEvent; reads, creations and deletions of studies follow IHE BALP's Patient* profiles."""

import base64
from typing import Any, Final

from gateway.audit.dicom_messages import Source
from gateway.audit.events import Kind, kind_of
from storage.audit_trail import Event

_DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"
_ENTITY_TYPE: Final = f"{_TERMINOLOGY}audit-entity-type"
_OBJECT_ROLE: Final = f"{_TERMINOLOGY}object-role"
_PROFILE: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."

# BALP's profile and the RESTful interaction that it fixes, by the action of what happens to a study.
_RESTFUL: Final = {"R": ("PatientRead", "read"), "C": ("PatientCreate", "create"), "D": ("PatientDelete", "delete")}


def audit_event(event: Event, source: Source, patient_id: str = "") -> dict[str, Any]:
    """The resource as JSON. `patient_id` is that of the study, where it is to be told."""
    kind = kind_of(event.event)
    restful = _RESTFUL.get(kind.action) if kind.about == "study" and kind.outcome == "0" else None
    resource: dict[str, Any] = {"resourceType": "AuditEvent", "id": f"{event.number}"}
    if restful:
        resource["meta"] = {"profile": [_PROFILE + restful[0]]}
    resource |= _what(kind, restful[1] if restful else "")
    resource |= {
        "action": kind.action,
        "recorded": event.at,
        "outcome": kind.outcome,
        "outcomeDesc": event.event,
        "agent": _agents(event, source),
        "source": _source(source),
        "entity": _entities(event, kind, patient_id),
    }
    return resource


def _what(kind: Kind, interaction: str) -> dict[str, Any]:
    dicom = [_coding(_DCM, *code) for code in (kind.id, kind.type) if code]
    if not interaction:
        return {"type": dicom[0], "subtype": dicom[1:]} if dicom[1:] else {"type": dicom[0]}
    restful = _coding("http://hl7.org/fhir/restful-interaction", interaction, interaction)
    return {
        "type": _coding(f"{_TERMINOLOGY}audit-event-type", "rest", "Restful Operation"),
        "subtype": [restful, *dicom],
    }


def _agents(event: Event, source: Source) -> list[dict[str, Any]]:
    """BALP's roles: who asks is the client (source role), who answers the server (destination role)."""
    client = event.actor or source.node
    return [
        _agent("110153", "Source Role ID", client, bool(event.actor)),
        _agent("110152", "Destination Role ID", source.node, not event.actor),
    ]


def _agent(code: str, meaning: str, who: str, is_requestor: bool) -> dict[str, Any]:
    agent: dict[str, Any] = {
        "type": {"coding": [_coding(_DCM, code, meaning)]},
        "who": {"display": who},
        "requestor": is_requestor,
    }
    if who.startswith("peer "):
        agent["network"] = {"address": who.rpartition("@")[2], "type": "2"}
    return agent


def _source(source: Source) -> dict[str, Any]:
    observer: dict[str, Any] = {"display": source.node}
    kind = _coding(f"{_TERMINOLOGY}security-source-type", "4", "Application Server")
    return {"observer": observer, "type": [kind]} | ({"site": source.site} if source.site else {})


def _entities(event: Event, kind: Kind, patient_id: str) -> list[dict[str, Any]]:
    details = (("detail", event.detail), ("number", str(event.number)), ("digest", event.digest))
    entity: dict[str, Any] = {
        "what": _identified(kind, event.subject),
        "type": _coding(_ENTITY_TYPE, "2", "System Object"),
        "role": _coding(_OBJECT_ROLE, "4", "Domain Resource"),
        "detail": [{"type": name, "valueString": value} for name, value in details if value],
    }
    if event.event == "query":
        # The profile wants the query, but what was asked for may be a name, and is kept nowhere.
        entity["query"] = base64.b64encode(b"withheld").decode()
    if kind.about != "study":
        return [entity]
    patient = {"identifier": {"value": patient_id}} if patient_id else {"display": "withheld"}
    return [
        {
            "what": {"type": "Patient", **patient},
            "type": _coding(_ENTITY_TYPE, "1", "Person"),
            "role": _coding(_OBJECT_ROLE, "1", "Patient"),
        },
        entity,
    ]


def _identified(kind: Kind, subject: str) -> dict[str, Any]:
    if kind.about in ("study", "instance"):
        return {"type": "ImagingStudy", "identifier": {"system": "urn:dicom:uid", "value": f"urn:oid:{subject}"}}
    return {"display": f"{kind.about} {subject}"}


def _coding(system: str, code: str, display: str) -> dict[str, str]:
    return {"system": system, "code": code, "display": display}
