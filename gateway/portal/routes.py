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
from gateway.portal.account import Account
from gateway.portal.browse import Browse, Leaving
from gateway.portal.comparing import Comparing
from gateway.portal.dictionary import Dictionary
from gateway.portal.documents import Documents
from gateway.portal.door import NO_STORE, Door, Endpoint
from gateway.portal.downloads import TakingAlong
from gateway.portal.glossary import Glossary
from gateway.portal.login import Login
from gateway.portal.logos import Logos
from gateway.portal.onward import Onward
from gateway.portal.opening import Opening
from gateway.portal.regions import Regions
from gateway.portal.series_files import SeriesFiles
from gateway.portal.terms import Terms
from gateway.portal.verifying import Verifying

_TEMPLATES: Final = Path(__file__).parent / "templates"


def routes(house: House, static: StaticFiles, languages: Languages) -> list[BaseRoute]:
    """All pages, `/static`, and last a route that answers every other path with a page that says so."""
    config = house.config
    pages = Pages(config, languages, static, _TEMPLATES)
    door = Door(house.gatekeeper, pages, config.public_root)
    login = Login(house.identification, house.sessions, door, pages)
    browse = Browse(house, pages)
    terms = Terms(config, house.shares, pages)
    leaving = Leaving(house.sessions, door)

    def start(request: Request) -> Response:
        session = door.session_of(request)
        if session is not None:
            return door.answer(request, session, terms.demanded(browse.overview))
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
        Route("/studies/{study}", door.signed_in(terms.demanded(browse.study))),
        Route("/studies/{study}/series/{series}", door.signed_in(terms.demanded(browse.series))),
        *_compare_routes(house, pages, door, terms),
        Route(
            "/studies/{study}/series/{series}/documents/{instance}",
            door.signed_in(terms.demanded(Documents(house.storage).pdf)),
        ),
        *_region_routes(house, door, terms),
        *_series_file_routes(house, pages, door, terms),
        *_account_routes(house, pages, door, terms),
        *_download_routes(house, pages, door, terms, to_start),
        *_viewer_routes(house, pages, door, terms, to_start),
        *_open_routes(house, pages, door),
        Route("/session", door.signed_in(browse.session)),
        Route("/logout", door.open(leaving.sign_out), methods=["POST"]),
        Route("/logout", to_start),
        Route("/logout/elsewhere", door.signed_in(leaving.sign_out_elsewhere), methods=["POST"]),
        Route("/logout/elsewhere", to_start),
        Route("/{path:path}", door.open(not_found)),
    ]


def _open_routes(house: House, pages: Pages, door: Door) -> list[BaseRoute]:
    """What tells nothing of anybody."""
    verifying = Verifying(house, pages, door)
    return [
        Route("/dictionary", door.open(Dictionary().keywords)),
        Route("/glossary", door.open(Glossary(pages, door).page)),
        Route("/verify", door.open(verifying.page)),
        Route("/signing-key.pem", door.open(verifying.key)),
        Route("/logo", door.open(Logos(house.config).logo)),
        Route("/logo/{site}", door.open(Logos(house.config).logo)),
    ]


def _compare_routes(house: House, pages: Pages, door: Door, terms: Terms) -> list[BaseRoute]:
    comparing = Comparing(house, pages)
    choose = "/studies/{study}/series/{series}/compare"
    return [
        Route(choose, door.signed_in(terms.demanded(comparing.choose))),
        Route(f"{choose}/{{other}}/{{beside}}", door.signed_in(terms.demanded(comparing.show))),
    ]


def _region_routes(house: House, door: Door, terms: Terms) -> list[BaseRoute]:
    regions = Regions(house.storage)
    listed = "/studies/{study}/series/{series}/regions"
    return [
        Route(listed, door.signed_in(terms.demanded(regions.listed))),
        Route(f"{listed}/{{beside}}/{{instance}}", door.signed_in(terms.demanded(regions.one))),
    ]


def _series_file_routes(house: House, pages: Pages, door: Door, terms: Terms) -> list[BaseRoute]:
    made = SeriesFiles(house, pages)
    series = "/studies/{study}/series/{series}"
    return [
        Route(f"{series}/film.webp", door.signed_in(terms.demanded(made.film))),
        Route(f"{series}/film.mp4", door.signed_in(terms.demanded(made.phone_film))),
        Route(f"{series}/contact-sheet.pdf", door.signed_in(terms.demanded(made.contact_sheet))),
    ]


def _download_routes(house: House, pages: Pages, door: Door, terms: Terms, to_start: Endpoint) -> list[BaseRoute]:
    along = TakingAlong(house, pages, door)
    return [
        Route("/downloads", door.signed_in(terms.demanded(along.page))),
        Route("/downloads/progress", door.signed_in(along.progress)),
        Route("/downloads/prepare", door.form(along.order), methods=["POST"]),
        Route("/downloads/prepare", to_start),
        Route("/downloads/{download}/{name}", door.signed_in(along.archive)),
    ]


def _viewer_routes(house: House, pages: Pages, door: Door, terms: Terms, to_start: Endpoint) -> list[BaseRoute]:
    opening = Opening(house, pages, door)
    form = "/studies/{study}/open/{viewer}"
    return [
        Route(form, door.signed_in(terms.demanded(opening.page)), methods=["POST"]),
        Route(form, to_start),
        opening.routes(),
    ]


def _account_routes(house: House, pages: Pages, door: Door, terms: Terms) -> list[BaseRoute]:
    account, onward = Account(house, pages, door, terms), Onward(house, pages)

    def to_account(request: Request) -> Response:
        return RedirectResponse("/account", 303, NO_STORE)

    return [
        Route("/account", door.signed_in(terms.demanded(account.show))),
        Route("/account/ask", door.form(account.ask), methods=["POST"]),
        Route("/account/ask", to_account),
        Route("/account/delete", door.form(account.delete), methods=["POST"]),
        Route("/account/delete", door.signed_in(account.ask_to_delete)),
        Route("/account/onward", door.form(onward.make), methods=["POST"]),
        Route("/account/onward", door.signed_in(onward.ask)),
        Route("/account/onward/end", door.form(onward.end), methods=["POST"]),
        Route("/account/onward/end", to_account),
        Route("/terms", door.form(terms.accept), methods=["POST"]),
        Route("/terms", door.signed_in(terms.show)),
    ]
