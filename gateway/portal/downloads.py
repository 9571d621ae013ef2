"""Taking images along: the page of downloads, what is ordered there, and the archives themselves."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, cast, get_args
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from auth.errors import NoSuchShare
from auth.sessions import Session
from auth.shares import Shares
from dicomweb.payloads import not_modified, streamed
from dicomweb.problems import RangeNotSatisfiable
from dicomweb.ranges import requested
from gateway.downloads.contents import content_of, images_of, records_of, size_about
from gateway.downloads.downloads import KEPT_SECONDS, Download, Downloads, Form, Wish
from gateway.downloads.layout import Prepared
from gateway.house import House
from gateway.pages.pages import Pages
from gateway.pages.texts import Texts
from gateway.pages.wording import day
from gateway.portal.door import NO_STORE, Door
from gateway.portal.studies import StudyView, studies_of
from storage.errors import NoSuchInstance
from storage.records import InstanceRecord

ALL: Final = "all"
"""Stands for all studies of a share where one is named otherwise."""

OTHER_FORMS: Final[tuple[Form, ...]] = ("pictures", "sheets", "anonymised")
"""What is offered beside the originals with a viewer, in this order."""

_ZIP: Final = "application/zip"
_TYPICAL_BITS: Final = 50_000_000
"""Bits a second of a usual line at home."""

_LOOK_AGAIN: Final = 2.0


@dataclass(frozen=True, slots=True)
class Offer:
    """Something to take along. `study` is empty for all studies; `download` is what became of the last order."""

    study: str
    title: str
    date: str
    contents: str
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


class TakingAlong:
    """The patient's downloads. Every read of the index gets the scope of the visitor's share."""

    def __init__(self, house: House, pages: Pages, door: Door) -> None:
        self._house = house
        self._index = house.storage.index
        self._downloads: Downloads = house.downloads
        self._shares: Shares = house.shares
        self._pages = pages
        self._door = door

    def page(self, request: Request, session: Session) -> Response:
        """What there is to take along, and how far it is."""
        words = self._pages.languages.of(request)
        offers = list(self._offers(words, session))
        ordered = self._downloads.of_share(session.share.id)
        others = self._others(words, session, ordered)
        values: dict[str, Any] = {
            "offers": offers,
            "preparing": any(one.state == "waiting" for one in ordered),
            "others": others,
            "has_others": any(others.values()),
            "dicomweb": self._house.config.http.dicomweb_path,
            "active": "downloads",
        }
        return self._pages.render(request, "downloads.html", values, session=session)

    def order(self, request: Request, session: Session) -> Response:
        """Let the worker prepare `study`, or all, in the form of `?form=`. Raises NoSuchInstance."""
        if self._door.is_own_form(request):
            study = request.path_params["study"].replace(ALL, "")
            records = records_of(self._index, session.share.scope, study)
            language = self._pages.languages.of(request).language
            wish = Wish(session.share.id, study, _form(request), language)
            self._downloads.order(wish, content_of(records), images_of(records))
        return RedirectResponse("/downloads", 303, NO_STORE)

    def progress(self, request: Request, session: Session) -> Response:
        """How far each download is, for the page's script."""
        listed = [
            {"id": one.id, "state": one.state, "percent": one.percent}
            for one in self._downloads.of_share(session.share.id)
        ]
        return JSONResponse({"downloads": listed}, headers=NO_STORE)

    def archive(self, request: Request, session: Session) -> Response:
        """The archive, or the range of it that is asked for. Raises NoSuchInstance."""
        download = self._downloads.find(session.share.id, request.path_params["download"])
        prepared = Prepared(self._house.downloads_folder / download.id, self._house.storage.files)
        if not prepared.layout.is_shown(self._index, session.share.scope):
            raise NoSuchInstance("Something in this download may not be seen any more.")
        etag, size = prepared.layout.etag, prepared.layout.size
        if unchanged := not_modified(request, etag):
            return unchanged
        try:
            part = requested(request, size, etag, None)
        except RangeNotSatisfiable:
            return Response(status_code=416, headers=NO_STORE | {"content-range": f"bytes */{size}"})
        begin, length = part or (0, size)
        headers = {"ETag": etag, "Accept-Ranges": "bytes", "Content-Length": str(length)}
        name = _name(self._pages.languages.of(request), download)
        headers["Content-Disposition"] = _attachment(f"{name}.zip")
        if part:
            headers["Content-Range"] = f"bytes {begin}-{begin + length - 1}/{size}"
        if request.method == "HEAD":
            return Response(None, 200, headers, _ZIP)
        if download.is_new:
            self._downloads.fetched(download, prepared.layout.studies)
        pieces = self._while_shared(session, _first(prepared.archive(begin), length))
        return streamed(pieces, headers, _ZIP, 206 if part else 200)

    def _while_shared(self, session: Session, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """`pieces` as long as the share lives: a download of hours must not outlive it.

        Raises `NoSuchInstance`, which ends the answer before it is whole.
        """
        looked = time.monotonic()
        for piece in pieces:
            if time.monotonic() - looked > _LOOK_AGAIN:
                self._check(session)
                looked = time.monotonic()
            yield piece

    def _check(self, session: Session) -> None:
        try:
            share = self._shares.get(session.share.id)
        except NoSuchShare:
            raise NoSuchInstance("The share is gone.") from None
        if share.state != "live" or share.issue != session.share.issue:
            raise NoSuchInstance("The share has ended.")

    def _offers(self, words: Texts, session: Session) -> Iterator[Offer]:
        scope = session.share.scope
        views = studies_of(words, "", self._index.studies(scope))
        records = {view.study_instance_uid: records_of(self._index, scope, view.study_instance_uid) for view in views}
        ordered = self._downloads.of_share(session.share.id)
        orders = {one.wish.study: one for one in ordered if one.wish.form == "archive"}
        if len(views) > 1:
            everything = [record for of_study in records.values() for record in of_study]
            images = words.count("images", sum(record.number_of_frames for record in everything))
            contents = words.row(words.count("studies", len(views)), images)
            yield self._offer(words, session, ("", words("downloads.all"), "", contents), everything, orders.get(""))
        for view in views:
            uid = view.study_instance_uid
            yield self._offer(words, session, _told(view), records[uid], orders.get(uid))

    def _offer(
        self,
        words: Texts,
        session: Session,
        told: tuple[str, str, str, str],
        records: list[InstanceRecord],
        download: Download | None,
    ) -> Offer:
        ready = download is not None and download.state == "ready"
        size = download.size if download and ready else size_about(records)
        return Offer(
            *told,
            size=size_text(words, size),
            duration=duration_text(words, size),
            download=download,
            is_current=download is not None and download.content == content_of(records),
            url=_url(words, download),
            until=_until(words, session, download),
        )

    def _others(self, words: Texts, session: Session, ordered: list[Download]) -> dict[Form, list[dict[str, Any]]]:
        """What was ordered in other forms, by form; those that hold all that there is are current."""
        wanted = [one for one in ordered if one.wish.form in OTHER_FORMS]
        content = content_of(records_of(self._index, session.share.scope)) if wanted else ""
        return {
            form: [self._copy(words, session, one, content) for one in wanted if one.wish.form == form]
            for form in OTHER_FORMS
        }

    def _copy(self, words: Texts, session: Session, download: Download, content: str) -> dict[str, Any]:
        return {
            "download": download,
            "is_current": download.content == content and download.state != "failed",
            "url": _url(words, download),
            "size": size_text(words, download.size),
            "until": _until(words, session, download),
        }


def size_text(words: Texts, size: int) -> str:
    """Bytes as people say them."""
    if size >= 950_000_000:
        return words("downloads.gigabytes", n=f"{size / 1e9:.1f}".replace(".", words("downloads.decimal")))
    return words("downloads.megabytes", n=max(round(size / 1e6), 1))


def duration_text(words: Texts, size: int) -> str:
    """How long so many bytes take on a usual line."""
    minutes = size * 8 / _TYPICAL_BITS / 60
    return words("downloads.short") if minutes < 1 else words.count("downloads.minutes", round(minutes))


def _told(view: StudyView) -> tuple[str, str, str, str]:
    return view.study_instance_uid, view.title, view.date, view.count


def _url(words: Texts, download: Download | None) -> str:
    return f"/downloads/{download.id}/{_name(words, download)}.zip" if download else ""


def _name(words: Texts, download: Download) -> str:
    form = download.wish.form
    return words("downloads.file" if form == "archive" else f"downloads.{form}_file")


def _attachment(name: str) -> str:
    """A Content-Disposition with a file's name in any letters (RFC 6266 4.3, RFC 8187 3.2)."""
    return f'attachment; filename="{name}"' if name.isascii() else f"attachment; filename*=UTF-8''{quote(name)}"


def _form(request: Request) -> Form:
    """The one that is asked for. Raises `NoSuchInstance` for what there is not."""
    asked = request.query_params.get("form", "archive")
    for form in get_args(Form):
        if form == asked:
            return cast(Form, form)
    raise NoSuchInstance("There is no such form of download.")


def _until(words: Texts, session: Session, download: Download | None) -> str:
    """The last day on which it can be fetched."""
    if download is None or download.ready_at is None:
        return ""
    kept = date.fromtimestamp(download.ready_at) + timedelta(seconds=KEPT_SECONDS)
    return day(words, min(kept, session.share.expires.date()))


def _first(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The first `size` bytes."""
    for piece in pieces:
        if len(piece) >= size:
            yield piece[:size]
            return
        size -= len(piece)
        yield piece
