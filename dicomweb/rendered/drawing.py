"""What one request for rendered resources gets of each instance: pictures, documents, reports (PS3.18 8.7.4)."""

import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import orjson

from dicomweb.payloads import Piece
from dicomweb.rendered.annotation import annotation
from dicomweb.rendered.encapsulated import SANDBOXED, document, video
from dicomweb.rendered.parameters import parse_annotation, parse_rendering
from dicomweb.rendered.rendered_media import GIF, HTML, PLAIN, XML, Category, category
from dicomweb.rendered.structured_report import as_html, as_text
from dicomweb.single_part import Content
from dicomweb.targets import instance_url
from storage.data_set import native_model
from storage.data_set.json_values import Json
from storage.errors import NoSuchInstance
from storage.pixels import Rendering
from storage.records import InstanceRecord
from storage.scope import StudyScope
from storage.storage import Storage

Pieces = tuple[Iterable[Piece], int | None]

# Larger than any image: what depends on the size is asked again for each image.
_ANY_SIZE: Final = (1 << 20, 1 << 20)

# A report has links, which lead on as whoever reads it; nothing in it can run.
_REPORT: Final = {"Content-Security-Policy": "default-src 'none'; sandbox allow-same-origin; frame-ancestors 'none'"}


@dataclass(frozen=True, slots=True)
class Exposure:
    """One representation of an instance or a frame, made when it is wanted.

    `make` gives the whole content, or pieces and, as far as known, their size, or, of what is passed on as it is kept,
    any stretch; it raises what storage raises. `identity` is what the content is made of.
    """

    media_type: str
    location: str
    identity: tuple[object, ...]
    make: Callable[[], bytes | Pieces | Content]
    headers: Mapping[str, str]

    def content(self) -> Pieces:
        """Its pieces and their size."""
        made = self.make()
        if isinstance(made, Content):
            return made.whole(), made.size
        return ((made,), len(made)) if isinstance(made, bytes) else made


class Drawing:
    """Makes the exposures of one request in one media type."""

    def __init__(
        self,
        storage: Storage,
        scope: StudyScope,
        parameters: Mapping[str, str],
        base_url: str,
        media_type: str,
        thumbnail: tuple[int, int] | None = None,
    ) -> None:
        """Raises `BadRequest` for parameters that are not what 8.3.5 allows; `thumbnail` is the largest of these."""
        self._storage = storage
        self._scope = scope
        self._parameters = parameters
        self._base_url = base_url
        self._media_type = media_type
        self._thumbnail = thumbnail
        self._annotation, annotating = parse_annotation({} if thumbnail else parameters)
        _, ignored = parse_rendering(parameters, media_type, _ANY_SIZE, thumbnail)
        self.warnings = [*ignored, *annotating]

    def frames(self, record: InstanceRecord, numbers: Iterable[int]) -> Iterator[Exposure]:
        """These frames of an image."""
        return (self._frame(record, number, f"/frames/{number}/rendered") for number in numbers)

    def presented(self, record: InstanceRecord, number: int, state: InstanceRecord) -> Iterator[Exposure]:
        """A frame of an image with a presentation state applied."""
        yield self._frame(record, number, "/rendered", state)

    def whole(self, record: InstanceRecord) -> Iterator[Exposure]:
        """An instance as one thing: a multi-frame image as its first frame where the media type does not move."""
        if category(record) is Category.IMAGE and not self._moves(record):
            yield self._frame(record, 1, "/rendered")
        else:
            yield from self.every(record)

    def every(self, record: InstanceRecord) -> Iterator[Exposure]:
        """Everything that an instance has to show."""
        match category(record):
            case Category.IMAGE if self._moves(record):
                rendering = self._rendering(record, 1)
                make = partial(self._storage.pixels.moving, record, rendering)
                yield self._exposure(record, make, {}, "moving", rendering)
            case Category.IMAGE if record.number_of_frames == 1:
                yield self._frame(record, 1, "/rendered")
            case Category.IMAGE:
                yield from self.frames(record, range(1, record.number_of_frames + 1))
            case Category.PRESENTATION_STATE:
                yield from self._presented(record)
            case Category.REPORT:
                headers = {} if self._media_type == PLAIN else _REPORT
                yield self._exposure(record, partial(self._report, record), headers, self._base_url)
            case Category.ENCAPSULATED:
                name = {"Content-Disposition": f'attachment; filename="{record.sop_instance_uid}"'}
                make_document = partial(document, self._storage.files, record)
                yield self._exposure(record, make_document, SANDBOXED | name)
            case Category.VIDEO:
                layout = self._storage.index.layout(record)
                yield self._exposure(record, partial(video, self._storage.files, record, layout), SANDBOXED)

    def _moves(self, record: InstanceRecord) -> bool:
        return self._media_type == GIF and record.number_of_frames > 1

    def _frame(self, record: InstanceRecord, number: int, path: str, state: InstanceRecord | None = None) -> Exposure:
        rendering = self._rendering(record, number)

        def make() -> bytes:
            layout = self._storage.index.layout(record)
            return self._storage.pixels.rendered(record, layout, number, rendering, state)

        location = f"{instance_url(self._base_url, state or record)}{path}"
        identity = (record.digest, number, rendering, state.digest if state else "")
        return Exposure(self._media_type, location, identity, make, {})

    def _presented(self, state: InstanceRecord) -> Iterator[Exposure]:
        """The images that a presentation state is for, as far as the caller may see them (PS3.18 10.4.1.1.3)."""
        for reference in self._storage.pixels.references(state):
            try:
                (image,) = self._storage.index.instances(
                    self._scope, state.study_instance_uid, reference.series_instance_uid, reference.sop_instance_uid
                )
            except NoSuchInstance:
                continue
            if category(image) is Category.IMAGE:
                for number in reference.frames or range(1, image.number_of_frames + 1):
                    yield self._frame(image, number, "/rendered", state)

    def _rendering(self, record: InstanceRecord, number: int) -> Rendering:
        size = (record.image_columns, record.image_rows)
        rendering, _ = parse_rendering(self._parameters, self._media_type, size, self._thumbnail)
        if not self._annotation:
            return rendering
        lines = annotation(self._data_set(record), self._annotation, number, record.number_of_frames)
        return replace(rendering, annotation=lines)

    def _exposure(
        self,
        record: InstanceRecord,
        make: Callable[[], bytes | Pieces | Content],
        headers: Mapping[str, str],
        *identity: object,
    ) -> Exposure:
        location = f"{instance_url(self._base_url, record)}/rendered"
        return Exposure(self._media_type, location, (record.digest, self._media_type, *identity), make, headers)

    def _report(self, record: InstanceRecord) -> Pieces:
        report = self._data_set(record)
        if self._media_type == XML:
            document = native_model.encode(report)
            return (document,), len(document)
        written = as_html(report, self._base_url) if self._media_type == HTML else as_text(report)
        return (piece.encode() for piece in written), None

    def _data_set(self, record: InstanceRecord) -> Json:
        """The data set as DICOM JSON, its text in Unicode whatever it was written in."""
        found = self._storage.index.metadata(
            self._scope,
            record.study_instance_uid,
            record.series_instance_uid,
            record.sop_instance_uid,
            bulk_data_root=self._base_url,
        )
        (data_set,) = orjson.loads(gzip.decompress(found.gzipped))
        return dict(data_set)
