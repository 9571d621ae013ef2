"""Where uploads lie until staff have decided: each in a folder and an archive of its own, which nothing else reads.

    <folder>/<upload>/arriving/<file>   what is being sent, as it comes
    <folder>/<upload>/archive/          the instances that were found in it: a storage like the great one
    <folder>/<upload>/pictures/         a small picture of each series

So nothing of an upload can be reached through a share or DICOMweb, two uploads never meet, and rejecting one is
removing its folder.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gateway.intake.uploads import Upload, UploadFile
from storage.errors import OutOfResources, Refusal
from storage.incoming import exhausted
from storage.storage import Storage, StorageSettings


class Locked(Refusal):
    """Another request is writing to the same file."""

    http_status = 423
    title = "Locked"


class Transfer:
    """A file that is being sent, open for writing by one request at a time. Not safe for concurrent use."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self.offset = os.fstat(handle).st_size

    def write(self, piece: bytes) -> None:
        """Append `piece`. Raises `OutOfResources`."""
        with exhausted():
            view = memoryview(piece)
            while view:
                written = os.write(self._handle, view)
                self.offset += written
                view = view[written:]

    def cut(self, offset: int) -> None:
        """Take back everything behind `offset`. Raises `OutOfResources`."""
        with exhausted():
            os.ftruncate(self._handle, offset)
            self.offset = offset

    def sync(self) -> None:
        """Let what was written survive a crash of the machine. Raises `OutOfResources`."""
        with exhausted():
            os.fdatasync(self._handle)


class Quarantine:
    """The folders of uploads. Safe to use from any thread and process; all methods block."""

    def __init__(self, folder: Path, settings: StorageSettings) -> None:
        """`settings` are those of the great archive, with the room that uploads must leave free on the same disk."""
        self._folder = folder
        self._settings = settings

    def create(self, file: UploadFile) -> None:
        """Begin a file with nothing in it; one that is there stays as it is. Raises `OutOfResources`."""
        path = self._arriving(file)
        with exhausted():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))

    def offset(self, file: UploadFile) -> int:
        """How many bytes of the file are there."""
        try:
            return self._arriving(file).stat().st_size
        except FileNotFoundError:
            return 0

    @contextmanager
    def transfer(self, file: UploadFile) -> Iterator[Transfer]:
        """The file, for this request alone. Raises `Locked`, and `OutOfResources` when there is too little room."""
        with exhausted():
            handle = os.open(self._arriving(file), os.O_WRONLY | os.O_APPEND)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Locked("Another request is sending this file.") from None
            transfer = Transfer(handle)
            if shutil.disk_usage(self._folder).free - (file.size - transfer.offset) < self._settings.free_space_floor:
                raise OutOfResources("There is not enough room on the disk for this file.")
            yield transfer
        finally:
            os.close(handle)

    def path(self, file: UploadFile) -> Path:
        """Where the file lies while it arrives."""
        return self._arriving(file)

    def drop(self, file: UploadFile) -> None:
        """Remove a file that is not wanted any more; also one that is not there."""
        self._arriving(file).unlink(missing_ok=True)

    def drop_arriving(self, upload: Upload) -> None:
        """Remove everything that was sent, after it was read."""
        shutil.rmtree(self._folder / upload.id / _ARRIVING, ignore_errors=True)

    @contextmanager
    def archive(self, upload: Upload) -> Iterator[Storage]:
        """The archive of what was found. Raises `OutOfResources`."""
        with exhausted():
            (self._folder / upload.id).mkdir(mode=0o700, parents=True, exist_ok=True)
        storage = Storage.open(self._folder / upload.id / _ARCHIVE, self._settings)
        try:
            yield storage
        finally:
            storage.close()

    def keep_picture(self, upload: Upload, series_instance_uid: str, content: bytes) -> None:
        """Keep the small picture of a series, in the place of the one before. Raises `OutOfResources`."""
        path = self._picture(upload, series_instance_uid)
        with exhausted():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            made = path.with_suffix(".new")
            made.write_bytes(content)
            made.replace(path)

    def picture(self, upload: Upload, series_instance_uid: str) -> bytes | None:
        """The small picture of a series, None where there is none."""
        try:
            return self._picture(upload, series_instance_uid).read_bytes()
        except FileNotFoundError:
            return None

    def has_archive(self, upload: Upload) -> bool:
        """Whether anything was ever found in it."""
        return (self._folder / upload.id / _ARCHIVE).is_dir()

    def remove(self, upload_ids: Iterable[str]) -> None:
        """Remove everything of these uploads; also of one that is not there."""
        for own in upload_ids:
            shutil.rmtree(self._folder / own, ignore_errors=True)

    def left_behind(self, known: Iterable[str]) -> list[str]:
        """The folders of uploads that are not `known`."""
        wanted = set(known)
        if not self._folder.is_dir():
            return []
        return [path.name for path in self._folder.iterdir() if path.name not in wanted]

    def _picture(self, upload: Upload, series_instance_uid: str) -> Path:
        # No header value ever becomes a path.
        name = hashlib.sha256(series_instance_uid.encode("utf-8", "surrogateescape")).hexdigest()
        return self._folder / upload.id / _PICTURES / f"{name}.jpg"

    def _arriving(self, file: UploadFile) -> Path:
        return self._folder / file.upload_id / _ARRIVING / file.id


_ARRIVING: Final = "arriving"
_ARCHIVE: Final = "archive"
_PICTURES: Final = "pictures"
