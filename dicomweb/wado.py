"""WADO-RS: the Retrieve transaction (PS3.18 10.4) for metadata and instances."""

import gzip
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import BinaryIO

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from dicomweb.media_types import DICOM, DICOM_JSON, METADATA, Representation, instance_representations
from dicomweb.multipart import Part
from dicomweb.negotiation import Acceptable, accepts_gzip
from dicomweb.payloads import file_pieces, multipart_response, not_modified, streamed, validator
from dicomweb.problems import PRIVATE, NotAcceptable
from dicomweb.targets import Target, instance_url
from dicomweb.zipped import ZIP, Archives
from storage.errors import NotRenderable, Refusal
from storage.records import InstanceRecord
from storage.scope import StudyScope
from storage.storage import Storage

_log = logging.getLogger("durchblick.dicomweb")

Chosen = tuple[InstanceRecord, Representation]


class Retrieval:
    """Metadata and instances of studies, series and instances. The methods block and are called in threads."""

    def __init__(self, storage: Storage, base_url: Callable[[HTTPConnection], str]) -> None:
        self._storage = storage
        self._base_url = base_url
        self._archives = Archives(storage)

    def metadata(self, request: Request, scope: StudyScope) -> Response:
        """Metadata as one array of DICOM JSON (10.4.1.1.2, F.2), kept compressed and sent so where that is taken."""
        target = Target.of(request)
        index = self._storage.index
        root = self._base_url(request)
        metadata = index.metadata(
            scope, target.study, target.series or None, target.instance or None, bulk_data_root=root
        )
        Acceptable.of(request).choose_or_refuse(METADATA)
        etag = validator(metadata.etag, root)
        if unchanged := not_modified(request, etag):
            return unchanged
        headers = PRIVATE | {"Vary": "Accept, Accept-Encoding", "ETag": etag}
        if accepts_gzip(request):
            return Response(metadata.gzipped, 200, headers | {"Content-Encoding": "gzip"}, DICOM_JSON)
        return Response(gzip.decompress(metadata.gzipped), 200, headers, DICOM_JSON)

    def instances(self, request: Request, scope: StudyScope) -> Response:
        """Every instance of a study or series, or one instance (10.4.1.1.1), as Part 10 files.

        When a ZIP archive is what the request wants most, all are in that. Otherwise the representation is chosen for
        each instance by itself (8.7.8.1): 206 when some cannot be sent as asked, 406 when none can.
        """
        target = Target.of(request)
        records = self._storage.index.instances(scope, target.study, target.series or None, target.instance or None)
        if archived := self._archives.archive(request, scope, records, _offers):
            return archived
        acceptable = Acceptable.of(request)
        offers = {record.transfer_syntax_uid: _offers(record, bool(target.instance)) for record in records}
        choices = {syntax: acceptable.choose(some) for syntax, some in offers.items()}
        chosen = [(record, one) for record in records if (one := choices[record.transfer_syntax_uid])]
        if not chosen:
            raise NotAcceptable([*_distinct(offers.values()), ZIP])
        try:
            if not chosen[0][1].multipart:
                return self._one(request, *chosen[0])
            return self._many(request, chosen, 200 if len(chosen) == len(records) else 206)
        except NotRenderable as refusal:
            single = bool(target.instance)
            others = [offer for offer in _offers(records[0], single) if _is_stored(records[0], offer)]
            raise NotAcceptable(_distinct([others]), refusal.detail) from None

    def _one(self, request: Request, record: InstanceRecord, representation: Representation) -> Response:
        etag = validator(record.digest, str(representation))
        if unchanged := not_modified(request, etag):
            return unchanged
        pieces, size = self._content(record, representation)
        name = f'attachment; filename="{record.sop_instance_uid}.dcm"'
        headers = {"Content-Length": str(size), "Content-Disposition": name, "ETag": etag}
        return streamed(pieces, headers, representation.content_type)

    def _many(self, request: Request, chosen: Sequence[Chosen], status: int) -> Response:
        """One part after the other; the length of the body is known when all come straight from the disk."""
        base_url = self._base_url(request)
        known: Sequence[Part] = ()
        if all(_is_stored(record, representation) for record, representation in chosen):
            known = [self._part(base_url, record, representation) for record, representation in chosen]
        return multipart_response(self._parts(base_url, chosen), DICOM, size_of=known, status=status)

    def _parts(self, base_url: str, chosen: Sequence[Chosen]) -> Iterator[Part]:
        """The parts, made when they are wanted.

        An instance whose pixels turn out to be damaged, when others have been sent already, is sent as it is stored,
        which its Content-Type says: leaving it out would be silent, breaking off would lose the rest.
        """
        for record, representation in chosen:
            try:
                yield self._part(base_url, record, representation)
            except Refusal as refusal:
                if len(chosen) == 1:
                    raise
                _log.warning("event=sent-as-stored reason=%s", type(refusal).__name__)
                stored = Representation(DICOM, True, record.transfer_syntax_uid)
                yield self._part(base_url, record, stored)

    def _part(self, base_url: str, record: InstanceRecord, representation: Representation) -> Part:
        pieces, size = self._content(record, representation)
        return Part(representation.content_type, instance_url(base_url, record), pieces, size)

    def _content(self, record: InstanceRecord, representation: Representation) -> tuple[Iterator[bytes], int]:
        """The Part 10 file and its size: from the disk as it is, or transcoded into a temporary file."""
        if _is_stored(record, representation):
            return file_pieces(partial(self._storage.files.open, record.blob_key), 0, record.size), record.size
        file = self._storage.pixels.transcoded(record, representation.transfer_syntax)
        size = file.seek(0, os.SEEK_END)
        return file_pieces(partial(_itself, file), 0, size), size


def _offers(record: InstanceRecord, single: bool) -> tuple[Representation, ...]:
    return instance_representations(record.transfer_syntax_uid, single=single)


def _distinct(offers: Iterable[Sequence[Representation]]) -> list[str]:
    return list(dict.fromkeys(str(offer) for some in offers for offer in some))


def _is_stored(record: InstanceRecord, representation: Representation) -> bool:
    return representation.transfer_syntax == record.transfer_syntax_uid


def _itself(file: BinaryIO) -> BinaryIO:
    return file
