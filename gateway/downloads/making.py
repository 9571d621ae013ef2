"""Makes one archive: a file-set of IHE PDI (Portable Data for Imaging) with a viewer that needs nothing but a browser.

README.TXT  INDEX.HTM  DICOMDIR             what this is; the viewer; the directory of the instances
IHE_PDI/ST000001/SE000001/00000001.JPG      a picture of each image, for the viewer
DICOM/ST000001/SE000001/IN000001            the instances, uncompressed as STD-GEN-CD demands (PS3.11 annex D)
MANIFEST.JSN  MANIFEST.SIG                  the SHA-256 of each file, and the signature of the site
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO, Final

from dicomweb.media_types import EXPLICIT_LITTLE
from dicomweb.rendered.rendered_media import Category, category
from gateway.downloads.attachments import attachment_of
from gateway.downloads.catalogue import Catalogue, SeriesContent, report_of
from gateway.downloads.contents import is_unpacked
from gateway.downloads.layout import File, Layout, Made, kept
from gateway.downloads.manifest import MANIFEST, SIGNATURE, manifest_of, signature_of
from gateway.downloads.offline_page import OfflinePage
from gateway.downloads.previews import Image, Previews
from gateway.downloads.readme import readme
from gateway.downloads.site_key import SiteKey
from gateway.pages.texts import Languages
from gateway.sections import SiteConfig
from storage.errors import NotRenderable
from storage.media.file_set import DICOMDIR, FileSet, MediaFile
from storage.records import InstanceRecord
from storage.scope import StudyScope
from storage.storage import Storage

PICTURES: Final = "IHE_PDI"

_ENDINGS: Final = {"pdf": "PDF", "video": "MP4"}
_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made: these instances, which `scope` shows, ordered by study and series."""

    scope: StudyScope
    records: Sequence[InstanceRecord]
    language: str
    site: SiteConfig
    """Who hands it out."""


class Maker:
    """Blocking; several may work at once, each on a folder of its own."""

    def __init__(self, storage: Storage, languages: Languages, static: Path, key: SiteKey) -> None:
        self._storage = storage
        self._languages = languages
        self._page = OfflinePage(static, languages)
        self._catalogue = Catalogue(storage.index, languages)
        self._key = key

    def make(self, order: Order, folder: Path, tell: Callable[[int], None]) -> Layout:
        """Make the archive in `folder` (see `gateway.downloads.layout`); `tell` gets how many images are done.

        What `tell` raises ends the work. Raises `OutOfResources`, and `NoSuchInstance` when something has been deleted
        meanwhile.
        """
        made = Made(folder)
        try:
            content = _Making(self._storage, order, made, tell).files()
            return self._framed(order, made, content)
        finally:
            made.close()

    def _framed(self, order: Order, made: Made, content: "_Content") -> Layout:
        """The files of an archive with those that tell of all others before and behind them."""
        today = datetime.now(UTC).date()
        catalogue = _of_site(order.site, today) | self._catalogue.of(order.scope, content.series, order.language)
        page = self._page.html(catalogue, order.language)
        files = [
            made.append("README.TXT", [readme(self._languages, order.site, order.language, today)]),
            made.append("INDEX.HTM", [page]),
            made.append(DICOMDIR, [content.directory]),
            *content.files,
        ]
        return framed(made, files, order.records, order.site, self._key, today)


@dataclass(frozen=True, slots=True)
class _Content:
    """What is made of the instances: files, DICOMDIR, and what the catalogue tells of each series."""

    files: list[File]
    directory: bytes
    series: list[SeriesContent]


class _Making:
    """The work on one archive."""

    def __init__(self, storage: Storage, order: Order, made: Made, tell: Callable[[int], None]) -> None:
        self._storage = storage
        self._order = order
        self._made = made
        self._tell = tell
        self._done = 0
        self._sent: dict[str, str] = {}

    def files(self) -> _Content:
        """All of it."""
        files = FileSet.of(self._storage.database, self._order.scope, self._order.records)
        originals: list[File] = []
        beside: list[File] = []
        told: list[SeriesContent] = []
        for folder, group in groupby(files.files, lambda file: "/".join(file.file_id[1:3])):
            of_series = list(group)
            first = of_series[0].record
            series = SeriesContent(first.study_instance_uid, first.series_instance_uid, folder, first.modality)
            kept_here = [self._original(file) for file in of_series]
            beside += self._pictures(series, of_series, kept_here)
            for number, file in enumerate(of_series, 1):
                beside += self._document(series, file.record, number)
            originals += kept_here
            told.append(series)
        return _Content(beside + originals, files.dicomdir(self._sent), told)

    def _original(self, file: MediaFile) -> File:
        """The instance as it goes along: uncompressed wherever that is possible, else as it is kept."""
        record = file.record
        if not is_unpacked(record):
            try:
                with self._storage.pixels.transcoded(record, EXPLICIT_LITTLE) as unpacked:
                    self._sent[record.sop_instance_uid] = EXPLICIT_LITTLE
                    return self._made.append(file.name, _pieces(unpacked))
            except NotRenderable:
                # Damaged pixels of one must not cost all others; it goes along as it is kept.
                self._sent.pop(record.sop_instance_uid, None)
        return kept(self._storage.files, file.name, record.blob_key, record.size)

    def _pictures(self, series: SeriesContent, files: Sequence[MediaFile], originals: Sequence[File]) -> Iterator[File]:
        images = [
            Image(file.record, original.size)
            for file, original in zip(files, originals, strict=True)
            if category(file.record) is Category.IMAGE
        ]
        series.images = [
            (file.file_id[3], file.record.number_of_frames, file.record.sop_instance_uid)
            for file in files
            if category(file.record) is Category.IMAGE
        ]
        for number, picture in enumerate(Previews(self._storage, images).pictures(), 1):
            self._progress()
            if picture is None:
                series.missing.append(number)
            else:
                yield self._made.append(f"{PICTURES}/{series.folder}/{number:08d}.JPG", [picture])

    def _document(self, series: SeriesContent, record: InstanceRecord, number: int) -> Iterator[File]:
        """What a browser can show of an instance that is no image."""
        if category(record) is Category.IMAGE:
            return
        self._progress()
        place = f"{PICTURES}/{series.folder}/{number:08d}"
        if category(record) is Category.REPORT:
            series.reports.append(report_of(self._storage.index, self._order.scope, record))
        elif found := attachment_of(self._storage, record):
            kind, pieces = found
            name = f"{place}.{_ENDINGS[kind]}"
            series.links.append({"href": name, "kind": kind})
            yield self._made.append(name, pieces)

    def _progress(self) -> None:
        self._done += 1
        self._tell(self._done)


def framed(
    made: Made, files: list[File], records: Sequence[InstanceRecord], site: SiteConfig, key: SiteKey, today: date
) -> Layout:
    """Finish an archive, which shows these instances, with the signed manifest of its files behind them."""
    manifest = manifest_of(files, site.name, today)
    signature = signature_of(manifest, key)
    behind = [made.append(MANIFEST, [manifest]), made.append(SIGNATURE, [signature])]
    return made.finish([*files, *behind], [(record.study_instance_uid, record.blob_key) for record in records])


def _of_site(site: SiteConfig, today: date) -> dict[str, Any]:
    return {"site": site.name, "contact": site.contact, "made": today.isoformat()}


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0, os.SEEK_SET)
    while piece := file.read(_PIECE):
        yield piece
