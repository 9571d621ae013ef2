"""The portal's routes."""

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.house import House
from gateway.pages.pages import Pages
from gateway.pages.static import StaticFiles
from gateway.pages.texts import Languages
from gateway.portal.browse import Browse, Leaving
from gateway.portal.door import NO_STORE, Door
from gateway.portal.login import Login

_TEMPLATES: Final = Path(__file__).parent / "templates"


def routes(house: House, static: StaticFiles, languages: Languages) -> list[BaseRoute]:
    """All pages, `/static`, and last a route that answers every other path with a page that says so."""
    config = house.config
    pages = Pages(config, languages, static, _TEMPLATES)
    door = Door(house.gatekeeper, pages, config.public_root)
    login = Login(house.identification, house.sessions, door, pages)
    browse = Browse(house.storage.index, house.sessions, pages, config.http.dicomweb_path)
    leaving = Leaving(house.sessions, door)

    def start(request: Request) -> Response:
        session = door.session_of(request)
        if session is not None:
            return door.answer(request, session, browse.overview)
        if door.cookie_of(request) and not request.query_params:
            return door.to_login()
        return login.form(request)

    def not_found(request: Request) -> Response:
        return pages.message(request, "not_found", session=door.session_of(request), status=404)

    def to_start(request: Request) -> Response:
        return RedirectResponse("/", 303, NO_STORE)

    return [
        *static.routes(),
        Route("/", door.open(start)),
        Route("/z", door.open(login.landing)),
        Route("/login", login.submit, methods=["POST"]),
        Route("/login", to_start),
        Route("/studies/{study}", door.signed_in(browse.study)),
        Route("/studies/{study}/series/{series}", door.signed_in(browse.series)),
        Route("/account", door.signed_in(browse.account)),
        Route("/session", door.signed_in(browse.session)),
        Route("/logout", door.open(leaving.sign_out), methods=["POST"]),
        Route("/logout", to_start),
        Route("/logout/elsewhere", door.signed_in(leaving.sign_out_elsewhere), methods=["POST"]),
        Route("/logout/elsewhere", to_start),
        Route("/{path:path}", door.open(not_found)),
    ]
