"""The attributes that decoding and showing an image need, copied out of a data set so that the file can be closed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from struct import Struct
from typing import Final

from storage.data_set.data_elements import Buffer, Element

LARGEST_VALUE: Final = 1 << 22
"""Longer values are left out; the longest ones wanted are overlays, of which this has 32 million pixels."""

_WANTED: Final = frozenset(
    {
        0x00080005,  # Specific Character Set
        0x00080060,  # Modality
        0x00081115,  # Referenced Series Sequence
        0x00081140,  # Referenced Image Sequence
        0x00081155,  # Referenced SOP Instance UID
        0x00081160,  # Referenced Frame Number
        0x00082144,  # Recommended Display Frame Rate
        0x00089205,  # Pixel Presentation
        0x00180040,  # Cine Rate
        0x00181063,  # Frame Time
        0x00181164,  # Imager Pixel Spacing
        0x00182010,  # Nominal Scanned Pixel Spacing
        0x0020000E,  # Series Instance UID
        0x00480105,  # Optical Path Sequence
        0x00620001,  # Segmentation Type
        0x0062000E,  # Maximum Fractional Value
        0x52009229,  # Shared Functional Groups Sequence
        0x52009230,  # Per-Frame Functional Groups Sequence
    }
)
# Image Pixel and LUTs, presentation states, presentation LUTs; the display shutter lies in 0018.
_WANTED_GROUPS: Final = frozenset({0x0028, 0x0070, 0x2050})
_SHUTTER: Final = range(0x00181600, 0x00181625)
_OVERLAY_GROUPS: Final = range(0x6000, 0x6020, 2)
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

    @property
    def size(self) -> int:
        """Bytes of the values outside sequences."""
        return sum(len(value.encoded) for value in self.values.values())

    def numbers(self, tag: int) -> tuple[float, ...]:
        """Every number of an attribute of a numeric VR, none if one of them is unreadable or not finite."""
        value = self.values.get(tag)
        if value is None:
            return ()
        letter = _BINARY.get(value.vr)
        if letter is None:
            return _parsed(value.encoded)
        one = Struct((">" if value.big_endian else "<") + letter)
        whole = len(value.encoded) // one.size * one.size
        return _finite(tuple(number for (number,) in one.iter_unpack(value.encoded[:whole])))

    def number(self, tag: int) -> float | None:
        """The first number of an attribute."""
        return next(iter(self.numbers(tag)), None)

    def text(self, tag: int) -> str:
        """The first value of a code string, upper case."""
        value = self.values.get(tag)
        return value.encoded.decode("latin-1").split("\\")[0].strip("\0 ").upper() if value else ""

    def texts(self, tag: int) -> tuple[str, ...]:
        """Every value of a UID, a code string or the like, as it is written."""
        value = self.values.get(tag)
        decoded = value.encoded.decode("latin-1") if value else ""
        return tuple(text for part in decoded.split("\\") if (text := part.strip("\0 ")))

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
        if not _is_wanted(element.tag):
            continue
        if element.items is not None:
            sequences[element.tag] = tuple(header(buffer, item) for item in element.items)
        elif element.length <= LARGEST_VALUE:
            encoded = bytes(buffer[element.offset : element.offset + element.length])
            values[element.tag] = Value(element.vr, encoded, element.big_endian)
    return Header(values, sequences)


def _is_wanted(tag: int) -> bool:
    group = tag >> 16
    return group in _WANTED_GROUPS or tag in _WANTED or tag in _SHUTTER or group in _OVERLAY_GROUPS


def _parsed(encoded: bytes) -> tuple[float, ...]:
    try:
        return _finite(tuple(float(part) for part in encoded.strip(b"\0 ").split(b"\\") if part.strip()))
    except ValueError:
        return ()


def _finite(numbers: tuple[float, ...]) -> tuple[float, ...]:
    return numbers if all(isfinite(number) for number in numbers) else ()
