"""The worker's part of downloads: prepares what was asked for, and removes what nobody may fetch any more."""

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import viewer_static
from auth.errors import NoSuchShare
from gateway.downloads.anonymised import AnonymisedMaker
from gateway.downloads.contents import content_of, records_of
from gateway.downloads.downloads import Download, Form, NoLongerHeld, Task
from gateway.downloads.films import Films
from gateway.downloads.layout import Layout, Prepared
from gateway.downloads.making import Maker, Order
from gateway.downloads.pictures import Pictures
from gateway.downloads.sheets import Sheets
from gateway.downloads.site_key import SiteKey
from gateway.downloads.told_maker import ToldMaker
from gateway.house import House
from gateway.pages.texts import Languages
from gateway.sheets import site_of
from storage.errors import NoSuchInstance, OutOfResources

_LOG: Final = logging.getLogger("durchblick.gateway")

TIDY_SECONDS: Final = 60.0
_TELL_EVERY: Final = 1.0
_PAUSE: Final = 30
_STATIC: Final = Path(viewer_static.__file__).parent


class _Stopping(Exception):
    """The process is about to end."""


class Preparation:
    """Prepares downloads one after the other. Blocking; one thread at a time."""

    def __init__(self, house: House, is_stopping: Callable[[], bool]) -> None:
        self._house = house
        self._is_stopping = is_stopping
        self._root = house.downloads_folder
        languages = Languages(_STATIC / "texts", house.config.site.language)
        key = SiteKey(house.storage.folder)
        storage = house.storage
        self._makers: dict[Form, Maker | AnonymisedMaker | ToldMaker] = {
            "archive": Maker(storage, languages, _STATIC, key),
            "anonymised": AnonymisedMaker(storage, languages, key),
            "pictures": ToldMaker(storage, languages, key, "pictures", Pictures),
            "sheets": ToldMaker(storage, languages, key, "sheets", Sheets),
        }
        if encoder := house.film_encoder:
            self._makers["films"] = ToldMaker(storage, languages, key, "films", partial(Films, encoder))

    def maker(self, form: Form) -> Maker | AnonymisedMaker | ToldMaker:
        """What makes archives of this form. Raises `NoSuchInstance` where there is nothing that makes films."""
        if form not in self._makers:
            raise NoSuchInstance("There is no FFmpeg here.")
        return self._makers[form]

    def work(self) -> int:
        """Prepare what is asked for until nothing is left; returns how many were prepared."""
        prepared = 0
        while not self._is_stopping() and (task := self._house.downloads.take_up()):
            with suppress(NoLongerHeld):
                prepared += self._prepare(task)
        return prepared

    def tidy(self) -> None:
        """Remove downloads whose share has ended, of which something has been deleted, or that are too old or too
        many, and folders that belong to none.
        """
        downloads, left = self._house.downloads, self._house.config.storage.downloads_mb << 20
        gone = []
        for download in downloads.all():
            room = _room(self._root / download.id)
            if self._is_over(download) or room > left:
                gone.append(download.id)
            else:
                left -= room
        downloads.drop(gone)
        if gone:
            _LOG.info("downloads_removed count=%d", len(gone))
        self._remove_folders()

    def _prepare(self, task: Task) -> bool:
        """Whether it is ready now."""
        downloads, wish = self._house.downloads, task.download.wish
        draft = self._root / _draft(task)
        try:
            share = self._house.shares.get(wish.share_id)
            if share.state != "live":
                downloads.failed(task)
                return False
            records = records_of(self._house.storage.index, share.scope, wish.study)
            order = Order(share.scope, records, wish.language, site_of(self._house, share.site))
            layout = self.maker(wish.form).make(order, draft, self._teller(task))
        except _Stopping:
            downloads.hand_back(task, attempted=False)
        except OutOfResources as refusal:
            _LOG.warning("download_postponed detail=%s", refusal.detail)
            downloads.hand_back(task, _PAUSE)
        except (NoSuchInstance, NoSuchShare):
            downloads.failed(task)
        else:
            return self._publish(task, draft, layout, content_of(records))
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return False

    def _publish(self, task: Task, draft: Path, layout: Layout, content: str) -> bool:
        share = self._house.shares.get(task.download.wish.share_id)
        if not layout.is_shown(self._house.storage.index, share.scope):
            # Something was deleted while it was made.
            self._house.downloads.failed(task)
            return False
        folder = self._root / task.download.id
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
        self._house.downloads.ready(task, layout.size, content)
        _LOG.info("download_prepared files=%d bytes=%d", layout.files, layout.size)
        return True

    def _teller(self, task: Task) -> Callable[[int], None]:
        told = time.monotonic()

        def tell(done: int) -> None:
            nonlocal told
            if self._is_stopping():
                raise _Stopping
            if time.monotonic() - told >= _TELL_EVERY:
                self._house.downloads.progress(task, done)
                told = time.monotonic()

        return tell

    def _is_over(self, download: Download) -> bool:
        try:
            share = self._house.shares.get(download.wish.share_id)
        except NoSuchShare:
            return True
        if share.state in ("revoked", "expired") or self._house.downloads.too_old(download):
            return True
        if download.state != "ready":
            return False
        try:
            layout = Prepared(self._root / download.id, self._house.storage.files).layout
        except NoSuchInstance:
            return True
        return not layout.is_shown(self._house.storage.index, share.scope)

    def _remove_folders(self) -> None:
        with suppress(FileNotFoundError):
            # Before the rows: what begins meanwhile must not be taken for left behind.
            found = list(self._root.iterdir())
            tasks = self._house.downloads.tasks()
            wanted = {task.download.id for task in tasks} | {_draft(task) for task in tasks}
            for folder in found:
                if folder.name not in wanted:
                    shutil.rmtree(folder, ignore_errors=True)


def _draft(task: Task) -> str:
    """The folder of what is being made; one that a killed worker has left is nobody's any more."""
    return f"{task.download.id}-{task.holder}"


def _room(folder: Path) -> int:
    """Bytes that a prepared download takes beside the instances."""
    return sum(_sizes(folder))


def _sizes(folder: Path) -> Iterator[int]:
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            yield path.stat().st_size
