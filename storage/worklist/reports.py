"""Event reports on workitems (PS3.4 CC.2.4): which event a change is, and the data set that tells of it."""

from collections.abc import Iterable, Iterator
from typing import Final

from storage.worklist.data_sets import DataSet, element, has_value
from storage.worklist.requirements import (
    HUMANS,
    PROGRESS,
    READINESS,
    REASON,
    REASON_CODE,
    STATE,
    STATIONS,
    UPS_PUSH,
    WORKLIST,
)

N_EVENT_REPORT_RQ: Final = 0x0100
EVENT_TYPE: Final = "00001002"
MESSAGE_ID: Final = "00000110"

STATE_REPORT, CANCEL_REQUESTED, PROGRESS_REPORT, SCP_STATUS_CHANGE, ASSIGNED = 1, 2, 3, 4, 5
"""Event Type IDs of PS3.4 table CC.2.4-1."""

REQUESTING_AE: Final = "00741236"
_REQUEST: Final = (REQUESTING_AE, REASON, REASON_CODE, "0074100A", "0074100C")
_HUMAN: Final = ("00404009", "00404036")


def state_report(workitem: DataSet) -> DataSet:
    """What state the workitem has, and whether its inputs are ready."""
    items = workitem.get(PROGRESS, {}).get("Value") or [{}]
    reasons = {tag: items[0][tag] for tag in (REASON, REASON_CODE) if has_value(items[0], tag)}
    return _report(workitem, STATE_REPORT, {tag: workitem[tag] for tag in (STATE, READINESS)} | reasons)


def cancel_requested(workitem: DataSet, request: DataSet) -> DataSet:
    """Somebody asks the performer to cancel; with what the request tells of who and why."""
    told = {tag: request[tag] for tag in _REQUEST if has_value(request, tag)}
    return _report(workitem, CANCEL_REQUESTED, {REQUESTING_AE: element("AE", "UNKNOWN")} | told)


def progress_report(workitem: DataSet) -> DataSet:
    """How far the performer is."""
    return _report(workitem, PROGRESS_REPORT, {PROGRESS: workitem[PROGRESS]})


def assigned(workitem: DataSet) -> DataSet:
    """For which station and whom the workitem is scheduled now."""
    told = {STATIONS: workitem[STATIONS]} if has_value(workitem, STATIONS) else {}
    for human in workitem.get(HUMANS, {}).get("Value", ())[:1]:
        told |= {tag: human[tag] for tag in _HUMAN if has_value(human, tag)}
    return _report(workitem, ASSIGNED, told)


def of_creation(workitem: DataSet) -> Iterator[DataSet]:
    """What those who are subscribed to a new workitem are told (CC.2.4.3)."""
    yield state_report(workitem)
    if has_value(workitem, STATIONS) or has_value(workitem, HUMANS):
        yield assigned(workitem)


def of_update(before: DataSet, after: DataSet) -> Iterator[DataSet]:
    """What subscribers are told of a change (CC.2.4.3)."""
    if _differ(before, after, (STATE, READINESS)):
        yield state_report(after)
    if _differ(before, after, (STATIONS, HUMANS)):
        yield assigned(after)
    if _differ(before, after, (PROGRESS,)):
        yield progress_report(after)


def restarted() -> DataSet:
    """The service has started again, with its worklist and all subscriptions (CC.2.4.3, SCP Status Change)."""
    warm = element("CS", "WARM START")
    status = {"00741242": element("CS", "RESTARTED"), "00741244": warm, "00741246": warm}
    return _report({"00080018": element("UI", WORKLIST)}, SCP_STATUS_CHANGE, status)


def _differ(before: DataSet, after: DataSet, tags: Iterable[str]) -> bool:
    return any(before.get(tag) != after.get(tag) for tag in tags)


def _report(workitem: DataSet, event_type: int, attributes: DataSet) -> DataSet:
    """The fields of an N-EVENT-REPORT (PS3.7 table 10.3-1) with its attributes, in the form of PS3.18 8.10.5."""
    command = {
        "00000002": element("UI", UPS_PUSH),
        "00000100": element("US", N_EVENT_REPORT_RQ),
        "00000800": element("US", 0),
        "00001000": workitem["00080018"],
        EVENT_TYPE: element("US", event_type),
    }
    return dict(sorted((command | attributes).items()))
