"""Makes an archive of films, for people without any program for DICOM.

README.TXT                                                what this is, and what it is no good for
01-Computertomographie-2026-03-03/02-Weichteile/film-01.MP4   all slices one after the other, or a moving image
                                                0001.JPG      the image of a series that has no more than one
                                                document-01.PDF  documents as they were put there; videos: video-01.MP4
MANIFEST.JSN  MANIFEST.SIG                                the SHA-256 of each file, and the signature of the site
"""

import logging
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from tempfile import TemporaryFile
from typing import Final

from dicomweb.rendered.rendered_media import Category, category
from gateway.downloads.contents import images_of
from gateway.downloads.layout import File, Made
from gateway.downloads.making import Order
from gateway.downloads.pictures import Pictures
from gateway.downloads.told import ToldSeries
from gateway.downloads.told_maker import Tell
from gateway.portal.metadata import data_set_of
from gateway.series_files.chosen import Choice, choose, drawn, milliseconds
from gateway.series_files.film import Drawn, papers
from gateway.series_files.mp4 import Encoder, FilmFailed
from gateway.series_files.strip import NARROWEST
from storage.pixels import Rendering
from storage.records import InstanceRecord
from storage.storage import Storage

MOST: Final = 3000
"""Pictures in one film: five minutes of slices. Of longer ones every n-th is there."""

WIDEST: Final = 1024
"""Pixels; larger images are made smaller."""

_LOG: Final = logging.getLogger("durchblick.gateway")
_PIECE: Final = 1 << 20


class Films(Pictures):
    """The work on one archive; see `gateway.downloads.told_maker`. Series without a film are as in `Pictures`."""

    def __init__(self, encoder: Encoder, storage: Storage, order: Order, made: Made, tell: Tell) -> None:
        super().__init__(storage, order, made, tell)
        self._encoder = encoder

    def _series(self, folder: str, series: ToldSeries) -> Iterator[File]:
        """Slices together are a film, and so is each moving image."""
        images = [one for one in series.records if category(one) is Category.IMAGE]
        slices = [one for one in images if one.number_of_frames == 1]
        films = [[one] for one in images if one.number_of_frames > 1] + ([slices] if len(slices) > 1 else [])
        numbers: Counter[str] = Counter()
        for records in films:
            yield from self._encoded(folder, series, records, numbers)
        in_films = {one.sop_instance_uid for records in films for one in records}
        others = [one for one in series.records if one.sop_instance_uid not in in_films]
        yield from super()._series(folder, replace(series, records=others))

    def _encoded(
        self, folder: str, series: ToldSeries, records: Sequence[InstanceRecord], numbers: Counter[str]
    ) -> Iterator[File]:
        """The film, unless it fails: all others must not be lost with it."""
        numbers["film"] += 1
        name = f"{folder}/film-{numbers['film']:02d}.MP4"
        choice = choose(records, MOST)
        moving = data_set_of(self._storage, self._order.scope, records[0]) if records[0].number_of_frames > 1 else {}
        side = _side(records)
        with TemporaryFile(dir=self._made.folder) as target:
            try:
                pictures = papers(series.captions(choice), self._drawn(choice, side), side)
                self._encoder.film(pictures, milliseconds(moving, choice.step), target)
                target.seek(0)
                yield self._made.append(name, iter(partial(target.read, _PIECE), b""))
            except FilmFailed:
                _LOG.warning("film_failed images=%d", len(choice.images))
                self.failed.append(name)
        self._progress(images_of(records))

    def _drawn(self, choice: Choice, side: int) -> Drawn:
        rendering = Rendering(viewport=(side, side), quality=95, enlarge=True, profile="srgb")
        for image, picture in drawn(self._storage, choice, rendering, math.inf):
            self._tell(self._done + image.number)
            yield image, picture


def _side(records: Sequence[InstanceRecord]) -> int:
    """Of the square of a film, in pixels: as sharp as the images are."""
    return min(max(NARROWEST, *(max(one.image_rows, one.image_columns) for one in records)), WIDEST)
