"""The DICOMDIR of a file-set (PS3.10 8.6): a tree of directory records, each pointing to the next and to its first
child by byte offset (PS3.3 F.2 and F.3.2.2)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from storage.data_set.encoder import CHARACTER_SET, encode
from storage.data_set.part10 import EXPLICIT_VR_LITTLE_ENDIAN, FileMeta

MEDIA_STORAGE_DIRECTORY: Final = "1.2.840.10008.1.3.10"

_LATIN_1: Final = "ISO_IR 100"
_IN_USE: Final = 0xFFFF
_NEXT, _CHILD = 8 + 8, 8 + 12 + 10 + 8
"""Where in an item the offsets of the next and of the first lower record lie."""

# (0004,1511), in Explicit VR Little Endian as every DICOMDIR is (PS3.10 8.6).
_NAMED: Final = re.compile(rb"\x04\x00\x11\x15UI[\x01-\x40]\x00([0-9.]{1,64})")

Json = dict[str, Any]


@dataclass(slots=True)
class Record:
    """A directory record: its type, its keys as DICOM JSON, and the records below it."""

    type: str
    keys: Json
    below: list["Record"] = field(default_factory=list)
    data: bytes = b""
    at: int = 0
    """Where it lies in the file; both are found out when it is written."""


def encode_dicomdir(roots: Sequence[Record], file_set_uid: str) -> bytes:
    """The whole file for these records of the root directory entity, in Explicit VR Little Endian."""
    head = FileMeta(MEDIA_STORAGE_DIRECTORY, file_set_uid, EXPLICIT_VR_LITTLE_ENDIAN).encode()
    # Offsets count from the first byte of the file; the records begin behind their sequence's header of 12 bytes.
    at = len(head) + len(_information(0, 0)) + 12
    records = list(_walk(roots))
    for record in records:
        record.data, record.at = _item(record), at
        at += len(record.data)
    items = b"".join(_linked(roots))
    first, last = (roots[0].at, roots[-1].at) if roots else (0, 0)
    sequence = b"\x04\x00\x20\x12SQ\0\0" + len(items).to_bytes(4, "little")
    return head + _information(first, last) + sequence + items


def instances_named(dicomdir: bytes) -> frozenset[str]:
    """The SOP Instance UIDs that the records of a DICOMDIR point to, also of a damaged one as far as they are there.

    Found by their tag, for discs are sent in whose records point to the wrong places.
    """
    return frozenset(uid.decode() for uid in _NAMED.findall(dicomdir))


def _information(first: int, last: int) -> bytes:
    """File-set identification without a File-set ID, and the first elements of the Directory Information module."""
    return encode(
        {
            "00041130": {"vr": "CS"},
            "00041200": {"vr": "UL", "Value": [first]},
            "00041202": {"vr": "UL", "Value": [last]},
            "00041212": {"vr": "US", "Value": [0]},
        },
        EXPLICIT_VR_LITTLE_ENDIAN,
    )


def _walk(records: Sequence[Record]) -> Iterator[Record]:
    """Every record before those below it."""
    for record in records:
        yield record
        yield from _walk(record.below)


def _item(record: Record) -> bytes:
    # Older readers know Latin 1; what it cannot write is written in ISO_IR 192.
    character_set = {} if orjson.dumps(record.keys).isascii() else {CHARACTER_SET: {"vr": "CS", "Value": [_LATIN_1]}}
    keys = {
        "00041400": {"vr": "UL", "Value": [0]},
        "00041410": {"vr": "US", "Value": [_IN_USE]},
        "00041420": {"vr": "UL", "Value": [0]},
        "00041430": {"vr": "CS", "Value": [record.type]},
        **character_set,
        **record.keys,
    }
    encoded = encode(keys, EXPLICIT_VR_LITTLE_ENDIAN)
    return b"\xfe\xff\x00\xe0" + len(encoded).to_bytes(4, "little") + encoded


def _linked(records: Sequence[Record]) -> Iterator[bytes]:
    """The items in the order of `_walk`, with the offsets of the next record and of the first one below."""
    for number, record in enumerate(records, 1):
        after = records[number].at if number < len(records) else 0
        child = record.below[0].at if record.below else 0
        yield _patched(record.data, after.to_bytes(4, "little"), child.to_bytes(4, "little"))
        yield from _linked(record.below)


def _patched(data: bytes, after: bytes, child: bytes) -> bytes:
    return data[:_NEXT] + after + data[_NEXT + 4 : _CHILD] + child + data[_CHILD + 4 :]
