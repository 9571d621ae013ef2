"""Finds the data elements of an encoded data set (PS3.5 section 7) without reading their values.

One scanner for Explicit and Implicit VR in both byte orders. It looks at headers only, so Pixel Data cost nothing,
and it holds every announced length against the bytes that are really there.
"""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from struct import error as StructError
from typing import Final

from storage.data_set.data_elements import (
    EXPLICIT_LITTLE_ENDIAN,
    IMPLICIT_LITTLE_ENDIAN,
    PIXEL_DATA,
    UNDEFINED,
    Buffer,
    Element,
    Encoding,
    other_byte_order,
)
from storage.data_set.element_headers import ends_in_header, ends_inside, goes_on, header
from storage.data_set.fragments import fragments
from storage.data_set.value_representations import (
    LONG_FORM,
    OTHER,
    SHORT_FORM,
    describe,
    dictionary_value_representation,
    is_private,
    is_private_creator,
    private_value_representation,
    unambiguous,
)
from storage.errors import CannotUnderstand

DEEPEST: Final = 64
MOST_ELEMENTS: Final = 1_000_000

PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, PIXEL_DATA})
_PIXEL_REPRESENTATION: Final = 0x00280103
_ITEM: Final = 0xFFFEE000
_SEQUENCE_END: Final = 0xFFFEE0DD
_ITEM_IN_OTHER_BYTE_ORDER: Final = 0xFEFF00E0
_LONGEST_UNKNOWN_THAT_IS_KNOWN: Final = 0xFFFF
_LONGEST_ZERO_PADDING: Final = 1 << 20
_BY_TAG: Final = attrgetter("tag")


@dataclass(frozen=True, slots=True)
class Context:
    """What some elements of a data set say about the VRs of others."""

    signed: bool | None
    """Whether pixels are; None when that is not told."""
    creators: Mapping[int, str]
    """Private creators by their tags."""

    @classmethod
    def of(cls, buffer: Buffer, found: list[Element]) -> "Context":
        """The context that the elements of one data set make."""
        creators = {element.tag: _creator(buffer, element) for element in found if is_private_creator(element.tag)}
        return cls(_pixels_are_signed(buffer, found), creators)


