"""Pages: Jinja2 templates with autoescape, in the visitor's language, never to be kept by a cache."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, FunctionLoader, StrictUndefined, Template
from starlette.requests import Request
from starlette.responses import Response

from auth.sessions import Session
from gateway.config import Config
from gateway.pages.compression import compressed
from gateway.pages.static import StaticFiles
from gateway.pages.texts import COOKIE, Languages, Texts
from gateway.pages.wording import breakable, day

_SHARED: Final = Path(__file__).parent / "templates"
_ONE_YEAR: Final = 365 * 24 * 3600


class Pages:
    """Renders the templates of one room, portal or desk."""

    def __init__(
        self, config: Config, languages: Languages, static: StaticFiles, templates: Path, start: str = "/"
    ) -> None:
        """`templates` is the folder of a room's own templates; those that all rooms share are found too.

        `start` is the address where the room begins.
        """
        self.languages = languages
        self._config = config
        self._start = start
        self._https = config.public_root.startswith("https:")
        self._environment = Environment(
            autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False
        )
        # Read now, like texts, styles and scripts: files of another release, put in their place while this one runs, do
        # not fit it. Translated when a page is first asked for, which for all of them takes a hundred times as long.
        files = FileSystemLoader([templates, _SHARED])
        sources = {name: files.get_source(self._environment, name) for name in files.list_templates()}
        self._environment.loader = FunctionLoader(sources.get)
        self._environment.globals.update(static=static.url, modules=static.modules, start=start)
        self._environment.filters["breakable"] = breakable

    def render(
        self,
        request: Request,
        template: str,
        values: Mapping[str, Any],
        *,
        session: Session | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """The page `template` filled with `values`; with a `session` it also has the menu and the expiry date.

        It names the site that keeps the session's share, and without a session the first one. An answer to a form
        cannot be fetched in another language. Where `values` name an `again` the language is switched by sending the
        page's form of that id to its address, else by way of the start page. The `data-page` of its body says which
        template of which room it is.
        """
        found = self._environment.get_template(template)
        words = self.languages.of(request)
        general = {"t": words, "languages": self._switch(request), "active": "", "again": None}
        general |= self._of_site(session) | _of_session(words, session) | {"page_name": _name(found)}
        html = found.render({**general, **values}).encode()
        response = _page(request, html, status, dict(headers or {}))
        if chosen := self.languages.asked_for(request):
            response.set_cookie(
                COOKIE, chosen, max_age=_ONE_YEAR, path="/", secure=self._https, httponly=True, samesite="lax"
            )
        return response

    def message(
        self, request: Request, kind: str, *, session: Session | None = None, status: int, number: str = ""
    ) -> Response:
        """A page that only says something: the texts `error.{kind}_title` and `error.{kind}`.

        `number` is what the log knows a failure by.
        """
        words = self.languages.of(request)
        values = {"title": words(f"error.{kind}_title"), "sentence": words(f"error.{kind}"), "number": number}
        return self.render(request, "message.html", values, session=session, status=status)

    def _of_site(self, session: Session | None) -> dict[str, Any]:
        key = session.share.site if session else ""
        site = self._config.site_of(key)
        if site is None:
            key, site = "", self._config.site
        return {"site": site, "logo": logo_url(key) if site.logo else ""}

    def _switch(self, request: Request) -> list[dict[str, str]]:
        path = request.url.path if request.method == "GET" else self._start
        kept = {name: value for name, value in request.query_params.items() if name in ("i", "j") and value.isdigit()}
        suffix = "".join(f"&{name}={value}" for name, value in kept.items())
        return [
            {"tag": words.language, "name": words("language.name"), "url": f"{path}?lang={words.language}{suffix}"}
            for words in self.languages.all()
        ]


def logo_url(key: str) -> str:
    """Where the logo of the site with this key is to be had."""
    return f"/logo/{key}" if key else "/logo"


def seconds_left(session: Session) -> int:
    """Seconds until the session ends if nothing more is asked."""
    return max(int((session.idle_until - datetime.now(UTC)).total_seconds()), 0)


def _of_session(words: Texts, session: Session | None) -> dict[str, Any]:
    if session is None:
        return {"share": None}
    expires = day(words, session.share.expires.date())
    return {"share": session.share, "expires": expires, "idle_seconds": seconds_left(session)}


def _page(request: Request, html: bytes, status: int, headers: dict[str, str]) -> Response:
    # No page holds a secret beside text that somebody else chose, so compression tells nothing (BREACH).
    headers = {"cache-control": "no-store", "vary": "accept-encoding, accept-language, cookie", **headers}
    return Response(compressed(request, html, headers, 5), status, headers, "text/html")


def _name(template: Template) -> str:
    """A template by its room: "desk/waiting"."""
    path = Path(template.filename or "")
    return f"{path.parent.parent.name}/{path.stem}"
