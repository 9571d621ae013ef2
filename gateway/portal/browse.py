"""The overview, one study, one series: the images a signed-in patient looks at."""

from dataclasses import replace
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from auth.sessions import Session, Sessions
from gateway.house import House
from gateway.pages.pages import Pages, seconds_left
from gateway.pages.texts import Texts
from gateway.pages.wording import person
from gateway.portal.comparing import is_comparable
from gateway.portal.door import NO_STORE, Door
from gateway.portal.exhibits import Exhibits
from gateway.portal.opening import viewers_of
from gateway.portal.references import References, Shown
from gateway.portal.stack import Stack
from gateway.portal.studies import SeriesView, StudyView, studies_of
from storage.errors import NoSuchInstance
from storage.records import StudySummary
from storage.scope import StudyScope

_MOST_SELECTIONS: Final = 8
_MOST_SCOUTS: Final = 4
_LARGEST_SCOUT: Final = 12


class Browse:
    """Every read of the index gets the scope of the visitor's share."""

    def __init__(self, house: House, pages: Pages) -> None:
        self._storage = house.storage
        self._index = house.storage.index
        self._downloads = house.downloads
        self._references = References(house.storage, house.config.http.dicomweb_path)
        self._pages = pages
        self._root = house.config.http.dicomweb_path
        self._viewers = viewers_of(house.config)
        self._film = "film.mp4" if house.film_encoder else "film.webp"

    def overview(self, request: Request, session: Session) -> Response:
        """All studies, newest first, the newest with its first picture."""
        summaries = self._index.studies(session.share.scope)
        words, scope = self._words(request), session.share.scope
        studies = [self._with_key_images(words, scope, one) for one in studies_of(words, self._root, summaries)]
        hero = studies[0].newest_picture if studies else None
        values: dict[str, Any] = {"studies": studies, "person": person_of(summaries), "hero": hero, "picture": None}
        values["download_ready"] = self._downloads.new_of_share(session.share.id)
        if hero:
            values["picture"] = self._series_stack(session.share.scope, studies[0], hero).picture(self._root)
        return self._pages.render(request, "overview.html", values, session=session)

    def study(self, request: Request, session: Session) -> Response:
        """One study with its series. Raises NoSuchInstance."""
        found = self._study(request, session, self._index.studies(session.share.scope))
        values = {"study": found, "download_ready": self._downloads.new_of_share(session.share.id)}
        return self._pages.render(request, "study.html", values, session=session)

    def series(self, request: Request, session: Session) -> Response:
        """The viewer. `?i=` is the number of the image from 1; without it the middle one. Raises NoSuchInstance."""
        summaries = self._index.studies(session.share.scope)
        found = self._study(request, session, summaries)
        wanted = request.path_params["series"]
        series = next((one for one in found.series if one.series_instance_uid == wanted), None)
        if series is None:
            raise NoSuchInstance("No such series.")
        scope = session.share.scope
        records = self._index.instances(scope, found.study_instance_uid, series.series_instance_uid)
        stack = Stack(records)
        stack.go_to(request.query_params.get("i", ""))
        stack.go_to_instance(request.query_params.get("instance", ""), request.query_params.get("frame", ""))
        exhibits = Exhibits(self._storage, self._references, self._words(request), scope, self._root)
        values: dict[str, Any] = {"study": found, "series": series, "total": stack.total, "i": stack.position}
        values["exhibits"] = exhibits.of(records)
        if stack.total:
            values |= {"picture": stack.picture(self._root), "instances": stack.listed()}
            values["dicomweb"] = self._root
            values |= {"viewers": self._viewers, "film": self._film}
            values["comparable"] = is_comparable(summaries)
            values["scouts"] = _scouts(found, series)
            values["states"] = self._states(scope, found, series)
        return self._pages.render(request, "viewer.html", values, session=session)

    def session(self, request: Request, session: Session) -> Response:
        """How long the session lasts if nothing more is asked; asking for it keeps it alive."""
        return JSONResponse({"seconds": seconds_left(session)}, headers=NO_STORE)

    def _words(self, request: Request) -> Texts:
        return self._pages.languages.of(request)

    def _study(self, request: Request, session: Session, summaries: list[StudySummary]) -> StudyView:
        """The one that the address names, of those that the share shows."""
        wanted = [one for one in summaries if one.study_instance_uid == request.path_params["study"]]
        if not wanted:
            raise NoSuchInstance("No such study.")
        words = self._words(request)
        return self._with_key_images(words, session.share.scope, studies_of(words, self._root, wanted)[0])

    def _with_key_images(self, words: Texts, scope: StudyScope, study: StudyView) -> StudyView:
        """The study with what somebody has chosen as its most important images first, and a picture of that."""
        found: dict[bool, list[SeriesView]] = {True: [], False: []}
        for series in study.series:
            shown: list[Shown] = []
            if series.modality == "KO":
                records = self._index.instances(scope, study.study_instance_uid, series.series_instance_uid)
                for record in records[:_MOST_SELECTIONS]:
                    shown += self._references.key_images(scope, record)
            if shown:
                count = words.count("images", len(shown))
                series = replace(series, thumbnail=shown[0].thumbnail, count=count)
            found[bool(shown)].append(series)
        return replace(study, series=(*found[True], *found[False]))

    def _states(self, scope: StudyScope, study: StudyView, series: SeriesView) -> str:
        """The presentation states for this series, as the viewer's script reads them; empty without any."""
        uids = [one.series_instance_uid for one in study.series if one.modality == "PR"]
        states = self._references.states(scope, study.study_instance_uid, uids, series.series_instance_uid)
        return orjson.dumps(states).decode() if states else ""

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


def _scouts(study: StudyView, series: SeriesView) -> list[str]:
    """DICOMweb addresses of the small series that may show where the images of `series` lie in the body."""
    others = [
        one for one in study.series if one.representative and one.series_instance_uid != series.series_instance_uid
    ]
    small = [one for one in others if one.modality == series.modality and one.instances <= _LARGEST_SCOUT]
    return [one.resource for one in sorted(small, key=lambda one: one.instances)[:_MOST_SCOUTS]]


def person_of(summaries: list[StudySummary]) -> str:
    """Whose studies these are, as one says the name."""
    return next((name for summary in summaries if (name := person(summary.patient_name))), "")
