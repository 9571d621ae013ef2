"""What is written on a picture when that is asked for (PS3.18 8.3.5.1.1): of the patient, of how it was made."""

from collections.abc import Sequence
from typing import Final

from dicomweb.rendered.report_items import moment, name, text
from storage.data_set.json_values import Json, first

_LONGEST: Final = 80
# Label and attribute; a label alone would say nothing.
_PATIENT: Final = (("", "00100020"), ("born ", "00100030"), ("", "00100040"))
_TECHNIQUE: Final = (
    ("", "00080080"),
    ("", "00081030"),
    ("", "0008103E"),
    ("", "00180015"),
    ("", "00185101"),
    ("kV ", "00180060"),
    ("slice mm ", "00180050"),
)
_DATES: Final = frozenset({"00100030", "00080020"})


def annotation(data_set: Json, asked: Sequence[str], frame: int, frames: int) -> tuple[str, ...]:
    """Lines about the image with this `data_set` (DICOM JSON); `asked` are "patient", "technique" or both."""
    lines: list[str] = []
    if "patient" in asked:
        lines += [_patient_name(data_set), _joined(data_set, _PATIENT)]
    if "technique" in asked:
        lines += [_when(data_set), _joined(data_set, _TECHNIQUE), _which(data_set, frame, frames)]
    return tuple(line[:_LONGEST] for line in lines if line)


def _patient_name(data_set: Json) -> str:
    stated = first(data_set, "00100010")
    groups = stated if isinstance(stated, dict) else {}
    return " = ".join(name(group) for group in groups.values() if group)


def _when(data_set: Json) -> str:
    date, time = text(data_set, "00080020"), text(data_set, "00080030")
    return f"{text(data_set, '00080060')} {moment(date)} {moment(time)}".strip()


def _which(data_set: Json, frame: int, frames: int) -> str:
    series, number = text(data_set, "00200011"), text(data_set, "00200013")
    parts = [f"series {series}" if series else "", f"image {number}" if number else ""]
    parts += [f"frame {frame} of {frames}"] if frames > 1 else []
    return ", ".join(part for part in parts if part)


def _joined(data_set: Json, attributes: Sequence[tuple[str, str]]) -> str:
    said = [(label, text(data_set, tag), tag) for label, tag in attributes]
    return "  ".join(label + (moment(value) if tag in _DATES else value) for label, value, tag in said if value)
