"""The overview, one study, one series: the images a signed-in patient looks at."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from auth.sessions import Session, Sessions
from gateway.house import House
from gateway.pages.pages import Pages, seconds_left
from gateway.pages.texts import Texts
from gateway.pages.wording import person
from gateway.portal.door import NO_STORE, Door
from gateway.portal.stack import Stack
from gateway.portal.studies import SeriesView, StudyView, studies_of
from storage.errors import NoSuchInstance
from storage.records import StudySummary
from storage.scope import StudyScope


class Browse:
    """Every read of the index gets the scope of the visitor's share."""

    def __init__(self, house: House, pages: Pages) -> None:
        self._index = house.storage.index
        self._downloads = house.downloads
        self._pages = pages
        self._root = house.config.http.dicomweb_path

    def overview(self, request: Request, session: Session) -> Response:
        """All studies, newest first, the newest with its first picture."""
        summaries = self._index.studies(session.share.scope)
        studies = studies_of(self._words(request), self._root, summaries)
        hero = studies[0].newest_picture if studies else None
        values: dict[str, Any] = {"studies": studies, "person": person_of(summaries), "hero": hero, "picture": None}
        values["download_ready"] = self._downloads.new_of_share(session.share.id)
        if hero:
            values["picture"] = self._series_stack(session.share.scope, studies[0], hero).picture(self._root)
        return self._pages.render(request, "overview.html", values, session=session)

    def study(self, request: Request, session: Session) -> Response:
        """One study with its series. Raises NoSuchInstance."""
        found = self._study(request, session)
        values = {"study": found, "download_ready": self._downloads.new_of_share(session.share.id)}
        return self._pages.render(request, "study.html", values, session=session)

    def series(self, request: Request, session: Session) -> Response:
        """The viewer. `?i=` is the number of the image from 1; without it the middle one. Raises NoSuchInstance."""
        found = self._study(request, session)
        wanted = request.path_params["series"]
        series = next((one for one in found.series if one.series_instance_uid == wanted), None)
        if series is None:
            raise NoSuchInstance("No such series.")
        stack = self._series_stack(session.share.scope, found, series)
        stack.go_to(request.query_params.get("i", ""))
        values: dict[str, Any] = {"study": found, "series": series, "total": stack.total, "i": stack.position}
        if stack.total:
            values |= {"picture": stack.picture(self._root), "instances": stack.listed()}
        else:
            values["explanation"] = _explanation(self._words(request), stack, series)
        return self._pages.render(request, "viewer.html", values, session=session)

    def session(self, request: Request, session: Session) -> Response:
        """How long the session lasts if nothing more is asked; asking for it keeps it alive."""
        return JSONResponse({"seconds": seconds_left(session)}, headers=NO_STORE)

    def _words(self, request: Request) -> Texts:
        return self._pages.languages.of(request)

    def _study(self, request: Request, session: Session) -> StudyView:
        wanted = request.path_params["study"]
        summaries = [one for one in self._index.studies(session.share.scope) if one.study_instance_uid == wanted]
        if not summaries:
            raise NoSuchInstance("No such study.")
        return studies_of(self._words(request), self._root, summaries)[0]

    def _series_stack(self, scope: StudyScope, study: StudyView, series: SeriesView) -> Stack:
        return Stack(self._index.instances(scope, study.study_instance_uid, series.series_instance_uid))


class Leaving:
    """Signing out, here and elsewhere."""

    def __init__(self, sessions: Sessions, door: Door) -> None:
        self._sessions = sessions
        self._door = door

    def sign_out(self, request: Request) -> Response:
        """End the session here and in the browser; caches and storage of this origin are emptied too."""
        if not self._door.is_own_form(request):
            return RedirectResponse("/", 303, NO_STORE)
        if cookie := self._door.cookie_of(request):
            self._sessions.end(cookie)
        response = RedirectResponse("/?signed_out", 303, NO_STORE | {"clear-site-data": '"cache", "storage"'})
        self._door.forget(response)
        return response

    def sign_out_elsewhere(self, request: Request, session: Session) -> Response:
        """End every other session of the share: other devices, other browsers."""
        if not self._door.is_own_form(request):
            return RedirectResponse("/account", 303, NO_STORE)
        self._sessions.end_others(session.share.id, self._door.cookie_of(request))
        return RedirectResponse("/account?ended_elsewhere", 303, NO_STORE)


def person_of(summaries: list[StudySummary]) -> str:
    """Whose studies these are, as one says the name."""
    return next((name for summary in summaries if (name := person(summary.patient_name))), "")


def _explanation(words: Texts, stack: Stack, series: SeriesView) -> str:
    if stack.has_video:
        return words("viewer.video")
    return words("viewer.no_images", what=words.either(f"object.{series.modality}", "object.other"))
