"""The order that makes an acknowledgement true, checked over a trace of system calls.

For each C-STORE-RSP with success: the data of the file synced, then its name linked into the store, then the folder
synced, then the index entry written, then the index synced, and only then the response written to the socket.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from dimse import command
from dimse.pdu_protocol import P_DATA, ProtocolViolation
from tests.support.strace import Call

_SYNCS: Final = ("fsync", "fdatasync")
_LINKS: Final = ("link", "linkat", "rename", "renameat", "renameat2")
_FOLDERS: Final = ("mkdir", "mkdirat")
_WRITES: Final = ("write", "writev", "pwrite64")
_WAL: Final = ".sqlite-wal"
_FRAME_HEADER: Final = 24
_COMMAND_AT: Final = 12
"""Header of the PDU and of the presentation data value."""


class Missing(Exception):
    """A step that must come before an acknowledgement did not."""


def acknowledged(calls: Sequence[Call]) -> list[tuple[str, Call]]:
    """The SOP Instance UID of each stored instance whose sender was told so, and the call that told it."""
    return [(uid, call) for call in calls if "socket" in call.file or "TCP" in call.file for uid in _stored(call.data)]


def violations(calls: Sequence[Call]) -> list[str]:
    """What was acknowledged too early, each with the first step that had not been taken."""
    found = []
    for uid, told in acknowledged(calls):
        try:
            _check(uid, [call for call in calls if call.end < told.begin])
        except Missing as missing:
            found.append(f"{uid}: {missing}")
    return found


def _check(uid: str, before: Sequence[Call]) -> None:
    """`before` are the calls that had ended when the response began to be written."""
    arriving, last_write = _arrived(uid, before)
    synced = _first(before, _SYNCS, arriving, last_write.end, "the file was not synced after its last byte")
    link = _link(arriving, before, synced.end)
    target = PurePosixPath(link.strings[1].decode())
    folder_synced = _first(before, _SYNCS, str(target.parent), link.end, "the folder was not synced after the link")
    _check_new_folders(target, before)
    entered = _entered(uid, before, folder_synced.end)
    committed = _committed(before, entered)
    wal = entered.file
    _first(before, _SYNCS, wal, committed.end, "the index was not synced after its commit")


def _arrived(uid: str, before: Sequence[Call]) -> tuple[str, Call]:
    writes = [call for call in before if call.name in _WRITES and "/incoming/" in call.file]
    files = [call.file for call in writes if uid.encode() in call.data]
    if not files:
        raise Missing("no file was written")
    return files[0], [call for call in writes if call.file == files[0]][-1]


def _first(before: Sequence[Call], names: Sequence[str], file: str, after: int, otherwise: str) -> Call:
    for call in before:
        if call.name in names and call.file == file and call.begin > after:
            return call
    raise Missing(otherwise)


def _link(arriving: str, before: Sequence[Call], after: int) -> Call:
    for call in before:
        if call.name in _LINKS and call.strings[0].decode() == arriving:
            if call.begin < after:
                raise Missing("the file was linked before it was synced")
            return call
    raise Missing("the file was not linked into the store")


def _check_new_folders(target: PurePosixPath, before: Sequence[Call]) -> None:
    made = {call.strings[0].decode(): call for call in before if call.name in _FOLDERS}
    for folder in target.parents:
        if str(folder) in made:
            end = made[str(folder)].end
            _first(before, _SYNCS, str(folder.parent), end, "the folder above a new folder was not synced")


def _entered(uid: str, before: Sequence[Call], after: int) -> Call:
    entries = [call for call in before if call.name in _WRITES and _WAL in call.file and uid.encode() in call.data]
    if not entries:
        raise Missing("no index entry was written")
    if entries[0].begin < after:
        raise Missing("the index entry was written before the folder was synced")
    return entries[0]


def _committed(before: Sequence[Call], entered: Call) -> Call:
    """The last page of the transaction: the one whose frame header states the size of the database."""
    log = [call for call in before if call.name in _WRITES and call.file == entered.file]
    for header, page in zip(log, log[1:], strict=False):
        data = header.data
        if page.end >= entered.end and len(data) == _FRAME_HEADER and any(data[4:8]):
            return page
    raise Missing("the index entry was not committed")


def _stored(data: bytes) -> list[str]:
    """The SOP Instance UIDs of the successful C-STORE-RSPs in PDUs that were sent, one PDU for each."""
    found = []
    while len(data) > _COMMAND_AT and data[0] == P_DATA:
        length = int.from_bytes(data[2:6], "big") + 6
        try:
            received = command.decode(data[_COMMAND_AT:length])
            if received.field == command.C_STORE_RQ | command.RESPONSE and not received.number(command.STATUS):
                found.append(received.text(command.AFFECTED_SOP_INSTANCE_UID))
        except ProtocolViolation:
            pass
        data = data[length:]
    return found
