"""Where the frames of an image lie in its file (PS3.5 8.2 and annex A.4, PS3.3 C.7.6.3)."""

from array import array
from base64 import b64decode, b64encode
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from struct import pack, unpack, unpack_from
from typing import Any, Final

from storage.data_set.data_elements import PIXEL_DATA, Buffer, Element
from storage.data_set.fragments import begins_codestream, ends_codestream
from storage.data_set.part10 import Part10
from storage.errors import NoSuchInstance

_FLOAT_PIXEL_DATA: Final = 0x7FE00008
_DOUBLE_FLOAT_PIXEL_DATA: Final = 0x7FE00009
_EXTENDED_OFFSET_TABLE: Final = 0x7FE00001
_NUMBER_OF_FRAMES: Final = 0x00280008
_PHOTOMETRIC_INTERPRETATION: Final = 0x00280004
_BITS: Final = {_FLOAT_PIXEL_DATA: 32, _DOUBLE_FLOAT_PIXEL_DATA: 64}
_ITEM_HEADER: Final = 8
_LARGEST_WORD: Final = 0xFFFFFFFF

_RLE_LOSSLESS: Final = "1.2.840.10008.1.2.5"
# MPEG-2, MPEG-4, HEVC (PS3.5 A.4.5 to A.4.8): one stream, whatever Number of Frames says.
_VIDEO: Final = tuple(f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109))


@dataclass(frozen=True, slots=True)
class FrameTable:
    """Offsets of `count` frames: three numbers for native ones, packed 32-bit words for encapsulated ones.

    Native: frame n is `length` bytes from `offset + (n - 1) * length` on. Encapsulated: `length` is 0, and `fragments`
    are the offsets of the fragments' item headers and of the closing delimiter, counted from `offset` (64-bit words if
    `wide`); `first` are the indexes of each frame's first fragment and the number of fragments, or nothing if each
    frame is one fragment. All words are little endian.
    """

    count: int
    offset: int = 0
    length: int = 0
    fragments: bytes = b""
    first: bytes = b""
    wide: bool = False

    def ranges(self, number: int) -> tuple[tuple[int, int], ...]:
        """(offset, length) of the pieces that joined are frame `number` (from 1), or `NoSuchInstance`."""
        if not 1 <= number <= self.count:
            raise NoSuchInstance(f"There is no frame {number}: the image has {self.count}.")
        if not self.fragments:
            return ((self.offset + (number - 1) * self.length, self.length),)
        start, stop = number - 1, number
        if self.first:
            start, stop = unpack_from("<2L", self.first, start * 4)
        offsets = unpack_from(f"<{stop - start + 1}{'Q' if self.wide else 'L'}", self.fragments, start * self._width)
        return tuple(
            (self.offset + this + _ITEM_HEADER, after - this - _ITEM_HEADER) for this, after in pairwise(offsets)
        )

    def moved(self, offset: int) -> "FrameTable":
        """The same native frames in a file where the first begins at `offset`."""
        return FrameTable(self.count, offset, self.length)

    @property
    def _width(self) -> int:
        return 8 if self.wide else 4

    def to_json(self) -> Any:
        """Something `json` and `orjson` can write: less than 6 bytes for each frame of one fragment."""
        native = [self.count, self.offset, self.length]
        if not self.fragments:
            return native
        packed = (b64encode(self.fragments).decode("ascii"), b64encode(self.first).decode("ascii"))
        return [*native, *packed, self.wide]

    @classmethod
    def from_json(cls, json: Any) -> "FrameTable":
        """The table that `to_json` has written."""
        if len(json) == 3:
            return cls(*json)
        count, offset, length, fragments, first, wide = json
        return cls(count, offset, length, b64decode(fragments), b64decode(first), wide)


def locate(part10: Part10) -> FrameTable | None:
    """Where the frames of `part10` are in its file; None if it has none, or they cannot be cut out of it.

    That is: no Pixel Data, a deflated data set, or several native frames that do not begin on byte boundaries
    (Bits Allocated 1). Only frames that are wholly there count, whatever Number of Frames says; an encapsulated video
    counts as one frame, its stream.
    """
    if not part10.in_file:
        return None
    if part10.fragments is not None:
        return _encapsulated(part10, part10.fragments)
    for tag in (PIXEL_DATA, _FLOAT_PIXEL_DATA, _DOUBLE_FLOAT_PIXEL_DATA):
        pixels = part10.find(tag)
        if pixels is not None:
            return _native(part10, pixels)
    return None


