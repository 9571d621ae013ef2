"""Import: files, folders and ZIP archives into the store, through the same door as everything else.

Nothing of an archive is ever written under a name from the archive; its entries are streamed into the store. What is no
DICOM file is found out from its first bytes, so a bomb of zeros costs one block.
"""

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

from storage.errors import CannotUnderstand, Refusal
from storage.ingest import Ingest
from storage.media.dicomdir import instances_named

Outcome = Literal["stored", "already", "skipped", "refused"]

MOST_ENTRIES: Final = 200_000
LONGEST_ENTRY: Final = 4 * 1024**3
LONGEST_ARCHIVE: Final = 64 * 1024**3
STEEPEST: Final = 200
"""Largest ratio of inflated to packed size that is believed once FREE_BYTES have come."""
FREE_BYTES: Final = 256 * 1024**2
_BLOCK: Final = 1024 * 1024
_HEAD: Final = 512
_LONGEST_DIRECTORY: Final = 64 * 1024**2
# (0002,0002) of a DICOMDIR (PS3.10 8.6), whatever the file is called.
_DIRECTORY: Final = b"UI\x14\x001.2.840.10008.1.3.10"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file; `detail` says why it was refused or skipped, `is_directory` that it is a DICOMDIR."""

    path: str
    outcome: Outcome
    detail: str = ""
    dicom_status: int = 0
    is_directory: bool = False


class Importer:
    """Stores what lies below paths; blocking. `named` are the instances that the DICOMDIRs met so far point to."""

    def __init__(self, ingest: Ingest, source: str = "import", inflated: int | None = None) -> None:
        """All archives together may inflate to so many bytes, each to `LONGEST_ARCHIVE` where nothing is said."""
        self.named: set[str] = set()
        self._ingest = ingest
        self._source = source
        self._together = None if inflated is None else _Budget(inflated)

    def run(self, paths: list[Path]) -> Iterator[Result]:
        """One result for each file below `paths`, in order; a path named here must be DICOM, others may be anything."""
        for path in paths:
            if path.is_dir():
                for file in sorted(entry for entry in path.rglob("*") if entry.is_file()):
                    yield from self._file(file, named=False)
            else:
                yield from self._file(path, named=True)

    def any_file(self, path: Path) -> Iterator[Result]:
        """The results for one file, which may be anything: what is not DICOM is skipped."""
        return self._file(path, named=False)

    def _file(self, path: Path, *, named: bool) -> Iterator[Result]:
        try:
            with path.open("rb") as file:
                head = file.read(_HEAD)
                file.seek(0)
                if head.startswith(b"PK\x03\x04") and head[128:132] != b"DICM":
                    yield from self._archive(path, file)
                else:
                    yield self._one(str(path), file, named=named)
        except OSError as error:
            yield Result(str(path), "refused", f"cannot be read ({error.strerror})", CannotUnderstand.dicom_status)

    def _archive(self, path: Path, file: IO[bytes]) -> Iterator[Result]:
        try:
            with zipfile.ZipFile(file) as archive:
                entries = [entry for entry in archive.infolist() if not entry.is_dir()]
                if len(entries) > MOST_ENTRIES:
                    yield _refused(str(path), f"more than {MOST_ENTRIES} entries")
                    return
                yield from self._entries(path, archive, entries)
        except (zipfile.BadZipFile, NotImplementedError) as error:
            yield _refused(str(path), f"not a ZIP archive that can be read ({type(error).__name__})")

    def _entries(self, path: Path, archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> Iterator[Result]:
        budget = self._together or _Budget(LONGEST_ARCHIVE)
        for entry in entries:
            name = f"{path}:{entry.filename!r}"
            if entry.flag_bits & 1:
                yield _refused(name, "encrypted; unpack it first")
                continue
            try:
                with archive.open(entry) as inside:
                    yield self._one(name, _Counted(inside, entry, budget), named=False)
            except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
                yield _refused(name, f"the archive is damaged here ({type(error).__name__})")

    def _one(self, name: str, file: "IO[bytes] | _Counted", *, named: bool) -> Result:
        try:
            head = file.read(_HEAD)
            if _DIRECTORY in head:
                self.named |= instances_named(head + file.read(_LONGEST_DIRECTORY))
                detail = "DICOMDIR: a table of contents; the files themselves are read"
                return Result(name, "skipped", detail, is_directory=True)
            if not named and not _plausible(head):
                return Result(name, "skipped", "not DICOM")
            return self._store(name, head, file)
        except Refusal as refusal:
            return Result(name, "refused", refusal.detail, refusal.dicom_status)

    def _store(self, name: str, head: bytes, file: "IO[bytes] | _Counted") -> Result:
        incoming = self._ingest.receive()
        try:
            incoming.write(head)
            while block := file.read(_BLOCK):
                incoming.write(block)
        except BaseException:
            incoming.abandon()
            raise
        stored = self._ingest.store(incoming, source=self._source)
        return Result(name, "stored" if stored.new else "already")


@dataclass(slots=True)
class _Budget:
    """Bytes that archives may still inflate to."""

    left: int


class _Counted:
    """An entry of an archive that stops with CannotUnderstand when it inflates beyond belief."""

    def __init__(self, file: IO[bytes], entry: zipfile.ZipInfo, budget: _Budget) -> None:
        self._file = file
        self._packed = max(entry.compress_size, 1)
        self._budget = budget
        self._read = 0

    def read(self, size: int) -> bytes:
        block = self._file.read(size)
        self._read += len(block)
        self._budget.left -= len(block)
        steep = self._read > FREE_BYTES and self._read > STEEPEST * self._packed
        if steep or self._read > LONGEST_ENTRY or self._budget.left < 0:
            raise CannotUnderstand("The archive inflates to more than is believed of images; unpack it and look first.")
        return block


def _plausible(head: bytes) -> bool:
    """Whether it may be DICOM: the mark of PS3.10 7.1, or (old files without it) a first element of group 2 or 8."""
    return head[128:132] == b"DICM" or head[:2] in (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08")


def _refused(name: str, detail: str) -> Result:
    return Result(name, "refused", detail, CannotUnderstand.dicom_status)
