"""WADO-RS: instances as a ZIP archive, a whole file-set with its DICOMDIR (PS3.18 8.6.1.3, PS3.12 annex V).

Without a transfer-syntax parameter instances go as they are kept. Then the archive is the same whenever it is asked
for, its length is known before it is read, and the rest of it can be had when a connection broke (RFC 9110 14.2).
"""

import os
from collections.abc import Iterator, Sequence
from functools import partial
from io import BytesIO
from typing import BinaryIO, Final

from starlette.requests import Request
from starlette.responses import Response

from dicomweb.media_types import Representation, instance_representations
from dicomweb.negotiation import Acceptable
from dicomweb.payloads import not_modified, streamed, validator
from dicomweb.ranges import ByteRange, requested_range
from dicomweb.targets import Target
from storage.errors import NotRenderable
from storage.media.file_set import DICOMDIR, FileSet, MediaFile
from storage.media.zip_archive import Entry, archive, archive_size
from storage.records import InstanceRecord
from storage.scope import StudyScope
from storage.storage import Storage

ZIP: Final = "application/zip"

_NEVER_CHANGES: Final = {"Accept-Ranges": "bytes"}


def zip_representations(stored: str) -> tuple[Representation, ...]:
    """What is on offer inside an archive for an instance kept in the transfer syntax `stored`: as stored first."""
    singles = [one for one in instance_representations(stored, single=True) if not one.multipart]
    offers = [Representation(ZIP, False, one.transfer_syntax, one.stored, one.stored) for one in singles]
    return tuple(sorted(offers, key=lambda offer: not offer.stored))


class Archives:
    """Makes archives of what was asked for. The methods block and are called in threads."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def archive(
        self,
        request: Request,
        scope: StudyScope,
        records: Sequence[InstanceRecord],
        others: Sequence[Representation],
    ) -> Response | None:
        """The archive of `records`, or None when the request prefers one of the `others`, or wants no archive.

        Instances that cannot be had in the transfer syntax that was asked for are in it as they are kept: an archive
        without them would not show that they are missing. The DICOMDIR names the transfer syntax of each.
        """
        acceptable = Acceptable.of(request)
        offers = {record.transfer_syntax_uid: zip_representations(record.transfer_syntax_uid) for record in records}
        choices = {syntax: acceptable.choose(some) for syntax, some in offers.items()}
        preferred = acceptable.choose((*others, *offers[records[0].transfer_syntax_uid]))
        if not any(choices.values()) or (preferred is not None and preferred.media_type != ZIP):
            return None
        files = FileSet.of(self._storage.database, scope, records)
        syntaxes = {syntax: (choices[syntax] or offers[syntax][0]).transfer_syntax for syntax in offers}
        name = Target.of(request)
        headers = {"Content-Disposition": f'attachment; filename="{name.instance or name.series or name.study}.zip"'}
        if all(syntax == wanted for syntax, wanted in syntaxes.items()):
            return self._kept(request, files, headers)
        return streamed(archive(self._converted(files, syntaxes)), headers, ZIP)

    def _kept(self, request: Request, files: FileSet, headers: dict[str, str]) -> Response:
        directory = files.dicomdir()
        etag = validator(directory, [file.record.digest for file in files.files]).removeprefix("W/")
        if unchanged := not_modified(request, etag):
            return unchanged
        entries = [Entry(DICOMDIR, len(directory), partial(BytesIO, directory))]
        entries += [Entry(file.name, file.record.size, partial(self._open, file)) for file in files.files]
        whole = ByteRange(0, archive_size(entries))
        wanted = requested_range(request, whole.end, etag)
        part = wanted or whole
        headers = headers | _NEVER_CHANGES | {"ETag": etag, "Content-Length": str(part.size)}
        if wanted:
            headers["Content-Range"] = f"bytes {part.begin}-{part.end - 1}/{whole.end}"
        return streamed(_first(archive(entries, part.begin), part.size), headers, ZIP, 206 if wanted else 200)

    def _converted(self, files: FileSet, syntaxes: dict[str, str]) -> Iterator[Entry]:
        """The entries one after the other as they are made, and the DICOMDIR that says what was made behind them."""
        sent: dict[str, str] = {}
        for file in files.files:
            yield self._entry(file, syntaxes[file.record.transfer_syntax_uid], sent)
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
