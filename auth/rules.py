"""A share's rule as JSON: the studies of a patient, also later ones, or a list of studies."""

import json
from dataclasses import replace

from storage.identifiers import uid
from storage.scope import ListedStudies, PatientIdentity, StudyScope


def checked(scope: StudyScope, birth_date: str) -> StudyScope:
    """`scope` when a share may have it; `ValueError` naming what is missing otherwise.

    A share never opens the whole archive, no patient without an id, and no patient of another birth date.
    """
    match scope:
        case PatientIdentity(patient_id=patient_id) if not patient_id.strip():
            raise ValueError("A share by patient needs the PatientID.")
        case PatientIdentity(patient_birth_date=other) if other != birth_date:
            raise ValueError("The birth date of the share is not the one of its patient.")
        case ListedStudies(uids) if uids:
            return ListedStudies(frozenset(uid(text, "Study Instance UID") for text in uids))
        case ListedStudies():
            raise ValueError("A share by study needs at least one study.")
        case PatientIdentity():
            return scope
        case _:
            raise ValueError("A share opens a patient or a list of studies, never the whole archive.")


def to_json(scope: StudyScope) -> str:
    """The rule of a scope that `checked` has let pass."""
    match scope:
        case PatientIdentity(patient_id, issuer, birth_date, site, accepted, name):
            rule = {"kind": "patient", "patient_id": patient_id, "issuer": issuer, "birth_date": birth_date}
            further = {"site": site, "accepted": sorted(accepted) or None, "name": name or None}
            return json.dumps(rule | {key: value for key, value in further.items() if value is not None})
        case ListedStudies(uids):
            return json.dumps({"kind": "studies", "studies": sorted(uids)})
        case _:
            raise ValueError("No rule stands for the whole archive.")


def from_json(text: str) -> StudyScope:
    """The scope that `to_json` wrote."""
    rule = json.loads(text)
    if rule["kind"] == "patient":
        accepted = frozenset(rule.get("accepted", ()))
        identity = (rule["patient_id"], rule["issuer"], rule["birth_date"])
        return PatientIdentity(*identity, rule.get("site"), accepted, rule.get("name", ""))
    return ListedStudies(frozenset(rule["studies"]))


def decided(text: str, study: str, accepted: bool) -> str:
    """The rule after somebody looked at `study`, which has the PatientID but is not the patient's by the rest of it.

    `ValueError` for a rule that lists studies.
    """
    scope = from_json(text)
    if not isinstance(scope, PatientIdentity):
        raise ValueError("Only a share by patient can take a study in.")
    others = scope.accepted - {study}
    rule = json.loads(to_json(replace(scope, accepted=others | {study} if accepted else others)))
    rejected = set(json.loads(text).get("rejected", ())) - {study} | (set() if accepted else {study})
    return json.dumps({**rule, "rejected": sorted(rejected)} if rejected else rule)


def rejected(text: str) -> frozenset[str]:
    """The studies that somebody has kept out of the rule."""
    return frozenset(json.loads(text).get("rejected", ()))
