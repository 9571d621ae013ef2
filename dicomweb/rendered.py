"""WADO-RS: rendered resources and thumbnails (PS3.18 10.4.1.1.3 and 10.4.1.1.4, 8.7.4)."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from dicomweb.media_types import RENDERED
from dicomweb.multipart import Part
from dicomweb.negotiation import Acceptable
from dicomweb.parameters import parse_rendering
from dicomweb.payloads import multipart_response, not_modified, validator
from dicomweb.problems import PRIVATE, NotAcceptable
from dicomweb.qido import warning_header
from dicomweb.targets import Target, check_frames, frame_numbers, instance_url
from storage.errors import NotRenderable
from storage.pixels import Rendering
from storage.records import InstanceRecord
from storage.scope import StudyScope
from storage.storage import Storage

_THUMBNAIL: Final = (128, 128)
_SINGLE: Final = tuple(offer for offer in RENDERED if not offer.multipart)


class Renderings:
    """Pictures of instances for eyes that have no DICOM viewer. The methods block and are called in threads."""

    def __init__(self, storage: Storage, base_url: Callable[[HTTPConnection], str]) -> None:
        self._storage = storage
        self._base_url = base_url

    def collection(self, request: Request, scope: StudyScope) -> Response:
        """A rendered study or series is all of its instances (10.4.1.1.3), which is not on offer: 406 says what is."""
        target = Target.of(request)
        records = self._storage.index.instances(scope, target.study, target.series or None)
        url = f"{instance_url(self._base_url(request), records[0])}/rendered"
        detail = f"Studies and series are not rendered as a whole. Each instance is, for example {url}."
        raise NotAcceptable([str(offer) for offer in _SINGLE], detail)

    def instance(self, request: Request, scope: StudyScope) -> Response:
        """The first frame of an instance."""
        target = Target.of(request)
        record = self._storage.index.instance(scope, target.study, target.series, target.instance)
        return self._pictures(request, record, [1])

    def frames(self, request: Request, scope: StudyScope) -> Response:
        """The listed frames of an instance: several as multipart, one in either form."""
        target = Target.of(request)
        numbers = frame_numbers(request.path_params["frames"])
        record = self._storage.index.instance(scope, target.study, target.series, target.instance)
        check_frames(record, self._storage.index.layout(record), numbers)
        return self._pictures(request, record, numbers)

    def thumbnail(self, request: Request, scope: StudyScope) -> Response:
        """One small picture that stands for the resource: its middle image, of that the middle frame."""
        target = Target.of(request)
        index = self._storage.index
        records = index.instances(scope, target.study, target.series or None, target.instance or None)
        record = _representative(records)
        return self._pictures(request, record, [(record.number_of_frames + 1) // 2], _THUMBNAIL)

    def frame_thumbnail(self, request: Request, scope: StudyScope) -> Response:
        """One small picture of the first of the listed frames."""
        target = Target.of(request)
        numbers = frame_numbers(request.path_params["frames"])
        record = self._storage.index.instance(scope, target.study, target.series, target.instance)
        check_frames(record, self._storage.index.layout(record), numbers)
        return self._pictures(request, record, numbers[:1], _THUMBNAIL)

    def _pictures(
        self, request: Request, record: InstanceRecord, numbers: Sequence[int], thumbnail: tuple[int, int] | None = None
    ) -> Response:
        offers = RENDERED if len(numbers) == 1 else tuple(offer for offer in RENDERED if offer.multipart)
        representation = Acceptable.of(request).choose_or_refuse(offers)
        base_url = self._base_url(request)
        size = (record.image_columns, record.image_rows)
        rendering, warnings = parse_rendering(request.query_params, representation.media_type, size, thumbnail)
        headers = warning_header(base_url, warnings)
        if representation.multipart:
            location = f"{instance_url(base_url, record)}/frames/{{}}/rendered"
            parts = self._parts(record, numbers, rendering, location)
            response = multipart_response(parts, representation.media_type)
            response.headers.update(headers)
            return response
        etag = validator(record.digest, numbers[0], rendering)
        if unchanged := not_modified(request, etag):
            return unchanged
        layout = self._storage.index.layout(record)
        picture = self._storage.pixels.rendered(record, layout, numbers[0], rendering)
        headers = PRIVATE | {"Vary": "Accept", "ETag": etag} | headers
        return Response(picture, 200, headers, representation.media_type)

    def _parts(
        self, record: InstanceRecord, numbers: Sequence[int], rendering: Rendering, location: str
    ) -> Iterator[Part]:
        layout = self._storage.index.layout(record)
        for number in numbers:
            picture = self._storage.pixels.rendered(record, layout, number, rendering)
            yield Part(rendering.media_type, location.format(number), (picture,), len(picture))


def _representative(records: Sequence[InstanceRecord]) -> InstanceRecord:
    """The image in the middle of the first series that has any, or `NotRenderable`."""
    images = [record for record in records if record.number_of_frames]
    if not images:
        raise NotRenderable("There is no image in this resource that a thumbnail could show.")
    first = [record for record in images if record.series_instance_uid == images[0].series_instance_uid]
    return first[len(first) // 2]
