"""The attributes that decoding and showing an image need, copied out of a data set so that the file can be closed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from struct import Struct
from typing import Final

from storage.data_set.data_elements import Buffer, Element

LARGEST_VALUE: Final = 1 << 20
"""Longer values are left out; the longest ones wanted are palettes (three times 128 KiB)."""

_WANTED: Final = frozenset(
    {
        0x00080060,  # Modality
        0x00181164,  # Imager Pixel Spacing
        0x00182010,  # Nominal Scanned Pixel Spacing
        0x00620001,  # Segmentation Type
        0x0062000E,  # Maximum Fractional Value
        0x20500020,  # Presentation LUT Shape
        0x52009229,  # Shared Functional Groups Sequence
        0x52009230,  # Per-Frame Functional Groups Sequence
    }
)
_IMAGE_GROUP: Final = 0x0028
_BINARY: Final = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d", "OW": "H", "OB": "B", "UN": "B"}
_WORDS: Final = frozenset({"US", "SS", "OW"})


@dataclass(frozen=True, slots=True)
class Value:
    """One value as it is encoded."""

    vr: str
    encoded: bytes
    big_endian: bool


@dataclass(frozen=True, slots=True)
class Header:
    """Values and sequences by tag; whatever is absent, empty or unreadable is given as absent."""

    values: Mapping[int, Value]
    sequences: Mapping[int, tuple["Header", ...]] = field(default_factory=dict)

    def numbers(self, tag: int) -> tuple[float, ...]:
        """Every number of an attribute of a numeric VR, none if one of them is unreadable."""
        value = self.values.get(tag)
        if value is None:
            return ()
        letter = _BINARY.get(value.vr)
        if letter is None:
            return _parsed(value.encoded)
        one = Struct((">" if value.big_endian else "<") + letter)
        whole = len(value.encoded) // one.size * one.size
        return tuple(number for (number,) in one.iter_unpack(value.encoded[:whole]))

    def number(self, tag: int) -> float | None:
        """The first number of an attribute."""
        return next(iter(self.numbers(tag)), None)

    def text(self, tag: int) -> str:
        """The first value of a code string, upper case."""
        value = self.values.get(tag)
        return value.encoded.decode("latin-1").split("\\")[0].strip("\0 ").upper() if value else ""

    def words(self, tag: int) -> bytes | None:
        """The bytes of a lookup table, 16-bit words little endian."""
        value = self.values.get(tag)
        if value is None or not value.encoded:
            return None
        if value.big_endian and value.vr in _WORDS and len(value.encoded) % 2 == 0:
            swapped = bytearray(len(value.encoded))
            swapped[::2], swapped[1::2] = value.encoded[1::2], value.encoded[::2]
            return bytes(swapped)
        return value.encoded

    def items(self, tag: int) -> tuple["Header", ...]:
        """The items of a sequence."""
        return self.sequences.get(tag, ())


def header(buffer: Buffer, elements: list[Element]) -> Header:
    """Copy what is wanted of `elements`, whose offsets count in `buffer`."""
    values: dict[int, Value] = {}
    sequences: dict[int, tuple[Header, ...]] = {}
    for element in elements:
        if element.tag >> 16 != _IMAGE_GROUP and element.tag not in _WANTED:
            continue
        if element.items is not None:
            sequences[element.tag] = tuple(header(buffer, item) for item in element.items)
        elif element.length <= LARGEST_VALUE:
            encoded = bytes(buffer[element.offset : element.offset + element.length])
            values[element.tag] = Value(element.vr, encoded, element.big_endian)
    return Header(values, sequences)


def _parsed(encoded: bytes) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in encoded.strip(b"\0 ").split(b"\\") if part.strip())
    except ValueError:
        return ()
