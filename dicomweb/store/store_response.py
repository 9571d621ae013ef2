"""What became of the parts of a Store request: status (PS3.18 table 10.5.3-1) and Response Module (annex I)."""

from dataclasses import dataclass, field
from typing import Any

from dicomweb.problems import ContentTooLarge
from storage.data_set.dicom_json import Json
from storage.errors import OutOfResources, Refusal
from storage.ingest import Stored

_RETRIEVE_URL = "00081190"
_WARNING_REASON = "00081196"
_FAILURE_REASON = "00081197"
_SOP_CLASS = "00081150"
_SOP_INSTANCE = "00081155"
_FAILED_SOP = "00081198"
_REFERENCED_SOP = "00081199"
_OTHER_FAILURES = "0008119A"


@dataclass(slots=True)
class Report:
    """What became of each part, in the order of the request; `broken` when the body could not be read to its end."""

    outcomes: dict[int, Stored | Refusal] = field(default_factory=dict)
    broken: Refusal | None = None
    disconnected: bool = False

    def stored(self) -> list[Stored]:
        """The instances that are kept now."""
        return [outcome for _, outcome in sorted(self.outcomes.items()) if isinstance(outcome, Stored)]

    def refused(self) -> list[Refusal]:
        """Why the others are not, and why the body could not be read on."""
        refused = [outcome for _, outcome in sorted(self.outcomes.items()) if isinstance(outcome, Refusal)]
        return [*refused, self.broken] if self.broken else refused

    def status(self) -> int:
        """200, 202 with warnings or failures, 409 without success; 413 for too much, 507 when there is no room."""
        refused, stored = self.refused(), self.stored()
        if isinstance(self.broken, ContentTooLarge):
            return self.broken.http_status
        if stored:
            return 202 if refused or any(one.warning_reason for one in stored) else 200
        return 507 if all(isinstance(refusal, OutOfResources) for refusal in refused) else 409


def response_module(base_url: str, study: str, report: Report) -> Json:
    """The Store Instances Response Module (table I.1-1); sequences without items are left out."""
    stored, refused = report.stored(), report.refused()
    studies = {study} if study else {one.study_instance_uid for one in stored}
    urls = [f"{base_url}/studies/{one}" for one in studies] if stored and len(studies) == 1 else []
    sequences = {
        _FAILED_SOP: [_failure(refusal) for refusal in refused if refusal.sop_instance_uid],
        _REFERENCED_SOP: [_reference(base_url, one) for one in stored],
        _OTHER_FAILURES: [_reason(refusal) for refusal in refused if not refusal.sop_instance_uid],
    }
    module: Json = {_RETRIEVE_URL: _element("UR", *urls)}
    return module | {tag: {"vr": "SQ", "Value": items} for tag, items in sequences.items() if items}


def _reference(base_url: str, stored: Stored) -> dict[str, Any]:
    url = (
        f"{base_url}/studies/{stored.study_instance_uid}/series/{stored.series_instance_uid}"
        f"/instances/{stored.sop_instance_uid}"
    )
    reference = {
        _SOP_CLASS: _element("UI", stored.sop_class_uid),
        _SOP_INSTANCE: _element("UI", stored.sop_instance_uid),
        _RETRIEVE_URL: _element("UR", url),
    }
    return reference | {_WARNING_REASON: _element("US", stored.warning_reason)} if stored.warning_reason else reference


def _failure(refusal: Refusal) -> dict[str, Any]:
    sop_class = [refusal.sop_class_uid] if refusal.sop_class_uid else []
    instance = {_SOP_CLASS: _element("UI", *sop_class), _SOP_INSTANCE: _element("UI", refusal.sop_instance_uid)}
    return instance | _reason(refusal)


def _reason(refusal: Refusal) -> dict[str, Any]:
    return {_FAILURE_REASON: _element("US", refusal.dicom_status)}


def _element(vr: str, *values: str | int) -> dict[str, Any]:
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}
