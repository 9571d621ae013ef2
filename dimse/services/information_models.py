"""The information models of Query/Retrieve (PS3.4 C.6): their levels, and the key that is unique at each."""

from dataclasses import dataclass
from typing import Final

UNIQUE_KEYS: Final = {"PATIENT": "00100020", "STUDY": "0020000D", "SERIES": "0020000E", "IMAGE": "00080018"}
"""The unique key of each level, from the root down (PS3.4 C.6.1.1)."""


@dataclass(frozen=True, slots=True)
class InformationModel:
    """One model: its levels from the root down are values of Query/Retrieve Level (0008,0052)."""

    name: str
    levels: tuple[str, ...]


PATIENT_ROOT: Final = InformationModel("Patient Root", ("PATIENT", "STUDY", "SERIES", "IMAGE"))
STUDY_ROOT: Final = InformationModel("Study Root", ("STUDY", "SERIES", "IMAGE"))
PATIENT_STUDY_ONLY: Final = InformationModel("Patient/Study Only", ("PATIENT", "STUDY"))

FIND_MODELS: Final = {
    "1.2.840.10008.5.1.4.1.2.1.1": PATIENT_ROOT,
    "1.2.840.10008.5.1.4.1.2.2.1": STUDY_ROOT,
    "1.2.840.10008.5.1.4.1.2.3.1": PATIENT_STUDY_ONLY,
}
"""The SOP classes of C-FIND (PS3.4 C.6.1.3, C.6.2.3, C.6.3.3); the last one is retired."""

MOVE_MODELS: Final = {
    "1.2.840.10008.5.1.4.1.2.1.2": PATIENT_ROOT,
    "1.2.840.10008.5.1.4.1.2.2.2": STUDY_ROOT,
    "1.2.840.10008.5.1.4.1.2.3.2": PATIENT_STUDY_ONLY,
}
"""The SOP classes of C-MOVE (PS3.4 C.6.1.3, C.6.2.3, C.6.3.3); the last one is retired."""

GET_MODELS: Final = {
    "1.2.840.10008.5.1.4.1.2.1.3": PATIENT_ROOT,
    "1.2.840.10008.5.1.4.1.2.2.3": STUDY_ROOT,
    "1.2.840.10008.5.1.4.1.2.3.3": PATIENT_STUDY_ONLY,
}
"""The SOP classes of C-GET."""
