"""The pictures that patients see first: made when a study has arrived, so that nobody waits for a decoder."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from dicomweb.rendered.parameters import parse_rendering
from gateway.portal.stack import Stack
from gateway.portal.studies import SMALL, Picture, shown, thumbnail
from storage.errors import NoSuchInstance, NotRenderable, OutOfResources
from storage.index import Index
from storage.prepared import Wanted
from storage.scope import ListedStudies, WholeArchive
from storage.storage import Storage

_LOG: Final = logging.getLogger("durchblick.gateway")

TIDY_SECONDS: Final = 600.0
MOST_SERIES: Final = 24
"""Of a study with more series the first ones are prepared: those that are in sight without scrolling far."""


class FirstPictures:
    """Prepares the overview's large picture and its thumbnails. Blocking; one thread at a time."""

    def __init__(self, storage: Storage, most_bytes: int, is_stopping: Callable[[], bool]) -> None:
        """Let all pictures together have at most `most_bytes`; end between two pictures when `is_stopping`."""
        self._storage = storage
        self._most_bytes = most_bytes
        self._is_stopping = is_stopping
        self._place: int | None = None
        self._waiting: dict[str, None] = {}
        self._bytes = 0
        self._tidy_at = 0.0

    def prepare(self) -> int:
        """Prepare studies to which nothing came since the last call; returns how many pictures were made."""
        if time.monotonic() >= self._tidy_at:
            self.tidy()
            self._tidy_at = time.monotonic() + TIDY_SECONDS
        arrivals = self._storage.index.arrivals(WholeArchive(), self._place)
        self._place = arrivals.place
        fresh = dict.fromkeys(arrivals.studies)
        resting = [study for study in self._waiting if study not in fresh]
        self._waiting = fresh | self._waiting
        made = 0
        for study in resting:
            if self._is_stopping():
                break
            del self._waiting[study]
            made += self._study(study)
        return made

    def tidy(self) -> None:
        """Drop pictures of what is gone, and those of the studies that came longest ago when there are too many."""
        self._bytes = self._storage.pictures.tidy(self._most_bytes)

    def _study(self, study: str) -> int:
        wanted = list(seen_first(self._storage.index, study))
        self._storage.pictures.retain(study, wanted)
        try:
            made = sum(self._picture(one) for one in wanted if not self._is_stopping())
        except OutOfResources:
            self._waiting[study] = None
            raise
        if made:
            _LOG.info("pictures_prepared count=%d", made)
        return made

    def _picture(self, wanted: Wanted) -> bool:
        """Whether this picture had to be made; what cannot be drawn is left to whoever asks for it."""
        storage = self._storage
        if storage.pictures.find(wanted):
            return False
        with suppress(NotRenderable, NoSuchInstance):
            layout = storage.index.layout(wanted.record)
            picture = storage.pixels.draw(wanted.record, layout, wanted.frame, wanted.rendering)
            if self._bytes + len(picture) > self._most_bytes:
                # Room for more than this one: looking through all of them takes a while.
                room = max(len(picture), self._most_bytes // 10)
                self._bytes = storage.pictures.tidy(max(self._most_bytes - room, 0))
            storage.pictures.keep(wanted, picture)
            self._bytes += len(picture)
            return True
        return False


def seen_first(index: Index, study: str) -> Iterator[Wanted]:
    """What the overview shows of a study to whoever may see it: its first picture large, and each series small."""
    scope = ListedStudies(frozenset({study}))
    for summary in index.studies(scope):
        images = [(series, image) for series in summary.series if (image := shown(series))]
        for first, _ in images[:1]:
            # It may be gone by now; then there is nothing to prepare.
            with suppress(NoSuchInstance):
                stack = Stack(index.instances(scope, study, first.series_instance_uid))
                if stack.total:
                    yield _wanted(stack.picture(""))
        for _, image in images[:MOST_SERIES]:
            yield _wanted(thumbnail("", image), (SMALL, SMALL))


def _wanted(picture: Picture, thumbnail: tuple[int, int] | None = None) -> Wanted:
    """What DICOMweb makes of the address of `picture`, so that both always mean the same."""
    parameters = dict(parse_qsl(urlsplit(picture.url).query))
    size = (picture.record.image_columns, picture.record.image_rows)
    rendering, _ = parse_rendering(parameters, parameters["accept"], size, thumbnail)
    return Wanted(picture.record, picture.frame, rendering)
