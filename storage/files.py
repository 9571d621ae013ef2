"""The instances as files: what is arriving, what is kept, and the order of syncs that makes keeping durable.

    <folder>/incoming/<process>/<nonce>                       arriving; also the journal of what was going on
    <folder>/blobs/<2 hex>/<32 hex of study>/<digest>-<nonce> kept, never changed, never written twice

No value of any header becomes part of a path: folders are hashes of the Study Instance UID, names are our own.
"""

import errno
import fcntl
import hashlib
import os
import re
import secrets
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Final, cast

import numpy as np

from storage.data_set.part10 import FileMeta
from storage.errors import NoSuchInstance, OutOfResources, ProcessingFailure
from storage.incoming import Incoming, exhausted, out_of_resources
from storage.waiting import WouldWait, may_wait

_KEY: Final = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}/[0-9a-f]{64}-[0-9a-f]{16}")
_REMEMBERED_FOLDERS: Final = 50_000
# Linux has it; a flag that the kernel does not know is refused like a file system that cannot.
_NO_WAIT: Final = getattr(os, "RWF_NOWAIT", 1 << 30)


@lru_cache(maxsize=1024)
def study_folder(study_instance_uid: str) -> str:
    """The folder, relative to the blobs, of everything kept of this study."""
    digest = hashlib.sha256(study_instance_uid.encode()).hexdigest()
    return f"{digest[:2]}/{digest[2:34]}"


def blob_key(study_instance_uid: str, digest: str, nonce: str) -> str:
    """The name below the blobs of the file `nonce`, whose data set has this digest and belongs to this study."""
    return f"{study_folder(study_instance_uid)}/{digest}-{nonce}"


