"""Makes an archive of images without what tells whose they are: DICOM files and their directory, and no pictures.

Left out are reports and documents, whose text nobody can clean, images that say that something is written into them,
and images that cannot be unpacked.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO, Final

from dicomweb.media_types import EXPLICIT_LITTLE
from dicomweb.rendered.rendered_media import Category, category
from gateway.downloads.contents import is_unpacked
from gateway.downloads.layout import File, Layout, Made
from gateway.downloads.making import Order, framed
from gateway.downloads.readme import readme_without_names
from gateway.downloads.site_key import SiteKey
from gateway.pages.texts import Languages
from storage.confidentiality.anonymising import Anonymiser, burned_in
from storage.errors import CannotUnderstand, NotRenderable
from storage.media.dicomdir import Record, encode_dicomdir
from storage.media.file_set import DICOMDIR, FileSet, MediaFile
from storage.media.record_types import IMAGE, KEYS, NEVER_ABSENT
from storage.records import InstanceRecord
from storage.storage import Storage

Json = dict[str, Any]

_LOG: Final = logging.getLogger("durchblick.gateway")
_NUMBERS: Final = {"STUDY": ("00200010", "SH"), "SERIES": ("00200011", "IS")}


@dataclass(slots=True)
class Copy:
    """What became of the instances. `doubtful` is how many images may show words, `left_out` how many are not there."""

    files: list[tuple[MediaFile, File, Json]] = field(default_factory=list)
    doubtful: int = 0
    left_out: int = 0


class AnonymisedMaker:
    """Blocking; several may work at once, each on a folder of its own."""

    def __init__(self, storage: Storage, languages: Languages, key: SiteKey) -> None:
        self._storage = storage
        self._languages = languages
        self._key = key

    def make(self, order: Order, folder: Path, tell: Callable[[int], None]) -> Layout:
        """Make the archive in `folder`; see `gateway.downloads.making.Maker.make`."""
        made = Made(folder)
        try:
            copy, done = Copy(), 0
            anonymiser = Anonymiser()
            for file in FileSet.of(self._storage.database, order.scope, order.records).files:
                done += max(file.record.number_of_frames, 1)
                self._take(file, anonymiser, made, copy)
                tell(done)
            files = self._files(order, made, copy)
            today = datetime.now(UTC).date()
            return framed(made, files, [file.record for file, _, _ in copy.files], order.site, self._key, today)
        finally:
            made.close()

    def _files(self, order: Order, made: Made, copy: Copy) -> list[File]:
        directory = encode_dicomdir(list(_records(copy)), FileSet.of(self._storage.database, order.scope, ()).uid)
        text = readme_without_names(self._languages, order.site, order.language, copy.doubtful, copy.left_out)
        head = [made.append("README.TXT", [text]), made.append(DICOMDIR, [directory])]
        return head + [file for _, file, _ in copy.files]

    def _take(self, file: MediaFile, anonymiser: Anonymiser, made: Made, copy: Copy) -> None:
        """One more instance, or one more that is left out."""
        if category(file.record) is not Category.IMAGE:
            copy.left_out += 1
            return
        try:
            with ExitStack() as stack:
                json, pieces = anonymiser.instance(stack.enter_context(self._opened(file.record)))
                words = burned_in(json)
                if words == "yes":
                    copy.left_out += 1
                    return
                copy.doubtful += words == "perhaps"
                copy.files.append((file, made.append(file.name, pieces), _keys_of(json)))
        except (CannotUnderstand, NotRenderable, ValueError):
            _LOG.info("not_anonymised syntax=%s", file.record.transfer_syntax_uid)
            copy.left_out += 1

    def _opened(self, record: InstanceRecord) -> BinaryIO:
        if is_unpacked(record):
            return self._storage.files.open(record.blob_key)
        return self._storage.pixels.transcoded(record, EXPLICIT_LITTLE)


def _keys_of(json: Json) -> Json:
    """What the directory wants to know of a data set."""
    wanted = {tag for kind in ("PATIENT", "STUDY", "SERIES") for tag in KEYS[kind]}
    return {tag: json[tag] for tag in (*sorted(wanted), "00080016", "00080018", "00200013") if tag in json}


def _records(copy: Copy) -> Iterator[Record]:
    """The tree of the directory: one patient, of whom nothing is known."""
    if not copy.files:
        return
    patient = Record("PATIENT", _level("PATIENT", copy.files[0][2], 1))
    for study, of_study in groupby(copy.files, lambda one: one[0].file_id[1]):
        listed = list(of_study)
        node = Record("STUDY", _level("STUDY", listed[0][2], int(study[2:])))
        for series, of_series in groupby(listed, lambda one: one[0].file_id[2]):
            images = list(of_series)
            leaves = [_leaf(file, json) for file, _, json in images]
            node.below.append(Record("SERIES", _level("SERIES", images[0][2], int(series[2:])), leaves))
        patient.below.append(node)
    yield patient


def _level(kind: str, json: Json, place: int) -> Json:
    """The keys of a record; its number is its place where it has none."""
    keys: Json = {tag: {"vr": vr} for tag, vr in NEVER_ABSENT.get(kind, {}).items()}
    keys |= {tag: json[tag] for tag in KEYS[kind] if tag in json}
    if kind in _NUMBERS:
        tag, vr = _NUMBERS[kind]
        keys[tag] = keys[tag] if keys.get(tag, {}).get("Value") else {"vr": vr, "Value": [place]}
    return keys


def _leaf(file: MediaFile, json: Json) -> Record:
    number: list[Any] = json.get("00200013", {}).get("Value") or [int(file.file_id[3][2:])]
    keys: Json = {
        "00041500": {"vr": "CS", "Value": list(file.file_id)},
        "00041510": json["00080016"],
        "00041511": json["00080018"],
        "00041512": {"vr": "UI", "Value": [EXPLICIT_LITTLE]},
        "00200013": {"vr": "IS", "Value": number},
    }
    return Record(IMAGE, keys)
