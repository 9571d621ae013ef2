"""Audit messages and AuditEvents against the schema of PS3.15 A.5.1, and the table of events against the code."""

import ast
import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from gateway.audit.dicom_messages import Source, message, syslog_frame
from gateway.audit.events import EVENTS, kind_of
from gateway.audit.fhir import audit_event
from storage.audit_trail import Event
from tests.house.checkout import PACKAGES, modules

SOURCE: Final = Source("Musterklinikum", "DURCHBLICK", "gateway.example.org")
CODED: Final = {"csd-code", "codeSystemName", "originalText"}
# Elements with their attributes that must be and may be there, and their children in order (PS3.15 A.5.1).
SCHEMA: Final[dict[str, tuple[set[str], set[str], str]]] = {
    "EventIdentification": (
        {"EventActionCode", "EventDateTime", "EventOutcomeIndicator"},
        set(),
        "EventID EventTypeCode* EventOutcomeDescription?",
    ),
    "ActiveParticipant": (
        {"UserID", "UserIsRequestor"},
        {"NetworkAccessPointID", "NetworkAccessPointTypeCode"},
        "RoleIDCode*",
    ),
    "AuditSourceIdentification": ({"AuditSourceID"}, {"AuditEnterpriseSiteID"}, "AuditSourceTypeCode*"),
    "ParticipantObjectIdentification": (
        {"ParticipantObjectID", "ParticipantObjectTypeCode", "ParticipantObjectTypeCodeRole"},
        {"ParticipantObjectDataLifeCycle"},
        "ParticipantObjectIDTypeCode (ParticipantObjectName|ParticipantObjectQuery) ParticipantObjectDetail*",
    ),
    "EventID": (CODED, set(), ""),
    "EventTypeCode": (CODED, set(), ""),
    "RoleIDCode": (CODED, set(), ""),
    "AuditSourceTypeCode": ({"csd-code"}, set(), ""),
    "ParticipantObjectIDTypeCode": (CODED, set(), ""),
    "ParticipantObjectName": (set(), set(), ""),
    "ParticipantObjectQuery": (set(), set(), ""),
    "ParticipantObjectDetail": ({"type", "value"}, set(), ""),
    "EventOutcomeDescription": (set(), set(), ""),
    "AuditMessage": (
        set(),
        set(),
        "EventIdentification ActiveParticipant+ AuditSourceIdentification ParticipantObjectIdentification*",
    ),
}


def event(name: str, actor: str = "share 0123 abcd", subject: str = "1.2.3") -> Event:
    return Event(7, "2026-03-01T12:00:00+00:00", actor, name, subject, 'n=1 "<&>"', "f" * 64)


def assert_fits(element: Element) -> None:
    must, may, children = SCHEMA[element.tag]
    assert must <= set(element.attrib) <= must | may, element.tag
    names = " ".join(child.tag for child in element) + " "
    assert _pattern(children).fullmatch(names), (element.tag, names)
    for child in element:
        assert_fits(child)


def _pattern(children: str) -> re.Pattern[str]:
    parts = []
    for word in children.split():
        bare = word.rstrip("*+?")
        parts.append(f"(?:{bare} ){word[len(bare) :]}" if "|" not in word else f"(?:{bare[1:-1].replace('|', ' |')} )")
    return re.compile("".join(parts) or " ?")


@pytest.mark.parametrize("name", sorted(EVENTS))
@pytest.mark.parametrize("actor", ["", "peer PACS1@10.0.0.5", "share 0123 abcd"], ids=["nobody", "peer", "share"])
def test_every_event_is_a_message_of_the_schema(name: str, actor: str) -> None:
    root = ElementTree.fromstring(message(event(name, actor), SOURCE))
    assert root.tag == "AuditMessage"
    assert_fits(root)
    requestors = [one for one in root.iter("ActiveParticipant") if one.get("UserIsRequestor") == "true"]
    assert len(requestors) == 1
    kind = kind_of(name)
    identified = root.find("EventIdentification/EventID")
    assert identified is not None
    assert (identified.get("csd-code"), identified.get("originalText")) == kind.id
    patients = root.findall("ParticipantObjectIdentification[@ParticipantObjectTypeCodeRole='1']")
    assert len(patients) == (kind.about == "study")