def _native(part10: Part10, pixels: Element) -> FrameTable | None:
    rows, columns = part10.number(0x00280010), part10.number(0x00280011)
    samples, bits = part10.number(0x00280002, 1), _BITS.get(pixels.tag) or part10.number(0x00280100)
    size = rows * columns * samples * bits
    if size <= 0 or pixels.items is not None:
        return None
    if _is_subsampled(part10):
        size = size // 3 * 2
    frames = max(1, part10.number(_NUMBER_OF_FRAMES, 1))
    if size % 8 and frames > 1:
        return None
    length = (size + 7) // 8
    return FrameTable(min(frames, pixels.length // length), pixels.offset, length)


def _is_subsampled(part10: Part10) -> bool:
    """Whether two pixels share their colour: YBR_FULL_422 and its kin (PS3.3 C.7.6.3.1.2)."""
    interpretation = part10.find(_PHOTOMETRIC_INTERPRETATION)
    return interpretation is not None and part10.value(interpretation).strip(b"\0 ").endswith(b"_422")


def _encapsulated(part10: Part10, fragments: "array[int]") -> FrameTable | None:
    """`fragments` begins with the basic offset table (PS3.5 A.4)."""
    starts = fragments[1:]
    if len(starts) < 2:
        return FrameTable(0)
    first = _first_fragments(part10, fragments, starts)
    return None if first is None else _packed(starts, first)


def is_single(part10: Part10) -> bool:
    """Whether all fragments are one frame, however many there are."""
    one = max(1, part10.number(_NUMBER_OF_FRAMES, 1)) == 1
    return one or part10.meta.transfer_syntax_uid.startswith(_VIDEO)


def single(fragments: "array[int]") -> FrameTable:
    """The one frame that these fragments are; they begin with the basic offset table."""
    starts = fragments[1:]
    return FrameTable(0) if len(starts) < 2 else _packed(starts, [0, len(starts) - 1])


def _packed(starts: "array[int]", first: Sequence[int]) -> FrameTable:
    count, origin, wide = len(first) - 1, starts[0], starts[-1] - starts[0] > _LARGEST_WORD
    packed = pack(f"<{len(starts)}{'Q' if wide else 'L'}", *(start - origin for start in starts))
    indexes = b"" if count == len(starts) - 1 else pack(f"<{count + 1}L", *first)
    return FrameTable(count, origin, 0, packed, indexes, wide)


def _first_fragments(part10: Part10, fragments: "array[int]", starts: "array[int]") -> Sequence[int] | None:
    """Index of each frame's first fragment, and the number of fragments; None if they cannot be told.

    Taken from the extended offset table, the basic one, or, where these are absent or point elsewhere than at the
    beginning of fragments, from the codestreams themselves.
    """
    frames = max(1, part10.number(_NUMBER_OF_FRAMES, 1))
    available = len(starts) - 1
    if is_single(part10):
        return [0, available]
    for offsets in (_extended_offset_table(part10), _basic_offset_table(part10, fragments)):
        indexes = _indexes(offsets, starts)
        credible = len(offsets) == frames or (len(offsets) > 1 and frames > available)
        if indexes is not None and credible:
            return indexes
    if frames >= available or part10.meta.transfer_syntax_uid == _RLE_LOSSLESS:
        return range(min(frames, available) + 1)
    return _by_codestream(part10.buffer, starts, frames)


def _extended_offset_table(part10: Part10) -> Sequence[int]:
    table = part10.find(_EXTENDED_OFFSET_TABLE)
    return () if table is None else _unpack("Q", 8, part10.value(table))


def _basic_offset_table(part10: Part10, fragments: "array[int]") -> Sequence[int]:
    return _unpack("L", 4, bytes(part10.buffer[fragments[0] + _ITEM_HEADER : fragments[1]]))


def _unpack(code: str, size: int, table: bytes) -> Sequence[int]:
    count = len(table) // size
    return unpack(f"<{count}{code}", table[: count * size])


def _indexes(offsets: Sequence[int], starts: "array[int]") -> list[int] | None:
    """The fragments that begin at `offsets`, which count from the first fragment; None if one points elsewhere."""
    origin, available = starts[0], len(starts) - 1
    indexes = [bisect_left(starts, origin + offset) for offset in offsets]
    true = all(i < available and starts[i] == origin + offset for i, offset in zip(indexes, offsets, strict=True))
    ascending = all(this < after for this, after in pairwise(indexes))
    return [*indexes, available] if true and ascending and indexes[:1] == [0] else None


def _by_codestream(buffer: Buffer, starts: "array[int]", frames: int) -> list[int] | None:
    """Frames told by where codestreams begin, or end, whichever makes as many as there should be."""
    pieces = [(this + _ITEM_HEADER, after) for this, after in pairwise(starts)]
    begins = [begins_codestream(buffer, *piece) for piece in pieces]
    ends = [ends_codestream(buffer, *piece) for piece in pieces]
    inner = range(1, len(pieces))
    for first in (
        [i for i in inner if begins[i] and ends[i - 1]],
        [i for i in inner if begins[i]],
        [i for i in inner if ends[i - 1]],
    ):
        if len(first) + 1 == frames:
            return [0, *first, len(pieces)]
    return None
