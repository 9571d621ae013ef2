"""A series to keep: as film (MP4, or animated WebP) and as contact sheets (PDF), made when they are asked for."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from tempfile import TemporaryFile
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from auth.sessions import Session
from dicomweb.rendered.parameters import parse_rendering
from gateway.house import House
from gateway.pages.pages import Pages
from gateway.pages.texts import Texts
from gateway.portal.attachment import attachment
from gateway.portal.door import NO_STORE
from gateway.portal.metadata import data_set_of
from gateway.portal.studies import Wording
from gateway.series_files import contact_sheet, film, mp4
from gateway.series_files.captions import Captions, captions, groups_of
from gateway.series_files.chosen import Choice, choose, drawn, milliseconds
from storage.errors import NoSuchInstance, OutOfResources
from storage.pixels import Rendering
from storage.scope import StudyScope

_AT_ONCE: Final = 1
_WAITING: Final = 2
_PATIENCE: Final = 20.0
_RETRY_SECONDS: Final = "30"


class Places:
    """Lets few requests work, a few wait, and refuses the others: one file costs seconds of a processor."""

    def __init__(self, at_once: int = _AT_ONCE, waiting: int = _WAITING, patience: float = _PATIENCE) -> None:
        """Whoever has waited for `patience` seconds is refused too."""
        self._inside = threading.BoundedSemaphore(at_once + waiting)
        self._working = threading.BoundedSemaphore(at_once)
        self._patience = patience

    @contextmanager
    def take(self) -> Iterator[None]:
        """Work when it is one's turn. Raises `OutOfResources`."""
        if not self._inside.acquire(blocking=False):
            raise OutOfResources("Too many files are being made.")
        try:
            if not self._working.acquire(timeout=self._patience):
                raise OutOfResources("Another file is being made.")
            try:
                yield
            finally:
                self._working.release()
        finally:
            self._inside.release()


@dataclass(frozen=True, slots=True)
class _Wish:
    """A series that may be seen, which of its images go into the file, and what stands on them."""

    words: Texts
    choice: Choice
    captions: Captions
    milliseconds: int
    window: tuple[float, float, str] | None
    digits: str


class SeriesFiles:
    """Makes them with the scope of the visitor's share. The methods block, for seconds."""

    def __init__(self, house: House, pages: Pages) -> None:
        self._storage = house.storage
        self._pages = pages
        self._places = Places()
        self._encoder = house.film_encoder

    def film(self, request: Request, session: Session) -> Response:
        """The series as animated WebP. `?window=` as in PS3.18 8.3.5.1.4. Raises NoSuchInstance, BadRequest."""
        return self._answer(request, session, self._film, "webp", "image/webp")

    def phone_film(self, request: Request, session: Session) -> Response:
        """The series as MP4, where there is FFmpeg; all else is as with `film`."""
        if self._encoder is None:
            raise NoSuchInstance("There is no FFmpeg here.")
        return self._answer(request, session, partial(self._encoded, self._encoder), "mp4", "video/mp4")

    def contact_sheet(self, request: Request, session: Session) -> Response:
        """The series as PDF. `?window=` as in PS3.18 8.3.5.1.4. Raises NoSuchInstance, BadRequest."""
        return self._answer(request, session, self._contact_sheet, "pdf", "application/pdf")

    def _answer(
        self, request: Request, session: Session, make: Callable[[_Wish], bytes], ending: str, media_type: str
    ) -> Response:
        wish = self._wish(request, session.share.scope)
        name = "-".join(part for part in (wish.words("keep.series_file"), wish.digits) if part)
        headers = NO_STORE | {"content-disposition": attachment(f"{name}.{ending}")}
        if request.method == "HEAD":
            return Response(None, 200, headers, media_type)
        try:
            with self._places.take():
                content = make(wish)
        except OutOfResources:
            refusal = self._pages.message(request, "series_busy", session=session, status=503)
            refusal.headers["retry-after"] = _RETRY_SECONDS
            return refusal
        # Before anything is sent: what cannot be accounted for is not handed out.
        self._storage.audit.record("instances downloaded", request.path_params["study"], f"share={session.share.id}")
        return Response(content, 200, headers, media_type)

    def _wish(self, request: Request, scope: StudyScope) -> _Wish:
        study_uid, series_uid = request.path_params["study"], request.path_params["series"]
        index = self._storage.index
        summary = next((one for one in index.studies(scope) if one.study_instance_uid == study_uid), None)
        if summary is None:
            raise NoSuchInstance("No such study.")
        words = self._pages.languages.of(request)
        study = Wording(words, "").study(summary)
        series = next((one for one in study.series if one.series_instance_uid == series_uid), None)
        if series is None:
            raise NoSuchInstance("No such series.")
        choice = choose(index.instances(scope, study_uid, series_uid))
        if not choice.images:
            raise NoSuchInstance("There is no image in this series.")
        first = choice.images[0].record
        data_set = data_set_of(self._storage, scope, first)
        name = groups_of(summary.patient_name, data_set)
        said = captions(words, study, series, name, choice.total, choice.step)
        stays = milliseconds(data_set if first.number_of_frames > 1 else {}, choice.step)
        asked = {name: value for name, value in request.query_params.items() if name == "window"}
        rendering, _ = parse_rendering(asked, "image/jpeg", (0, 0))
        return _Wish(words, choice, said, stays, rendering.window, study.digits)

    def _film(self, wish: _Wish) -> bytes:
        pictures = drawn(self._storage, wish.choice, _rendering(wish, film.SIDE, film.QUALITY))
        return film.film(wish.captions, pictures, wish.milliseconds)

    def _encoded(self, encoder: mp4.Encoder, wish: _Wish) -> bytes:
        pictures = drawn(self._storage, wish.choice, _rendering(wish, film.SIDE, film.QUALITY))
        with TemporaryFile() as target:
            try:
                encoder.film(film.papers(wish.captions, pictures, film.SIDE), wish.milliseconds, target)
            except mp4.FilmFailed as error:
                raise OutOfResources("FFmpeg has made no film.") from error
            target.seek(0)
            return target.read()

    def _contact_sheet(self, wish: _Wish) -> bytes:
        pictures = drawn(self._storage, wish.choice, _rendering(wish, contact_sheet.SIDE, contact_sheet.QUALITY))
        count = len(wish.choice.images)
        return contact_sheet.contact_sheet(wish.captions, pictures, count, wish.words.language)


def _rendering(wish: _Wish, side: int, quality: int) -> Rendering:
    return Rendering(window=wish.window, viewport=(side, side), quality=quality, enlarge=True, profile="srgb")
