"""WADO-RS: instances as a ZIP archive, a whole file-set with its DICOMDIR (PS3.18 8.6.1.3, PS3.12 annex V).

Without a transfer-syntax parameter instances go as they are kept. Then the archive is the same whenever it is asked
for, its length is known before it is read, and the rest of it can be had when a connection broke (RFC 9110 14.2).
"""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from io import BytesIO
from typing import BinaryIO, Final

from starlette.requests import Request
from starlette.responses import Response

from dicomweb.media_types import Representation
from dicomweb.negotiation import Acceptable
from dicomweb.payloads import not_modified, streamed, validator
from dicomweb.ranges import requested
from dicomweb.targets import Target
from storage.errors import NotRenderable
from storage.media.file_set import DICOMDIR, FileSet, MediaFile
from storage.media.zip_archive import Entry, archive, archive_size
from storage.records import InstanceRecord
from storage.scope import StudyScope
from storage.storage import Storage

ZIP: Final = "application/zip"

OffersOf = Callable[[InstanceRecord, bool], tuple[Representation, ...]]

_JPEG_BASELINE: Final = "1.2.840.10008.1.2.4.50"
_NEVER_CHANGES: Final = {"Accept-Ranges": "bytes"}


@lru_cache(maxsize=256)
def zip_representations(offers: tuple[Representation, ...]) -> tuple[Representation, ...]:
    """What is on offer inside an archive for an instance that is on offer as `offers`: as stored first.

    JPEG Baseline would make another instance of it, with a UID of its own: not what an archive of these is.
    """
    singles = [one for one in offers if not one.multipart and (one.stored or one.transfer_syntax != _JPEG_BASELINE)]
    zipped = [Representation(ZIP, False, one.transfer_syntax, one.stored, one.stored) for one in singles]
    return tuple(sorted(zipped, key=lambda offer: not offer.stored))


class Archives:
    """Makes archives of what was asked for. The methods block and are called in threads."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def archive(
        self,
        request: Request,
        scope: StudyScope,
        records: Sequence[InstanceRecord],
        offers_of: OffersOf,
    ) -> Response | None:
        """The archive of `records`, or None when the request prefers what the resource offers else, or no archive.

        `offers_of` tells what is on offer for an instance, as a single part too if the second argument is true.

        Instances that cannot be had in the transfer syntax that was asked for are in it as they are kept: an archive
        without them would not show that they are missing. The DICOMDIR names the transfer syntax of each.
        """
        target = Target.of(request)
        choose = lru_cache(Acceptable.of(request).choose)
        others = offers_of(records[0], bool(target.instance))
        preferred = choose((*others, *zip_representations(offers_of(records[0], True))))
        if preferred is not None and preferred.media_type != ZIP:
            return None
        zipped = [zip_representations(offers_of(record, True)) for record in records]
        choices = [choose(offers) for offers in zipped]
        if not any(choices):
            return None
        files = FileSet.of(self._storage.database, scope, records)
        syntaxes = [(choice or offers[0]).transfer_syntax for choice, offers in zip(choices, zipped, strict=True)]
        name = target.instance or target.series or target.study
        headers = {"Content-Disposition": f'attachment; filename="{name}.zip"'}
        if syntaxes == [record.transfer_syntax_uid for record in records]:
            return self._kept(request, files, headers)
        return streamed(archive(self._converted(files, syntaxes)), headers, ZIP)

    def _kept(self, request: Request, files: FileSet, headers: dict[str, str]) -> Response:
        directory = files.dicomdir()
        etag = validator(directory, [file.record.digest for file in files.files]).removeprefix("W/")
        if unchanged := not_modified(request, etag):
            return unchanged
        entries = [Entry(DICOMDIR, len(directory), partial(BytesIO, directory))]
        entries += [Entry(file.name, file.record.size, partial(self._open, file)) for file in files.files]
        size = archive_size(entries)
        part = requested(request, size, etag, None)
        begin, length = part or (0, size)
        headers = headers | _NEVER_CHANGES | {"ETag": etag, "Content-Length": str(length)}
        if part:
            headers["Content-Range"] = f"bytes {begin}-{begin + length - 1}/{size}"
        return streamed(_first(archive(entries, begin), length), headers, ZIP, 206 if part else 200)

    def _converted(self, files: FileSet, syntaxes: Sequence[str]) -> Iterator[Entry]:
        """The entries one after the other as they are made, and the DICOMDIR that says what was made behind them."""
        sent: dict[str, str] = {}
        for file, syntax in zip(files.files, syntaxes, strict=True):
            yield self._entry(file, syntax, sent)
        directory = files.dicomdir(sent)
        yield Entry(DICOMDIR, len(directory), partial(BytesIO, directory))

    def _entry(self, file: MediaFile, syntax: str, sent: dict[str, str]) -> Entry:
        if syntax != file.record.transfer_syntax_uid:
            try:
                converted = self._storage.pixels.transcoded(file.record, syntax)
            except NotRenderable:
                # Damaged pixels of one must not cost all others; it is in the archive as it is kept.
                return Entry(file.name, file.record.size, partial(self._open, file))
            sent[file.record.sop_instance_uid] = syntax
            size = converted.seek(0, os.SEEK_END)
            converted.seek(0)
            return Entry(file.name, size, lambda: converted)
        return Entry(file.name, file.record.size, partial(self._open, file))

    def _open(self, file: MediaFile) -> BinaryIO:
        return self._storage.files.open(file.record.blob_key)


def _first(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The first `size` bytes."""
    for piece in pieces:
        if len(piece) >= size:
            yield piece[:size]
            return
        size -= len(piece)
        yield piece
