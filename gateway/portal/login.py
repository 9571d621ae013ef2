"""Login: an access code or a QR token, and a birth date.

A refusal never says which of them was wrong, and looks the same for each reason. What can be seen without knowing
any share (a code whose check character does not fit, a date that is none) is said, because it helps to mend it.
"""

from dataclasses import dataclass, field
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth.codes import normalise
from auth.errors import Denied, MalformedCode, ShareEnded
from auth.identity import Identification, parse_birth_date
from auth.records import Share
from auth.sessions import Sessions
from gateway.pages.pages import Pages
from gateway.pages.texts import Texts
from gateway.portal.devices import device_of
from gateway.portal.door import NO_STORE, Door
from gateway.portal.forms import fields_of


@dataclass(frozen=True, slots=True)
class Entered:
    """What the form holds."""

    code: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    birth_date: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """The box above the form; `kind` is a CSS class, "calm" or "problem"."""

    kind: str
    title: str
    sentences: tuple[str, ...]


class Login:
    """The form and what is sent with it."""

    def __init__(self, identification: Identification, sessions: Sessions, door: Door, pages: Pages) -> None:
        self._identification = identification
        self._sessions = sessions
        self._door = door
        self._pages = pages

    def form(self, request: Request) -> Response:
        """The login page; after a session that ended, or was ended, it says so."""
        words = self._pages.languages.of(request)
        for reason, kind in (("ended", "calm"), ("signed_out", "calm"), ("deleted", "calm"), ("closed", "calm")):
            if reason in request.query_params:
                message = Message(kind, words(f"error.{reason}_title"), (words(f"error.{reason}"),))
                return self._page(request, Entered(), message)
        return self._page(request, Entered())

    def landing(self, request: Request) -> Response:
        """Where QR codes lead. The token stands in the fragment, which only the page's script can see."""
        return self._page(request, Entered(), landing=True)

    async def submit(self, request: Request) -> Response:
        """Sign in: 303 to the overview, or the form again with what to do next."""
        if not self._door.is_own_form(request):
            return await run_in_threadpool(self._refuse, request, Entered(), ("title", "foreign"), 403)
        form = await fields_of(request)
        code, token, birth_date = (form.get(name, "").strip() for name in ("code", "token", "birth_date"))
        entered = Entered(code, token, birth_date)
        return await run_in_threadpool(self._door.safely, request, lambda: self._sign_in(request, entered))

    def _sign_in(self, request: Request, entered: Entered) -> Response:
        errors = _typing_errors(self._pages.languages.of(request), entered)
        if errors:
            return self._page(request, entered, errors=errors, status=400)
        try:
            cookie = self._sessions.begin(self._share(request, entered), device_of(request))
        except Denied as denied:
            return self._denied(request, entered, denied.retry_after)
        except ShareEnded:
            return self._denied(request, entered, 0)
        response = RedirectResponse("/", 303, NO_STORE)
        self._door.admit(response, cookie)
        return response

    def _share(self, request: Request, entered: Entered) -> Share:
        network = request.client.host if request.client else ""
        birth_date = parse_birth_date(entered.birth_date) or ""
        if entered.token:
            return self._identification.by_token(entered.token, birth_date, network)
        return self._identification.by_code(entered.code, birth_date, network)

    def _denied(self, request: Request, entered: Entered, retry_after: int) -> Response:
        if not retry_after:
            return self._refuse(request, entered, ("denied_title", "denied", "denied_reason"), 403)
        words = self._pages.languages.of(request)
        minutes = -(-retry_after // 60)
        message = Message("problem", words("error.denied_title"), (words.count("error.throttled", minutes),))
        headers = {"retry-after": str(retry_after)}
        return self._page(request, entered, message, status=429, headers=headers)

    def _refuse(self, request: Request, entered: Entered, keys: tuple[str, ...], status: int) -> Response:
        words = self._pages.languages.of(request)
        title, *sentences = (words(f"error.{key}") for key in keys)
        return self._page(request, entered, Message("problem", title, tuple(sentences)), status=status)

    def _page(
        self,
        request: Request,
        entered: Entered,
        message: Message | None = None,
        *,
        errors: dict[str, str] | None = None,
        landing: bool = False,
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> Response:
        values: dict[str, Any] = {
            "entered": entered,
            "message": message,
            "errors": {"code": "", "birth_date": "", **(errors or {})},
            "landing": landing,
        }
        return self._pages.render(request, "login.html", values, status=status, headers=headers)


def _typing_errors(words: Texts, entered: Entered) -> dict[str, str]:
    errors = {}
    if not entered.token:
        try:
            normalise(entered.code)
        except MalformedCode:
            errors["code"] = words("error.code_typo" if entered.code else "error.code_empty")
    if parse_birth_date(entered.birth_date) is None:
        errors["birth_date"] = words("error.birth_date")
    return errors
