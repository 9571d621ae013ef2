"""What staff may correct in an upload before it comes into the archive, and how.

What was corrected is kept in the instance itself, in the Original Attributes Sequence (PS3.3 C.12.1.1.9), with who
corrected it and when.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from functools import partial
from typing import Final

from pydicom.dataset import Dataset

from auth.birth_date import parse_birth_date

_UTF_8: Final = "ISO_IR 192"
_LONGEST_GROUP: Final = 64
_MOST_COMPONENTS: Final = 5
_MOST_GROUPS: Final = 3


def _text(given: str, most: int) -> str | None:
    """One value of LO or SH (PS3.5 6.2); a backslash would make it two."""
    fits = len(given) <= most and given.isprintable() and "\\" not in given
    return given if fits else None


def _person_name(given: str) -> str | None:
    """One value of PN: up to three groups of five components, each group of 64 characters (PS3.5 6.2.1)."""
    groups = given.split("=")
    fits = len(groups) <= _MOST_GROUPS and all(
        _text(group, _LONGEST_GROUP) is not None and group.count("^") < _MOST_COMPONENTS for group in groups
    )
    return given if fits else None


def _sex(given: str) -> str | None:
    """One of the values of PS3.3 C.7.1.1."""
    return given if given in ("M", "F", "O") else None


CORRECTABLE: Final[dict[str, Callable[[str], str | None]]] = {
    "PatientID": partial(_text, most=64),
    "IssuerOfPatientID": partial(_text, most=64),
    "PatientName": _person_name,
    "PatientBirthDate": parse_birth_date,
    "PatientSex": _sex,
    "AccessionNumber": partial(_text, most=16),
    "StudyDescription": partial(_text, most=64),
}
"""Keywords of what may be corrected, each with what makes a value of it, None where that cannot be."""


def correction(keyword: str, given: str) -> str:
    """What `given` is as a value of this attribute; "" takes the value away. `ValueError` for what is no value."""
    value = CORRECTABLE[keyword](given) if given else ""
    if value is None:
        raise ValueError(f"{keyword} cannot have this value.")
    return value


def correct(data_set: Dataset, corrections: Mapping[str, str], source: str, at: datetime) -> None:
    """Set attributes by keyword, and keep what they were in an item of the Original Attributes Sequence.

    `source` is where the former values came from. The same corrections at the same moment always are the same bytes.
    """
    if not "".join(corrections.values()).isascii() and data_set.get("SpecificCharacterSet") != _UTF_8:
        # Decoded by the old character set first, then everything is written in the new one.
        data_set.decode()
        data_set.SpecificCharacterSet = _UTF_8
    former = Dataset()
    for keyword, value in corrections.items():
        if keyword not in CORRECTABLE:
            raise ValueError(f"{keyword} cannot be corrected.")
        if keyword in data_set:
            former[keyword] = deepcopy(data_set[keyword])
        else:
            setattr(former, keyword, "")
        setattr(data_set, keyword, value)
    item = Dataset()
    item.ModifiedAttributesSequence = [former]
    item.AttributeModificationDateTime = at.astimezone(UTC).strftime("%Y%m%d%H%M%S.%f+0000")
    item.ModifyingSystem = "Durchblick"
    item.SourceOfPreviousValues = source
    item.ReasonForTheAttributeModification = "COERCE"
    data_set.OriginalAttributesSequence = [*data_set.get("OriginalAttributesSequence", []), item]
