"""Puts data sets together from DICOM JSON and bulk data that lie in a file: Explicit VR Little Endian (PS3.5 A.2, A.4).

Bulk data are never looked at and never in memory: what is put together are pieces, and runs of the file.
"""

import os
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from struct import error as StructError
from struct import pack
from typing import BinaryIO, Final

from storage.data_set.dicom_json import Json
from storage.data_set.encoder import CHARACTER_SET, UNICODE, Encoder
from storage.errors import CannotUnderstand

EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"

_PIECE: Final = 1 << 20
_UNDEFINED: Final = 0xFFFFFFFF
_LONGEST: Final = _UNDEFINED - 1
_ITEM: Final = b"\xfe\xff\x00\xe0"
_ITEM_END: Final = b"\xfe\xff\x0d\xe0\0\0\0\0"
_SEQUENCE_END: Final = b"\xfe\xff\xdd\xe0\0\0\0\0"
_PIXEL_DATA: Final = "7FE00010"
_EXTENDED_OFFSETS: Final = "7FE00001"
_EXTENDED_LENGTHS: Final = "7FE00002"
_UNUSABLE: Final = (ArithmeticError, AttributeError, LookupError, StructError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Run:
    """`size` bytes of an open file from `offset` on."""

    file: BinaryIO
    offset: int
    size: int

    def head(self, size: int) -> bytes:
        """At most `size` bytes of its beginning."""
        return os.pread(self.file.fileno(), min(size, self.size), self.offset)

    def pieces(self) -> Iterator[bytes]:
        """All of it, in pieces of bounded size."""
        position, end = self.offset, self.offset + self.size
        while position < end:
            piece = os.pread(self.file.fileno(), min(_PIECE, end - position), position)
            if not piece:
                raise EOFError("the file is shorter than what was written into it")
            position += len(piece)
            yield piece

    def split(self) -> "list[Run]":
        """The run in as many as are needed so that the length of each can be written in 32 bits, and is even."""
        starts = range(0, self.size, _LONGEST) if self.size else [0]
        return [Run(self.file, self.offset + start, min(_LONGEST, self.size - start)) for start in starts]


BulkData = Callable[[str], Sequence[Run]]
"""What a `BulkDataURI` refers to: one value, or one frame after the other. Raises `CannotUnderstand`."""


def assemble(data_set: Json, bulk_data: BulkData, *, encapsulated: bool) -> list[bytes | Run]:
    """The encoded data set, as pieces and runs to be written behind one another.

    With `encapsulated` each run of Pixel Data becomes one frame. Text is in ISO_IR 192, as it is in JSON and XML
    whatever the data set states, and the data set says so unless it states nothing and all is ASCII. Raises
    `CannotUnderstand` for values that cannot be encoded.
    """
    if CHARACTER_SET not in data_set:
        try:
            return _Assembly(data_set, bulk_data, encapsulated, "ascii").pieces
        except UnicodeEncodeError:
            pass
    stated = {**data_set, CHARACTER_SET: {"vr": "CS", "Value": [UNICODE]}}
    return _Assembly(dict(sorted(stated.items())), bulk_data, encapsulated, "utf-8").pieces


class _Assembly:
    def __init__(self, data_set: Json, bulk_data: BulkData, encapsulated: bool, codec: str) -> None:
        self.pieces: list[bytes | Run] = []
        self._bulk_data = bulk_data
        self._encapsulated = encapsulated
        self._encoder = Encoder(EXPLICIT_LITTLE, lambda text: text.encode(codec))
        if encapsulated and "BulkDataURI" in data_set.get(_PIXEL_DATA, {}):
            frames = bulk_data(data_set[_PIXEL_DATA]["BulkDataURI"])
            extended = _extended(frames) if _EXTENDED_OFFSETS in data_set or not _is_short(frames) else {}
            data_set = dict(sorted({**data_set, **extended}.items()))
            self._data_set({tag: element for tag, element in data_set.items() if tag < _PIXEL_DATA})
            self._pixel_data(frames, with_offsets=not extended)
            self._data_set({tag: element for tag, element in data_set.items() if tag > _PIXEL_DATA})
        else:
            self._data_set(data_set)

    def _data_set(self, data_set: Json) -> None:
        for tag, element in data_set.items():
            if "BulkDataURI" in element:
                self._value(tag, element["vr"], self._bulk_data(element["BulkDataURI"]))
            elif element["vr"] == "SQ" and any(map(_refers, element.get("Value", ()))):
                self._sequence(tag, element["Value"])
            else:
                self._element(tag, element)

    def _element(self, tag: str, element: Json) -> None:
        try:
            self.pieces.append(self._encoder.element(tag, element))
        except UnicodeEncodeError:
            raise
        except _UNUSABLE:
            raise CannotUnderstand(f"Attribute {tag} has a value that cannot be encoded.") from None

    def _sequence(self, tag: str, items: list[Json]) -> None:
        self.pieces.append(self._encoder.header(tag, "SQ", _UNDEFINED))
        for item in items:
            self.pieces.append(_ITEM + pack("<L", _UNDEFINED))
            self._data_set(item)
            self.pieces.append(_ITEM_END)
        self.pieces.append(_SEQUENCE_END)

    def _value(self, tag: str, vr: str, runs: Sequence[Run]) -> None:
        size = sum(run.size for run in runs)
        if size > _LONGEST:
            raise CannotUnderstand(f"Attribute {tag} is longer than a length of 32 bits can say.")
        if self._encapsulated and tag == _PIXEL_DATA and runs[0].head(4) == _ITEM:
            # The pixels of an icon, which retrieval hands out as they are, items included.
            self.pieces += [self._encoder.header(tag, "OB", _UNDEFINED), *runs, _SEQUENCE_END]
            return
        self.pieces += [self._encoder.header(tag, vr, size + size % 2), *runs]
        if size % 2:
            self.pieces.append(self._encoder.padding(vr))

    def _pixel_data(self, frames: Sequence[Run], *, with_offsets: bool) -> None:
        """Fragments behind a basic offset table, which is empty where it cannot be or an extended one is there."""
        table = pack(f"<{len(frames)}L", *_offsets(frames)) if with_offsets else b""
        self.pieces += [self._encoder.header(_PIXEL_DATA, "OB", _UNDEFINED), _ITEM + pack("<L", len(table)) + table]
        for frame in frames:
            for run in frame.split():
                self.pieces += [_ITEM + pack("<L", run.size + run.size % 2), run]
                if run.size % 2:
                    self.pieces.append(b"\0")
        self.pieces.append(_SEQUENCE_END)


def _refers(item: Json) -> bool:
    """Whether there is a reference in this item or in one of those inside it."""
    return any(
        "BulkDataURI" in element or (element["vr"] == "SQ" and any(map(_refers, element.get("Value", ()))))
        for element in item.values()
    )


def _encapsulated_size(frame: Run) -> int:
    return sum(8 + run.size + run.size % 2 for run in frame.split())


def _offsets(frames: Sequence[Run]) -> list[int]:
    """Where each frame begins, counted from the first (PS3.5 A.4)."""
    return list(accumulate(map(_encapsulated_size, frames[:-1]), initial=0))


def _is_short(frames: Sequence[Run]) -> bool:
    return sum(map(_encapsulated_size, frames)) <= _LONGEST


def _extended(frames: Sequence[Run]) -> Json:
    """The Extended Offset Table (PS3.3 C.7.6.3.1.8); it is for frames of one fragment."""
    if any(frame.size > _LONGEST for frame in frames):
        return {}
    words = {_EXTENDED_OFFSETS: _offsets(frames), _EXTENDED_LENGTHS: [frame.size + frame.size % 2 for frame in frames]}
    return {tag: {"vr": "OV", "InlineBinary": _base64(pack(f"<{len(some)}Q", *some))} for tag, some in words.items()}


def _base64(value: bytes) -> str:
    return b64encode(value).decode("ascii")
