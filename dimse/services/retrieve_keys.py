"""Identifiers of C-MOVE and C-GET: which instances they ask for (PS3.4 C.4.2.1.4, C.4.3.1.3).

Levels above the one asked for may be left out wherever unique keys suffice, whether relational retrieval was
negotiated or not (C.4.2.2.2). What is no unique key does not restrict, save Issuer of Patient ID with a Patient ID.
"""

from collections.abc import Mapping
from typing import Any, Final

from dimse.services.information_models import UNIQUE_KEYS, InformationModel
from storage.catalogue.selection import Wanted
from storage.data_set.identifier import decode
from storage.errors import DataSetMismatch
from storage.identifiers import is_uid

_QUERY_RETRIEVE_LEVEL: Final = "00080052"
_PATIENT_ID: Final = UNIQUE_KEYS["PATIENT"]
_ISSUER_OF_PATIENT_ID: Final = "00100021"


def wanted(identifier: bytes, transfer_syntax_uid: str, model: InformationModel) -> Wanted:
    """What an encoded identifier asks for.

    Raises `DataSetMismatch` (A900H) for one that the model does not allow, `CannotUnderstand` for one that cannot be
    read.
    """
    json = decode(identifier, transfer_syntax_uid)
    level = _level(json, model)
    own = UNIQUE_KEYS[level]
    keys = {tag: _values(json, tag) for tag in UNIQUE_KEYS.values()}
    if not keys[own]:
        raise DataSetMismatch(f"The unique key of level {level} is missing.")
    below = list(UNIQUE_KEYS)[list(UNIQUE_KEYS).index(level) + 1 :]
    for name in below:
        if keys[UNIQUE_KEYS[name]]:
            raise DataSetMismatch(f"A key of level {name} lies below level {level}.")
    for name, tag in UNIQUE_KEYS.items():
        if tag != own and len(keys[tag]) > 1 and name in model.levels:
            raise DataSetMismatch(f"The key of level {name} must be one value.")
    return _checked(keys, _values(json, _ISSUER_OF_PATIENT_ID), model)


def _level(json: Mapping[str, Any], model: InformationModel) -> str:
    levels = _values(json, _QUERY_RETRIEVE_LEVEL)
    if len(levels) != 1:
        raise DataSetMismatch("The Query/Retrieve Level is missing.")
    if levels[0] not in model.levels:
        raise DataSetMismatch(f"{model.name} has the levels {', '.join(model.levels)}.")
    return levels[0]


def _checked(keys: Mapping[str, tuple[str, ...]], issuers: tuple[str, ...], model: InformationModel) -> Wanted:
    patients = keys[_PATIENT_ID] if "PATIENT" in model.levels else ()
    if len(patients) > 1 or any("*" in patient for patient in patients):
        raise DataSetMismatch("The Patient ID must be one value.")
    uids = [keys[UNIQUE_KEYS[level]] for level in ("STUDY", "SERIES", "IMAGE")]
    if not all(is_uid(uid) for listed in uids for uid in listed):
        raise DataSetMismatch("Keys below the patient must be UIDs.")
    return Wanted("".join(patients), "".join(issuers[:1]) if patients else "", *uids)


def _values(json: Mapping[str, Any], tag: str) -> tuple[str, ...]:
    """The values of an element that are not empty, without padding."""
    values = json.get(tag, {}).get("Value") or ()
    return tuple(text for value in values if isinstance(value, str) and (text := value.strip("\0 ")))
