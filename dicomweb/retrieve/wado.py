"""WADO-RS: the Retrieve transaction (PS3.18 10.4) for metadata and instances."""

import gzip
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial

import orjson
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from dicomweb.media_types import DICOM, DICOM_JSON, DICOM_XML, METADATA, Representation, instance_representations
from dicomweb.multipart import Part
from dicomweb.native_models import metadata_url, native_model, native_models
from dicomweb.negotiation import Acceptable, accepts_gzip
from dicomweb.payloads import multipart_response, not_modified, strong_validator, validator
from dicomweb.problems import PRIVATE, NotAcceptable
from dicomweb.retrieve.pixel_data import other_offers
from dicomweb.retrieve.zipped import ZIP, Archives
from dicomweb.single_part import Content, Version, one
from dicomweb.targets import Target, instance_url
from storage.errors import NotRenderable, Refusal
from storage.pixels import transcodings
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
        """Metadata as one array of DICOM JSON (10.4.1.1.2, F.2), kept compressed and sent so where that is taken.

        In XML (PS3.19 A.1) each data set is a part; that of one instance may be had without multipart.
        """
        target = Target.of(request)
        index = self._storage.index
        root = self._base_url(request)
        acceptable = Acceptable.of(request)
        chosen = acceptable.choose(METADATA)
        named = (target.study, target.series or None, target.instance or None)
        if chosen is not None and chosen.media_type == DICOM_XML:
            data_sets = map(orjson.loads, index.data_sets(scope, *named, bulk_data_root=root))
            if target.instance and not chosen.multipart:
                return native_model(request, next(data_sets))
            return native_models(data_sets, partial(metadata_url, root))
        metadata = index.metadata(scope, *named, bulk_data_root=root)
        acceptable.choose_or_refuse(METADATA)
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
        each instance by itself (8.7.8.1): 206 when some cannot be sent as asked, 406 when none can. A single part takes
        range requests. What JPEG Baseline would lose makes a derived image of it, with its own SOP Instance UID (PS3.3
        C.7.6.1.1.5); all other syntaxes hold the very same samples.
        """
        target = Target.of(request)
        records = self._storage.index.instances(scope, target.study, target.series or None, target.instance or None)
        if archived := self._archives.archive(request, scope, records, _offers):
            return archived
        single = bool(target.instance)
        choose = lru_cache(Acceptable.of(request).choose)
        chosen = [(record, one) for record in records if (one := choose(_offers(record, single)))]
        if not chosen:
            raise NotAcceptable([*_distinct(_offers(record, single) for record in records), ZIP])
        try:
            if not chosen[0][1].multipart:
                return self._one(request, *chosen[0])
            return self._many(request, chosen, 200 if len(chosen) == len(records) else 206)
        except NotRenderable as refusal:
            record, refused = chosen[0]
            raise NotAcceptable(other_offers(record, _offers(record, single), refused), refusal.detail) from None

    def _one(self, request: Request, record: InstanceRecord, representation: Representation) -> Response:
        name = {"Content-Disposition": f'attachment; filename="{record.sop_instance_uid}.dcm"'}
        size = record.size if _is_stored(record, representation) else None
        version = self._version(record, representation)
        return one(request, version, representation, size, lambda: self._content(record, representation), name)

    def _version(self, record: InstanceRecord, representation: Representation) -> Version:
        """Files never change under their key; what a codec makes may when it is renewed, so its tag is a weak one."""
        parts = (record.blob_key, str(representation))
        if not _is_stored(record, representation):
            return Version(validator(*parts))
        return Version(strong_validator(*parts), self._storage.files.modified(record.blob_key))

    def _many(self, request: Request, chosen: Sequence[Chosen], status: int) -> Response:
        """One part after the other; the length of the body is known when all come straight from the disk."""
        base_url = self._base_url(request)
        known: Sequence[Part] = ()
        if all(_is_stored(record, representation) for record, representation in chosen):
            known = [self._part(base_url, record, representation) for record, representation in chosen]
        parts = known or self._parts(base_url, chosen)
        return multipart_response(parts, DICOM, size_of=known, status=status, request=request)

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
        content = self._content(record, representation)
        return Part(representation.content_type, instance_url(base_url, record), content.whole(), content.size)

    def _content(self, record: InstanceRecord, representation: Representation) -> Content:
        """The Part 10 file: from the disk as it is, or transcoded into a temporary file."""
        if _is_stored(record, representation):
            return Content.kept(self._storage.files, record.blob_key, [(0, record.size)])
        file = self._storage.pixels.transcoded(record, representation.transfer_syntax)
        return Content.temporary(file, 0, file.seek(0, os.SEEK_END))


def _offers(record: InstanceRecord, single: bool) -> tuple[Representation, ...]:
    return instance_representations(record.transfer_syntax_uid, transcodings(record), single=single)


def _distinct(offers: Iterable[Sequence[Representation]]) -> list[str]:
    return list(dict.fromkeys(str(offer) for some in offers for offer in some))


def _is_stored(record: InstanceRecord, representation: Representation) -> bool:
    return representation.transfer_syntax == record.transfer_syntax_uid
