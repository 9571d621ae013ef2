"""Makes an archive of contact sheets for printing: a PDF for each study, on which each series begins a new page.

README.TXT                             what this is, and what it is no good for
01-Computertomographie-2026-03-03.PDF  twelve pictures on each page; of long series every n-th image, as it says there
MANIFEST.JSN  MANIFEST.SIG             the SHA-256 of each file, and the signature of the site
"""

import math
from collections.abc import Iterator
from typing import Final

from auth.lettering import settable
from gateway.downloads.contents import images_of
from gateway.downloads.layout import File, Made
from gateway.downloads.making import Order
from gateway.downloads.told import ToldStudy
from gateway.downloads.told_maker import Tell
from gateway.series_files.chosen import MOST, Choice, choose, drawn
from gateway.series_files.contact_sheet import QUALITY, SIDE, ContactSheets, Drawn
from storage.pixels import Rendering
from storage.storage import Storage

MOST_OF_A_STUDY: Final = 960
"""Pictures in one PDF, which is in memory while it is made; each series has a page at least."""

_A_PAGE: Final = 12
_RENDERING: Final = Rendering(viewport=(SIDE, SIDE), quality=QUALITY, enlarge=True, profile="srgb")


class Sheets:
    """The work on one archive; see `gateway.downloads.told_maker`."""

    def __init__(self, storage: Storage, order: Order, made: Made, tell: Tell) -> None:
        self._storage = storage
        self._made = made
        self._tell = tell
        self._done = 0
        self.left_out = 0
        self.failed: list[str] = []

    def study(self, study: ToldStudy) -> Iterator[File]:
        """The PDF of a study; none where it has no image."""
        most = max(min(MOST, MOST_OF_A_STUDY // len(study.series)), _A_PAGE)
        sheets = ContactSheets(settable(study.view.headline), study.language)
        is_empty = True
        for series in study.series:
            choice = choose(series.records, most)
            if choice.images:
                sheets.add(series.captions(choice), self._drawn(choice), len(choice.images))
                is_empty = False
            self.left_out += sum(not one.number_of_frames for one in series.records)
            self._done += images_of(series.records)
            self._tell(self._done)
        if not is_empty:
            yield self._made.append(f"{study.folder}.PDF", [sheets.file()])

    def _drawn(self, choice: Choice) -> Drawn:
        for image, picture in drawn(self._storage, choice, _RENDERING, math.inf):
            self._tell(self._done + image.number)
            yield image, picture