def test_a_message_says_who_did_what_and_carries_the_chain() -> None:
    root = ElementTree.fromstring(message(event("instances accessed", "peer PACS1@10.0.0.5"), SOURCE, "4711"))
    first = root.find("ActiveParticipant")
    assert first is not None
    assert (first.get("UserID"), first.get("NetworkAccessPointID")) == ("peer PACS1@10.0.0.5", "10.0.0.5")
    study, patient = root.findall("ParticipantObjectIdentification")
    assert (study.get("ParticipantObjectID"), patient.get("ParticipantObjectID")) == ("1.2.3", "4711")
    details = {
        one.get("type"): base64.b64decode(one.get("value", "")).decode()
        for one in study.iter("ParticipantObjectDetail")
    }
    assert details == {"detail": 'n=1 "<&>"', "number": "7", "digest": "f" * 64}


def test_a_frame_says_how_long_it_is() -> None:
    content = message(event("deleted"), SOURCE)
    length, _, rest = syslog_frame(event("deleted"), SOURCE, content).partition(b" ")
    assert int(length) == len(rest)
    head = b"<85>1 2026-03-01T12:00:00+00:00 gateway.example.org durchblick 7 DICOM+RFC3881 - \xef\xbb\xbf"
    assert rest == head + content


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_every_event_is_an_audit_event(name: str) -> None:
    resource = audit_event(event(name), SOURCE)
    assert resource["resourceType"] == "AuditEvent"
    assert {"type", "recorded", "agent", "source"} <= set(resource)
    assert [agent["requestor"] for agent in resource["agent"]] == [True, False]
    assert resource["action"] in "CRUDE" and resource["outcome"] in ("0", "4", "8", "12")


@pytest.mark.parametrize(
    ("name", "profile", "interaction"),
    [
        ("instances accessed", "PatientRead", "read"),
        ("instances stored", "PatientCreate", "create"),
        ("deleted", "PatientDelete", "delete"),
    ],
)
def test_what_happens_to_studies_follows_the_profiles(name: str, profile: str, interaction: str) -> None:
    resource = audit_event(event(name), SOURCE, "4711")
    assert resource["meta"]["profile"] == [
        f"https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.{profile}"
    ]
    assert (resource["type"]["code"], resource["subtype"][0]["code"]) == ("rest", interaction)
    assert [agent["type"]["coding"][0]["code"] for agent in resource["agent"]] == ["110153", "110152"]
    patient, data = resource["entity"]
    assert (patient["type"]["code"], patient["role"]["code"]) == ("1", "1")
    assert patient["what"]["identifier"]["value"] == "4711"
    assert (data["type"]["code"], data["role"]["code"]) == ("2", "4")
    assert data["what"]["identifier"]["value"] == "urn:oid:1.2.3"


def test_every_word_in_the_code_is_in_the_table() -> None:
    words = {word for path in modules(*PACKAGES) for word in _noted(path)}
    assert words - set(EVENTS) == set()


def _noted(path: Path) -> Iterator[str]:
    """The events that a module notes: literal arguments of the functions of the audit, and `audited=`."""
    text = path.read_text("utf-8")
    if path.name == "events.py":
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            arguments = [*node.args, *(one.value for one in node.keywords if one.arg == "audited")]
            if name in {"record", "record_once", "note", "note_once", "Transaction"}:
                yield from _literals(arguments[1:2] if name in {"note", "note_once"} else arguments[:1])
                yield from _literals([one.value for one in node.keywords if one.arg == "audited"])
            if len(node.args) > 1 and name.endswith("to_thread") and ".audit.record" in ast.unparse(node.args[0]):
                yield from _literals(node.args[1:2])
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith("_EVENT"):
            yield from _literals([node.value])


def _literals(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.islower():
            yield node.value
        if isinstance(node, ast.IfExp):
            yield from _literals([node.body, node.orelse])
