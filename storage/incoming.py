"""One instance on its way into the store: bytes go to a file while the digest of the data set is computed."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from storage.data_set.part10 import FileMeta
from storage.errors import OutOfResources

_PIECE: Final = 1 << 20
_PREAMBLE: Final = 128
_GROUP_LENGTH: Final = b"\x02\x00\x00\x00UL\x04\x00"
_LONGEST_START: Final = _PREAMBLE + 4 + len(_GROUP_LENGTH) + 4


@contextmanager
def exhausted() -> Iterator[None]:
    """Turn any failure of the file system into `OutOfResources`: the same request may succeed later."""
    try:
        yield
    except OSError as error:
        raise out_of_resources(error) from error


def out_of_resources(error: OSError) -> OutOfResources:
    """The refusal that a failure of the file system means."""
    return OutOfResources(f"The store cannot be written at the moment ({error.strerror}).")


class Incoming:
    """A file that grows. Not safe for concurrent use; `abandon` must be called in the end, kept or not."""

    def __init__(self, path: Path, handle: int, meta: FileMeta | None, digest: "_DataSetDigest") -> None:
        self.path = path
        self.meta = meta
        self.size = 0
        self._handle = handle
        self._digest = digest

    @classmethod
    def begin(cls, path: Path, meta: FileMeta | None) -> "Incoming":
        """A new file at `path`; with `meta` its Part 10 header is written and a bare data set is expected."""
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        header = meta.encode() if meta else b""
        incoming = cls(path, handle, meta, _DataSetDigest(len(header) if meta else None))
        incoming.write(header)
        return incoming

    @classmethod
    def resume(cls, path: Path) -> "Incoming":
        """A file that a process left behind, read again from its beginning."""
        incoming = cls(path, os.open(path, os.O_RDWR | os.O_CLOEXEC), None, _DataSetDigest(None))
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                incoming._digest.update(memoryview(piece))
                incoming.size += len(piece)
        return incoming

    @property
    def nonce(self) -> str:
        """The part of the name that makes it unique; a blob made of this file bears it too."""
        return self.path.name

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of what was written after the file meta information, as far as its length is stated."""
        return self._digest.value()

    def digest_from(self, data_set_offset: int) -> str:
        """SHA-256 (hex) from `data_set_offset`; computed again where the header did not state its true length."""
        if self._digest.start == data_set_offset:
            return self._digest.value()
        with self.path.open("rb") as file:
            file.seek(data_set_offset)
            return hashlib.file_digest(file, "sha256").hexdigest()

    @property
    def was_synced(self) -> bool:
        """Whether the file had become a blob before its process died, and so is known to be whole on the disk.

        A file that never got there may have its length but not its bytes after a power cut; nobody was told that it
        is kept, so its sender still has it.
        """
        return os.fstat(self._handle).st_nlink > 1

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append `data`. Raises `OutOfResources`, and then what had arrived is already abandoned."""
        view = memoryview(data).cast("B")
        self._digest.update(view)
        try:
            written = os.write(self._handle, view)
            while written < len(view):
                written += os.write(self._handle, view[written:])
        except OSError as error:
            self.abandon()
            raise out_of_resources(error) from error
        self.size += len(view)

    def open(self) -> BinaryIO:
        """The bytes so far, as a file of its own."""
        return self.path.open("rb")

    def sync(self) -> None:
        """Return when all data are on the disk; OSError if they did not get there.

        They leave the page cache: an archive writes far more than it soon reads, and memory that is used again at
        once costs half the time of memory that is always new. What is looked at comes back with its first read.
        """
        os.fdatasync(self._handle)
        os.posix_fadvise(self._handle, 0, 0, os.POSIX_FADV_DONTNEED)

    def abandon(self) -> None:
        """Close the file and remove its incoming name; a blob that was made of it stays. Idempotent."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
            self.path.unlink(missing_ok=True)


class _DataSetDigest:
    """SHA-256 over what follows the file meta information, whose length is read as the bytes come by."""

    def __init__(self, start: int | None) -> None:
        """`start`: where the data set begins, or None when the stream itself has to tell."""
        self.start = start
        self._sha = hashlib.sha256()
        self._skip = start or 0
        self._head = bytearray()

    def update(self, data: memoryview) -> None:
        if self.start is None:
            self._head += data
            if len(self._head) < _LONGEST_START:
                return
            data = self._decide()
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        self._sha.update(data)

    def value(self) -> str:
        if self.start is None:
            self.update(self._decide())
        return self._sha.hexdigest()

    def _decide(self) -> memoryview:
        self.start = self._skip = _meta_length(self._head)
        head, self._head = self._head, bytearray()
        return memoryview(head)


def _meta_length(head: bytearray) -> int:
    """Length of preamble and file meta information as (0002,0000) states it; 0 when it does not (PS3.10 7.1)."""
    for at in (_PREAMBLE + 4, 0):
        after = at + len(_GROUP_LENGTH)
        if head[at:after] == _GROUP_LENGTH and len(head) >= after + 4:
            return after + 4 + int.from_bytes(head[after : after + 4], "little")
    return 0
