"""Makes an archive of contact sheets for printing: a PDF for each study, on which each series begins a new page.

README.TXT                             what this is, and what it is no good for
01-Computertomographie-2026-03-03.PDF  twelve pictures on each page; of long series every n-th image, as it says there
MANIFEST.JSN  MANIFEST.SIG             the SHA-256 of each file, and the signature of the site
"""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gateway.downloads.contents import images_of
from gateway.downloads.layout import File, Layout, Made
from gateway.downloads.making import Order, framed
from gateway.downloads.readme import readme_of_pictures
from gateway.downloads.site_key import SiteKey
from gateway.downloads.told import ToldStudy, told, words_of
from gateway.pages.texts import Languages
from gateway.series_files.captions import set_in_latin
from gateway.series_files.chosen import MOST, Choice, choose, drawn
from gateway.series_files.contact_sheet import QUALITY, SIDE, ContactSheets, Drawn
from storage.pixels import Rendering
from storage.storage import Storage

MOST_OF_A_STUDY: Final = 960
"""Pictures in one PDF, which is in memory while it is made; each series has a page at least."""

_A_PAGE: Final = 12
_RENDERING: Final = Rendering(viewport=(SIDE, SIDE), quality=QUALITY, enlarge=True, profile="srgb")


class SheetsMaker:
    """Blocking; several may work at once, each on a folder of its own."""

    def __init__(self, storage: Storage, languages: Languages, key: SiteKey) -> None:
        self._storage = storage
        self._languages = languages
        self._key = key

    def make(self, order: Order, folder: Path, tell: Callable[[int], None]) -> Layout:
        """Make the archive in `folder`; see `gateway.downloads.making.Maker.make`."""
        made = Made(folder)
        try:
            work = _Work(self._storage, made, tell)
            words = words_of(self._languages, order.language)
            files = [file for study in told(self._storage, words, order) for file in work.study(study, words.language)]
            today = datetime.now(UTC).date()
            text = readme_of_pictures(self._languages, order.site, order.language, today, "sheets", work.left_out)
            readme = made.append("README.TXT", [text])
            layout = framed(made, [readme, *files], order.records, order.site, self._key, today)
            made.finish(layout)
            return layout
        finally:
            made.close()


class _Work:
    """The work on one archive; `left_out` counts the objects that are not in it."""

    def __init__(self, storage: Storage, made: Made, tell: Callable[[int], None]) -> None:
        self._storage = storage
        self._made = made
        self._tell = tell
        self._done = 0
        self.left_out = 0

    def study(self, study: ToldStudy, language: str) -> Iterator[File]:
        """The PDF of a study; none where it has no image."""
        most = max(min(MOST, MOST_OF_A_STUDY // len(study.series)), _A_PAGE)
        sheets = ContactSheets(set_in_latin(study.view.headline), language)
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
