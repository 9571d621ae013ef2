"""What the attributes of a workitem have to be, as data (PS3.4 table CC.2.5-3), and the checks over it."""

from dataclasses import dataclass
from typing import Any, Final

from storage.errors import CannotUnderstand
from storage.worklist.data_sets import DataSet, element, has_value, text
from storage.worklist.refusals import FINAL_STATE_NOT_MET, NOT_CREATED_SCHEDULED, WorkitemRefused
from storage.worklist.states import State

UPS_PUSH: Final = "1.2.840.10008.5.1.4.34.6.1"
"""The SOP Class of every workitem (PS3.4 CC.2.5.1.3.1)."""

WORKLIST: Final = "1.2.840.10008.5.1.4.34.5"
FILTERED_WORKLIST: Final = "1.2.840.10008.5.1.4.34.5.1"
"""The well-known UIDs that stand for all workitems, and for those that match (PS3.4 CC.2.3.2)."""

SOP_CLASS, SOP_INSTANCE, TRANSACTION_UID = "00080016", "00080018", "00081195"
STATE, PROGRESS, PERFORMED = "00741000", "00741002", "00741216"
MODIFIED, START, LABEL = "00404010", "00404005", "00741202"
READINESS, STATIONS, HUMANS = "00404041", "00404025", "00404034"
CANCELED_AT, REASON_CODE, REASON = "00404052", "0074100E", "00741238"
OUTPUT: Final = "00404033"
DEFAULT_LABEL: Final = "WORKLIST"

