"""What the page of downloads offers: every study and all of them together, in each form, and what was ordered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from auth.sessions import Session
from gateway.downloads.contents import content_of, size_about
from gateway.downloads.downloads import KEPT_SECONDS, Download, Form
from gateway.pages.texts import Texts
from gateway.pages.wording import day
from gateway.portal.studies import StudyView
from storage.records import InstanceRecord

ALL: Final = "all"
"""Stands for all studies of a share where one is named otherwise."""

_TYPICAL_BITS: Final = 50_000_000
"""Bits a second of a usual line at home."""


@dataclass(frozen=True, slots=True)
class Told:
    """What can be taken along: a study, or all of them where `study` is empty; and its instances."""

    study: str
    title: str
    date: str
    contents: str
    records: Sequence[InstanceRecord]

    @property
    def value(self) -> str:
        """As the form of an order names it."""
        return self.study or ALL


@dataclass(frozen=True, slots=True)
class Offer:
    """Something to take along in one form; `download` is what became of the last order."""

    told: Told
    size: str
    duration: str
    download: Download | None
    is_current: bool
    url: str
    until: str

    @property
    def state(self) -> str:
        """ "none", "waiting", "ready" or "failed"."""
        return self.download.state if self.download else "none"


@dataclass(frozen=True, slots=True)
class OtherForm:
    """What was ordered in a form beside the usual one, and what can be: that of which there is nothing current."""

    form: Form
    ordered: Sequence[Offer]
    choices: Sequence[Told]


def all_told(words: Texts, views: Sequence[StudyView], records: dict[str, list[InstanceRecord]]) -> list[Told]:
    """Everything, where that is more than one study, and each study; `records` are by Study Instance UID."""
    told = [
        Told(view.study_instance_uid, view.title, view.date, view.count, records[view.study_instance_uid])
        for view in views
    ]
    if len(told) < 2:
        return told
    everything = [record for one in told for record in one.records]
    images = words.count("images", sum(record.number_of_frames for record in everything))
    contents = words.row(words.count("studies", len(views)), images)
    return [Told("", words("downloads.all"), "", contents, everything), *told]


def offers(
    words: Texts, session: Session, told: Iterable[Told], ordered: Sequence[Download], form: Form
) -> list[Offer]:
    """Each of them in this form."""
    found = {one.wish.study: one for one in ordered if one.wish.form == form}
    return [_offer(words, session, one, found.get(one.study)) for one in told]


def other_form(
    words: Texts, session: Session, told: Sequence[Told], ordered: Sequence[Download], form: Form
) -> OtherForm:
    """This one of the other forms. Where there is but one study, all studies are what is ordered."""
    everything = told if len(told) > 1 else [Told("", one.title, one.date, one.contents, one.records) for one in told]
    found = offers(words, session, everything, ordered, form)
    choices = [one.told for one in found if one.state in ("none", "failed") or not one.is_current]
    return OtherForm(form, [one for one in found if one.download], choices)


def size_text(words: Texts, size: int) -> str:
    """Bytes as people say them."""
    if size >= 950_000_000:
        return words("downloads.gigabytes", n=f"{size / 1e9:.1f}".replace(".", words("downloads.decimal")))
    return words("downloads.megabytes", n=max(round(size / 1e6), 1))


def duration_text(words: Texts, size: int) -> str:
    """How long so many bytes take on a usual line."""
    minutes = size * 8 / _TYPICAL_BITS / 60
    return words("downloads.short") if minutes < 1 else words.count("downloads.minutes", round(minutes))


def name_of(words: Texts, form: Form) -> str:
    """What the file is called, without its ending."""
    return words("downloads.file" if form == "archive" else f"downloads.{form}_file")


def _offer(words: Texts, session: Session, told: Told, download: Download | None) -> Offer:
    size = download.size if download and download.state == "ready" else size_about(told.records)
    return Offer(
        told,
        size=size_text(words, size),
        duration=duration_text(words, size),
        download=download,
        is_current=download is not None and download.content == content_of(told.records),
        url=f"/downloads/{download.id}/{name_of(words, download.wish.form)}.zip" if download else "",
        until=_until(words, session, download),
    )


def _until(words: Texts, session: Session, download: Download | None) -> str:
    """The last day on which it can be fetched."""
    if download is None or download.ready_at is None:
        return ""
    kept = date.fromtimestamp(download.ready_at) + timedelta(seconds=KEPT_SECONDS)
    return day(words, min(kept, session.share.expires.date()))
