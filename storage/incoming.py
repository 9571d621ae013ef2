"""One instance on its way into the store: bytes go to a file while the digest of the data set is computed."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import BinaryIO, Final

from blake3 import blake3

from storage.data_set.part10 import FileMeta
from storage.errors import OutOfResources

HEAD: Final = 1 << 14
"""How many bytes of a file, from its beginning, are kept in memory until it is examined."""

_PIECE: Final = 1 << 20
_WRITTEN_BACK_AT_ONCE: Final = 8 << 20
_MOST_PIECES: Final = 1024  # IOV_MAX of Linux
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

    def __init__(self, name: str, handle: int, meta: FileMeta | None, header: bytes = b"") -> None:
        self.name = name
        self.meta = meta
        self.size = len(header)
        self._handle = handle
        self._written_back = 0
        self._digest = _DataSetDigest(len(header) if meta else None)
        # The header goes to the file together with the first data: one call of the system less.
        self._header = header
        self._head = bytearray(header)

    @classmethod
    def begin(cls, name: str, meta: FileMeta | None) -> "Incoming":
        """A new file; with `meta` its Part 10 header goes ahead and a bare data set is expected."""
        handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        return cls(name, handle, meta, meta.encode() if meta else b"")

    @classmethod
    def resume(cls, name: str) -> "Incoming":
        """A file that a process left behind, read again from its beginning."""
        incoming = cls(name, os.open(name, os.O_RDWR | os.O_CLOEXEC), None)
        with incoming.open() as file:
            while piece := file.read(_PIECE):
                incoming._note(memoryview(piece))
        return incoming

    @property
    def path(self) -> Path:
        """Where it lies as long as it is neither kept nor abandoned."""
        return Path(self.name)

    @property
    def nonce(self) -> str:
        """The part of the name that makes it unique; a blob made of this file bears it too."""
        return self.name.rpartition("/")[2]

    @property
    def head(self) -> bytes:
        """The beginning of the file: all of it, or `HEAD` bytes."""
        return bytes(self._head)

    @property
    def data_set_offset(self) -> int:
        """Where the data set begins, as far as the header states its true length."""
        return self._digest.begin()

    @property
    def digest(self) -> str:
        """BLAKE3 (hex) of what was written from `data_set_offset` on."""
        return self._digest.value()

    def digest_from(self, data_set_offset: int) -> str:
        """BLAKE3 (hex) from `data_set_offset`; computed again where the header did not state its true length."""
        if self.data_set_offset == data_set_offset:
            return self._digest.value()
        self._append([])
        with self.path.open("rb") as file:
            file.seek(data_set_offset)
            digest = blake3()
            while piece := file.read(_PIECE):
                digest.update(piece)
            return digest.hexdigest()

    @property
    def was_synced(self) -> bool:
        """Whether the file had become a blob before its process died, and so is known to be whole on the disk.

        A file that never got there may have its length but not its bytes after a power cut; nobody was told that it
        is kept, so its sender still has it.
        """
        return os.fstat(self._handle).st_nlink > 1

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append `data`. Raises `OutOfResources`, and then what had arrived is already abandoned."""
        self.write_all((data,))

    def write_all(self, pieces: Iterable[bytes | bytearray | memoryview]) -> None:
        """Append all `pieces` in one call of the system, which costs far less than one for each; see `write`."""
        views = [memoryview(piece).cast("B") for piece in pieces]
        for view in views:
            self._note(view)
        try:
            self._append(views)
            self._write_back()
        except OSError as error:
            self.abandon()
            raise out_of_resources(error) from error

    def open(self) -> BinaryIO:
        """The bytes so far, as a file of its own."""
        self._append([])
        return self.path.open("rb")

    def map(self) -> mmap:
        """The bytes so far, in memory as far as they are looked at."""
        self._append([])
        return mmap(self._handle, 0, access=ACCESS_READ)

    def hasten(self) -> None:
        """Let what has come go to the disk from now on, so that `sync` has less to wait for. OSError if that fails."""
        self._append([])
        self._let_go()

    def sync(self) -> None:
        """Return when all data are on the disk; OSError if they did not get there.

        They leave the page cache: an archive writes far more than it soon reads, and memory that is used again at
        once costs half the time of memory that is always new. What is looked at comes back with its first read.
        """
        self._append([])
        os.fdatasync(self._handle)
        self._let_go()

    def abandon(self) -> None:
        """Close the file and remove its incoming name; a blob that was made of it stays. Idempotent."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
            with suppress(FileNotFoundError):
                os.unlink(self.name)  # noqa: PTH108 - pathlib takes longer than the kernel here

    def _note(self, view: memoryview) -> None:
        self._digest.update(view)
        self.size += len(view)
        if len(self._head) < HEAD:
            self._head += view[: HEAD - len(self._head)]

    def _append(self, views: list[memoryview]) -> None:
        if self._header:
            views.insert(0, memoryview(self._header))
            self._header = b""
        while views:
            views = _rest(views, os.writev(self._handle, views[:_MOST_PIECES]))

    def _write_back(self) -> None:
        """Let a large file go to the disk while it comes, and out of the page cache: its sync is short then."""
        if self.size - self._written_back >= _WRITTEN_BACK_AT_ONCE:
            self._written_back = self.size
            self._let_go()

    def _let_go(self) -> None:
        """The kernel begins to write what is not on the disk, and forgets what is."""
        os.posix_fadvise(self._handle, 0, 0, os.POSIX_FADV_DONTNEED)


def _rest(views: list[memoryview], written: int) -> list[memoryview]:
    """What is left of `views` when so many bytes of them are gone."""
    for index, view in enumerate(views):
        if written < len(view):
            return [view[written:], *views[index + 1 :]]
        written -= len(view)
    return []


class _DataSetDigest:
    """BLAKE3 over what follows the file meta information, whose length is read as the bytes come by.

    SHA-256 takes four times as long, also on processors with instructions for it, and was a sixth of what an instance
    cost (`benchmarks.ingest`); both are collision resistant, 256 bits long.
    """

    def __init__(self, start: int | None) -> None:
        """`start`: where in its file the data set begins that comes, or None when a whole file comes."""
        self.start = start
        self._hash = blake3()
        self._skip = 0
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
        self._hash.update(data)

    def begin(self) -> int:
        """Where the data set begins; what is too short to tell has no header."""
        if self.start is None:
            self.update(self._decide())
        return self.start or 0

    def value(self) -> str:
        self.begin()
        return self._hash.hexdigest()

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
