"""What a data set has in common with the one that its sender sent before need not be read again.

The slices of a series differ in few of their elements. A `Predecessor` has the elements of one data set as they were
encoded. Where the next data set holds the very same bytes, what they mean is taken over: comparing costs a hundredth of
decoding. Whatever else it holds is read the plain way.

That is right because what an element means depends on its own bytes, on the encoding, and on those few elements of the
outermost data set that `_decides` names. A data set in which one of these differs, or anything is unusual or broken, is
not taken for a successor at all.
"""

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Final, NamedTuple

from storage.data_set import frames
from storage.data_set.character_sets import CharacterSets
from storage.data_set.data_elements import UNDEFINED, Buffer, Element, Encoding
from storage.data_set.dicom_json import attributes, character_sets_of, key_of
from storage.data_set.element_headers import header
from storage.data_set.fragments import fragments
from storage.data_set.frames import FrameTable
from storage.data_set.part10 import FileMeta, Part10, encoding_at
from storage.data_set.reading import Reading
from storage.data_set.scanner import PIXELS, Context, Scanner
from storage.data_set.value_representations import is_private_creator
from storage.errors import CannotUnderstand

Json = dict[str, Any]
BulkData = dict[str, tuple[int, int]]

_LAST_OF_FILE_META: Final = 0x0002FFFF
_FIRST_DELIMITER: Final = 0xFFFE0000
_BEYOND: Final = 1 << 32
# What the index or the pixels are read by: Specific Character Set, Available Transfer Syntax UID (which the JSON gives
# another value), Pixel Representation, and the attributes that tell the shape of an image.
_DECIDING: Final = frozenset(
    (0x00080005, 0x00083002, 0x00280002, 0x00280004, 0x00280008, 0x00280010, 0x00280011, 0x00280100, 0x00280103)
)


def _decides(tag: int) -> bool:
    """Whether an element tells how others are read: text, ambiguous VRs (PS3.5 A.1), private ones, pixels."""
    return tag in _DECIDING or is_private_creator(tag)


class _Part(NamedTuple):
    """One element as it is encoded."""

    tag: int
    encoded: bytes


class _Stretch(NamedTuple):
    """Elements that follow each other, and their bytes: where all of them are the same, one comparison tells."""

    encoded: bytes
    parts: tuple[_Part, ...]


class _Pixels(NamedTuple):
    """The last element: tag, encoded header, and how many bytes follow (`UNDEFINED` if they are encapsulated)."""

    tag: int
    header: bytes
    length: int


class _Common(NamedTuple):
    """What all have in common that succeed each other."""

    beginning: bytes
    """Tag and VR of the first element, which tell the encoding."""
    encoding: Encoding
    context: Context
    character_sets: CharacterSets
    pixels: _Pixels | None


class Predecessor:
    """One data set, for the next of its kind. Never changes, and is used from any thread."""

    def __init__(self, reading: Reading, common: _Common, stretches: list[_Stretch]) -> None:
        self._reading = reading
        self._common = common
        self._stretches = stretches

    @classmethod
    def of(cls, head: bytes, found: Part10, reading: Reading) -> "Predecessor | None":
        """What was read the plain way from a file that begins with `head`; None when it is too long or unusual."""
        start = found.data_set_offset
        try:
            encoding = encoding_at(head, start, found.meta.transfer_syntax_uid, certain=True)
            stretches, pixels = _cut(head, found, encoding, reading.bulk_data)
        except (CannotUnderstand, _Unlike):
            return None
        context, character_sets = Context.of(head, found.elements), character_sets_of(head, found.elements)
        common = _Common(head[start : start + 6], encoding, context, character_sets, pixels)
        return cls(reading, common, stretches)

    def successor(
        self, head: bytes, size: int, start: int, meta: FileMeta, whole: Callable[[], Buffer]
    ) -> "tuple[Reading, Predecessor] | None":
        """The file of `size` bytes that begins with `head` and has its data set at `start`; None if it is not alike.

        `whole` is asked for the entire file only when its pixels are encapsulated.
        """
        before, common = self._reading, self._common
        like = meta.transfer_syntax_uid == before.meta.transfer_syntax_uid and start > 0
        if not like or not head.startswith(common.beginning, start):
            return None
        walk = _Walk(head, size, common)
        try:
            frames = walk.to_the_end(self._stretches, start, before.image.frames, whole)
        except (CannotUnderstand, _Unlike):
            return None
        own, changed = walk.read(before.bulk_data)
        json = _replaced(before.json, own, changed)
        reading = Reading(meta, start, True, json, walk.bulk_data, before.image.with_frames(frames), changed)
        return reading, Predecessor(reading, common, walk.stretches)


class _Unlike(Exception):
    """The data set is one for the plain way."""


