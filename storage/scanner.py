"""Finds the data elements of an encoded data set (PS3.5 section 7) without reading their values.

One scanner for Explicit and Implicit VR in both byte orders. It looks at headers only, so Pixel Data cost nothing,
and it holds every announced length against the bytes that are really there.
"""

from array import array
from collections.abc import Iterator
from operator import attrgetter
from struct import error as StructError
from typing import Final

from storage.data_elements import (
    EXPLICIT_LITTLE_ENDIAN,
    IMPLICIT_LITTLE_ENDIAN,
    PIXEL_DATA,
    UNDEFINED,
    Buffer,
    Element,
    Encoding,
    other_byte_order,
)
from storage.errors import CannotUnderstand
from storage.value_representations import (
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

DEEPEST: Final = 64
MOST_ELEMENTS: Final = 1_000_000
MOST_FRAGMENTS: Final = 2_000_000

_PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, PIXEL_DATA})
_PIXEL_REPRESENTATION: Final = 0x00280103
_ITEM: Final = 0xFFFEE000
_SEQUENCE_END: Final = 0xFFFEE0DD
_ITEM_IN_OTHER_BYTE_ORDER: Final = 0xFEFF00E0
_LONGEST_UNKNOWN_THAT_IS_KNOWN: Final = 0xFFFF
_LONGEST_ZERO_PADDING: Final = 1 << 20
_BY_TAG: Final = attrgetter("tag")


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
        while position < end and self._goes_on(position, end, encoding, found[-1].tag):
            element, position = self.element(position, end, encoding, 0)
            found.append(element)
        self._settle(found, 0)
        signed = _pixels_are_signed(self._buffer, found) or False
        for element in self._undecided:
            element.vr = unambiguous(element.vr, pixels_are_signed=signed)
        return found

    def _data_set(
        self, position: int, end: int, encoding: Encoding, found: list[Element], depth: int, *, closed: bool
    ) -> int:
        """Append the elements up to `end`, or to the item delimiter if `closed`; return where they end.

        The outermost data set (`depth` 0) ends with its Pixel Data: what follows deserves more suspicion.
        """
        buffer, header, short_form, new = self._buffer, encoding.header, encoding.short_form, encoding.new
        append = found.append
        for _ in self._budget:
            if position >= end:
                return _end_of(position, closed=closed)
            try:
                group, number, code, length = header(buffer, position)
            except StructError:
                raise _cut_in_header(end - position) from None
            vr = short_form.get(code)
            if vr is not None:
                start, position = position + 8, position + 8 + length
                if position > end:
                    raise _cut(group << 16 | number, length, end - start)
                append(new(group << 16 | number, vr, start, length))
                continue
            if group == 0xFFFE:
                if closed and number == 0xE00D:
                    return position + 8
                position = _after_stray_delimiter(position, number)
                continue
            if not depth and group == number == length == 0 and self._is_zero_padding(position, end):
                return end
            element, position = self.element(position, end, encoding, depth)
            append(element)
            if element.tag in _PIXELS and not depth:
                return position
        raise CannotUnderstand(f"The data set has more than {MOST_ELEMENTS} elements.")

    def element(self, position: int, end: int, encoding: Encoding, depth: int) -> tuple[Element, int]:
        """The element at `position`, and the position after it."""
        tag, vr, start, length = self._header(position, end, encoding)
        if length == UNDEFINED:
            return self._undefined(tag, vr, start, end, encoding, depth)
        stop = start + length
        if stop > end:
            raise _cut(tag, length, end - start)
        element = encoding.new(tag, vr, start, length)
        if vr == "SQ":
            element.items, _ = self._items(element, stop, encoding, depth, closed=False)
        return element, stop

    def _header(self, position: int, end: int, encoding: Encoding) -> tuple[int, str, int, int]:
        """Tag, VR, offset of the value, announced length."""
        if position + 8 > end:
            raise _cut_in_header(end - position)
        group, number, length = encoding.item(self._buffer, position)
        tag = group << 16 | number
        if encoding.implicit or group == 0xFFFE:
            return tag, dictionary_value_representation(tag), position + 8, length
        _, _, code, short = encoding.header(self._buffer, position)
        if code in SHORT_FORM:
            return tag, SHORT_FORM[code], position + 8, short
        if code not in LONG_FORM and not _is_future_form(code, short):
            if code.isalpha() and code.isupper():
                return tag, "UN", position + 8, short
            # Implicit VR elements in the midst of explicit ones: seen from converters that copy private groups.
            return tag, dictionary_value_representation(tag), position + 8, length
        if position + 12 > end:
            raise _cut_in_header(end - position)
        return tag, LONG_FORM.get(code, "UN"), position + 12, encoding.word(self._buffer, position + 8)[0]

    def _undefined(
        self, tag: int, vr: str, start: int, end: int, encoding: Encoding, depth: int
    ) -> tuple[Element, int]:
        """An element of undefined length: fragments (PS3.5 A.4) or a sequence (7.5, and 6.2.2 note 1 for UN)."""
        if vr in OTHER or vr == "OB or OW" or tag == PIXEL_DATA:
            fragments = self._fragments(tag, start, end, encoding)
            if tag == PIXEL_DATA and not depth:
                self.fragments = fragments
            stop = fragments[-1]
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
            raise _cut(sequence, length, end - start, "an item of ")
        position = self._data_set(start, stop, encoding, found, depth, closed=closed)
        self._settle(found, depth)
        return position

    def _fragments(self, tag: int, position: int, end: int, encoding: Encoding) -> "array[int]":
        offsets = array("Q")
        for _ in range(MOST_FRAGMENTS):
            if position + 8 > end:
                raise CannotUnderstand(f"The data set ends inside {describe(tag)}, before its closing delimiter.")
            group, number, length = encoding.item(self._buffer, position)
            offsets.append(position)
            if group == 0xFFFE and number == 0xE0DD:
                return offsets
            if group != 0xFFFE or number != 0xE000:
                raise CannotUnderstand(f"{describe(tag)} is encapsulated but holds something that is not a fragment.")
            position += 8 + length
            if position > end:
                raise _cut(tag, length, end - position + length, "a fragment of ")
        raise CannotUnderstand(f"{describe(tag)} has more than {MOST_FRAGMENTS} fragments.")

    def _settle(self, found: list[Element], depth: int) -> None:
        """Sort one finished data set and decide the VRs that its other elements decide."""
        found.sort(key=_BY_TAG)
        doubtful = [element for element in found if element.vr == "UN" or len(element.vr) > 2]
        if not doubtful:
            return
        signed = _pixels_are_signed(self._buffer, found)
        creators: dict[int, str] = {}
        if any(is_private(element.tag) for element in doubtful):
            creators = {e.tag: _creator(self._buffer, e) for e in found if is_private_creator(e.tag)}
        for element in doubtful:
            self._decide(element, creators, signed, depth)

    def _decide(self, element: Element, creators: dict[int, str], signed: bool | None, depth: int) -> None:
        tag, vr = element.tag, element.vr
        if vr == "UN" and is_private(tag):
            creator = creators.get(tag & 0xFFFF0000 | (tag >> 8 & 0xFF), "")
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

    def _is_zero_padding(self, position: int, end: int) -> bool:
        """Whether zeros fill the file to the end of a block. The tag they would spell is not one of a data set."""
        if end - position > _LONGEST_ZERO_PADDING or self._buffer[position:end].strip(b"\0"):
            raise CannotUnderstand("The data set holds (0000,0000), which is no data element.")
        return True

    def _goes_on(self, position: int, end: int, encoding: Encoding, last: int) -> bool:
        """Whether what follows Pixel Data is an element, whole or cut short, and not garbage or padding."""
        if end - position < 8:
            return self._begins(position, encoding)
        try:
            tag, _, start, length = self._header(position, end, encoding)
        except CannotUnderstand:
            return True
        code = self._buffer[position + 4 : position + 6]
        known = dictionary_value_representation(tag) != "UN" or is_private(tag)
        if not encoding.implicit:
            known = code in SHORT_FORM or code in LONG_FORM
        fits = length == UNDEFINED or start + length <= end
        return tag != 0 and known and (fits or tag > last)

    def _begins(self, position: int, encoding: Encoding) -> bool:
        """Whether fewer than 8 bytes are the beginning of what may follow Pixel Data: a private group, FFFA, FFFC."""
        group = self._buffer[position : position + 2]
        signs = (b"\xff\xfa", b"\xff\xfc") if encoding.big_endian else (b"\xfa\xff", b"\xfc\xff")
        value = int.from_bytes(group, "big" if encoding.big_endian else "little")
        return any(sign.startswith(group) for sign in signs) or (value > PIXEL_DATA >> 16 and value % 2 == 1)


