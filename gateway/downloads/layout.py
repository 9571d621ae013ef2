"""What a prepared download consists of: kept instances as they are, and what was made for it, in one file.

    <folder>/<id>/made      everything that was made, one behind the other
    <folder>/<id>/layout    a line that tells of the whole archive, then lines with its files, some hundred on each:
                            which stretch of `made`, or which kept instance, is which file

So a prepared download takes little room, any stretch of its archive can be had at once, and its first byte does not
wait until thousands of files have been read about.
"""

import hashlib
import os
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import BufferedReader, BytesIO, RawIOBase
from itertools import islice
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
_ON_A_LINE: Final = 500
_MADE, _LAYOUT, _DRAFT = "made", "layout", "layout-draft"


class File(NamedTuple):
    """A file of the archive: the blob `key`, or without one a stretch of what was made."""

    name: str
    size: int
    crc: int
    sha256: str
    key: str = ""
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """What is told of an archive before its first byte: how many files it has, its length in bytes, a strong entity
    tag (another one for other bytes), and the instances that it shows.
    """

    files: int
    size: int
    etag: str
    sources: dict[str, str]
    """The blob keys of each study, with spaces between them: one text is read far faster than a thousand."""

    @property
    def studies(self) -> tuple[str, ...]:
        """The Study Instance UIDs of what it shows."""
        return tuple(self.sources)

    def is_shown(self, index: Index, scope: StudyScope) -> bool:
        """Whether `scope` still shows every instance that this download shows."""
        return all(index.blob_keys(scope, study).issuperset(keys.split()) for study, keys in self.sources.items())

    @classmethod
    def of(cls, files: Sequence[File], sources: Iterable[tuple[str, str]]) -> "Layout":
        """Of all files in the order of the archive, and study and blob key of each instance that they show."""
        parts = [(file.name, file.size, file.crc, file.sha256) for file in files]
        etag = f'"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'
        size = archive_size(Entry(file.name, file.size, BytesIO, file.crc) for file in files)
        keys: dict[str, list[str]] = {}
        for study, key in sources:
            keys.setdefault(study, []).append(key)
        return cls(len(files), size, etag, {study: " ".join(of_study) for study, of_study in keys.items()})

    @classmethod
    def read(cls, path: Path) -> "Layout":
        """The one at the head of this file.

        Raises `NoSuchInstance` when there is none, or one as earlier versions wrote them: patients order anew.
        """
        try:
            with path.open("rb") as file:
                return cls(**orjson.loads(file.readline()))
        except (FileNotFoundError, TypeError):
            raise NoSuchInstance("This download is no longer kept.") from None


class Made:
    """The file of what is made for one download. Used by one thread."""

    def __init__(self, folder: Path) -> None:
        """Begin anew in `folder`, which is made. Raises `OutOfResources`."""
        with exhausted():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700, parents=True)
            self._file = (folder / _MADE).open("xb")
        self.folder = folder

    def append(self, name: str, pieces: Iterable[bytes | memoryview]) -> File:
        """One more file of the archive with this content. Raises `OutOfResources`."""
        offset, size, crc, digest = self._file.tell(), 0, 0, hashlib.sha256()
        for piece in pieces:
            with exhausted():
                self._file.write(piece)
            size, crc = size + len(piece), zlib.crc32(piece, crc)
            digest.update(piece)
        return File(name, size, crc, digest.hexdigest(), offset=offset)

    def finish(self, files: Sequence[File], sources: Iterable[tuple[str, str]]) -> Layout:
        """Keep the layout of these (see `Layout.of`): from now on the download is whole. Raises `OutOfResources`."""
        layout = Layout.of(files, sources)
        with exhausted():
            self._file.flush()
            os.fdatasync(self._file.fileno())
            draft = self.folder / _DRAFT
            with draft.open("xb") as file:
                file.write(orjson.dumps(layout) + b"\n")
                remaining = map(tuple, files)
                while some := list(islice(remaining, _ON_A_LINE)):
                    file.write(orjson.dumps(some) + b"\n")
                file.flush()
                os.fdatasync(file.fileno())
            draft.replace(self.folder / _LAYOUT)
        return layout

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
        self._listed = folder / _LAYOUT
        self.layout = Layout.read(self._listed)
        self._made = folder / _MADE
        self._kept = files

    def files(self) -> Iterator[File]:
        """All of the archive in order, read little by little. Raises FileNotFoundError when it has been removed."""
        with self._listed.open("rb") as file:
            file.readline()
            for line in file:
                yield from map(File._make, orjson.loads(line))

    def archive(self, start: int = 0) -> Iterator[bytes]:
        """Its bytes from `start` on. Raises what `zip_archive.archive` and `files` raise."""
        return archive((Entry(file.name, file.size, self._opener(file), file.crc) for file in self.files()), start)

    def _opener(self, file: File) -> Callable[[], BinaryIO]:
        if file.key:
            return partial(self._kept.open, file.key)
        return lambda: cast(BinaryIO, BufferedReader(_Stretch(self._made, file.offset, file.size), _PIECE))


def drop_study(root: Path, study_instance_uid: str, blob_keys: Iterable[str]) -> None:
    """Remove every prepared download below `root` that shows one of these instances of a study. Raises OSError."""
    gone = set(blob_keys)
    for path in root.glob(f"*/{_LAYOUT}"):
        if not gone.isdisjoint(_shown(path, study_instance_uid, gone)):
            shutil.rmtree(path.parent)


def _shown(path: Path, study_instance_uid: str, doubtful: set[str]) -> Iterable[str]:
    """The blob keys of a study that a download shows; what earlier versions wrote may show the `doubtful` ones."""
    try:
        return Layout.read(path).sources.get(study_instance_uid, "").split()
    except NoSuchInstance:
        return doubtful


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
