"""Studies and series as a patient reads them, with the addresses of their pictures."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from dicomweb.media_types import is_video
from gateway.pages.texts import Texts
from gateway.pages.wording import (
    day,
    examination,
    person,
    plain,
    series_in_words,
    series_name,
    study_place,
    study_reading,
)
from storage.records import InstanceRecord, SeriesSummary, StudySummary

SCREEN = 1024
"""Longest side of a rendered picture in pixels; more is fetched when somebody looks closely."""

SMALL = 256
"""Sides of the square into which a thumbnail fits."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A rendered frame: its address, which frame of what it shows, and the size at which it arrives."""

    url: str
    record: InstanceRecord
    frame: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class SeriesView:
    """A series in words; `original` is its description where `name` says it in plain words.

    `resource` is its DICOMweb address; `thumbnail` is empty when no image can be shown.
    """

    series_instance_uid: str
    url: str
    resource: str
    name: str
    original: str
    count: str
    modality: str
    instances: int
    thumbnail: str
    representative: InstanceRecord | None


@dataclass(frozen=True, slots=True)
class StudyView:
    """A study in words, its series in their order, but those with images first.

    `headline` is title and date in one line. `patient` is whose it is, as one says the name; `digits` is its date for
    names of files, YYYYMMDD; both may be "".
    """

    study_instance_uid: str
    url: str
    patient: str
    digits: str
    headline: str
    title: str
    date: str
    contrast: str
    detail: str
    count: str
    series: tuple[SeriesView, ...]

    @property
    def newest_picture(self) -> SeriesView | None:
        """The first series that has an image."""
        return next((series for series in self.series if series.representative), None)


class Wording:
    """Puts summaries of the index into the words of one language; `root` is where DICOMweb is mounted."""

    def __init__(self, words: Texts, root: str) -> None:
        self._words = words
        self._root = root

    def study(self, summary: StudySummary) -> StudyView:
        """One study."""
        frames = sum(one.frames for one in summary.series)
        words, reading = self._words, study_reading(summary)
        title = examination(words, summary.modalities, study_place(words, summary, reading))
        date = day(words, summary.study_date)
        series = [self.series(summary.study_instance_uid, one) for one in summary.series]
        return StudyView(
            study_instance_uid=summary.study_instance_uid,
            url=f"/studies/{summary.study_instance_uid}",
            patient=person(summary.patient_name),
            digits=re.sub("[^0-9]", "", summary.study_date)[:8],
            headline=words.row(title, date),
            title=title,
            date=date,
            contrast=words(f"contrast.{reading.contrast}") if reading.contrast else "",
            detail=plain(summary.study_description),
            count=words.row(words.count("series", len(summary.series)), words.count("images", frames)),
            series=tuple(sorted(series, key=lambda one: not one.thumbnail)),
        )

    def series(self, study_instance_uid: str, summary: SeriesSummary) -> SeriesView:
        """One series of that study."""
        path = f"/studies/{study_instance_uid}/series/{summary.series_instance_uid}"
        image = shown(summary)
        written = series_name(self._words, summary.series_description, summary.series_number, summary.modality)
        in_words = series_in_words(self._words, summary)
        return SeriesView(
            series_instance_uid=summary.series_instance_uid,
            url=path,
            resource=self._root + path,
            name=in_words or written,
            original=written if in_words and in_words.casefold() != written.casefold() else "",
            count=self._count(summary),
            modality=plain(summary.modality),
            instances=summary.instances,
            thumbnail=thumbnail(self._root, image).url if image else "",
            representative=image,
        )

    def _count(self, summary: SeriesSummary) -> str:
        if summary.representative and not shown(summary):
            return self._words("kinds.video")
        return self._words.count("images", summary.frames) if summary.frames else self._words("series.no_images")


def picture(root: str, record: InstanceRecord, frame: int) -> Picture:
    """Frame `frame` (1-based) of `record` as a JPEG that fits a screen."""
    shrink = min(1.0, SCREEN / max(record.image_columns, record.image_rows, 1))
    # A viewport also enlarges what is smaller (PS3.18 8.3.5.1.3), so only large images get one.
    viewport = f"&viewport={SCREEN},{SCREEN}" if shrink < 1 else ""
    return Picture(
        url=f"{_frame(root, record, frame)}/rendered?accept=image/jpeg&quality=85{viewport}",
        record=record,
        frame=frame,
        width=max(round(record.image_columns * shrink), 1),
        height=max(round(record.image_rows * shrink), 1),
    )


def thumbnail(root: str, record: InstanceRecord) -> Picture:
    """A small picture of the frame in the middle of `record`."""
    frame = middle(record.number_of_frames)
    return Picture(thumbnail_url(root, record, frame), record, frame, SMALL, SMALL)


def thumbnail_url(root: str, record: InstanceRecord, frame: int) -> str:
    """The address of a small picture of frame `frame` (1-based)."""
    return f"{_frame(root, record, frame)}/thumbnail?accept=image/jpeg&viewport={SMALL},{SMALL}"


def shown(series: SeriesSummary) -> InstanceRecord | None:
    """The image that stands for a series, if it has one that can be shown as a picture."""
    image = series.representative
    return None if image is None or is_video(image.transfer_syntax_uid) else image


def middle(count: int) -> int:
    """Number of the middle one of `count` things, from 1."""
    return count // 2 + 1


def studies_of(words: Texts, root: str, summaries: Iterable[StudySummary]) -> list[StudyView]:
    """All of them, in the order in which they come."""
    wording = Wording(words, root)
    return [wording.study(summary) for summary in summaries]


def _frame(root: str, record: InstanceRecord, frame: int) -> str:
    return (
        f"{root}/studies/{record.study_instance_uid}/series/{record.series_instance_uid}"
        f"/instances/{record.sop_instance_uid}/frames/{frame}"
    )