def _end_of(position: int, *, closed: bool) -> int:
    if closed:
        raise CannotUnderstand("The data set ends inside an item that is never closed.")
    return position


def _after_stray_delimiter(position: int, number: int) -> int:
    """Some close sequences and items of known length all the same."""
    if number == 0xE000:
        raise CannotUnderstand("The data set holds an item that belongs to no sequence.")
    return position + 8


def _is_future_form(code: bytes, reserved: int) -> bool:
    """PS3.5 6.2.2: VRs that may be defined in future have a 32-bit length after two reserved bytes."""
    return code.isalpha() and code.isupper() and reserved == 0


def _creator(buffer: Buffer, element: Element) -> str:
    value = buffer[element.offset : element.offset + min(element.length, 64)]
    return value.decode("latin-1").strip("\0 ")


def _pixels_are_signed(buffer: Buffer, found: list[Element]) -> bool | None:
    for element in found:
        if element.tag == _PIXEL_REPRESENTATION and element.length == 2:
            return buffer[element.offset : element.offset + 2] in (b"\1\0", b"\0\1")
    return None


def _cut(tag: int, announced: int, present: int, part: str = "") -> CannotUnderstand:
    return CannotUnderstand(
        f"The data set ends inside {part}{describe(tag)}: {announced} bytes announced, {max(present, 0)} present."
    )


def _cut_in_header(present: int) -> CannotUnderstand:
    return CannotUnderstand(
        f"The data set ends inside the header of a data element, of which {present} bytes are there."
    )
