"""Action Information and Event Information of storage commitment (PS3.4 tables J.3-1 and J.3-2)."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from dimse.commitment.references import ALL_COMMITTED, SOME_FAILED, Reference, Verdict
from storage.data_set.encoder import encode
from storage.data_set.identifier import decode
from storage.errors import CannotUnderstand
from storage.identifiers import is_uid

LARGEST_REQUEST: Final = 4 << 20
"""Bytes of Action Information; an instance takes up to 160, so that is at least 26,000 instances."""

LARGEST_REPORT: Final = 6 << 20
"""Bytes of Event Information; an instance that failed takes ten more."""

_RETRIEVE_AE_TITLE: Final = "00080054"
_REFERENCED_SOP_CLASS_UID: Final = "00081150"
_REFERENCED_SOP_INSTANCE_UID: Final = "00081155"
_TRANSACTION_UID: Final = "00081195"
_FAILURE_REASON: Final = "00081197"
_FAILED_SOP_SEQUENCE: Final = "00081198"
_REFERENCED_SOP_SEQUENCE: Final = "00081199"

Json = dict[str, Any]


def decode_request(data: bytes, transfer_syntax: str) -> tuple[str, tuple[Reference, ...]]:
    """Transaction UID and instances of an N-ACTION, each instance once. Raises `CannotUnderstand`."""
    data_set = decode(data, transfer_syntax)
    references = [_reference(item) for item in _items(data_set, _REFERENCED_SOP_SEQUENCE)]
    if not references:
        raise CannotUnderstand("The Referenced SOP Sequence (0008,1199) is missing or empty.")
    return _transaction_uid(data_set), tuple(dict.fromkeys(references))


def encode_request(transaction_uid: str, references: Iterable[Reference], transfer_syntax: str) -> bytes:
    """The data set of an N-ACTION."""
    data_set = {
        _TRANSACTION_UID: _uid(transaction_uid),
        _REFERENCED_SOP_SEQUENCE: {"vr": "SQ", "Value": [_item(one) for one in references]},
    }
    return encode(data_set, transfer_syntax)


def decode_report(data: bytes, transfer_syntax: str) -> tuple[str, tuple[Verdict, ...]]:
    """Transaction UID and verdicts of an N-EVENT-REPORT, whatever its type says. Raises `CannotUnderstand`."""
    data_set = decode(data, transfer_syntax)
    committed = [Verdict(_reference(item)) for item in _items(data_set, _REFERENCED_SOP_SEQUENCE)]
    failed = [Verdict(_reference(item), _reason(item)) for item in _items(data_set, _FAILED_SOP_SEQUENCE)]
    return _transaction_uid(data_set), (*committed, *failed)


def encode_report(
    transaction_uid: str, verdicts: Iterable[Verdict], retrieve_ae_title: str, transfer_syntax: str
) -> bytes:
    """The data set of an N-EVENT-REPORT; `retrieve_ae_title` is where the committed instances can be had."""
    data_set: Json = {_TRANSACTION_UID: _uid(transaction_uid)}
    committed, failed = [], []
    for verdict in verdicts:
        item = _item(verdict.reference)
        if verdict.is_committed:
            committed.append(item)
        else:
            failed.append(item | {_FAILURE_REASON: {"vr": "US", "Value": [verdict.reason]}})
    if committed:
        data_set[_RETRIEVE_AE_TITLE] = {"vr": "AE", "Value": [retrieve_ae_title]}
        data_set[_REFERENCED_SOP_SEQUENCE] = {"vr": "SQ", "Value": committed}
    if failed:
        data_set[_FAILED_SOP_SEQUENCE] = {"vr": "SQ", "Value": failed}
    return encode(data_set, transfer_syntax)


def event_type(verdicts: Sequence[Verdict]) -> int:
    """The Event Type ID for these verdicts."""
    return ALL_COMMITTED if all(verdict.is_committed for verdict in verdicts) else SOME_FAILED


def _uid(value: str) -> Json:
    return {"vr": "UI", "Value": [value]}


def _item(reference: Reference) -> Json:
    return {
        _REFERENCED_SOP_CLASS_UID: _uid(reference.sop_class_uid),
        _REFERENCED_SOP_INSTANCE_UID: _uid(reference.sop_instance_uid),
    }


def _transaction_uid(data_set: Json) -> str:
    uid = _text(data_set, _TRANSACTION_UID)
    if not is_uid(uid):
        raise CannotUnderstand("The Transaction UID (0008,1195) is missing or no UID.")
    return uid


def _reference(item: Json) -> Reference:
    sop_class, instance = _text(item, _REFERENCED_SOP_CLASS_UID), _text(item, _REFERENCED_SOP_INSTANCE_UID)
    if not is_uid(sop_class) or not is_uid(instance):
        raise CannotUnderstand("An item lacks the UID of its SOP class or instance.")
    return Reference(sop_class, instance)


def _reason(item: Json) -> int:
    values = item.get(_FAILURE_REASON, {}).get("Value")
    if not values or not isinstance(values[0], int) or not values[0]:
        raise CannotUnderstand("An item that failed lacks its Failure Reason (0008,1197).")
    return values[0]


def _items(data_set: Json, key: str) -> list[Json]:
    element = data_set.get(key, {"vr": "SQ"})
    if element["vr"] != "SQ":
        raise CannotUnderstand("What should be a sequence is none.")
    return element.get("Value") or []


def _text(data_set: Json, key: str) -> str:
    values = data_set.get(key, {}).get("Value")
    return values[0] if values and isinstance(values[0], str) else ""
