"""What a prepared download consists of: kept instances as they are, and what was made for it, in one file.

    <folder>/<id>/made      everything that was made, one behind the other
    <folder>/<id>/layout    which stretch of it, or which kept instance, is which file of the archive

So a prepared download takes little room, and any stretch of its archive can be had at once.
"""

import hashlib
import os
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from io import BufferedReader, RawIOBase
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, cast

import orjson

from storage.errors import NoSuchInstance
from storage.files import Files
from storage.incoming import exhausted
from storage.index import Index
from storage.media.zip_archive import Entry, archive, archive_size
from storage.scope import StudyScope

_PIECE: Final = 1 << 20
_MADE, _LAYOUT, _DRAFT = "made", "layout", "layout-draft"


class File(NamedTuple):
    """A file of the archive: the blob `key`, or without one a stretch of what was made.

    No dataclass, because thousands of them are made before the first byte of a download, and these are made faster.
    """

    name: str
    size: int
    crc: int
    sha256: str
    key: str = ""
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """All files in the order of the archive, and the instances that they show: study and blob key of each."""

    files: tuple[File, ...]
    sources: tuple[tuple[str, str], ...]
    known_etag: str = field(default="", compare=False, repr=False)
    """What `etag` is, where that has been computed already."""

    @property
    def studies(self) -> tuple[str, ...]:
        """The Study Instance UIDs of what it shows."""
        return tuple(dict.fromkeys(study for study, _ in self.sources))

    @property
    def etag(self) -> str:
        """A strong entity tag: another one for other bytes."""
        if self.known_etag:
            return self.known_etag
        parts = [(file.name, file.size, file.crc, file.sha256) for file in self.files]
        return f'"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'

    def is_shown(self, index: Index, scope: StudyScope) -> bool:
        """Whether `scope` still shows every instance that this download shows."""
        for study, sources in groupby(self.sources, lambda source: source[0]):
            if not {key for _, key in sources} <= index.blob_keys(scope, study):
                return False
        return True

    def encode(self) -> bytes:
        """As it is kept."""
        return orjson.dumps({"files": [tuple(one) for one in self.files], "sources": self.sources, "etag": self.etag})

    @classmethod
    def decode(cls, kept: bytes) -> "Layout":
        """What `encode` was given."""
        json = orjson.loads(kept)
        files, sources = tuple(map(File._make, json["files"])), tuple(map(tuple, json["sources"]))
        return cls(files, sources, json.get("etag", ""))


class Made:
    """The file of what is made for one download. Used by one thread."""

    def __init__(self, folder: Path) -> None:
        """Begin anew in `folder`, which is made. Raises `OutOfResources`."""
        with exhausted():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700, parents=True)
            self._file = (folder / _MADE).open("xb")
        self._folder = folder

    def append(self, name: str, pieces: Iterable[bytes | memoryview]) -> File:
        """One more file of the archive with this content. Raises `OutOfResources`."""
        offset, size, crc, digest = self._file.tell(), 0, 0, hashlib.sha256()
        for piece in pieces:
            with exhausted():
                self._file.write(piece)
            size, crc = size + len(piece), zlib.crc32(piece, crc)
            digest.update(piece)
        return File(name, size, crc, digest.hexdigest(), offset=offset)

    def finish(self, layout: Layout) -> None:
        """Keep the layout: from now on the download is whole. Raises `OutOfResources`."""
        with exhausted():
            self._file.flush()
            os.fdatasync(self._file.fileno())
            draft = self._folder / _DRAFT
            with draft.open("xb") as file:
                file.write(layout.encode())
                file.flush()
                os.fdatasync(file.fileno())
            draft.replace(self._folder / _LAYOUT)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def kept(files: Files, name: str, key: str, size: int) -> File:
    """The kept instance `key` as a file of the archive, read once for its checksums."""
    crc, digest = 0, hashlib.sha256()
    for piece in files.pieces(key, [(0, size)], _PIECE):
        crc = zlib.crc32(piece, crc)
        digest.update(piece)
    return File(name, size, crc, digest.hexdigest(), key)


class Prepared:
    """A download that is whole, in its folder."""

    def __init__(self, folder: Path, files: Files) -> None:
        """Raises `NoSuchInstance` when it is not there any more."""
        try:
            self.layout = Layout.decode((folder / _LAYOUT).read_bytes())
        except FileNotFoundError:
            raise NoSuchInstance("This download is no longer kept.") from None
        self._made = folder / _MADE
        self._files = files

    @property
    def size(self) -> int:
        """Bytes of the archive."""
        return archive_size(self._entries())

    def archive(self, start: int = 0) -> Iterator[bytes]:
        """The bytes of the archive from `start` on."""
        return archive(self._entries(), start)

    def _entries(self) -> Iterator[Entry]:
        for file in self.layout.files:
            yield Entry(file.name, file.size, self._opener(file), file.crc)

    def _opener(self, file: File) -> Callable[[], BinaryIO]:
        if file.key:
            return partial(self._files.open, file.key)
        return lambda: cast(BinaryIO, BufferedReader(_Stretch(self._made, file.offset, file.size), _PIECE))


def drop_study(root: Path, study_instance_uid: str, blob_keys: Iterable[str]) -> None:
    """Remove every prepared download below `root` that shows one of these instances of a study. Raises OSError."""
    gone = {(study_instance_uid, key) for key in blob_keys}
    for path in root.glob(f"*/{_LAYOUT}"):
        if not gone.isdisjoint(Layout.decode(path.read_bytes()).sources):
            shutil.rmtree(path.parent)


class _Stretch(RawIOBase):
    """Part of a file as a file of its own."""

    def __init__(self, path: Path, offset: int, size: int) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._offset, self._end = offset, offset + size
        self._file.seek(offset)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        return self._file.readinto(view[: max(self._end - self._file.tell(), 0)])

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: self._offset, os.SEEK_CUR: self._file.tell(), os.SEEK_END: self._end}[whence]
        return self._file.seek(base + offset) - self._offset

    def close(self) -> None:
        self._file.close()
        super().close()
