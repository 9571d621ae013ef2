"""Makes an archive of pictures alone, for people without any program for DICOM.

README.TXT                                                what this is, and what it is no good for
01-Computertomographie-2026-03-03/02-Weichteile/0001.JPG  each image, with a strip that says whose it is
                                                film-01.WEBP     moving images also as a film
                                                document-01.PDF  documents as they were put there; videos: video-01.MP4
MANIFEST.JSN  MANIFEST.SIG                                the SHA-256 of each file, and the signature of the site
"""

import math
from collections import Counter
from collections.abc import Iterator
from typing import Final

from dicomweb.rendered.rendered_media import Category, category
from gateway.downloads.attachments import attachment_of
from gateway.downloads.layout import File, Made
from gateway.downloads.making import Order
from gateway.downloads.told import ToldSeries, ToldStudy
from gateway.downloads.told_maker import Tell
from gateway.portal.metadata import data_set_of
from gateway.series_files import film
from gateway.series_files.chosen import choose, drawn, milliseconds
from gateway.series_files.strip import Strips
from storage.errors import NotRenderable
from storage.pixels import Rendering
from storage.records import InstanceRecord
from storage.storage import Storage

LONGEST_SIDE: Final = 2048
"""Of a picture, in pixels; larger images are made smaller."""

_EVERY: Final = 1 << 30
_STILL: Final = Rendering(viewport=(LONGEST_SIDE, LONGEST_SIDE), quality=95, profile="srgb")
_MOVING: Final = Rendering(viewport=(film.SIDE, film.SIDE), quality=film.QUALITY, enlarge=True, profile="srgb")
_NAMES: Final = {"pdf": ("document", "PDF"), "video": ("video", "MP4")}


class Pictures:
    """The work on one archive; see `gateway.downloads.told_maker`."""

    def __init__(self, storage: Storage, order: Order, made: Made, tell: Tell) -> None:
        self._storage = storage
        self._order = order
        self._made = made
        self._tell = tell
        self._done = 0
        self.left_out = 0
        self.failed: list[str] = []

    def study(self, study: ToldStudy) -> Iterator[File]:
        """A folder for each series."""
        for series in study.series:
            yield from self._series(f"{study.folder}/{series.folder}", series)

    def _series(self, folder: str, series: ToldSeries) -> Iterator[File]:
        strips = Strips(series.captions(choose(series.records, _EVERY)))
        numbers: Counter[str] = Counter()
        for record in series.records:
            if category(record) is Category.IMAGE:
                yield from self._pictures(folder, strips, record, numbers)
                if record.number_of_frames > 1:
                    yield self._film(folder, series, record, numbers)
            else:
                yield from self._attachment(folder, record, numbers)

    def _pictures(self, folder: str, strips: Strips, record: InstanceRecord, numbers: Counter[str]) -> Iterator[File]:
        layout = self._storage.index.layout(record)
        for frame in range(1, record.number_of_frames + 1):
            numbers["picture"] += 1
            self._progress()
            try:
                picture = self._storage.pixels.draw(record, layout, frame, _STILL)
            except NotRenderable:
                self.left_out += 1
                continue
            number = numbers["picture"]
            yield self._made.append(f"{folder}/{number:04d}.JPG", [strips.below(picture, number)])

    def _film(self, folder: str, series: ToldSeries, record: InstanceRecord, numbers: Counter[str]) -> File:
        choice = choose([record])
        stays = milliseconds(data_set_of(self._storage, self._order.scope, record), choice.step)
        pictures = drawn(self._storage, choice, _MOVING, math.inf)
        numbers["film"] += 1
        made = film.film(series.captions(choice), pictures, stays)
        return self._made.append(f"{folder}/film-{numbers['film']:02d}.WEBP", [made])

    def _attachment(self, folder: str, record: InstanceRecord, numbers: Counter[str]) -> Iterator[File]:
        self._progress(max(record.number_of_frames, 1))
        found = attachment_of(self._storage, record)
        if found is None:
            self.left_out += 1
            return
        kind, pieces = found
        name, ending = _NAMES[kind]
        numbers[name] += 1
        yield self._made.append(f"{folder}/{name}-{numbers[name]:02d}.{ending}", pieces)

    def _progress(self, images: int = 1) -> None:
        self._done += images
        self._tell(self._done)
