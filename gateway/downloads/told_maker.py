"""Makes archives for people without any program for DICOM: the frame around `pictures`, `sheets` and `films`."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from gateway.downloads.layout import File, Layout, Made
from gateway.downloads.making import Order, framed
from gateway.downloads.readme import Gaps, PicturesForm, readme_of_pictures
from gateway.downloads.site_key import SiteKey
from gateway.downloads.told import ToldStudy, spoken, told
from gateway.pages.texts import Languages
from storage.storage import Storage

Tell = Callable[[int], None]


class Work(Gaps, Protocol):
    """The work on one archive, which tells how many images are done."""

    def study(self, study: ToldStudy) -> Iterator[File]:
        """The files of a study."""


class ToldMaker:
    """Blocking; several may work at once, each on a folder of its own."""

    def __init__(
        self,
        storage: Storage,
        languages: Languages,
        key: SiteKey,
        form: PicturesForm,
        work: Callable[[Storage, Order, Made, Tell], Work],
    ) -> None:
        """`work` begins what makes the files; `form` is which words README.TXT has."""
        self._storage = storage
        self._languages = languages
        self._key = key
        self._form = form
        self._work = work

    def make(self, order: Order, folder: Path, tell: Tell) -> Layout:
        """Make the archive in `folder`; see `gateway.downloads.making.Maker.make`."""
        made = Made(folder)
        try:
            work = self._work(self._storage, order, made, tell)
            words = spoken(self._languages, order.language)
            files = [file for study in told(self._storage, words, order) for file in work.study(study)]
            today = datetime.now(UTC).date()
            text = readme_of_pictures(self._languages, order.site, order.language, today, self._form, work)
            readme = made.append("README.TXT", [text])
            return framed(made, [readme, *files], order.records, order.site, self._key, today)
        finally:
            made.close()
