"""What a data set has in common with the one that its sender sent before need not be read again.

The slices of a series differ in few of their elements. A `Predecessor` knows the elements of one data set as they were
encoded, and what reading them has yielded. Where the next data set holds the very same bytes, that is taken over: a
comparison instead of decoding. Whatever else it holds is read the plain way.

That is right because what an element means depends on its own bytes, on the encoding, and on the few others of the
outermost data set that `_decides` names. Those are read anew each time, and unless they are the same nothing is taken
over. A data set of which anything is unusual is left to the plain way altogether, broken ones too.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, NamedTuple

from storage.data_set.data_elements import PIXEL_DATA, UNDEFINED, Buffer, Element, Encoding
from storage.data_set.dicom_json import attributes, complete, key_of
from storage.data_set.element_headers import header
from storage.data_set.part10 import FileMeta, Part10, encoding_at
from storage.data_set.scanner import PIXELS, Scanner
from storage.data_set.value_representations import is_private_creator
from storage.errors import CannotUnderstand

_SPECIFIC_CHARACTER_SET: Final = 0x00080005
_PIXEL_REPRESENTATION: Final = 0x00280103
_LAST_OF_FILE_META: Final = 0x0002FFFF
_FIRST_OF_PIXELS: Final = 0x7FE00000
_FIRST_DELIMITER: Final = 0xFFFE0000
_BEYOND: Final = 1 << 32
_BY_TAG: Final = attrgetter("tag")

Json = dict[str, Any]
BulkData = dict[str, tuple[int, int]]


@dataclass(slots=True)
class _Part:
    """One element as it is encoded, where that begins in the file, and what reading it has yielded.

    `lasting` says whether a successor may take it over.
    """

    tag: int
    encoded: bytes
    begin: int
    element: Element
    key: str
    json: Json | None = None
    lasting: bool = True

    def yields(self, json: Json, bulk_data: BulkData) -> None:
        """Note what was read; what refers to a place in its own file is for that file only."""
        self.json = json.get(self.key)
        refers = any([path.startswith(self.key) for path in bulk_data])
        self.lasting = self.json is not None and not refers and not _decides(self.tag) and self.tag < _FIRST_OF_PIXELS

    def moved(self, begin: int) -> "_Part":
        """The same in a file where it begins elsewhere."""
        element = _moved(self.element, begin - self.begin)
        return _Part(self.tag, self.encoded, begin, element, self.key, self.json)


class Reading(NamedTuple):
    """A data set as `part10.read` and `dicom_json.model` would give it, and what the next one can take over from it."""

    found: Part10
    json: Json
    bulk_data: BulkData
    predecessor: "Predecessor | None"


class Predecessor:
    """One data set, for the next of its kind. Safe to use from any thread."""

    def __init__(self, transfer_syntax_uid: str, encoding: Encoding, parts: list[_Part]) -> None:
        self._transfer_syntax_uid = transfer_syntax_uid
        self._encoding = encoding
        self._lasting = [part for part in parts if part.lasting]
        self._deciding = _deciding(parts)

    @classmethod
    def of(cls, head: bytes, found: Part10, json: Json, bulk_data: BulkData) -> "Predecessor | None":
        """What was read the plain way from a file that begins with `head`; None when it is too long or unusual."""
        begin, transfer_syntax_uid = found.data_set_offset, found.meta.transfer_syntax_uid
        elements = found.elements[: bisect_left(found.elements, _FIRST_OF_PIXELS, key=_BY_TAG)]
        if not found.in_file or not elements or elements[-1].offset > len(head) or found.elements[-1].tag > PIXEL_DATA:
            return None
        encoding = encoding_at(head, begin, transfer_syntax_uid, certain=True)
        parts: list[_Part] = []
        for element in elements:
            _, _, offset, length = header(head, begin, len(head), encoding)
            end = element.offset + element.length + (8 if length == UNDEFINED else 0)
            doubled = parts and parts[-1].tag == element.tag
            if offset != element.offset or end > len(head) or doubled:
                return None
            parts.append(_Part(element.tag, head[begin:end], begin, element, key_of(element.tag)))
            parts[-1].yields(json, bulk_data)
            begin = end
        return cls(transfer_syntax_uid, encoding, parts)

    def successor(
        self, head: bytes, size: int, start: int, meta: FileMeta, whole: Callable[[], Buffer]
    ) -> Reading | None:
        """The file of `size` bytes that begins with `head` and has its data set at `start`, or None if it is not alike.

        `whole` is asked for the entire file only when its pixels are encapsulated.
        """
        if not 0 < start <= len(head) - 8 or meta.transfer_syntax_uid != self._transfer_syntax_uid:
            return None
        walk = _Walk(head, size, self._encoding, whole)
        try:
            if encoding_at(head, start, self._transfer_syntax_uid, certain=True) is not self._encoding:
                return None
            walk.along(self._lasting, start)
        except (CannotUnderstand, _Unlike):
            return None
        bulk_data = walk.read()
        if _deciding(walk.fresh) != self._deciding:
            return None
        elements = [part.element for part in walk.parts]
        found = Part10(meta, start, walk.buffer, True, elements, walk.fragments)
        json = {part.key: part.json for part in walk.parts if part.json is not None}
        heir = Predecessor(self._transfer_syntax_uid, self._encoding, walk.parts)
        return Reading(found, complete(json, self._transfer_syntax_uid), bulk_data, heir)


class _Unlike(Exception):
    """The data set is one for the plain way."""


class _Walk:
    """One way through a data set, from its first element to the last byte of its file."""

    def __init__(self, head: bytes, size: int, encoding: Encoding, whole: Callable[[], Buffer]) -> None:
        self.parts: list[_Part] = []
        self.fresh: list[_Part] = []
        self.buffer: Buffer = head
        self.fragments: array[int] | None = None
        self._head = head
        self._size = size
        self._encoding = encoding
        self._whole = whole
        self._scanner = Scanner(head)

    def along(self, lasting: list[_Part], position: int) -> None:
        """Take over what is the same and find what is not; raises `_Unlike` or `CannotUnderstand`."""
        parts, begins_with = self.parts, self._head.startswith
        for known in lasting:
            while not begins_with(known.encoded, position):
                tag = self._tag(position)
                if tag > known.tag:
                    break
                position = self._find(tag, position)
                if tag == known.tag:
                    break
            else:
                parts.append(known if known.begin == position else known.moved(position))
                position += len(known.encoded)
        while position < self._size:
            position = self._find(self._tag(position), position)

    def read(self) -> BulkData:
        """Read what was not taken over, and return where its bulk data are."""
        elements = [part.element for part in self.fresh]
        self._scanner.settle(elements)
        json, bulk_data = attributes(self._head, elements)
        for part in self.fresh:
            part.yields(json, bulk_data)
        return bulk_data

    def _tag(self, position: int) -> int:
        if position + 8 > len(self._head):
            return _BEYOND
        group, number, _ = self._encoding.item(self._head, position)
        return int(group << 16 | number)

    def _find(self, tag: int, position: int) -> int:
        """Add the element `tag` at `position`, and return where the next one begins."""
        last = self.parts[-1].tag if self.parts else _LAST_OF_FILE_META
        if not last < tag < _FIRST_DELIMITER:
            raise _Unlike
        if tag in PIXELS:
            element, end = self._pixels(tag, position)
        else:
            element, end = self._scanner.element(position, len(self._head), self._encoding, 0)
        encoded = self._head[position:end] if end <= len(self._head) else b""
        part = _Part(tag, encoded, position, element, key_of(tag))
        self.parts.append(part)
        self.fresh.append(part)
        return end

    def _pixels(self, tag: int, position: int) -> tuple[Element, int]:
        """The last element, which alone may reach beyond the head of the file."""
        _, vr, offset, length = header(self._head, position, len(self._head), self._encoding)
        element, end = self._encoding.new(tag, vr, offset, length), offset + length
        if length == UNDEFINED:
            self.buffer = self._whole()
            scanner = Scanner(self.buffer)
            element, end = scanner.element(position, self._size, self._encoding, 0)
            self.fragments = scanner.fragments
        if end != self._size or vr == "SQ":
            raise _Unlike
        return element, end


def _decides(tag: int) -> bool:
    """Whether an element tells how others are read: the text, the ambiguous VRs (PS3.5 A.1), the private ones."""
    return tag in (_SPECIFIC_CHARACTER_SET, _PIXEL_REPRESENTATION) or is_private_creator(tag)


def _deciding(parts: list[_Part]) -> list[bytes]:
    return [part.encoded for part in parts if not part.lasting and _decides(part.tag)]


def _moved(element: Element, shift: int) -> Element:
    items = element.items and [[_moved(inner, shift) for inner in item] for item in element.items]
    return Element(element.tag, element.vr, element.offset + shift, element.length, items, element.big_endian)
