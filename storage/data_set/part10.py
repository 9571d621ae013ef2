"""Reads and writes the frame of a DICOM file (PS3.10 section 7): preamble, file meta information, data set."""

import zlib
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO, UnsupportedOperation
from mmap import ACCESS_READ, mmap
from operator import attrgetter
from struct import Struct
from typing import BinaryIO, Final

from storage.data_set.data_elements import (
    EXPLICIT_BIG_ENDIAN,
    EXPLICIT_LITTLE_ENDIAN,
    IMPLICIT_LITTLE_ENDIAN,
    Buffer,
    Element,
    Encoding,
)
from storage.data_set.scanner import Scanner
from storage.data_set.value_representations import LONG_FORM, SHORT_FORM, dictionary_value_representation
from storage.errors import CannotUnderstand

__all__ = ["IMPLEMENTATION_CLASS_UID", "IMPLEMENTATION_VERSION_NAME", "Element", "FileMeta", "Part10", "read"]

IMPLEMENTATION_CLASS_UID: Final = "2.25.201297546228096782279209685587721157042"
IMPLEMENTATION_VERSION_NAME: Final = "DURCHBLICK_0.1"

IMPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"
EXPLICIT_VR_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
# Deflated Explicit VR Little Endian, JPIP Referenced Deflate, JPIP HTJ2K Referenced Deflate (PS3.5 A.5, A.7, A.11).
DEFLATED: Final = frozenset({"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})
# GE's private syntax writes headers as Implicit VR Little Endian and only the pixels big endian.
_IMPLICIT: Final = frozenset({IMPLICIT_VR_LITTLE_ENDIAN, "1.2.840.113619.5.2"})

LARGEST_INFLATED: Final = 256 << 20
_INFLATED_AT_ONCE: Final = 1 << 20
_DEFLATED_AT_ONCE: Final = 1 << 16
_PREAMBLE: Final = 128
_LONGEST_NUMBER: Final = 64
_MOST_FILE_META: Final = 256
_HIGHEST_FIRST_GROUP: Final = 0x0020

_BY_TAG: Final = attrgetter("tag")
_SHORT: Final = Struct("<HH2sH")
_LONG: Final = Struct("<HH2s2xL")
_GROUP: Final = Struct("<HH").unpack_from


@dataclass(frozen=True, slots=True)
class FileMeta:
    """What the file meta information (PS3.10 7.1) says of the data set that follows; empty where it says nothing."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    source_ae_title: str = ""

    def encode(self) -> bytes:
        """Preamble, prefix and group 0002 in Explicit VR Little Endian: the beginning of a DICOM file."""
        before, after = _repeated(self.sop_class_uid, self.transfer_syntax_uid, self.source_ae_title)
        rest = before + _text(0x0003, b"UI", self.sop_instance_uid) + after
        length = _SHORT.pack(2, 0, b"UL", 4) + len(rest).to_bytes(4, "little")
        return bytes(_PREAMBLE) + b"DICM" + length + rest


@lru_cache(maxsize=256)
def _repeated(sop_class_uid: str, transfer_syntax_uid: str, source_ae_title: str) -> tuple[bytes, bytes]:
    """What the file meta information of a whole series has before, and after, the SOP Instance UID."""
    before = _LONG.pack(2, 1, b"OB", 2) + b"\0\1" + _text(0x0002, b"UI", sop_class_uid)
    after = _text(0x0010, b"UI", transfer_syntax_uid)
    after += _text(0x0012, b"UI", IMPLEMENTATION_CLASS_UID)
    after += _text(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME)
    if source_ae_title:
        after += _text(0x0016, b"AE", source_ae_title)
    return before, after


@dataclass(frozen=True, slots=True)
class Part10:
    """Where everything lies in one DICOM file.

    Offsets, those of `elements` and `fragments` too, count in `buffer`. That is the file itself if `in_file`, maybe
    without its native pixels, else the inflated data set. `data_set_offset` always is the offset in the file.
    `elements` are sorted by tag, the last one of equal tags counts. `fragments` (see `Scanner`) is None unless Pixel
    Data are encapsulated.
    """

    meta: FileMeta
    data_set_offset: int
    buffer: Buffer
    in_file: bool
    elements: list[Element]
    fragments: "array[int] | None"

    def value(self, element: Element) -> bytes:
        """The bytes of one value as they are encoded."""
        return self.buffer[element.offset : element.offset + element.length]

    def find(self, tag: int) -> Element | None:
        """The element `tag` of the outermost data set."""
        index = bisect_right(self.elements, tag, key=_BY_TAG)
        element = self.elements[index - 1] if index else None
        return element if element is not None and element.tag == tag else None

    def number(self, tag: int, absent: int = 0) -> int:
        """The first value of an US, UL or IS element of the outermost data set, or `absent` if there is none."""
        element = self.find(tag)
        if element is None or not 0 < element.length <= _LONGEST_NUMBER:
            return absent
        value = self.value(element)
        if element.vr in ("US", "UL"):
            size = 2 if element.vr == "US" else 4
            return int.from_bytes(value[:size], "big" if element.big_endian else "little")
        try:
            return int(value.split(b"\\")[0].strip(b"\0 "))
        except ValueError:
            return absent


def read(file: BinaryIO) -> Part10:
    """Find the elements of a DICOM file, from its beginning, without reading it into memory.

    Also read: files without preamble, without file meta information, without its group length or its Transfer Syntax
    UID; the encoding is then told from the first element. Raises `CannotUnderstand` for everything that is not
    DICOM or not all there. A file that was cut exactly between two elements of the outermost data set can only be told
    from a whole one by what is missing, so it is read.
    """
    buffer = _map(file)
    meta, position = beginning(buffer)
    source, start, in_file = buffer, position, True
    if meta.transfer_syntax_uid in DEFLATED:
        source, start, in_file = _inflate(buffer, position), 0, False
    encoding = encoding_at(source, start, meta.transfer_syntax_uid, certain=position > 0)
    scanner = Scanner(source)
    elements = scanner.scan(start, encoding)
    if not elements:
        raise CannotUnderstand("The data set is empty.")
    if not meta.transfer_syntax_uid:
        meta = FileMeta(meta.sop_class_uid, meta.sop_instance_uid, _transfer_syntax(encoding), meta.source_ae_title)
    return Part10(meta, position, source, in_file, elements, scanner.fragments)


def beginning(buffer: Buffer) -> tuple[FileMeta, int]:
    """The file meta information of a file, or of the beginning of one, and where its data set begins."""
    return _file_meta(buffer, _after_prefix(buffer))


def _map(file: BinaryIO) -> Buffer:
    try:
        return mmap(file.fileno(), 0, access=ACCESS_READ)
    except UnsupportedOperation:
        file.seek(0)
        return file.read()
    except ValueError:
        raise CannotUnderstand("The file is empty.") from None


def _after_prefix(buffer: Buffer) -> int:
    """Where group 0002 may begin. The letters DICM may also stand in the data of a file without preamble."""
    if buffer[_PREAMBLE : _PREAMBLE + 4] != b"DICM":
        return 4 if buffer[:4] == b"DICM" else 0
    bare = (
        buffer[4:6] in SHORT_FORM
        and _may_begin(*_GROUP(buffer, 0))
        and buffer[_PREAMBLE + 4 : _PREAMBLE + 6] != b"\2\0"
    )
    return 0 if bare else _PREAMBLE + 4


def _file_meta(buffer: Buffer, position: int) -> tuple[FileMeta, int]:
    """Group 0002 from `position` on, as far as it goes whatever its group length says, and where it ends."""
    scanner = Scanner(buffer)
    values: dict[int, str] = {}
    for _ in range(_MOST_FILE_META):
        if buffer[position : position + 2] != b"\2\0":
            break
        element, position = scanner.element(position, len(buffer), EXPLICIT_LITTLE_ENDIAN, 0)
        if element.length <= 256:
            value = buffer[element.offset : element.offset + element.length]
            values[element.tag] = value.decode("latin-1").strip("\0 ")
    else:
        raise CannotUnderstand(f"The file meta information has more than {_MOST_FILE_META} elements.")
    tags = (0x00020002, 0x00020003, 0x00020010, 0x00020016)
    return FileMeta(*(values.get(tag, "") for tag in tags)), position


def _inflate(buffer: Buffer, position: int) -> bytes:
    """The data set that is deflated (RFC 1951) from `position` on (PS3.5 A.5)."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = BytesIO()
    piece = output = b""
    try:
        while not inflater.eof:
            if not piece and len(output) < _INFLATED_AT_ONCE:
                piece = buffer[position : position + _DEFLATED_AT_ONCE]
                position += len(piece)
                if not piece:
                    raise CannotUnderstand("The data set ends before its deflated bytes do.")
            output = inflater.decompress(piece, _INFLATED_AT_ONCE)
            piece = inflater.unconsumed_tail
            inflated.write(output)
            if inflated.tell() > LARGEST_INFLATED:
                raise CannotUnderstand(f"The data set inflates to more than {LARGEST_INFLATED} bytes.")
    except zlib.error:
        raise CannotUnderstand("The data set is said to be deflated, but is not.") from None
    return inflated.getvalue()


def encoding_at(buffer: Buffer, position: int, transfer_syntax_uid: str, *, certain: bool) -> Encoding:
    """How the data set that begins at `position` is written: what its first element shows, else what was announced."""
    if len(buffer) < position + 8:
        raise CannotUnderstand("There is no data set.")
    group, number = _GROUP(buffer, position)
    big_endian = group > 0xFF and group & 0xFF == 0
    if big_endian:
        group, number = group >> 8, (number & 0xFF) << 8 | number >> 8
    code = buffer[position + 4 : position + 6]
    explicit = code in SHORT_FORM or code in LONG_FORM
    if not certain and not _may_begin(group, number):
        raise CannotUnderstand("This is not DICOM: it begins with no element that a data set can begin with.")
    if big_endian and explicit:
        return EXPLICIT_BIG_ENDIAN
    if not explicit and not (code.isalpha() and code.isupper()):
        return IMPLICIT_LITTLE_ENDIAN
    return IMPLICIT_LITTLE_ENDIAN if transfer_syntax_uid in _IMPLICIT and not explicit else EXPLICIT_LITTLE_ENDIAN


def _may_begin(group: int, number: int) -> bool:
    tag = group << 16 | number
    return 0 < group <= _HIGHEST_FIRST_GROUP and dictionary_value_representation(tag) != "UN"


def _transfer_syntax(encoding: Encoding) -> str:
    if encoding.implicit:
        return IMPLICIT_VR_LITTLE_ENDIAN
    return EXPLICIT_VR_BIG_ENDIAN if encoding.big_endian else EXPLICIT_VR_LITTLE_ENDIAN


def _text(number: int, vr: bytes, text: str) -> bytes:
    value = text.encode("ascii", "replace")
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    return _SHORT.pack(2, number, vr, len(value)) + value
