"""Taking images along: the page of downloads, what is ordered there, and the archives themselves."""

import time
from collections.abc import Iterator
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from auth.errors import NoSuchShare
from auth.sessions import Session
from auth.shares import Shares
from dicomweb.payloads import not_modified, streamed
from dicomweb.problems import RangeNotSatisfiable
from dicomweb.ranges import requested
from gateway.downloads.contents import content_of, images_of, records_of
from gateway.downloads.downloads import Downloads, Form, Wish
from gateway.downloads.layout import Prepared
from gateway.house import House
from gateway.pages.pages import Pages
from gateway.portal.attachment import attachment
from gateway.portal.door import NO_STORE, Door
from gateway.portal.offers import ALL, all_told, name_of, offers, other_form
from gateway.portal.studies import studies_of
from storage.errors import NoSuchInstance

OTHER_FORMS: Final[tuple[Form, ...]] = ("pictures", "films", "sheets", "anonymised")
"""What is offered beside the originals with a viewer, in this order; films only where FFmpeg is."""

_ZIP: Final = "application/zip"
_LOOK_AGAIN: Final = 2.0


class TakingAlong:
    """The patient's downloads. Every read of the index gets the scope of the visitor's share."""

    def __init__(self, house: House, pages: Pages, door: Door) -> None:
        self._house = house
        self._index = house.storage.index
        self._downloads: Downloads = house.downloads
        self._shares: Shares = house.shares
        self._pages = pages
        self._door = door
        has_films = house.film_encoder is not None
        self._others = tuple(form for form in OTHER_FORMS if form != "films" or has_films)

    def page(self, request: Request, session: Session) -> Response:
        """What there is to take along, and how far it is."""
        words = self._pages.languages.of(request)
        scope = session.share.scope
        views = studies_of(words, "", self._index.studies(scope))
        records = {uid: records_of(self._index, scope, uid) for uid in (view.study_instance_uid for view in views)}
        told = all_told(words, views, records)
        ordered = self._downloads.of_share(session.share.id)
        others = [other_form(words, session, told, ordered, form) for form in self._others]
        values: dict[str, Any] = {
            "offers": offers(words, session, told, ordered, "archive"),
            "preparing": any(one.state == "waiting" for one in ordered),
            "others": others,
            "has_others": any(other.ordered for other in others),
            "dicomweb": self._house.config.http.dicomweb_path,
            "active": "downloads",
        }
        return self._pages.render(request, "downloads.html", values, session=session)

    def order(self, request: Request, session: Session, fields: dict[str, str]) -> Response:
        """Let the worker prepare the field `study`, or all, in the field `form`. Raises NoSuchInstance."""
        form = next((one for one in ("archive", *self._others) if one == fields.get("form")), None)
        if form is None or not (study := fields.get("study")):
            raise NoSuchInstance("There is no such download to order.")
        wish = Wish(session.share.id, "" if study == ALL else study, form, self._pages.languages.of(request).language)
        records = records_of(self._index, session.share.scope, wish.study)
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
        name = name_of(self._pages.languages.of(request), download.wish.form)
        headers["Content-Disposition"] = attachment(f"{name}.zip")
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


def _first(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The first `size` bytes."""
    for piece in pieces:
        if len(piece) >= size:
            yield piece[:size]
            return
        size -= len(piece)
        yield piece