class Scanner:
    """Scans one buffer; `fragments` afterwards holds the encapsulated Pixel Data of the outermost data set.

    `fragments` are the offsets of the item headers, the basic offset table first, the closing delimiter last, so
    fragment i is the bytes from `fragments[i] + 8` to `fragments[i + 1]`.
    """

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self._budget: Iterator[int] = iter(range(MOST_ELEMENTS))
        self._undecided: list[Element] = []
        self.fragments: array[int] | None = None

    def scan(self, position: int, encoding: Encoding) -> list[Element]:
        """The elements from `position` to the end of the buffer, sorted by tag.

        Raises `CannotUnderstand` when anything announces more bytes than there are, is nested deeper than `DEEPEST`,
        is never closed, or when there are more than `MOST_ELEMENTS` elements and items. What follows Pixel Data and is
        neither an element nor the beginning of one is ignored (of a single byte that cannot always be told).
        """
        end = len(self._buffer)
        found: list[Element] = []
        position = self._data_set(position, end, encoding, found, 0, closed=False)
        while position < end and goes_on(self._buffer, position, end, encoding, found[-1].tag):
            element, position = self.element(position, end, encoding, 0)
            found.append(element)
        self.settle(found)
        return found

    def settle(self, found: list[Element], context: Context | None = None) -> None:
        """Sort elements of the outermost data set, and decide the VRs that others of them, or of `context`, decide."""
        self._settle(found, 0, context)
        signed = context.signed if context else _pixels_are_signed(self._buffer, found)
        for element in self._undecided:
            element.vr = unambiguous(element.vr, pixels_are_signed=signed or False)

    def _data_set(
        self, position: int, end: int, encoding: Encoding, found: list[Element], depth: int, *, closed: bool
    ) -> int:
        """Append the elements up to `end`, or to the item delimiter if `closed`; return where they end.

        The outermost data set (`depth` 0) ends with its Pixel Data: what follows deserves more suspicion.
        """
        buffer, unpack, short_form, new = self._buffer, encoding.header, encoding.short_form, encoding.new
        append = found.append
        for _ in self._budget:
            if position >= end:
                return _end_of(position, closed=closed)
            try:
                group, number, code, length = unpack(buffer, position)
            except StructError:
                raise ends_in_header(end - position) from None
            vr = short_form.get(code)
            if vr is not None:
                start, position = position + 8, position + 8 + length
                if position > end:
                    raise ends_inside(group << 16 | number, length, end - start)
                append(new(group << 16 | number, vr, start, length))
                continue
            if group == 0xFFFE:
                if closed and number == 0xE00D:
                    return position + 8
                position = _after_stray_delimiter(position, number)
                continue
            if not depth and group == number == length == 0:
                return self._zero_padding(position, end)
            element, position = self.element(position, end, encoding, depth)
            append(element)
            if element.tag in PIXELS and not depth:
                return position
        raise CannotUnderstand(f"The data set has more than {MOST_ELEMENTS} elements.")

    def _zero_padding(self, position: int, end: int) -> int:
        """Zeros fill some files to the end of a block. The tag they would spell is not one of a data set."""
        if end - position > _LONGEST_ZERO_PADDING or self._buffer[position:end].strip(b"\0"):
            raise CannotUnderstand("The data set holds (0000,0000), which is no data element.")
        return end

    def element(self, position: int, end: int, encoding: Encoding, depth: int) -> tuple[Element, int]:
        """The element at `position`, and the position after it."""
        tag, vr, start, length = header(self._buffer, position, end, encoding)
        if length == UNDEFINED:
            return self._undefined(tag, vr, start, end, encoding, depth)
        stop = start + length
        if stop > end:
            raise ends_inside(tag, length, end - start)
        element = encoding.new(tag, vr, start, length)
        if vr == "SQ":
            element.items, _ = self._items(element, stop, encoding, depth, closed=False)
        return element, stop

    def _undefined(
        self, tag: int, vr: str, start: int, end: int, encoding: Encoding, depth: int
    ) -> tuple[Element, int]:
        """An element of undefined length: fragments (PS3.5 A.4) or a sequence (7.5, and 6.2.2 note 1 for UN)."""
        if vr in OTHER or vr == "OB or OW" or tag == PIXEL_DATA:
            found = fragments(self._buffer, tag, start, end, encoding)
            if tag == PIXEL_DATA and not depth:
                self.fragments = found
            stop = found[-1]
            return encoding.new(tag, "OB" if tag == PIXEL_DATA else vr, start, stop - start), stop + 8
        if vr not in ("SQ", "UN") and not encoding.implicit:
            raise CannotUnderstand(f"{describe(tag)} has an undefined length, which its VR {vr} does not allow.")
        element = encoding.new(tag, "SQ", start, 0)
        inner = self._encoding_of_unknown(start) if vr == "UN" else encoding
        element.items, stop = self._items(element, end, inner, depth, closed=True)
        element.length = stop - 8 - start
        return element, stop

    def _encoding_of_unknown(self, start: int) -> Encoding:
        """PS3.5 6.2.2 note 1 says Implicit VR Little Endian; some write the items of UN as explicit all the same."""
        code = self._buffer[start + 12 : start + 14]
        return EXPLICIT_LITTLE_ENDIAN if code in SHORT_FORM or code in LONG_FORM else IMPLICIT_LITTLE_ENDIAN

    def _items(
        self, sequence: Element, end: int, encoding: Encoding, depth: int, *, closed: bool
    ) -> tuple[list[list[Element]], int]:
        """The items of a sequence that ends at `end`, or with its delimiter if `closed`; and where it ends."""
        if depth >= DEEPEST:
            raise CannotUnderstand(f"Sequences are nested more than {DEEPEST} deep.")
        items: list[list[Element]] = []
        position = sequence.offset
        for _ in self._budget:
            if position >= end and not closed:
                return items, position
            tag, _, start, length = self._item_header(sequence.tag, position, end, encoding)
            if tag == _ITEM_IN_OTHER_BYTE_ORDER:
                encoding = other_byte_order(encoding)
                continue
            position = start
            if tag == _ITEM:
                found: list[Element] = []
                position = self._item(sequence.tag, start, length, end, encoding, found, depth + 1)
                items.append(found)
            elif closed:
                return items, position
        raise CannotUnderstand(f"The data set has more than {MOST_ELEMENTS} elements.")

    def _item_header(self, sequence: int, position: int, end: int, encoding: Encoding) -> tuple[int, str, int, int]:
        if position + 8 > end:
            raise CannotUnderstand(f"The data set ends inside {describe(sequence)}, which is never closed.")
        group, number, length = encoding.item(self._buffer, position)
        tag = group << 16 | number
        if tag not in (_ITEM, _SEQUENCE_END, _ITEM_IN_OTHER_BYTE_ORDER):
            raise CannotUnderstand(f"{describe(sequence)} holds something that is not an item.")
        return tag, "", position + 8, length

    def _item(
        self, sequence: int, start: int, length: int, end: int, encoding: Encoding, found: list[Element], depth: int
    ) -> int:
        closed = length == UNDEFINED
        stop = end if closed else start + length
        if stop > end:
            raise ends_inside(sequence, length, end - start, "an item of ")
        position = self._data_set(start, stop, encoding, found, depth, closed=closed)
        self._settle(found, depth)
        return position

    def _settle(self, found: list[Element], depth: int, context: Context | None = None) -> None:
        """Sort one finished data set and decide the VRs that its other elements decide."""
        found.sort(key=_BY_TAG)
        doubtful = [element for element in found if element.vr == "UN" or len(element.vr) > 2]
        if doubtful:
            context = context or Context.of(self._buffer, found)
            for element in doubtful:
                self._decide(element, context, depth)

    def _decide(self, element: Element, context: Context, depth: int) -> None:
        tag, vr, signed = element.tag, element.vr, context.signed
        if vr == "UN" and is_private(tag):
            creator = context.creators.get(tag & 0xFFFF0000 | (tag >> 8 & 0xFF), "")
            vr = private_value_representation(tag, creator) if creator else dictionary_value_representation(tag)
        elif vr == "UN" and element.length < _LONGEST_UNKNOWN_THAT_IS_KNOWN:
            vr = dictionary_value_representation(tag)
        if element.vr == "UN":
            # Unknown values are in little endian whatever the data set is (PS3.5 6.2.2).
            element.big_endian = False
            vr = self._unknown_sequence(element, depth) if vr == "SQ" else vr
        element.vr = vr
        if len(vr) > 2:
            if signed is None:
                self._undecided.append(element)
            else:
                element.vr = unambiguous(vr, pixels_are_signed=signed)

    def _unknown_sequence(self, element: Element, depth: int) -> str:
        try:
            element.items, _ = self._items(
                element, element.offset + element.length, IMPLICIT_LITTLE_ENDIAN, depth, closed=False
            )
        except CannotUnderstand:
            return "UN"
        return "SQ"


def _end_of(position: int, *, closed: bool) -> int:
    if closed:
        raise CannotUnderstand("The data set ends inside an item that is never closed.")
    return position


def _after_stray_delimiter(position: int, number: int) -> int:
    """Some close sequences and items of known length all the same."""
    if number == 0xE000:
        raise CannotUnderstand("The data set holds an item that belongs to no sequence.")
    return position + 8


def _creator(buffer: Buffer, element: Element) -> str:
    value = buffer[element.offset : element.offset + min(element.length, 64)]
    return value.decode("latin-1").strip("\0 ")


def _pixels_are_signed(buffer: Buffer, found: list[Element]) -> bool | None:
    for element in found:
        if element.tag == _PIXEL_REPRESENTATION and element.length == 2:
            return buffer[element.offset : element.offset + 2] in (b"\1\0", b"\0\1")
    return None
