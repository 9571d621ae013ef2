"""What the coded attributes of a series say of it (DICOM JSON): region, side, plane, and how it is shown."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.pages.words.anatomy import BY_CODE, BY_TERM
from storage.data_set.json_values import items, text, values

DataSet = Mapping[str, Any]

_AXES: Final = ("SAGITTAL", "CORONAL", "AXIAL")
"""Planes across the axes of the patient: left, back, head (PS3.3 C.7.6.2.1.1)."""
_NEARLY: Final = 0.9

_WINDOWS: Final = {
    "LUNG": ((-800, -400), (1000, 2500)),
    "BONE": ((200, 700), (1300, 4500)),
    "SOFT": ((20, 80), (250, 500)),
}
"""Lowest and highest center and width in Hounsfield units by what they are made for."""


def region(data_set: DataSet, body_part_examined: str) -> str:
    """The key of the region that is coded, by Anatomic Region Sequence before Body Part Examined; empty if unknown."""
    for item in items(data_set, "00082218"):
        for tag in ("00080100", "00080119"):
            if (code := text(item, tag)) in BY_CODE:
                return BY_CODE[code].key
    term = "".join(body_part_examined.upper().replace("_", " ").split())
    return BY_TERM[term].key if term in BY_TERM else ""


def side(data_set: DataSet) -> str:
    """ "L", "R" or "B" by Laterality or Image Laterality; empty when they say something else."""
    sides = {text(data_set, tag) for tag in ("00200060", "00200062")} - {""}
    return sides.pop() if len(sides) == 1 and sides <= {"L", "R", "B"} else ""


def plane(data_set: DataSet) -> str:
    """Across which axis of the patient the images are cut, where it is nearly one; empty for oblique ones."""
    cosines = _numbers(data_set, "00200037")
    if len(cosines) != 6:
        return ""
    x, y, z, u, v, w = cosines
    normal = (y * w - z * v, z * u - x * w, x * v - y * u)
    return next((name for name, along in zip(_AXES, normal, strict=True) if abs(along) > _NEARLY), "")


def kind(data_set: DataSet, modality: str) -> str:
    """ "LOCALIZER", or for CT what the window is made for ("LUNG", "BONE", "SOFT"); else empty."""
    if "LOCALIZER" in values(data_set, "00080008")[2:]:
        return "LOCALIZER"
    center, width = _numbers(data_set, "00281050")[:1], _numbers(data_set, "00281051")[:1]
    if modality != "CT" or not center or not width:
        return ""
    for name, ((low, high), (narrow, wide)) in _WINDOWS.items():
        if low <= center[0] <= high and narrow <= width[0] <= wide:
            return name
    return ""


def described_procedure(study: DataSet) -> str:
    """Requested Procedure Description, else the meaning of the Procedure Code; empty if there is none."""
    codes = items(study, "00081032")
    return text(study, "00321060") or (text(codes[0], "00080104") if codes else "")


def _numbers(data_set: DataSet, tag: str) -> list[float]:
    return [float(one) for one in values(data_set, tag) if isinstance(one, int | float)]
