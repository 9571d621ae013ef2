"""ZIP archives written in one pass, their entries stored as they are (ISO/IEC 21320-1): pixels get hardly smaller.

Sizes are known before an entry is written and its CRC-32 stands in its local header, so that readers that see the
archive as a stream understand it too. The same entries always make the same bytes: whoever lost the connection can
have the rest.
"""

import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from struct import Struct
from typing import BinaryIO, Final

_PIECE: Final = 1 << 20
# What fits is read once: for its checksum and for its reader.
_HELD: Final = 4 << 20

_PLAIN: Final = 20
_ZIP64: Final = 45
_MADE_BY_UNIX: Final = 3 << 8
_REGULAR_FILE: Final = 0o100644 << 16
_DATE: Final = (1 << 5) | 1
"""1980-01-01, the first there is: when an archive was made is nobody's business, and would change its bytes."""

_LARGEST_SIZE: Final = 0xFFFFFFFF
_MOST_ENTRIES: Final = 0xFFFF

_LOCAL: Final = Struct("<4s5H3L2H")
_CENTRAL: Final = Struct("<4s6H3L5H2L")
_END: Final = Struct("<4s4H2LH")
_END_ZIP64: Final = Struct("<4sQ2H2L4Q")
_LOCATOR_ZIP64: Final = Struct("<4sLQL")
_EXTRA: Final = Struct("<2H")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the fields of the original format hold; beyond it ZIP64 fields do."""

    size: int = _LARGEST_SIZE
    entries: int = _MOST_ENTRIES


ORIGINAL: Final = Limits()


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive: its path in ASCII, its size in bytes, and how to open it at position 0.

    `crc` is its CRC-32 where that is known; then the file is read once at most, and not at all before `start`.
    """

    name: str
    size: int
    open: Callable[[], BinaryIO]
    crc: int | None = None


@dataclass(frozen=True, slots=True)
class _Written:
    name: bytes
    size: int
    crc: int
    offset: int

    def local(self, limits: Limits) -> bytes:
        extra, size = _zip64(limits, self.size, self.size, both=True)
        version = _ZIP64 if extra else _PLAIN
        fields = (version, 0, 0, 0, _DATE, self.crc, size[0], size[1], len(self.name), len(extra))
        return _LOCAL.pack(b"PK\3\4", *fields) + self.name + extra

    def central(self, limits: Limits) -> bytes:
        extra, (packed, size, offset) = _zip64(limits, self.size, self.size, self.offset)
        version = _ZIP64 if extra else _PLAIN
        fields = (_MADE_BY_UNIX | version, version, 0, 0, 0, _DATE, self.crc, packed, size)
        lengths = (len(self.name), len(extra), 0, 0, 0)
        return _CENTRAL.pack(b"PK\1\2", *fields, *lengths, _REGULAR_FILE, offset) + self.name + extra


def archive_size(entries: Iterable[Entry], limits: Limits = ORIGINAL) -> int:
    """The length in bytes of the whole archive of `entries`; none of them is opened."""
    at, directory, count = 0, 0, 0
    for entry in entries:
        written = _Written(entry.name.encode("ascii"), entry.size, 0, at)
        at += len(written.local(limits)) + entry.size
        directory += len(written.central(limits))
        count += 1
    return at + directory + len(_end(count, directory, at, limits))


def archive(entries: Iterable[Entry], start: int = 0, limits: Limits = ORIGINAL) -> Iterator[bytes]:
    """The bytes of the archive from `start` on, in pieces of at most some megabytes.

    What lies before `start` is not given out, and is read only where its checksum is not known. Each entry is opened
    when its turn comes and closed after it. Raises `EOFError` when one is shorter than it said, and what opening it
    raises.
    """
    directory = bytearray()
    at = count = 0
    for entry in entries:
        if entry.crc is None:
            written = yield from _examined(entry, at, start, limits)
        else:
            written = _Written(entry.name.encode("ascii"), entry.size, entry.crc, at)
            yield from _known(entry, written.local(limits), start - at)
        at += len(written.local(limits)) + entry.size
        directory += written.central(limits)
        count += 1
    pieces = (bytes(directory[first : first + _PIECE]) for first in range(0, len(directory), _PIECE))
    yield from _behind(chain(pieces, (_end(count, len(directory), at, limits),)), start - at)


def _examined(entry: Entry, at: int, start: int, limits: Limits) -> Generator[bytes, None, _Written]:
    """Header and content of an entry that has to be read for its checksum first."""
    with entry.open() as file:
        held, crc = _look_through(file, entry.size)
        written = _Written(entry.name.encode("ascii"), entry.size, crc, at)
        content = (held,) if held is not None else _read(file, entry.size)
        yield from _behind(chain((written.local(limits),), content), start - at)
    return written


def _known(entry: Entry, head: bytes, start: int) -> Iterator[bytes]:
    """Header and content of an entry from `start` on, counted from the beginning of its header."""
    yield from _behind((head,), start)
    skipped = max(start - len(head), 0)
    if skipped >= entry.size:
        return
    with entry.open() as file:
        file.seek(skipped)
        yield from _read(file, entry.size - skipped)


def _behind(pieces: Iterable[bytes], start: int) -> Iterator[bytes]:
    """What lies behind the first `start` bytes of all pieces together."""
    for piece in pieces:
        if start < len(piece):
            yield piece[start:] if start > 0 else piece
        start -= len(piece)


def _end(count: int, size: int, offset: int, limits: Limits) -> bytes:
    """The end of central directory record, after its ZIP64 form where a field would not hold its value."""
    before = b""
    if count >= limits.entries or size >= limits.size or offset >= limits.size:
        versions = (_MADE_BY_UNIX | _ZIP64, _ZIP64, 0, 0)
        before = _END_ZIP64.pack(b"PK\6\6", _END_ZIP64.size - 12, *versions, count, count, size, offset)
        before += _LOCATOR_ZIP64.pack(b"PK\6\7", 0, offset + size, 1)
        count, size, offset = min(count, _MOST_ENTRIES), min(size, _LARGEST_SIZE), min(offset, _LARGEST_SIZE)
        count = count if count < limits.entries else _MOST_ENTRIES
        size, offset = (one if one < limits.size else _LARGEST_SIZE for one in (size, offset))
    return before + _END.pack(b"PK\5\6", 0, 0, count, count, size, offset, 0)


def _zip64(limits: Limits, *values: int, both: bool = False) -> tuple[bytes, tuple[int, ...]]:
    """The ZIP64 extra field for those values that are too large, and what stands in the fields of all of them.

    In a local header both sizes are in the extra field or none is.
    """
    large = [value for value in values if value >= limits.size]
    if both and large:
        large = list(values)
    extra = _EXTRA.pack(1, 8 * len(large)) + b"".join(value.to_bytes(8, "little") for value in large) if large else b""
    return extra, tuple(_LARGEST_SIZE if value >= limits.size else value for value in values)


def _look_through(file: BinaryIO, size: int) -> tuple[bytes | None, int]:
    """The whole content if it is small, else None with the file at its beginning; and its CRC-32."""
    if size <= _HELD:
        content = b"".join(_read(file, size))
        return content, zlib.crc32(content)
    crc = 0
    for piece in _read(file, size):
        crc = zlib.crc32(piece, crc)
    file.seek(0)
    return None, crc


def _read(file: BinaryIO, size: int) -> Iterator[bytes]:
    while size > 0:
        piece = file.read(min(size, _HELD if size <= _HELD else _PIECE))
        if not piece:
            raise EOFError("a file of an archive is shorter than it was said to be")
        size -= len(piece)
        yield piece
