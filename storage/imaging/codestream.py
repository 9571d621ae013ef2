"""What a compressed frame says of itself, read from its first bytes without decoding it.

A decoder allocates what the codestream announces, not what the data set says: a JPEG 2000 file of 2 kB can cost 2 GiB.
So these few numbers are read first and compared with the data set's.
"""

from dataclasses import dataclass
from struct import error as StructError
from struct import unpack_from


@dataclass(frozen=True, slots=True)
class Codestream:
    """The geometry of a JPEG, JPEG-LS or JPEG 2000 codestream, and how JPEG marks its colours.

    `adobe_transform` is that of the APP14 marker (0: none, 1: YCbCr), None without one.
    """

    rows: int
    columns: int
    components: int
    precision: int
    signed: bool = False
    lossless: bool = False
    component_ids: tuple[int, ...] = ()
    jfif: bool = False
    adobe_transform: int | None = None


_FRAME_HEADERS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_LOSSLESS_HEADERS = frozenset({0xC3, 0xC7, 0xCB, 0xCF, 0xF7})


def jpeg(frame: bytes) -> Codestream | None:
    """The frame header of JPEG (ISO/IEC 10918-1 B.2.2) or JPEG-LS (ISO/IEC 14495-1 C.2.2); None where there is none."""
    jfif, adobe, position = False, None, 2
    try:
        while frame[position] == 0xFF:
            marker = frame[position + 1]
            if marker == 0xFF:
                position += 1
                continue
            if marker in _FRAME_HEADERS:
                return _frame_header(frame, position, jfif, adobe)
            if marker == 0xE0 and frame[position + 4 : position + 8] == b"JFIF":
                jfif = True
            length = int(unpack_from(">H", frame, position + 2)[0])
            if marker == 0xEE and length >= 14 and frame[position + 4 : position + 9] == b"Adobe":
                adobe = frame[position + 15]
            position += 2 + length
    except (IndexError, StructError):
        pass
    return None


def _frame_header(frame: bytes, position: int, jfif: bool, adobe: int | None) -> Codestream:
    precision, rows, columns, components = unpack_from(">BHHB", frame, position + 4)
    ids = tuple(frame[position + 10 : position + 10 + 3 * components : 3])
    lossless = frame[position + 1] in _LOSSLESS_HEADERS
    return Codestream(rows, columns, components, precision, False, lossless, ids, jfif, adobe)


def jpeg_2000(frame: bytes) -> Codestream | None:
    """The image and tile size of JPEG 2000 (ISO/IEC 15444-1 A.5.1), also inside a JP2 file; None without one."""
    start = frame.find(b"\xff\x4f\xff\x51", 0, 4096)
    try:
        right, bottom, left, top = unpack_from(">IIII", frame, start + 8)
        components, depth = unpack_from(">HB", frame, start + 40)
    except StructError:
        return None
    if start < 0:
        return None
    return Codestream(bottom - top, right - left, components, (depth & 0x7F) + 1, bool(depth & 0x80))
