"""A small picture of each series in quarantine, for staff who decide.

They are drawn once, when an upload is examined: by the children that draw everything else, with their limits of memory
and time, and never by a process that a browser talks to. So a hostile file costs a picture, and nothing more.
"""

import time
from collections.abc import Callable
from typing import Any, Final, Literal

from gateway.intake.quarantine import Quarantine
from gateway.intake.uploads import Upload
from gateway.portal.studies import SMALL, middle, shown
from storage.errors import NoSuchInstance, NotRenderable
from storage.pixels import Pixels, Rendering
from storage.records import InstanceRecord, SeriesSummary
from storage.scope import WholeArchive
from storage.storage import Storage

MOST_SERIES: Final = 200
"""Of an upload so many series are told of and drawn."""
SECONDS: Final = 120.0
"""After this long no more are drawn."""

_SIZE: Final = Rendering(viewport=(SMALL, SMALL))

Outcome = Literal["drawn", "none", "failed", "left out"]
"""none: there is no image in it. failed: it is damaged, or costs more than is allowed. left out: there was no time."""

Draw = Callable[[Storage, InstanceRecord], bytes]
"""A JPEG of an image of an archive. Raises `NotRenderable`, `NoSuchInstance` and `OutOfResources`."""


def drawing(pixels: Pixels) -> Draw:
    """By the children of `pixels`."""

    def draw(archive: Storage, image: InstanceRecord) -> bytes:
        layout = archive.index.layout(image)
        return pixels.beside(archive.files).draw(image, layout, middle(image.number_of_frames), _SIZE)

    return draw


class Pictures:
    """Draws what is in the archive of one upload."""

    def __init__(self, upload: Upload, quarantine: Quarantine, draw: Draw, go_on: Callable[[], None]) -> None:
        """`go_on` is called before each picture; what it raises ends the work."""
        self._upload = upload
        self._quarantine = quarantine
        self._draw = draw
        self._go_on = go_on

    def of(self, archive: Storage) -> dict[str, list[dict[str, Any]]]:
        """Keep the pictures, and tell for each study what its series are and whether there is a picture of them."""
        told: dict[str, list[dict[str, Any]]] = {}
        end, count = time.monotonic() + SECONDS, 0
        for study in archive.index.studies(WholeArchive()):
            for series in study.series[: MOST_SERIES - count]:
                count += 1
                outcome = self._outcome(archive, series) if time.monotonic() < end else "left out"
                told.setdefault(study.study_instance_uid, []).append(_series(series, outcome))
        return told

    def _outcome(self, archive: Storage, series: SeriesSummary) -> Outcome:
        self._go_on()
        image = shown(series)
        if image is None:
            return "none"
        try:
            picture = self._draw(archive, image)
        except (NotRenderable, NoSuchInstance):
            return "failed"
        self._quarantine.keep_picture(self._upload, series.series_instance_uid, picture)
        return "drawn"


def _series(series: SeriesSummary, outcome: Outcome) -> dict[str, Any]:
    return {
        "series": series.series_instance_uid,
        "modality": series.modality,
        "number": series.series_number,
        "description": series.series_description,
        "instances": series.instances,
        "picture": outcome,
    }
