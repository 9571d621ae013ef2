"""The parts of an instance in another transfer syntax: everything before its pixels, and everything after.

The pixels themselves go frame by frame between the two, so a long cine never is in memory as a whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Final

import numpy as np

from storage.data_set.data_elements import Buffer, Element
from storage.data_set.part10 import EXPLICIT_VR_LITTLE_ENDIAN, FileMeta, Part10, read
from storage.imaging.decoders import SYNTAXES, decode
from storage.imaging.derivation import RATIO_LENGTH, derived, derived_uid
from storage.imaging.encoders import ENCODINGS
from storage.imaging.explicit_encoding import (
    data_set,
    element_header,
    encapsulation,
    encoded,
    is_encapsulated,
)
from storage.imaging.header import header
from storage.imaging.image_pixels import (
    DOUBLE_FLOAT_PIXEL_DATA,
    FLOAT_PIXEL_DATA,
    PIXEL_DATA,
    ImagePixels,
    Undecodable,
    describe,
)
from storage.imaging.stored_image import StoredImage

_PIXELS: Final = (FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA, PIXEL_DATA)
_LARGEST_VALUE: Final = 0xFFFFFFFE
_ITEM_HEADER: Final = 8


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`before` ends with the header of Pixel Data, whose value has `pixel_bytes` bytes without padding.

    `frames` is their number where they must be decoded or encoded one by one, 0 where the value only needs the right
    byte order. If `encapsulated`, `before` ends with a Basic Offset Table of `table` words, still all 0, and
    `pixel_bytes` are those before compression. `ratio` is where in `before` the compression ratio belongs, 0 for
    nowhere.
    """

    before: bytes
    after: bytes
    pixel_bytes: int = 0
    frames: int = 0
    encapsulated: bool = False
    table: int = 0
    ratio: int = 0


def surroundings(
    path: Path, stored: StoredImage | None, decoded: ImagePixels | None, transfer_syntax_uid: str
) -> Surroundings:
    """What surrounds the pixels of the instance at `path`.

    `stored` is None for an instance without pixels, or with native ones that nothing describes; `decoded` describes
    its frames once they are decoded, and is None where they stay as they are. Raises `Undecodable` where they cannot
    be put in one value.
    """
    with path.open("rb") as file:
        part10 = read(file)
    if stored is None:
        if transfer_syntax_uid != EXPLICIT_VR_LITTLE_ENDIAN:
            raise Undecodable("This instance holds no image that could be encoded.")
        if part10.fragments is not None:
            raise Undecodable("The pixels are compressed, but what they are is not described.")
        return Surroundings(_meta(part10, transfer_syntax_uid) + b"".join(_written(part10, part10.elements, {})), b"")
    if transfer_syntax_uid == EXPLICIT_VR_LITTLE_ENDIAN:
        return _native(part10, stored, decoded)
    assert decoded is not None
    return _encapsulated(part10, stored, decoded, transfer_syntax_uid)