class Files:
    """The files below one folder of one local file system. Safe to use from any thread; all methods block."""

    def __init__(self, folder: Path, free_space_floor: int = 0) -> None:
        """Use `folder`, which exists; refuse to receive when fewer than `free_space_floor` bytes would be free."""
        self._blobs = folder / "blobs"
        self._arriving = folder / "incoming"
        self._free_space_floor = free_space_floor
        self._durable_folders: set[str] = set()
        self._folders_lock = threading.Lock()
        with exhausted():
            for needed in (self._blobs, self._arriving):
                needed.mkdir(mode=0o700, exist_ok=True)
            _sync_folder(folder)
            self._own, self._own_lock = _claim(self._arriving)
        # Plain text where it is used for each instance: there pathlib costs more than the kernel.
        self._own_name, self._blobs_name = str(self._own), str(self._blobs)

    def receive(self, meta: FileMeta | None = None) -> Incoming:
        """Begin an instance: with `meta` a data set follows, without a whole Part 10 stream.

        Raises `OutOfResources` below the free-space floor and when no file can be made.
        """
        try:
            self._check_room()
            return Incoming.begin(f"{self._own_name}/{os.urandom(8).hex()}", meta)
        except OSError as error:
            raise out_of_resources(error) from error

    def scratch(self) -> BinaryIO:
        """A file without a name on the same disk, for what an instance is put together from; gone when it is closed.

        Raises `OutOfResources` like `receive`.
        """
        with exhausted():
            self._check_room()
            return cast(BinaryIO, tempfile.TemporaryFile(dir=self._own_name, buffering=0))

    def _check_room(self) -> None:
        state = os.statvfs(self._own_name)
        if state.f_bavail * state.f_frsize < self._free_space_floor:
            raise OutOfResources("Free space is below the floor that is set for the store.")

    def keep(self, incoming: Incoming, key: str) -> None:
        """Make `incoming` durable as the blob `key` (see `blob_key`); its incoming name stays for now.

        On return data, directory entry and all new parent directories are synced. Raises `OutOfResources`, and then
        no blob is left: an fsync that failed is never tried again (the kernel may have dropped the pages).
        """
        target = self._place(key)
        folder = target.rpartition("/")[0]
        try:
            incoming.sync()
            self._make_durable(folder)
            linked = _link(incoming.name, target)
            try:
                _sync_folder(folder)
            except OSError:
                if linked:
                    Path(target).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise out_of_resources(error) from error

    def path(self, key: str) -> Path:
        """Where the blob `key` lies."""
        return Path(self._place(key))

    def _place(self, key: str) -> str:
        if _KEY.fullmatch(key) is None:
            raise ValueError("not a blob key")
        return f"{self._blobs_name}/{key}"

    def open(self, key: str) -> BinaryIO:
        """The whole blob as a file, or `NoSuchInstance`."""
        try:
            return self.path(key).open("rb")
        except FileNotFoundError:
            raise NoSuchInstance("This instance is no longer kept.") from None

    def read(self, key: str, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`; `NoSuchInstance` when the blob is gone."""
        return b"".join(self.pieces(key, [(offset, length)], length))

    def pieces(self, key: str, ranges: Iterable[tuple[int, int]], at_once: int) -> Iterator[bytes | memoryview]:
        """What lies at each (offset, length) of the blob, at most `at_once` bytes at a time.

        The blob is opened when the first piece is wanted, and stays readable to the end when it is removed meanwhile.
        Raises `NoSuchInstance` when it is gone.
        """
        handle = self._opened(key)
        try:
            for offset, length in ranges:
                end = offset + length
                while offset < end:
                    piece = _read(handle, min(at_once, end - offset), offset)
                    if not piece:
                        raise ProcessingFailure("A kept file is shorter than the index says.")
                    offset += len(piece)
                    yield piece
        finally:
            os.close(handle)

    def modified(self, key: str) -> float:
        """When the blob was written, in seconds since 1970; `NoSuchInstance` when it is gone."""
        handle = self._opened(key)
        try:
            return os.fstat(handle).st_mtime
        finally:
            os.close(handle)

    def _opened(self, key: str) -> int:
        try:
            return os.open(self._place(key), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NoSuchInstance("This instance is no longer kept.") from None

    def remove(self, key: str) -> None:
        """Remove a blob, if it is there."""
        self.path(key).unlink(missing_ok=True)

    def blobs(self) -> Iterator[tuple[str, list[tuple[str, float]]]]:
        """Each study folder with its blobs as (key, time of last change); unordered."""
        for prefix in self._blobs.iterdir():
            for study in prefix.iterdir():
                folder = f"{prefix.name}/{study.name}"
                with os.scandir(study) as entries:
                    yield folder, [(f"{folder}/{entry.name}", entry.stat().st_mtime) for entry in entries]

    def left_behind(self) -> Iterator[Incoming]:
        """What processes that no longer live left in their incoming folders; an emptied folder is removed.

        Each must be kept or abandoned before the next is asked for.
        """
        for folder in sorted(self._arriving.iterdir()):
            lock = _try_lock(folder) if folder != self._own else None
            if lock is None:
                continue
            try:
                for path in sorted(folder.iterdir()):
                    yield Incoming.resume(str(path))
                with suppress(OSError):
                    folder.rmdir()
            finally:
                os.close(lock)

    def others_live(self) -> bool:
        """Whether another process has these files open at the moment."""
        for folder in self._arriving.iterdir():
            if folder == self._own:
                continue
            lock = _try_lock(folder)
            if lock is None:
                return True
            os.close(lock)
        return False

    def close(self) -> None:
        """Give up the own incoming folder; what still arrives there is found by the next sweep."""
        if self._own_lock >= 0:
            with suppress(OSError):
                self._own.rmdir()
            os.close(self._own_lock)
            self._own_lock = -1

    def _make_durable(self, study: str) -> None:
        """Create the folder of a study; each process syncs the parents itself, whoever made the folder."""
        if study in self._durable_folders:
            return
        Path(study).mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync_folder(Path(study).parent)
        _sync_folder(self._blobs)
        with self._folders_lock:
            if len(self._durable_folders) >= _REMEMBERED_FOLDERS:
                self._durable_folders.clear()
            self._durable_folders.add(study)


def _read(handle: int, length: int, offset: int) -> bytes | memoryview:
    """What one call of the kernel reads; where nobody may wait, what it holds in memory already, or `WouldWait`."""
    if may_wait():
        return os.pread(handle, length, offset)
    # Not a bytearray, which would be filled with zeros first.
    room = np.empty(length, np.uint8).data
    try:
        count = os.preadv(handle, [room], offset, _NO_WAIT)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EOPNOTSUPP):
            raise WouldWait from None
        raise
    return room[:count]


def _link(name: str, target: str) -> bool:
    """Whether `target` is new: a resumed file may have got its blob before the crash (the nonce is of that file)."""
    try:
        os.link(name, target)
    except FileExistsError:
        return False
    return True


def make_folder(folder: Path) -> None:
    """Make `folder` and those above it, as far as they are missing, each synced into the one above. Raises OSError."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path | str) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _claim(parent: Path) -> tuple[Path, int]:
    """A new folder that this process holds locked as long as it lives."""
    while True:
        folder = parent / f"{os.getpid()}-{secrets.token_hex(8)}"
        folder.mkdir(mode=0o700)
        # A sweep may see the folder before it is locked, and remove it.
        lock = _try_lock(folder)
        if lock is not None:
            return folder, lock


def _try_lock(folder: Path) -> int | None:
    """An open handle that holds the lock of `folder`, or None when another one holds it or it is gone."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return None
        raise
    # Whoever held the lock may have removed the folder before letting go.
    if not folder.exists():
        os.close(handle)
        return None
    return handle