class _Walk:
    """One way through a data set, from its first element to the last byte of its file."""

    def __init__(self, head: bytes, size: int, common: _Common) -> None:
        self.stretches: list[_Stretch] = []
        self.bulk_data: BulkData = {}
        self._head = head
        self._size = size
        self._common = common
        self._scanner = Scanner(head)
        self._taken: list[_Stretch] = []
        self._fresh: list[Element] = []
        self._missing: list[int] = []
        self._last = _LAST_OF_FILE_META

    def to_the_end(
        self, stretches: list[_Stretch], position: int, frames: FrameTable | None, whole: Callable[[], Buffer]
    ) -> FrameTable | None:
        """Find what is the same and what is not; where the frames lie that lay at `frames`.

        Raises `_Unlike`, or `CannotUnderstand`.
        """
        position = self._along(stretches, position)
        pixels = self._common.pixels
        while position < self._size and not (pixels and self._head.startswith(pixels.header, position)):
            position = self._find(self._tag(position), position)
        self._join()
        if pixels is None:
            return None
        if position >= self._size:
            raise _Unlike
        return self._pixels(pixels, position + len(pixels.header), frames, whole)

    def read(self, before: BulkData) -> tuple[Json, frozenset[str]]:
        """Read what is not the same: these attributes, and the names of all that are new, changed, or missing.

        What referred to the bulk data `before` is in no stretch: unless it was found again, it is missing.
        """
        self._scanner.settle(self._fresh, self._common.context)
        own, bulk_data = attributes(self._head, self._fresh, text=self._common.character_sets)
        missing = _referring(before) - _referring(self.bulk_data)
        if bulk_data:
            self.bulk_data = bulk_data | self.bulk_data
            self.stretches = _lasting(self.stretches, bulk_data)
        return own, missing.union(own, map(key_of, self._missing))

    def _along(self, stretches: Iterable[_Stretch], position: int) -> int:
        for stretch in stretches:
            first = stretch.parts[0].tag
            while not self._head.startswith(stretch.encoded, position):
                tag = self._tag(position)
                if tag < first:
                    position = self._find(tag, position)
                    continue
                if len(stretch.parts) > 1:
                    position = self._along([_Stretch(part.encoded, (part,)) for part in stretch.parts], position)
                elif tag == first:
                    position = self._find(tag, position)
                else:
                    self._miss(first)
                break
            else:
                self._taken.append(stretch)
                self._last = stretch.parts[-1].tag
                position += len(stretch.encoded)
        return position

    def _tag(self, position: int) -> int:
        if position + 8 > len(self._head):
            return _BEYOND
        group, number, _ = self._common.encoding.item(self._head, position)
        return int(group << 16 | number)

    def _find(self, tag: int, position: int) -> int:
        """Note the element `tag` at `position` as one to be read, and return where the next one begins."""
        if not self._last < tag < _FIRST_DELIMITER or _decides(tag) or tag in PIXELS:
            raise _Unlike
        element, end = self._scanner.element(position, len(self._head), self._common.encoding, 0)
        self._join()
        part = _Part(tag, self._head[position:end])
        self.stretches.append(_Stretch(part.encoded, (part,)))
        self._fresh.append(element)
        self._last = tag
        return end

    def _miss(self, tag: int) -> None:
        if _decides(tag):
            raise _Unlike
        self._missing.append(tag)

    def _join(self) -> None:
        """Make one stretch of all that were the same since the last one that was not."""
        if len(self._taken) > 1:
            encoded = b"".join([stretch.encoded for stretch in self._taken])
            self._taken = [_Stretch(encoded, tuple(chain.from_iterable(stretch.parts for stretch in self._taken)))]
        self.stretches += self._taken
        self._taken.clear()

    def _pixels(
        self, pixels: _Pixels, offset: int, before: FrameTable | None, whole: Callable[[], Buffer]
    ) -> FrameTable | None:
        length, delimiter, table = pixels.length, 0, before and before.moved(offset)
        if length == UNDEFINED:
            pieces = fragments(whole(), pixels.tag, offset, self._size, self._common.encoding)
            length, delimiter, table = pieces[-1] - offset, 8, frames.single(pieces)
        if offset + length + delimiter != self._size or (delimiter and not length):
            raise _Unlike
        if length:
            self.bulk_data[key_of(pixels.tag)] = (offset, length)
        return table


def _cut(head: bytes, found: Part10, encoding: Encoding, bulk_data: BulkData) -> tuple[list[_Stretch], _Pixels | None]:
    """The elements one by one; raises `_Unlike` unless they follow each other in order, up to the end or the pixels."""
    if not found.in_file:
        raise _Unlike
    position, last = found.data_set_offset, _LAST_OF_FILE_META
    stretches: list[_Stretch] = []
    for element in found.elements:
        _, _, offset, length = header(head, position, len(head), encoding)
        if offset != element.offset or not last < element.tag < _FIRST_DELIMITER:
            raise _Unlike
        if element.tag in PIXELS:
            several = length == UNDEFINED and not frames.is_single(found)
            if element is not found.elements[-1] or several or element.items is not None:
                raise _Unlike
            return _lasting(stretches, bulk_data), _Pixels(element.tag, head[position:offset], length)
        end = offset + element.length + (8 if length == UNDEFINED else 0)
        if end > len(head):
            raise _Unlike
        part = _Part(element.tag, head[position:end])
        stretches.append(_Stretch(part.encoded, (part,)))
        position, last = end, element.tag
    return _lasting(stretches, bulk_data), None


def _referring(bulk_data: BulkData) -> frozenset[str]:
    """The attributes of the outermost data set that refer to places in their own file."""
    return frozenset([path[:8] for path in bulk_data])


def _lasting(stretches: list[_Stretch], bulk_data: BulkData) -> list[_Stretch]:
    """What a successor may take over."""
    referring = _referring(bulk_data)
    return [stretch for stretch in stretches if key_of(stretch.parts[0].tag) not in referring]


def _replaced(before: Json, own: Json, changed: frozenset[str]) -> Json:
    """`before` with these attributes instead of those that it had, in the order of tags."""
    json = before.copy()
    json.update(own)
    if len(own) == len(changed) and len(json) == len(before):
        return json
    return {key: json[key] for key in sorted(json) if key in own or key not in changed}