def _native(part10: Part10, stored: StoredImage, decoded: ImagePixels | None) -> Surroundings:
    frames = 0 if decoded is None else stored.frame_count
    size = stored.pixels.length if decoded is None else -(-decoded.frame_bits * frames // 8)
    if size + size % 2 > _LARGEST_VALUE:
        raise Undecodable("Decoded, the pixels of this instance are larger than one value can be.")
    tag = stored.pixels.tag
    replaced = {} if decoded is None else _corrections(stored, decoded)
    replaced[tag] = element_header(tag, _vr(stored.image, tag), size + size % 2)
    before, after = _around(part10, tag, replaced)
    return Surroundings(_meta(part10, EXPLICIT_VR_LITTLE_ENDIAN) + before, after, size, frames)


def _encapsulated(part10: Part10, stored: StoredImage, decoded: ImagePixels, uid: str) -> Surroundings:
    encoding, frames = ENCODINGS[uid], stored.frame_count
    size = -(-decoded.frame_bits // 8) * frames
    # Whatever a codec adds to noise, the words of a table this far below their limit hold every offset.
    table = frames if size <= _LARGEST_VALUE // 2 else 0
    replaced = _corrections(stored, encoding.described(decoded))
    replaced[PIXEL_DATA] = encapsulation(PIXEL_DATA, table)
    meta, ratio = _meta(part10, uid), b""
    if encoding.lossy_method:
        ratio = token_hex(RATIO_LENGTH // 2).encode()
        names = (_sop_class_uid(part10), _sop_instance_uid(part10))
        new_uid = derived_uid(names[1], uid)
        meta = _meta(part10, uid, new_uid)
        replaced |= derived(part10, *names, new_uid, encoding.lossy_method, ratio)
    before, after = _around(part10, PIXEL_DATA, replaced)
    before = meta + before
    return Surroundings(before, after, size, frames, True, table, before.index(ratio) if ratio else 0)


def _around(part10: Part10, tag: int, replaced: dict[int, bytes]) -> tuple[bytes, bytes]:
    before = [element for element in part10.elements if element.tag < tag]
    after = [element for element in part10.elements if element.tag > tag]
    return b"".join(_written(part10, before, replaced)), b"".join(_written(part10, after, {}))


def _meta(part10: Part10, transfer_syntax_uid: str, sop_instance_uid: str = "") -> bytes:
    return FileMeta(
        _sop_class_uid(part10),
        sop_instance_uid or _sop_instance_uid(part10),
        transfer_syntax_uid,
        part10.meta.source_ae_title,
    ).encode()


def _sop_class_uid(part10: Part10) -> str:
    return part10.meta.sop_class_uid or _uid(part10, 0x00080016)


def _sop_instance_uid(part10: Part10) -> str:
    return part10.meta.sop_instance_uid or _uid(part10, 0x00080018)


def _written(part10: Part10, elements: list[Element], replaced: dict[int, bytes]) -> Iterator[bytes]:
    icons = partial(_icon_corrections, part10.buffer, part10.meta.transfer_syntax_uid)
    return data_set(part10.buffer, elements, icons, replaced)


def _corrections(stored: StoredImage, decoded: ImagePixels) -> dict[int, bytes]:
    """The elements that this makes untrue (PS3.5 8.2, PS3.3 C.7.6.1.1.5), and the tables of encapsulation."""
    replaced = {0x7FE00001: b"", 0x7FE00002: b""} | _colour_corrections(decoded)
    if decoded.bits_stored != stored.image.bits_stored:
        replaced[0x00280101] = encoded(0x00280101, "US", decoded.bits_stored.to_bytes(2, "little"))
        replaced[0x00280102] = encoded(0x00280102, "US", decoded.high_bit.to_bytes(2, "little"))
    if SYNTAXES[stored.transfer_syntax_uid].lossy:
        replaced[0x00282110] = encoded(0x00282110, "CS", b"01")
    return replaced


def _colour_corrections(decoded: ImagePixels) -> dict[int, bytes]:
    replaced = {0x00280004: encoded(0x00280004, "CS", decoded.photometric_interpretation.encode())}
    if decoded.samples_per_pixel > 1:
        replaced[0x00280006] = encoded(0x00280006, "US", decoded.planar_configuration.to_bytes(2, "little"))
    return replaced


def _vr(image: ImagePixels, tag: int) -> str:
    if tag == PIXEL_DATA:
        return "OW" if image.bits_allocated > 8 else "OB"
    return "OF" if tag == FLOAT_PIXEL_DATA else "OD"


def _uid(part10: Part10, tag: int) -> str:
    element = part10.find(tag)
    return "" if element is None else part10.value(element).decode("latin-1").strip("\0 ")


def _icon_corrections(buffer: Buffer, transfer_syntax_uid: str, item: list[Element]) -> dict[int, bytes]:
    """Native pixels for an item of an Icon Image Sequence (PS3.3 C.7.6.1.1.6), or none if they cannot be had."""
    pixels = next((element for element in item if element.tag == PIXEL_DATA), None)
    if pixels is None or not is_encapsulated(buffer, pixels):
        return {}
    try:
        frame = _joined_fragments(buffer, pixels)
        samples, decoded = decode(frame, describe(header(buffer, item)), transfer_syntax_uid)
    except Exception:
        # An icon is a convenience; a codec may raise anything, and the image it stands for still counts.
        return {PIXEL_DATA: b""}
    native = encoded(PIXEL_DATA, _vr(decoded, PIXEL_DATA), np.ascontiguousarray(samples).tobytes())
    return _colour_corrections(decoded) | {PIXEL_DATA: native}


def _joined_fragments(buffer: Buffer, pixels: Element) -> bytes:
    """All fragments behind the basic offset table (PS3.5 A.4)."""
    pieces, position, end = [], pixels.offset, pixels.offset + pixels.length
    while position < end:
        length = int.from_bytes(buffer[position + 4 : position + 8], "little")
        pieces.append(bytes(buffer[position + _ITEM_HEADER : position + _ITEM_HEADER + length]))
        position += _ITEM_HEADER + length
    return b"".join(pieces[1:])
