"""A kept instance on its way out: its data set in the transfer syntax that the receiver accepts, piece by piece."""

import os
from collections.abc import Iterator
from mmap import MADV_DONTNEED, mmap
from typing import BinaryIO, Final, Self

from storage.data_set.implicit_encoding import implicit
from storage.data_set.part10 import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, read
from storage.errors import ProcessingFailure
from storage.records import InstanceRecord
from storage.storage import Storage

NATIVE: Final = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
"""The transfer syntaxes that we can write ourselves, the better one first."""

_MOST_MAPPED: Final = 1 << 24
_GROUP_LENGTH_AT: Final = 140
_AFTER_GROUP_LENGTH: Final = 144


def sendable_syntaxes(stored: str) -> tuple[str, ...]:
    """The transfer syntaxes that an instance stored in `stored` can be sent in, the best first.

    As stored, no byte changes; Explicit VR Little Endian keeps the VRs; Implicit is what every receiver must take.
    """
    return tuple(dict.fromkeys((stored, *NATIVE)))


class Outgoing:
    """The data set of one instance; a context manager that closes its file."""

    def __init__(self, file: BinaryIO, offset: int, *, rewrites: bool = False) -> None:
        """Made by `of`. `offset` is where the data set begins; `rewrites` makes Implicit VR of Explicit VR."""
        self._file = file
        self._offset = offset
        self._rewrites = rewrites

    @classmethod
    def of(cls, storage: Storage, record: InstanceRecord, transfer_syntax_uid: str) -> Self:
        """`record` in one of its `sendable_syntaxes`. Blocks while pixels are decompressed.

        Raises a `Refusal`: `NoSuchInstance` when it is gone, `ProcessingFailure` when it is not whole any more,
        `NotRenderable` when it cannot be decompressed.
        """
        stored = record.transfer_syntax_uid
        kept = _opened(storage, record)
        if transfer_syntax_uid == stored:
            return cls(kept, record.data_set_offset)
        if stored == EXPLICIT_VR_LITTLE_ENDIAN:
            return cls(kept, record.data_set_offset, rewrites=True)
        kept.close()
        return cls.rewritten(storage, record, transfer_syntax_uid)

    @classmethod
    def rewritten(cls, storage: Storage, record: InstanceRecord, transfer_syntax_uid: str) -> Self:
        """`record` encoded anew in one of the `NATIVE` syntaxes, also where it is stored in that one.

        So what some senders wrote against the rules (another encoding than they state, bytes behind the data set)
        does not reach receivers that stumble over it. Blocks, and raises, as `of`.
        """
        rewrites = transfer_syntax_uid == IMPLICIT_VR_LITTLE_ENDIAN
        file = storage.pixels.transcoded(record, EXPLICIT_VR_LITTLE_ENDIAN)
        file.seek(_GROUP_LENGTH_AT)
        offset = _AFTER_GROUP_LENGTH + int.from_bytes(file.read(4), "little")
        return cls(file, offset, rewrites=rewrites)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def pieces(self, length: int) -> Iterator[bytes]:
        """The data set in pieces of even length, where possible of `length` bytes (even).

        A deflated stream may be odd and gets a NUL behind it (PS3.5 A.5); peers abort when a fragment is odd.
        """
        if self._rewrites:
            yield from self._rewritten()
            return
        self._file.seek(self._offset)
        while piece := self._file.read(length):
            yield piece + b"\0" if len(piece) % 2 else piece

    def _rewritten(self) -> Iterator[bytes]:
        part10 = read(self._file)
        given = 0
        for piece in implicit(part10.buffer, part10.elements):
            yield piece
            given += len(piece)
            if given > _MOST_MAPPED and isinstance(part10.buffer, mmap):
                # Pages of the mapped file count as ours until they are let go of; a cine has gigabytes of them.
                part10.buffer.madvise(MADV_DONTNEED)
                given = 0


def _opened(storage: Storage, record: InstanceRecord) -> BinaryIO:
    """The kept file. One that was cut short must not go out as if it were whole."""
    file = storage.files.open(record.blob_key)
    if os.fstat(file.fileno()).st_size != record.size:
        file.close()
        raise ProcessingFailure("A kept file is not as long as the index says.")
    return file
