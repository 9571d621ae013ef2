"""What the viewer of an archive has to know: studies and series in words of every language, and where pictures lie."""

import gzip
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from dicomweb.rendered.report_items import content
from gateway.pages.texts import Languages, Texts
from gateway.pages.wording import person
from gateway.portal.studies import StudyView, Wording
from storage.index import Index
from storage.records import InstanceRecord, StudySummary
from storage.scope import StudyScope

Json = dict[str, Any]

_LONGEST_REPORT: Final = 2_000


@dataclass(slots=True)
class SeriesContent:
    """What an archive has of a series. `folder` is its place below IHE_PDI and below DICOM."""

    study_instance_uid: str
    series_instance_uid: str
    folder: str
    modality: str
    images: list[tuple[str, int, str]] = field(default_factory=list)
    """File, number of frames and SOP Instance UID of each instance with images."""
    missing: list[int] = field(default_factory=list)
    """Numbers, from 1, of the pictures that could not be drawn."""
    reports: list[Json] = field(default_factory=list)
    links: list[Json] = field(default_factory=list)
    """Files that a browser opens by itself: "href", and "kind": "pdf" or "video"."""

    @property
    def total(self) -> int:
        """How many pictures it would have."""
        return sum(frames for _, frames, _ in self.images)


class Catalogue:
    """Makes the catalogue of an archive."""

    def __init__(self, index: Index, languages: Languages) -> None:
        self._index = index
        self._languages = languages

    def of(
        self,
        scope: StudyScope,
        series: Sequence[SeriesContent],
        language: str,
        person_of: Callable[[StudySummary], str] | None = None,
    ) -> Json:
        """The part that tells of the patient: a name, and the studies in the order in which they come first.

        In the patient's `language` and those of the house.
        """
        in_languages = self._languages.for_archive(language).all()
        studies = list(dict.fromkeys(one.study_instance_uid for one in series))
        summaries = {one.study_instance_uid: one for one in self._index.studies(scope)}
        known = [summaries[uid] for uid in studies if uid in summaries]
        spoken = person_of or (lambda summary: person(summary.patient_name))
        return {
            "person": next((name for one in known if (name := spoken(one))), ""),
            "studies": [
                self._study(one, [of for of in series if of.study_instance_uid == one.study_instance_uid], in_languages)
                for one in known
            ],
        }

    def _study(self, summary: StudySummary, series: Iterable[SeriesContent], languages: Iterable[Texts]) -> Json:
        views = {words.language: Wording(words, "").study(summary) for words in languages}
        return {
            "title": {language: view.title for language, view in views.items()},
            "date": {language: view.date for language, view in views.items()},
            "detail": {language: view.detail for language, view in views.items()},
            "series": [_series(one, views) for one in sorted(series, key=lambda one: not one.images)],
        }


def report_of(index: Index, scope: StudyScope, record: InstanceRecord) -> Json:
    """A structured report as headings and lines: "items" are depth, whether it is a heading, name, and text."""
    metadata = index.metadata(
        scope, record.study_instance_uid, record.series_instance_uid, record.sop_instance_uid, bulk_data_root=""
    )
    (data_set,) = orjson.loads(gzip.decompress(metadata.gzipped))
    title, *items = list(content(data_set))[:_LONGEST_REPORT]
    return {
        "title": title.name,
        "items": [[item.depth, item.is_container, item.name, item.text] for item in items if item.name or item.text],
    }


def _series(one: SeriesContent, views: dict[str, StudyView]) -> Json:
    names = {
        language: next(
            (series.name for series in view.series if series.series_instance_uid == one.series_instance_uid), ""
        )
        for language, view in views.items()
    }
    return {
        "name": names,
        "modality": one.modality,
        "folder": one.folder,
        "total": one.total,
        "images": one.images,
        "missing": one.missing,
        "reports": one.reports,
        "links": one.links,
    }
