"""WADO-RS: the Retrieve transaction for frames and bulk data (PS3.18 10.4.1.1.5 and 10.4.1.1.6)."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import BinaryIO, Final

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from dicomweb.media_types import (
    BULK_DATA,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    NATIVE,
    Representation,
    frame_representations,
)
from dicomweb.multipart import Part
from dicomweb.negotiation import Acceptable
from dicomweb.payloads import file_pieces, multipart_response, not_modified, single_part, streamed, validator
from dicomweb.problems import NotAcceptable
from dicomweb.targets import NOTHING_THERE, Target, check_frames, frame_numbers, instance_url
from storage.data_set import dicom_json, part10
from storage.errors import NoSuchInstance, NotRenderable
from storage.records import InstanceRecord, Layout
from storage.scope import StudyScope
from storage.storage import Storage

_PIXEL_DATA: Final = "7FE00010"


class PixelRetrieval:
    """Frames and bulk data of an instance. The methods block and are called in threads."""

    def __init__(self, storage: Storage, base_url: Callable[[HTTPConnection], str]) -> None:
        self._storage = storage
        self._base_url = base_url

    def frames(self, request: Request, scope: StudyScope) -> Response:
        """The listed frames, decoded to native little endian pixels or as they are stored."""
        target = Target.of(request)
        numbers = frame_numbers(request.path_params["frames"])
        record = self._storage.index.instance(scope, target.study, target.series, target.instance)
        layout = self._storage.index.layout(record)
        check_frames(record, layout, numbers)
        return self._frames(request, record, layout, numbers)

    def bulk_data(self, request: Request, scope: StudyScope) -> Response:
        """One binary value at the URI that the metadata name for it; encapsulated Pixel Data as its frames."""
        target = Target.of(request)
        path = request.path_params["path"].strip("/")
        record = self._storage.index.instance(scope, target.study, target.series, target.instance)
        layout = self._storage.index.layout(record)
        if path not in layout.bulk_data:
            raise NoSuchInstance(NOTHING_THERE)
        if path == _PIXEL_DATA and record.transfer_syntax_uid not in NATIVE:
            count = layout.frames.count if layout.frames else record.number_of_frames
            return self._frames(request, record, layout, range(1, count + 1))
        representation = Acceptable.of(request).choose_or_refuse(BULK_DATA)
        pieces, size = self._value(record, layout, path)
        if not representation.multipart:
            return streamed(pieces, {"Content-Length": str(size)}, representation.content_type)
        location = f"{instance_url(self._base_url(request), record)}/bulkdata/{path}"
        parts = [Part(representation.content_type, location, pieces, size)]
        return multipart_response(parts, representation.media_type, size_of=parts)

    def _frames(self, request: Request, record: InstanceRecord, layout: Layout, numbers: Sequence[int]) -> Response:
        """Send `numbers`; when they cannot be decoded, say in which forms they can be had."""
        offers = frame_representations(record.transfer_syntax_uid, single=len(numbers) == 1)
        representation = Acceptable.of(request).choose_or_refuse(offers)
        try:
            return self._sent(request, record, layout, numbers, representation)
        except NotRenderable as refusal:
            others = [str(offer) for offer in offers if offer.transfer_syntax != representation.transfer_syntax]
            raise NotAcceptable(others, refusal.detail) from None

    def _sent(
        self,
        request: Request,
        record: InstanceRecord,
        layout: Layout,
        numbers: Sequence[int],
        representation: Representation,
    ) -> Response:
        read = self._reader(record, layout, representation)
        if not representation.multipart:
            etag = validator(record.digest, numbers[0], str(representation))
            if unchanged := not_modified(request, etag):
                return unchanged
            return single_part(request, read(numbers[0]), representation, {"ETag": etag})
        location = f"{instance_url(self._base_url(request), record)}/frames/"
        parts = _parts(read, numbers, representation.content_type, location)
        return multipart_response(parts, representation.media_type)

    def _reader(self, record: InstanceRecord, layout: Layout, representation: Representation) -> Callable[[int], bytes]:
        """What reads frame n: a plain read of the file wherever its bytes already are what is to be sent."""
        pixels, stored = self._storage.pixels, record.transfer_syntax_uid
        if representation.transfer_syntax == stored or stored == IMPLICIT_LITTLE:
            return partial(pixels.stored_frame, record, layout)
        return partial(pixels.decoded_frame, record, layout)

    def _value(self, record: InstanceRecord, layout: Layout, path: str) -> tuple[Iterator[bytes], int]:
        """A value in little endian and its size: from the disk, or from memory where it lies otherwise in the file."""
        if record.transfer_syntax_uid == EXPLICIT_BIG:
            with self._storage.pixels.transcoded(record, EXPLICIT_LITTLE) as file:
                return _in_memory(file, path)
        if not layout.in_file:
            with self._storage.files.open(record.blob_key) as file:
                return _in_memory(file, path)
        offset, size = layout.bulk_data[path]
        return file_pieces(partial(self._storage.files.open, record.blob_key), offset, size), size


def _in_memory(file: BinaryIO, path: str) -> tuple[Iterator[bytes], int]:
    found = part10.read(file)
    offset, size = dicom_json.model(found)[1][path]
    return iter([bytes(found.buffer[offset : offset + size])]), size


def _parts(read: Callable[[int], bytes], numbers: Sequence[int], content_type: str, location: str) -> Iterator[Part]:
    for number in numbers:
        frame = read(number)
        yield Part(content_type, f"{location}{number}", (frame,), len(frame))
