"""The command sets of storage commitment, beside what every message has (PS3.7 10.3.1 and 10.3.5)."""

from collections.abc import Sequence

from dimse import command as commands
from dimse.command import N_ACTION_RQ, N_EVENT_REPORT_RQ, Command
from dimse.commitment.data_sets import event_type
from dimse.pdu_protocol import ProtocolViolation
from storage.commitment.references import REQUEST_COMMITMENT, STORAGE_COMMITMENT, WELL_KNOWN_INSTANCE, Verdict

Elements = list[tuple[int, bytes]]


def action() -> Elements:
    """Of an N-ACTION-RQ."""
    return [
        (commands.REQUESTED_SOP_CLASS_UID, _uid(STORAGE_COMMITMENT)),
        (commands.COMMAND_FIELD, commands.uint2(N_ACTION_RQ)),
        (commands.REQUESTED_SOP_INSTANCE_UID, _uid(WELL_KNOWN_INSTANCE)),
        (commands.ACTION_TYPE_ID, commands.uint2(REQUEST_COMMITMENT)),
    ]


def event_report(verdicts: Sequence[Verdict]) -> Elements:
    """Of an N-EVENT-REPORT-RQ that tells these verdicts."""
    return [
        (commands.AFFECTED_SOP_CLASS_UID, _uid(STORAGE_COMMITMENT)),
        (commands.COMMAND_FIELD, commands.uint2(N_EVENT_REPORT_RQ)),
        (commands.AFFECTED_SOP_INSTANCE_UID, _uid(WELL_KNOWN_INSTANCE)),
        (commands.EVENT_TYPE_ID, commands.uint2(event_type(verdicts))),
    ]


def number(command: Command, element: int) -> int | None:
    """The value of an element with VR US; None when it is missing or malformed."""
    try:
        return command.number(element)
    except ProtocolViolation:
        return None


def _uid(value: str) -> bytes:
    return commands.padded(value.encode("ascii"), b"\0")
