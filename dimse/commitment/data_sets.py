"""Action Information and Event Information of storage commitment (PS3.4 tables J.3-1 and J.3-2)."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from storage.commitment.modules import (
    FAILED_SOP_SEQUENCE,
    REFERENCED_SOP_SEQUENCE,
    element,
    item,
    items,
    reason,
    reference,
    text,
)
from storage.commitment.references import ALL_COMMITTED, SOME_FAILED, Reference, Verdict
from storage.data_set.encoder import encode
from storage.data_set.identifier import decode
from storage.errors import CannotUnderstand
from storage.identifiers import is_uid

LARGEST_REQUEST: Final = 4 << 20
"""Bytes of Action Information; an instance takes up to 160, so that is at least 26,000 instances."""

LARGEST_REPORT: Final = 6 << 20
"""Bytes of Event Information; an instance that failed takes ten more."""

_RETRIEVE_AE_TITLE: Final = "00080054"
_TRANSACTION_UID: Final = "00081195"

Json = dict[str, Any]


def decode_request(data: bytes, transfer_syntax: str) -> tuple[str, tuple[Reference, ...]]:
    """Transaction UID and instances of an N-ACTION, each instance once. Raises `CannotUnderstand`."""
    data_set = decode(data, transfer_syntax)
    references = [reference(one) for one in items(data_set, REFERENCED_SOP_SEQUENCE)]
    if not references:
        raise CannotUnderstand("The Referenced SOP Sequence (0008,1199) is missing or empty.")
    return _transaction_uid(data_set), tuple(dict.fromkeys(references))


def encode_request(transaction_uid: str, references: Iterable[Reference], transfer_syntax: str) -> bytes:
    """The data set of an N-ACTION."""
    data_set = {
        _TRANSACTION_UID: element("UI", transaction_uid),
        REFERENCED_SOP_SEQUENCE: {"vr": "SQ", "Value": [item(Verdict(one)) for one in references]},
    }
    return encode(data_set, transfer_syntax)


def decode_report(data: bytes, transfer_syntax: str) -> tuple[str, tuple[Verdict, ...]]:
    """Transaction UID and verdicts of an N-EVENT-REPORT, whatever its type says. Raises `CannotUnderstand`."""
    data_set = decode(data, transfer_syntax)
    committed = [Verdict(reference(one)) for one in items(data_set, REFERENCED_SOP_SEQUENCE)]
    failed = [Verdict(reference(one), reason(one)) for one in items(data_set, FAILED_SOP_SEQUENCE)]
    return _transaction_uid(data_set), (*committed, *failed)


def encode_report(
    transaction_uid: str, verdicts: Iterable[Verdict], retrieve_ae_title: str, transfer_syntax: str
) -> bytes:
    """The data set of an N-EVENT-REPORT; `retrieve_ae_title` is where the committed instances can be had."""
    data_set: Json = {_TRANSACTION_UID: element("UI", transaction_uid)}
    told = list(verdicts)
    if committed := [item(verdict) for verdict in told if verdict.is_committed]:
        data_set[_RETRIEVE_AE_TITLE] = element("AE", retrieve_ae_title)
        data_set[REFERENCED_SOP_SEQUENCE] = {"vr": "SQ", "Value": committed}
    if failed := [item(verdict) for verdict in told if not verdict.is_committed]:
        data_set[FAILED_SOP_SEQUENCE] = {"vr": "SQ", "Value": failed}
    return encode(data_set, transfer_syntax)


def event_type(verdicts: Sequence[Verdict]) -> int:
    """The Event Type ID for these verdicts."""
    return ALL_COMMITTED if all(verdict.is_committed for verdict in verdicts) else SOME_FAILED


def _transaction_uid(data_set: Json) -> str:
    uid = text(data_set, _TRANSACTION_UID)
    if not is_uid(uid):
        raise CannotUnderstand("The Transaction UID (0008,1195) is missing or no UID.")
    return uid
