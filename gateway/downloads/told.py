"""The studies and series of an order in words, for pictures that people look at without a program of ours."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Final

from gateway.downloads.making import Order
from gateway.pages.texts import Languages, Texts
from gateway.portal.metadata import data_set_of
from gateway.portal.studies import SeriesView, StudyView, Wording
from gateway.series_files.captions import Captions, captions, groups_of
from gateway.series_files.chosen import Choice
from storage.records import InstanceRecord, StudySummary
from storage.storage import Storage

_LONGEST: Final = 60
_WRITTEN_EVERYWHERE: Final = frozenset({"de", "en", "fr"})
"""Languages whose words stay words in ASCII; in names the others' are in English."""

_SPELT: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})


@dataclass(frozen=True, slots=True)
class ToldSeries:
    """A series: what its folder is called, its instances in order, and whose it is."""

    folder: str
    records: Sequence[InstanceRecord]
    study: StudyView
    view: SeriesView
    patient_name: str
    words: Texts

    def captions(self, choice: Choice) -> Captions:
        """What stands on the chosen of its images."""
        return captions(self.words, self.study, self.view, self.patient_name, choice.total, choice.step)


@dataclass(frozen=True, slots=True)
class ToldStudy:
    """A study: what its folder or file is called, its series, and the language of what is written on their pictures."""

    folder: str
    view: StudyView
    series: Sequence[ToldSeries]
    language: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """The words on pictures, and those in the names of files, which every system can write."""

    words: Texts
    names: Texts


def spoken(languages: Languages, language: str) -> Spoken:
    """For somebody who reads this language."""
    own = {one.language: one for one in languages.all()}
    words = own.get(language) or own["en"]
    return Spoken(words, words if words.language in _WRITTEN_EVERYWHERE else own.get("en", words))


def told(storage: Storage, spoken: Spoken, order: Order) -> Iterator[ToldStudy]:
    """Each study of `order`, as its scope shows it."""
    summaries = {one.study_instance_uid: one for one in storage.index.studies(order.scope)}
    of_studies = groupby(order.records, lambda record: record.study_instance_uid)
    for number, (uid, records) in enumerate(of_studies, 1):
        if summary := summaries.get(uid):
            view, named = (Wording(words, "").study(summary) for words in (spoken.words, spoken.names))
            series = partial(_series, storage, spoken.words, order, summary, (view, named))
            groups = groupby(records, lambda record: record.series_instance_uid)
            made = [series(place, list(group)) for place, (_, group) in enumerate(groups, 1)]
            yield ToldStudy(plain_name(number, named.title, _dashed(view.digits)), view, made, spoken.words.language)


def plain_name(number: int, *parts: str) -> str:
    """A name that every system can write, whatever the parts say: "02-Computertomographie-2026-03-03"."""
    spelt = unicodedata.normalize("NFKD", " ".join(parts).translate(_SPELT)).encode("ascii", "ignore").decode()
    found = "-".join(re.findall(r"[A-Za-z0-9]+", spelt))[:_LONGEST].strip("-")
    return f"{number:02d}-{found}" if found else f"{number:02d}"


def _series(
    storage: Storage,
    words: Texts,
    order: Order,
    summary: StudySummary,
    views: tuple[StudyView, StudyView],
    number: int,
    records: Sequence[InstanceRecord],
) -> ToldSeries:
    uid = records[0].series_instance_uid
    study, _ = views
    view, named = (next(one for one in of.series if one.series_instance_uid == uid) for of in views)
    name = groups_of(summary.patient_name, data_set_of(storage, order.scope, records[0]))
    return ToldSeries(plain_name(number, named.name), records, study, view, name, words)


def _dashed(digits: str) -> str:
    return f"{digits[:4]} {digits[4:6]} {digits[6:]}" if len(digits) == 8 else ""
