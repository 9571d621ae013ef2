"""The Image Pixel Description (PS3.3 table C.7-11c) that a compressed frame brings with it.

Who stores metadata and frames of certain media types may leave it out of the metadata (PS3.18 10.5.1).
"""

from typing import Any, Final

from storage.data_set.dicom_json import Json
from storage.imaging.codestream import Codestream, jpeg, jpeg_2000
from storage.imaging.codestream_syntax import mixes_components

_LOSSY_JPEG: Final = frozenset(f"1.2.840.10008.1.2.4.{arc}" for arc in (50, 51, 53, 55))
_REVERSIBLE: Final = frozenset(f"1.2.840.10008.1.2.4.{arc}" for arc in (90, 92, 201, 202))
_LARGEST_SIDE: Final = 0xFFFF


def description(head: bytes, transfer_syntax_uid: str, frames: int) -> Json:
    """The attributes that the beginning of the first of `frames` frames tells; none where it tells nothing."""
    stream = jpeg(head) or jpeg_2000(head)
    if stream is None or stream.components not in (1, 3):
        return {}
    if not all(0 < side <= _LARGEST_SIDE for side in (stream.rows, stream.columns)):
        return {}
    allocated = 8 if stream.precision <= 8 else 16
    found: dict[str, tuple[str, Any]] = {
        "00280002": ("US", stream.components),
        "00280004": ("CS", _photometric_interpretation(head, stream, transfer_syntax_uid)),
        "00280010": ("US", stream.rows),
        "00280011": ("US", stream.columns),
        "00280100": ("US", allocated),
        "00280101": ("US", stream.precision),
        "00280102": ("US", stream.precision - 1),
        "00280103": ("US", int(stream.signed)),
    }
    if stream.components == 3:
        found["00280006"] = ("US", 0)
    if frames > 1:
        found["00280008"] = ("IS", frames)
    return {tag: {"vr": vr, "Value": [value]} for tag, (vr, value) in found.items()}


def _photometric_interpretation(head: bytes, stream: Codestream, transfer_syntax_uid: str) -> str:
    """PS3.5 8.2.1 to 8.2.4: what each way to compress makes of colours."""
    if stream.components == 1:
        return "MONOCHROME2"
    if transfer_syntax_uid in _LOSSY_JPEG:
        is_rgb = stream.adobe_transform == 0 or stream.component_ids == tuple(b"RGB")
        return "RGB" if is_rgb else "YBR_FULL_422"
    if mixes_components(head):
        return "YBR_RCT" if transfer_syntax_uid in _REVERSIBLE else "YBR_ICT"
    return "RGB"
