"""Reads single data element headers (PS3.5 section 7.1), and says so when something is cut short."""

from storage.data_set.data_elements import PIXEL_DATA, UNDEFINED, Buffer, Encoding
from storage.data_set.value_representations import (
    LONG_FORM,
    SHORT_FORM,
    describe,
    dictionary_value_representation,
    is_private,
)
from storage.errors import CannotUnderstand


def header(buffer: Buffer, position: int, end: int, encoding: Encoding) -> tuple[int, str, int, int]:
    """Tag, VR, offset of the value, announced length of the element at `position`; raises `CannotUnderstand`."""
    if position + 8 > end:
        raise ends_in_header(end - position)
    group, number, length = encoding.item(buffer, position)
    tag = group << 16 | number
    if encoding.implicit or group == 0xFFFE:
        return tag, dictionary_value_representation(tag), position + 8, length
    _, _, code, short = encoding.header(buffer, position)
    if code in SHORT_FORM:
        return tag, SHORT_FORM[code], position + 8, short
    if code not in LONG_FORM and not _is_future_form(code, short):
        if code.isalpha() and code.isupper():
            return tag, "UN", position + 8, short
        # Implicit VR elements in the midst of explicit ones: seen from converters that copy private groups.
        return tag, dictionary_value_representation(tag), position + 8, length
    if position + 12 > end:
        raise ends_in_header(end - position)
    return tag, LONG_FORM.get(code, "UN"), position + 12, encoding.word(buffer, position + 8)[0]


def goes_on(buffer: Buffer, position: int, end: int, encoding: Encoding, last: int) -> bool:
    """Whether what follows Pixel Data, the element `last`, is one more, whole or cut short, and not mere padding."""
    if end - position < 8:
        return _begins(buffer[position : position + 2], encoding)
    try:
        tag, _, start, length = header(buffer, position, end, encoding)
    except CannotUnderstand:
        return True
    known = dictionary_value_representation(tag) != "UN" or is_private(tag)
    if not encoding.implicit:
        code = buffer[position + 4 : position + 6]
        known = code in SHORT_FORM or code in LONG_FORM
    fits = length == UNDEFINED or start + length <= end
    return tag != 0 and known and (fits or tag > last)


def ends_inside(tag: int, announced: int, present: int, part: str = "") -> CannotUnderstand:
    """The refusal of an element, or a `part` of it, that announces more bytes than there are."""
    return CannotUnderstand(
        f"The data set ends inside {part}{describe(tag)}: {announced} bytes announced, {max(present, 0)} present."
    )


def ends_in_header(present: int) -> CannotUnderstand:
    """The refusal of fewer bytes than a header has."""
    return CannotUnderstand(f"The data set ends inside the header of a data element: {present} bytes of it are there.")


def _begins(group: bytes, encoding: Encoding) -> bool:
    """Whether this is the first byte or two of what may follow Pixel Data: a private group, FFFA, FFFC."""
    signs = (b"\xff\xfa", b"\xff\xfc") if encoding.big_endian else (b"\xfa\xff", b"\xfc\xff")
    value = int.from_bytes(group, "big" if encoding.big_endian else "little")
    return any(sign.startswith(group) for sign in signs) or (value > PIXEL_DATA >> 16 and value % 2 == 1)


def _is_future_form(code: bytes, reserved: int) -> bool:
    """PS3.5 6.2.2: VRs that may be defined in future have a 32-bit length after two reserved bytes."""
    return code.isalpha() and code.isupper() and reserved == 0
