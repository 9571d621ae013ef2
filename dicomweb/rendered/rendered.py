"""WADO-RS: rendered resources and thumbnails (PS3.18 10.4.1.1.3 and 10.4.1.1.4, 8.7.4)."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from dicomweb.media_types import Representation
from dicomweb.multipart import Part
from dicomweb.negotiation import Acceptable
from dicomweb.payloads import multipart_response, not_modified, streamed, strong_validator, validator
from dicomweb.problems import PRIVATE, NotAcceptable, answer
from dicomweb.rendered.drawing import Drawing, Exposure
from dicomweb.rendered.encapsulated import video_type
from dicomweb.rendered.rendered_media import Category, category, media_types, offers
from dicomweb.search.qido import warning_header
from dicomweb.single_part import Content, Version, one
from dicomweb.targets import Target, check_frames, frame_numbers
from storage.errors import NotRenderable, Refusal
from storage.records import InstanceRecord
from storage.scope import StudyScope
from storage.storage import Storage

_log = logging.getLogger("durchblick.dicomweb")

_THUMBNAIL: Final = (128, 128)
_AS_KEPT: Final = (Category.ENCAPSULATED, Category.VIDEO)
_AS_DICOM: Final = "Retrieve it as application/dicom."

Chosen = tuple[InstanceRecord, Representation]
Exposures = Iterator[Exposure]


class Renderings:
    """What instances look like to eyes that have no DICOM viewer. The methods block and are called in threads."""

    def __init__(self, storage: Storage, base_url: Callable[[HTTPConnection], str]) -> None:
        self._storage = storage
        self._base_url = base_url

    def collection(self, request: Request, scope: StudyScope) -> Response:
        """All of a study or series (10.4.1.1.3): each instance in the media type that is wanted most of those it has.

        206 when some have none of them, 406 when all of them have none.
        """
        target = Target.of(request)
        records = self._storage.index.instances(scope, target.study, target.series or None)
        if len(records) == 1:
            return self._one(request, scope, records[0])
        acceptable = Acceptable.of(request)
        on_offer = [(record, offers(self._media_types(record), single=False)) for record in records]
        chosen = [(record, found) for record, some in on_offer if (found := acceptable.choose(some))]
        if not chosen:
            raise _refusal(on_offer)
        status = 200 if len(chosen) == len(records) else 206
        return self._several(request, scope, chosen, status)

    def instance(self, request: Request, scope: StudyScope) -> Response:
        """An instance: as one part its first picture, all that move, or the document; as multipart all pictures."""
        target = Target.of(request)
        record = self._storage.index.instance(scope, target.study, target.series, target.instance)
        return self._one(request, scope, record)

    def frames(self, request: Request, scope: StudyScope) -> Response:
        """The listed frames of an instance: several as multipart, one in either form."""
        target = Target.of(request)
        record, numbers = self._frames(request, scope, target)
        representation = self._choose(request, record, single=len(numbers) == 1)
        drawing = self._drawing(request, scope, representation.media_type)
        if representation.multipart:
            parts = self._parts(request, drawing.frames(record, numbers))
            return self._warned(request, multipart_response(parts, representation.media_type), drawing)
        return self._single(request, drawing, drawing.frames(record, numbers))

    def presented(self, request: Request, scope: StudyScope, series: str, state: str) -> Response:
        """One frame of an image as the presentation state `state` in `series` of its study shows it (9.5.1.2)."""
        target = Target.of(request)
        record, numbers = self._frames(request, scope, target)
        shown_by = self._storage.index.instance(scope, target.study, series, state)
        if category(shown_by) is not Category.PRESENTATION_STATE:
            raise NotRenderable("The parameter presentationUID names an instance that is no presentation state.")
        representation = self._choose(request, record, single=True)
        drawing = self._drawing(request, scope, representation.media_type)
        return self._single(request, drawing, drawing.presented(record, numbers[0], shown_by))

    def thumbnail(self, request: Request, scope: StudyScope) -> Response:
        """One small picture that stands for the resource: its middle image, of that the middle frame."""
        target = Target.of(request)
        index = self._storage.index
        records = index.instances(scope, target.study, target.series or None, target.instance or None)
        record = _representative(records)
        return self._small(request, scope, record, (record.number_of_frames + 1) // 2)

    def frame_thumbnail(self, request: Request, scope: StudyScope) -> Response:
        """One small picture of the first of the listed frames."""
        record, numbers = self._frames(request, scope, Target.of(request))
        return self._small(request, scope, record, numbers[0])

    def _frames(self, request: Request, scope: StudyScope, target: Target) -> tuple[InstanceRecord, list[int]]:
        numbers = frame_numbers(request.path_params["frames"])
        record = self._storage.index.instance(scope, target.study, target.series, target.instance)
        check_frames(record, self._storage.index.layout(record), numbers)
        if category(record) is not Category.IMAGE:
            raise NotRenderable(f"Frames of this instance, {category(record).value}, are not drawn. {_AS_DICOM}")
        return record, numbers

    def _small(self, request: Request, scope: StudyScope, record: InstanceRecord, number: int) -> Response:
        representation = self._choose(request, record, single=True)
        drawing = self._drawing(request, scope, representation.media_type, _THUMBNAIL)
        if representation.multipart:
            parts = self._parts(request, drawing.frames(record, [number]))
            return self._warned(request, multipart_response(parts, representation.media_type), drawing)
        return self._single(request, drawing, drawing.frames(record, [number]))

    def _one(self, request: Request, scope: StudyScope, record: InstanceRecord) -> Response:
        representation = self._choose(request, record, single=True)
        if representation.multipart:
            return self._several(request, scope, [(record, representation)], 200)
        drawing = self._drawing(request, scope, representation.media_type)
        if category(record) in _AS_KEPT:
            (exposure,) = drawing.whole(record)
            return self._warned(request, _passed_on(request, exposure, representation), drawing)
        return self._single(request, drawing, drawing.whole(record))

    def _choose(self, request: Request, record: InstanceRecord, *, single: bool) -> Representation:
        on_offer = offers(self._media_types(record), single=single)
        if chosen := Acceptable.of(request).choose(on_offer):
            return chosen
        raise _refusal([(record, on_offer)])

    def _media_types(self, record: InstanceRecord) -> tuple[str, ...]:
        if category(record) is not Category.VIDEO:
            return media_types(record)
        layout = self._storage.index.layout(record)
        return media_types(record, video_type(self._storage.files, record, layout))

    def _drawing(
        self, request: Request, scope: StudyScope, media_type: str, thumbnail: tuple[int, int] | None = None
    ) -> Drawing:
        base_url = self._base_url(request)
        return Drawing(self._storage, scope, request.query_params, base_url, media_type, thumbnail)

    def _several(self, request: Request, scope: StudyScope, chosen: Sequence[Chosen], status: int) -> Response:
        drawings = {one.media_type: self._drawing(request, scope, one.media_type) for _, one in chosen}
        exposures = (made for record, one in chosen for made in drawings[one.media_type].every(record))
        first = chosen[0][1].media_type
        response = multipart_response(self._parts(request, exposures), first, status=status)
        return self._warned(request, response, drawings[first])

    def _single(self, request: Request, drawing: Drawing, exposures: Exposures) -> Response:
        """The first of `exposures` as the whole body."""
        exposure = next(exposures, None)
        if exposure is None:
            raise _nothing_referenced()
        etag = validator(*exposure.identity)
        if unchanged := not_modified(request, etag):
            return unchanged
        headers = PRIVATE | {"Vary": "Accept", "ETag": etag} | dict(exposure.headers)
        made = exposure.make()
        assert not isinstance(made, Content)
        if isinstance(made, bytes):
            return self._warned(request, Response(made, 200, headers, exposure.media_type), drawing)
        pieces, size = made
        known = {} if size is None else {"Content-Length": str(size)}
        return self._warned(request, streamed(iter(pieces), headers | known, exposure.media_type), drawing)

    def _warned(self, request: Request, response: Response, drawing: Drawing) -> Response:
        response.headers.update(warning_header(self._base_url(request), drawing.warnings))
        return response

    def _parts(self, request: Request, exposures: Exposures) -> Iterator[Part]:
        """One part for each of `exposures`, drawn when it is wanted.

        One that turns out to be impossible when others have been sent already becomes a part that says so: leaving it
        out would be silent, breaking off would lose the rest.
        """
        begun = False
        for exposure in exposures:
            location = exposure.location
            try:
                pieces, size = exposure.content()
            except Refusal as refusal:
                if not begun:
                    raise
                _log.warning("event=not-rendered reason=%s", type(refusal).__name__)
                problem = bytes(answer(refusal).body)
                yield Part("application/problem+json", location, (problem,), len(problem))
                continue
            begun = True
            yield Part(exposure.media_type, location, pieces, size)
        if not begun:
            raise _nothing_referenced()


def _passed_on(request: Request, exposure: Exposure, representation: Representation) -> Response:
    """The kept bytes themselves, from any place on: some players of video play nothing else (RFC 9110 14.1)."""
    content = exposure.make()
    assert isinstance(content, Content)
    version = Version(strong_validator(*exposure.identity))
    return one(request, version, representation, content.size, lambda: content, exposure.headers)


def _nothing_referenced() -> NotRenderable:
    return NotRenderable("None of the images that this presentation state refers to is here.")


def _refusal(on_offer: Sequence[tuple[InstanceRecord, Sequence[Representation]]]) -> Refusal:
    """Why nothing can be sent: either nothing is on offer at all, or nothing that is acceptable."""
    distinct = list(dict.fromkeys(str(one) for _, some in on_offer for one in some))
    if distinct:
        return NotAcceptable(distinct)
    kinds = " and ".join(dict.fromkeys(category(record).value for record, _ in on_offer))
    return NotRenderable(f"This resource, {kinds}, has no rendered form here. {_AS_DICOM}")


def _representative(records: Sequence[InstanceRecord]) -> InstanceRecord:
    """The image in the middle of the first series that has any, or `NotRenderable`."""
    images = [record for record in records if category(record) is Category.IMAGE]
    if not images:
        raise NotRenderable("There is no image in this resource that a thumbnail could show.")
    first = [record for record in images if record.series_instance_uid == images[0].series_instance_uid]
    return first[len(first) // 2]
