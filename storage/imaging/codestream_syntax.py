"""Which transfer syntax a compressed frame is in (PS3.5 annex A.4), told from its codestream.

It is asked where somebody sends frames by their media type alone, which leaves lossless and lossy open.
"""

from collections.abc import Iterator
from typing import Final

# Start of frame of JPEG (ISO/IEC 10918-1 table B.1) to process; SOF3 with the first predictor has a UID of its own.
_PROCESSES: Final = {0xC0: "50", 0xC1: "51", 0xC2: "55", 0xC3: "57"}
_PREFIX: Final = "1.2.840.10008.1.2.4."
_LOSSLESS: Final = 0xC3
_JPEG_LS: Final = 0xF7
_START_OF_SCAN: Final = 0xDA
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_CAPABILITIES: Final = 0x50  # Only in HTJ2K (ISO/IEC 15444-15), in Part 2 as well, which goes under image/jpx.
_CODING_STYLE: Final = 0x52
_START_OF_TILE: Final = 0x90
_COMPONENT_TRANSFORM: Final = 4
_TRANSFORMATION: Final = 9
_REVERSIBLE: Final = 1
_SIGNATURE_BOX: Final = 4096


def jpeg(head: bytes) -> str | None:
    """The transfer syntax of a JPEG or JPEG-LS stream that begins with `head`, or None where it is not told."""
    frame = 0
    for marker, content in _segments(head):
        if marker in _PROCESSES or marker == _JPEG_LS:
            frame = marker
        if marker == _START_OF_SCAN and content:
            components = content[0]
            parameter = content[1 + 2 * components : 2 + 2 * components]
            return _of_scan(frame, parameter)
    return None


def _of_scan(frame: int, parameter: bytes) -> str | None:
    """`parameter` is the predictor of lossless JPEG, and NEAR, the error allowed, of JPEG-LS."""
    if not parameter:
        return None
    if frame == _JPEG_LS:
        return _PREFIX + ("80" if parameter == b"\0" else "81")
    if frame == _LOSSLESS and parameter == b"\1":
        return _PREFIX + "70"
    return _PREFIX + _PROCESSES[frame] if frame in _PROCESSES else None


def jpeg_2000(head: bytes) -> str | None:
    """The same of JPEG 2000 and HTJ2K, also inside a JP2 file; reversible means lossless."""
    segments = _main_header(head)
    style = segments.get(_CODING_STYLE, b"")
    if len(style) <= _TRANSFORMATION:
        return None
    reversible = style[_TRANSFORMATION] == _REVERSIBLE
    if _CAPABILITIES in segments:
        return _PREFIX + ("201" if reversible else "203")
    return _PREFIX + ("90" if reversible else "91")


def mixes_components(head: bytes) -> bool:
    """Whether JPEG 2000 has made YCbCr of the first three components (ISO/IEC 15444-1 A.6.1)."""
    style = _main_header(head).get(_CODING_STYLE, b"")
    return len(style) > _COMPONENT_TRANSFORM and style[_COMPONENT_TRANSFORM] == 1


def _main_header(head: bytes) -> dict[int, bytes]:
    start = head.find(b"\xff\x4f\xff\x51", 0, _SIGNATURE_BOX)
    return dict(_segments(head[start:])) if start >= 0 else {}


def _segments(head: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and content of each segment up to where the first coded data begin."""
    position = 2
    while position + 4 <= len(head) and head[position] == 0xFF:
        marker = head[position + 1]
        if marker == 0xFF or marker in _ALONE:
            position += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(head[position + 2 : position + 4], "big")
        yield marker, head[position + 4 : position + 2 + length]
        if marker in (_START_OF_SCAN, _START_OF_TILE) or length < 2:
            return
        position += 2 + length
