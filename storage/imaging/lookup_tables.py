"""Lookup tables as DICOM writes them: descriptor, data of either width, segments (PS3.3 C.11.1.1.1, C.7.9.2)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.imaging.header import Header
from storage.imaging.image_pixels import Undecodable

Entries = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, slots=True)
class LookupTable:
    """LUT Data with the value that the first entry stands for and the bits of an entry."""

    entries: Entries
    first: int
    bits: int

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The entry for each value; values outside the table take its first or last entry (C.11.1.1.1)."""
        index = np.clip(np.floor(values) - self.first, 0, len(self.entries) - 1).astype(np.intp)
        return np.asarray(self.entries[index], np.float64)


def lookup_table(
    header: Header, descriptor: int, data: int, *, segmented: int = 0, signed: bool = False
) -> LookupTable | None:
    """The table whose descriptor and data have these tags; None without it.

    `segmented` is the tag of the segmented form. `signed` says that the table maps signed values: then the first of
    them is one although its VR says US, as it must in Implicit VR (C.11.1.1.1). Entries that need more bits than the
    descriptor says count as what they are. Raises `Undecodable` where descriptor and data contradict.
    """
    described = header.numbers(descriptor)
    plain, segments = header.words(data), header.words(segmented)
    if not described or (plain is None and segments is None):
        return None
    if len(described) != 3:
        raise Undecodable("A lookup table descriptor has not three numbers.")
    count, first, bits = (int(number) for number in described)
    count = (count & 0xFFFF) or 65536
    if not 8 <= bits <= 16:
        raise Undecodable("A lookup table has not 8 to 16 bits per entry.")
    if plain is None and segments is not None:
        entries = _expanded(_words(segments, narrow=bits == 8), count)
    else:
        entries = _words(plain or b"", narrow=len(plain or b"") < 2 * count)
    if not len(entries):
        raise Undecodable("A lookup table is empty.")
    if signed and first >= 1 << 15:
        first -= 1 << 16
    entries = entries[:count]
    return LookupTable(entries, first, max(bits, int(entries.max()).bit_length()))


def _words(data: bytes, *, narrow: bool) -> Entries:
    return np.frombuffer(data, np.uint8) if narrow else np.frombuffer(data[: len(data) // 2 * 2], "<u2")


def _expanded(words: Entries, count: int) -> Entries:
    """The table that segments stand for (C.7.9.2): 0 discrete, 1 linear, 2 indirect."""
    out: list[int] = []
    _run(words.tolist(), 0, len(words), out, count, words.itemsize == 1, nested=False)
    return np.asarray(out[:count], np.uint16)


def _run(
    words: list[int], position: int, segments: int, out: list[int], count: int, narrow: bool, *, nested: bool
) -> None:
    pointer = 4 if narrow else 2
    while position + 2 < len(words) and segments > 0 and len(out) < count:
        opcode, length = words[position], words[position + 1]
        if opcode == 0:
            out.extend(words[position + 2 : position + 2 + length])
            position += 2 + length
        elif opcode == 1 and out:
            out.extend(_line(out[-1], words[position + 2], length))
            position += 3
        elif opcode == 2 and not nested:
            target = _offset(words[position + 2 : position + 2 + pointer], narrow)
            _run(words, target, length, out, count, narrow, nested=True)
            position += 2 + pointer
        else:
            raise Undecodable("A segmented palette is malformed.")
        segments -= 1


def _offset(words: list[int], narrow: bool) -> int:
    """The index of the segment that an indirect one names.

    C.7.9.2.3 speaks of a byte offset, of which the lower half comes first.
    """
    return sum(word << (8 if narrow else 16) * place for place, word in enumerate(words)) // (1 if narrow else 2)


def _line(start: int, end: int, length: int) -> list[int]:
    return [start + round((end - start) * step / length) for step in range(1, length + 1)]
