"""WADO-RS: the Retrieve transaction for bulk data and pixel data (PS3.18 10.4.1.1.5 and 10.4.1.1.7)."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from dicomweb.media_types import (
    BULK_DATA,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    NATIVE,
    OCTET_STREAM,
    Representation,
    is_video,
)
from dicomweb.multipart import Part
from dicomweb.negotiation import Acceptable
from dicomweb.payloads import multipart_response, strong_validator, validator
from dicomweb.problems import NotAcceptable
from dicomweb.retrieve.pixel_data import Frames, frame_offers, other_offers, stored_frames
from dicomweb.single_part import Content, Version, one
from dicomweb.targets import NOTHING_THERE, Target, instance_url
from storage.data_set import dicom_json, part10
from storage.errors import NoSuchInstance, NotRenderable, Refusal
from storage.records import InstanceRecord, Layout
from storage.scope import StudyScope
from storage.storage import Storage

_log = logging.getLogger("durchblick.dicomweb")

_Chosen = dict[str, Representation]

_PIXEL_DATA: Final = "7FE00010"
# Encapsulated Uncompressed has native frames, but as fragments.
_IN_ONE_PIECE: Final = NATIVE - {"1.2.840.10008.1.2.1.98"}
_PIXELS: Final = frozenset({"7FE00008", "7FE00009", _PIXEL_DATA})


@dataclass(frozen=True, slots=True)
class _Value:
    """One binary value of an instance, and the representation that it is sent in."""

    record: InstanceRecord
    layout: Layout
    path: str
    representation: Representation

    @property
    def as_frames(self) -> bool:
        """Whether it goes as codestreams, one for each frame, instead of as one string of bytes."""
        return self.representation.transfer_syntax not in ("", EXPLICIT_LITTLE)

    @property
    def is_stored(self) -> bool:
        """Whether its bytes lie in the file as they are to be sent."""
        syntax = self.record.transfer_syntax_uid
        if self.as_frames:
            return self.representation.transfer_syntax == syntax
        return self.layout.in_file and syntax != EXPLICIT_BIG and not self.is_compressed

    @property
    def is_compressed(self) -> bool:
        """Whether it lies in fragments, which icons do too, whose pixels are deeper in the data set."""
        return self.path.endswith(_PIXEL_DATA) and self.record.transfer_syntax_uid not in _IN_ONE_PIECE


class BulkDataRetrieval:
    """Binary values of studies, series and instances. The methods block and are called in threads."""

    def __init__(self, storage: Storage, base_url: Callable[[HTTPConnection], str]) -> None:
        self._storage = storage
        self._base_url = base_url

    def value(self, request: Request, scope: StudyScope) -> Response:
        """One value at the URI that the metadata name for it.

        Pixel Data that are compressed come as they would be in Explicit VR Little Endian, or, in the media type of a
        codec, as their frames. A single part takes range requests.
        """
        target, path = Target.of(request), request.path_params["path"].strip("/")
        record, layout = self._storage.index.located(scope, target.study, target.series, target.instance)
        if path not in layout.bulk_data:
            raise NoSuchInstance(NOTHING_THERE)
        offers = _offers(record, layout, path)
        value = _Value(record, layout, path, Acceptable.of(request).choose_or_refuse(offers))
        try:
            return self._sent(request, value)
        except NotRenderable as refusal:
            raise NotAcceptable(other_offers(record, offers, value.representation), refusal.detail) from None

    def all_values(self, request: Request, scope: StudyScope) -> Response:
        """Every value of the instances of a study, a series, or one instance, as parts with their BulkDataURI.

        206 when some cannot be sent as asked, 406 when none can, 404 when there is none.
        """
        return self._several(request, scope, lambda _: True)

    def pixel_data(self, request: Request, scope: StudyScope) -> Response:
        """The Pixel Data of the instances of a study, a series, or one instance. As `all_values`."""
        return self._several(request, scope, _PIXELS.__contains__)

    def _several(self, request: Request, scope: StudyScope, wanted: Callable[[str], bool]) -> Response:
        target, index = Target.of(request), self._storage.index
        choose = lru_cache(Acceptable.of(request).choose)
        offered: dict[Representation, None] = {}
        chosen: list[tuple[InstanceRecord, _Chosen]] = []
        partial = False
        for record in index.instances(scope, target.study, target.series or None, target.instance or None):
            layout = index.layout(record)
            paths: _Chosen = {}
            for path in filter(wanted, layout.bulk_data):
                offers = tuple(offer for offer in _offers(record, layout, path) if offer.multipart)
                offered |= dict.fromkeys(offers)
                if representation := choose(offers):
                    paths[path] = representation
                else:
                    partial = True
            if paths:
                chosen.append((record, paths))
        if not offered:
            raise NoSuchInstance("There is no such data in this resource.")
        if not chosen:
            raise NotAcceptable([str(offer) for offer in offered])
        first = next(iter(chosen[0][1].values()))
        parts = self._parts(self._base_url(request), chosen)
        try:
            return multipart_response(parts, first.media_type, status=206 if partial else 200, request=request)
        except NotRenderable as refusal:
            others = [str(offer) for offer in offered if offer.stored and offer != first]
            raise NotAcceptable(others, refusal.detail) from None

    def _parts(self, base_url: str, chosen: Sequence[tuple[InstanceRecord, _Chosen]]) -> Iterator[Part]:
        """The parts, made when they are wanted. Of several, pixels found to be damaged are sent as they are stored."""
        for record, paths in chosen:
            layout = self._storage.index.layout(record)
            for path, representation in paths.items():
                value = _Value(record, layout, path, representation)
                try:
                    content = None if value.as_frames else self._content(value)
                except Refusal as refusal:
                    if len(chosen) == 1 or not value.is_compressed:
                        raise
                    _log.warning("event=sent-as-stored reason=%s", type(refusal).__name__)
                    content, value = None, replace(value, representation=stored_frames(record))
                yield from self._value_parts(base_url, value, content)

    def _sent(self, request: Request, value: _Value) -> Response:
        if value.representation.multipart:
            content = None if value.as_frames or request.method == "HEAD" else self._content(value)
            parts = self._value_parts(self._base_url(request), value, content)
            return multipart_response(parts, value.representation.media_type, request=request)
        key = value.record.blob_key
        version = Version(validator(key, value.path, str(value.representation)))
        if value.is_stored:
            etag = strong_validator(key, value.path, str(value.representation))
            version = Version(etag, self._storage.files.modified(key))
        size = value.layout.bulk_data[value.path][1] if value.is_stored and not value.as_frames else None
        return one(request, version, value.representation, size, lambda: self._content(value), packs=True)

    def _value_parts(self, base_url: str, value: _Value, content: Content | None) -> Iterator[Part]:
        """One part, or, without `content`, one for each frame."""
        url = instance_url(base_url, value.record)
        if content is None:
            frames = Frames(self._storage, value.record, value.layout, value.representation)
            yield from frames.parts(range(1, _count(value.record, value.layout) + 1), f"{url}/frames/")
            return
        location = f"{url}/bulkdata/{value.path}"
        yield Part(value.representation.content_type, location, content.whole(), content.size)

    def _content(self, value: _Value) -> Content:
        """In little endian: from the disk, or from the instance as it is in Explicit VR Little Endian."""
        if value.as_frames:
            return Frames(self._storage, value.record, value.layout, value.representation).content(1)
        if value.is_stored:
            return Content.kept(self._storage.files, value.record.blob_key, [value.layout.bulk_data[value.path]])
        file = self._storage.pixels.transcoded(value.record, EXPLICIT_LITTLE)
        found = dicom_json.model(part10.read(file))[1].get(value.path)
        if found is None:
            file.close()
            raise NotRenderable("This value cannot be had apart from its instance.")
        return Content.temporary(file, *found)


def _offers(record: InstanceRecord, layout: Layout, path: str) -> tuple[Representation, ...]:
    """Plain bytes, and for Pixel Data of an image what its frames can be had in."""
    if path != _PIXEL_DATA:
        return BULK_DATA
    one_frame, syntax = _count(record, layout) == 1, record.transfer_syntax_uid
    frames = frame_offers(record, single=one_frame)
    if one_frame or is_video(syntax):
        return frames
    return (*frames, Representation(OCTET_STREAM, False, EXPLICIT_LITTLE, stored=syntax in NATIVE))


def _count(record: InstanceRecord, layout: Layout) -> int:
    return layout.frames.count if layout.frames else record.number_of_frames