# Reported when a performer gives no reason of its own: PS3.16 CID 9300.
_UNSPECIFIED: Final = {
    "00080100": element("SH", "110513"),
    "00080102": element("SH", "DCM"),
    "00080104": element("LO", "Discontinued for unspecified reason"),
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """A row of the table.

    `create`: "1" needs a value, "2" may be empty, "0" shall be empty. `set_by`: who may change it later, "user",
    or "nobody" but us.
    """

    tag: str
    keyword: str
    vr: str
    create: str
    set_by: str


def _rows(create: str, set_by: str, *rows: str) -> tuple[Requirement, ...]:
    split = (row.split() for row in rows)
    return tuple(Requirement(tag, keyword, vr, create, set_by) for tag, keyword, vr in split)


REQUIREMENTS: Final = (
    *_rows(
        *("1", "user", "00741200 ScheduledProcedureStepPriority CS", "00741204 ProcedureStepLabel LO"),
        *("00404005 ScheduledProcedureStepStartDateTime DT", "00404041 InputReadinessState CS"),
    ),
    *_rows(
        *("2", "user", "00741202 WorklistLabel LO", "00741210 ScheduledProcessingParametersSequence SQ"),
        *("00404025 ScheduledStationNameCodeSequence SQ", "00404026 ScheduledStationClassCodeSequence SQ"),
        *("00404027 ScheduledStationGeographicLocationCodeSequence SQ", "00404018 ScheduledWorkitemCodeSequence SQ"),
        *("00400400 CommentsOnTheScheduledProcedureStep LT", "00404021 InputInformationSequence SQ"),
    ),
    *_rows(
        *("2", "nobody", "00100010 PatientName PN", "00100020 PatientID LO", "00100030 PatientBirthDate DA"),
        *("00100040 PatientSex CS", "00101002 OtherPatientIDsSequence SQ", "00380010 AdmissionID LO"),
        *("00380014 IssuerOfAdmissionIDSequence SQ", "00081080 AdmittingDiagnosesDescription LO"),
        *("00081084 AdmittingDiagnosesCodeSequence SQ", "0040A370 ReferencedRequestSequence SQ"),
    ),
    *_rows("1", "nobody", "00741000 ProcedureStepState CS"),
    *_rows("0", "nobody", "00081195 TransactionUID UI"),
    *_rows(
        *("0", "user", "00741002 ProcedureStepProgressInformationSequence SQ"),
        "00741216 UnifiedProcedureStepPerformedProcedureSequence SQ",
    ),
)

# PS3.3 tables C.30.2-1 and C.30.1-1.
ENUMERATED: Final = {
    "00741200": ("HIGH", "MEDIUM", "LOW"),
    READINESS: ("INCOMPLETE", "UNAVAILABLE", "READY"),
}

# The rows with final state code P that stand in the item of the performed procedure; the outputs may have no items.
PERFORMED_VALUES: Final = {
    "00404028": "PerformedStationNameCodeSequence",
    "00404050": "PerformedProcedureStepStartDateTime",
    "00404019": "PerformedWorkitemCodeSequence",
    "00404051": "PerformedProcedureStepEndDateTime",
}
_OURS: Final = (SOP_CLASS, SOP_INSTANCE, MODIFIED)
_NEEDED: Final = {row.tag: row.keyword for row in REQUIREMENTS if row.create == "1"}


def created(uid: str, given: DataSet, now: str) -> tuple[DataSet, bool]:
    """The workitem `uid` that `given` describes, and whether we had to add to it; `now` is a DT.

    What may be empty and is missing is added empty. Raises `CannotUnderstand` naming everything that needs a value,
    or `WorkitemRefused` for another state than SCHEDULED.
    """
    if uid in (WORKLIST, FILTERED_WORKLIST):
        raise CannotUnderstand("This UID stands for the worklist; a workitem has one of its own.")
    if text(given, STATE) not in ("", State.SCHEDULED):
        raise WorkitemRefused(NOT_CREATED_SCHEDULED)
    missing = [row.keyword for row in REQUIREMENTS if row.create == "1" and not has_value(given, row.tag)]
    if missing:
        raise CannotUnderstand(f"A workitem needs values for {', '.join(missing)} (PS3.4 table CC.2.5-3).")
    filled = [row.keyword for row in REQUIREMENTS if row.create == "0" and has_value(given, row.tag)]
    if filled:
        raise CannotUnderstand(f"A workitem is created without values for {', '.join(filled)}.")
    if text(given, SOP_CLASS) not in ("", UPS_PUSH) or text(given, SOP_INSTANCE) not in ("", uid):
        raise CannotUnderstand("SOP Class UID or SOP Instance UID in the data set are not those of the workitem.")
    _check_enumerated(given)
    absent = {row.tag: element(row.vr) for row in REQUIREMENTS if row.create in "02" and row.tag not in given}
    label = {} if has_value(given, LABEL) else {LABEL: element("LO", DEFAULT_LABEL)}
    ours = {
        SOP_CLASS: element("UI", UPS_PUSH),
        SOP_INSTANCE: element("UI", uid),
        MODIFIED: element("DT", now),
    }
    workitem = dict(sorted((absent | given | label | ours).items()))
    del workitem[TRANSACTION_UID]
    absent.pop(TRANSACTION_UID, None)
    return workitem, bool(absent or label)


def updated(workitem: DataSet, changes: DataSet, now: str) -> DataSet:
    """`workitem` with `changes`, each element as a whole. Raises `CannotUnderstand`."""
    changes = {tag: one for tag, one in changes.items() if tag != TRANSACTION_UID}
    fixed = {row.tag for row in REQUIREMENTS if row.set_by == "nobody"} | set(_OURS)
    refused = [_keyword(tag) for tag in changes if tag in fixed and changes[tag] != workitem.get(tag)]
    if refused:
        raise CannotUnderstand(f"An update cannot change {', '.join(refused)}.")
    emptied = [_NEEDED[tag] for tag in changes if tag in _NEEDED and not has_value(changes, tag)]
    if emptied:
        raise CannotUnderstand(f"An update cannot empty {', '.join(emptied)}.")
    _check_enumerated(changes)
    return dict(sorted((workitem | changes | {MODIFIED: element("DT", now)}).items()))


def completed(workitem: DataSet) -> DataSet:
    """`workitem` as COMPLETED. Raises `WorkitemRefused` naming what it lacks (final state codes R and P)."""
    item = _item(workitem, PERFORMED)
    missing = [keyword for tag, keyword in PERFORMED_VALUES.items() if not has_value(item, tag)]
    missing += [] if OUTPUT in item else ["OutputInformationSequence"]
    if missing:
        detail = f"UnifiedProcedureStepPerformedProcedureSequence lacks {', '.join(missing)} (PS3.4 table CC.2.5-3)."
        raise WorkitemRefused(FINAL_STATE_NOT_MET, detail)
    return in_state(workitem, State.COMPLETED)


def canceled(workitem: DataSet, now: str, reasons: DataSet) -> DataSet:
    """`workitem` as CANCELED, with moment and reason where the performer gave none (final state code X)."""
    unspecified = {CANCELED_AT: element("DT", now), REASON_CODE: element("SQ", _UNSPECIFIED)}
    given = {tag: one for tag, one in _item(workitem, PROGRESS).items() if tag not in unspecified or "Value" in one}
    item = dict(sorted((unspecified | reasons | given).items()))
    return in_state(workitem | {PROGRESS: element("SQ", item)}, State.CANCELED)


def in_state(workitem: DataSet, state: State) -> DataSet:
    """`workitem` with this Procedure Step State."""
    return dict(sorted((workitem | {STATE: element("CS", state.value)}).items()))


def _item(workitem: DataSet, tag: str) -> DataSet:
    items: list[Any] = workitem.get(tag, {}).get("Value") or [{}]
    return dict(items[0])


def _check_enumerated(data_set: DataSet) -> None:
    for tag, values in ENUMERATED.items():
        if tag in data_set and text(data_set, tag) not in values:
            raise CannotUnderstand(f"{_keyword(tag)} is one of {', '.join(values)}.")


def _keyword(tag: str) -> str:
    return next((row.keyword for row in REQUIREMENTS if row.tag == tag), tag)
