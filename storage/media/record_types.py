"""The directory records of PS3.3 annex F as data: which type stands for which SOP class, and what each type holds."""

from functools import lru_cache
from typing import Final

STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
TEMPLATES: Final = "1.2.840.10008.5.1.4."

# By the beginning of the SOP Class UID below `STORAGE`, longest first match (PS3.3 table F.4-1 with PS3.6 table A-1).
_BY_CLASS: Final = {
    **dict.fromkeys(("9.1.", "9.2.", "9.3.", "9.4.", "9.5.", "9.6.", "9.7.", "9.8."), "WAVEFORM"),
    **{"11.": "PRESENTATION", "88.": "SR DOCUMENT", "88.59": "KEY OBJECT DOC", "104.": "ENCAP DOC"},
    **{"131": "PRESENTATION", "4.2": "SPECTROSCOPY", "66": "RAW DATA", "66.1": "REGISTRATION", "66.2": "FIDUCIAL"},
    **{"66.3": "REGISTRATION", "66.4": "IMAGE", "66.5": "SURFACE", "66.6": "TRACT", "66.7": "IMAGE", "66.8": "IMAGE"},
    **{"67": "VALUE MAP", "68.": "SURFACE SCAN", "77.1.5.3": "STEREOMETRIC", "78.": "MEASUREMENT"},
    **{"80.1": "MEASUREMENT", "90.1": "ASSESSMENT", "91.1": "ANNOTATION"},
    **{"481.1": "IMAGE", "481.2": "RT DOSE", "481.3": "RT STRUCTURE SET", "481.4": "RT TREAT RECORD"},
    **{"481.5": "RT PLAN", "481.6": "RT TREAT RECORD", "481.7": "RT TREAT RECORD", "481.8": "RT PLAN"},
    **{"481.9": "RT TREAT RECORD", **{f"481.{number}": "RADIOTHERAPY" for number in range(10, 24)}},
}
_ROOTS: Final = {
    **{f"{TEMPLATES}38.1": "HANGING PROTOCOL", f"{TEMPLATES}39.1": "PALETTE", f"{TEMPLATES}43.1": "IMPLANT"},
    **{f"{TEMPLATES}44.1": "IMPLANT ASSY", f"{TEMPLATES}45.1": "IMPLANT GROUP"},
}
ROOT_TYPES: Final = frozenset(_ROOTS.values())
"""Types of records that stand beside the patients, not below one."""

IMAGE: Final = "IMAGE"
PRIVATE: Final = "PRIVATE"

_MADE: Final = ("00080023", "00080033")
_LABELLED: Final = (*_MADE, "00700080", "00700081", "00700084")
_CONCEPT: Final = "0040A043"

KEYS: Final[dict[str, tuple[str, ...]]] = {
    "PATIENT": ("00100010", "00100020", "00100021", "00100030", "00100040"),
    "STUDY": ("00080020", "00080030", "00080050", "00081030", "0020000D", "00200010"),
    "SERIES": ("00080060", "0008103E", "0020000E", "00200011"),
    IMAGE: (),
    "RT DOSE": ("3004000A",),
    "RT STRUCTURE SET": ("30060002", "30060008", "30060009"),
    "RT PLAN": ("300A0002", "300A0006", "300A0007"),
    "RT TREAT RECORD": ("30080250", "30080251"),
    "PRESENTATION": ("00700080", "00700081", "00700082", "00700083", "00700084", "00081115"),
    "WAVEFORM": _MADE,
    "SR DOCUMENT": (*_MADE, "0040A491", "0040A493", "0040A032", _CONCEPT, "0040A730"),
    "KEY OBJECT DOC": (*_MADE, _CONCEPT, "0040A730"),
    "SPECTROSCOPY": ("00080008", *_MADE, "00280008", "00280010", "00280011", "00289001", "00289002"),
    "RAW DATA": _MADE,
    "REGISTRATION": _LABELLED,
    "FIDUCIAL": _LABELLED,
    "VALUE MAP": _LABELLED,
    "MEASUREMENT": _LABELLED,
    "SURFACE": _LABELLED,
    "SURFACE SCAN": _MADE,
    "TRACT": _LABELLED,
    "ANNOTATION": _LABELLED,
    "STEREOMETRIC": (),
    "ASSESSMENT": ("00080012", "00080013"),
    "RADIOTHERAPY": ("30100033", "30100034", "00700081", "00700084"),
    "ENCAP DOC": (*_MADE, "00420010", "0040E001", _CONCEPT, "00420012"),
    "HANGING PROTOCOL": ("00720002", "00720004", "00720008", "0072000A", "0072000C", "0072000E", "00720014"),
    "PALETTE": ("00700080", "00700081"),
    "IMPLANT": ("00080070", "00221095", "00221097", "00681090"),
    "IMPLANT ASSY": ("00080070", "00760001", "00760020"),
    "IMPLANT GROUP": ("00780001", "00780010"),
    PRIVATE: (),
}
"""The keys of each type (PS3.3 F.5), beside the UIDs and numbers that every record of a file has."""

_NAMED_CONTENT: Final = {"00700081": "LO", "00700084": "PN"}
_DOCUMENT: Final = {"00080023": "DA", "00080033": "TM", "00420010": "ST", "0040A043": "SQ"}

NEVER_ABSENT: Final[dict[str, dict[str, str]]] = {
    "PATIENT": {"00100010": "PN", "00100020": "LO"},
    "STUDY": {"00080050": "SH", "00081030": "LO"},
    "RT STRUCTURE SET": {"30060008": "DA", "30060009": "TM"},
    "RT PLAN": {"300A0006": "DA", "300A0007": "TM"},
    "RT TREAT RECORD": {"30080250": "DA", "30080251": "TM"},
    "PRESENTATION": _NAMED_CONTENT,
    **{kind: _NAMED_CONTENT for kind, keys in KEYS.items() if keys == _LABELLED},
    "ENCAP DOC": _DOCUMENT,
}
"""The keys of each type that are there without a value when nothing is known (type 2), with their VR."""


@lru_cache(maxsize=1024)
def record_type(sop_class_uid: str, *, has_pixels: bool) -> str:
    """The type of the record of an instance; what no table knows is an IMAGE if it has pixels, else PRIVATE."""
    if root := _ROOTS.get(sop_class_uid):
        return root
    own = sop_class_uid.removeprefix(STORAGE) if sop_class_uid.startswith(STORAGE) else ""
    matching = [begin for begin in _BY_CLASS if _begins(own, begin)]
    if matching:
        return _BY_CLASS[max(matching, key=len)]
    return IMAGE if has_pixels else PRIVATE


def _begins(own: str, begin: str) -> bool:
    return own.startswith(begin) if begin.endswith(".") else own == begin
