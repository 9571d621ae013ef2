"""The door of the portal: who comes in with a session, and what becomes of those without."""

import functools
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth.cookies import is_same_origin
from auth.middleware import Gatekeeper
from auth.sessions import Session
from dicomweb.problems import log_unexpected
from gateway.pages.pages import Pages
from gateway.portal.forms import fields_of
from storage.errors import NoSuchInstance, Refusal

NO_STORE: Final = {"cache-control": "no-store"}

Endpoint = Callable[[Request], Response]
PatientEndpoint = Callable[[Request, Session], Response]
FormEndpoint = Callable[[Request, Session, dict[str, str]], Response]
AsyncEndpoint = Callable[[Request], Awaitable[Response]]


class Door:
    """Wraps endpoints. They are synchronous, so Starlette runs them (and the database's answers) in threads."""

    def __init__(self, gatekeeper: Gatekeeper, pages: Pages, public_url: str) -> None:
        self._gatekeeper = gatekeeper
        self._pages = pages
        self._public_url = public_url

    def session_of(self, request: Request) -> Session | None:
        """The live session of a request, or None."""
        return self._gatekeeper.session_of(request)

    def is_own_form(self, request: Request) -> bool:
        """Whether a POST comes from one of our own pages."""
        return is_same_origin(request, self._public_url)

    def admit(self, response: Response, cookie: str) -> None:
        """Hand the cookie of a new session to the browser."""
        self._gatekeeper.cookie.set(response, cookie)

    def cookie_of(self, request: Request) -> str:
        """The value of the session's cookie, empty without one."""
        return self._gatekeeper.cookie.read(request)

    def forget(self, response: Response) -> None:
        """Take the session's cookie back."""
        self._gatekeeper.cookie.clear(response)

    def signed_in(self, endpoint: PatientEndpoint) -> Endpoint:
        """`endpoint` for those with a session; the others are sent to the start page, which says what to do.

        What the share does not show answers 404, whether it exists elsewhere or not.
        """

        @functools.wraps(endpoint)
        def for_session(request: Request) -> Response:
            return self._for_session(request, endpoint)

        return for_session

    def open(self, endpoint: Endpoint) -> Endpoint:
        """`endpoint` for everybody."""

        @functools.wraps(endpoint)
        def guarded(request: Request) -> Response:
            return self.safely(request, lambda: endpoint(request))

        return guarded

    def form(self, endpoint: FormEndpoint) -> AsyncEndpoint:
        """`endpoint` for the forms of those with a session; a form of another page changes nothing."""

        async def for_form(request: Request) -> Response:
            if not self.is_own_form(request):
                return RedirectResponse("/account", 303, NO_STORE)
            fields = await fields_of(request)

            def for_session(request: Request, session: Session) -> Response:
                return endpoint(request, session, fields)

            return await run_in_threadpool(self._for_session, request, for_session)

        return for_form

    def _for_session(self, request: Request, endpoint: PatientEndpoint) -> Response:
        return self.safely(request, lambda: self._answered(request, endpoint))

    def _answered(self, request: Request, endpoint: PatientEndpoint) -> Response:
        session = self.session_of(request)
        return self.to_login() if session is None else self.answer(request, session, endpoint)

    def answer(self, request: Request, session: Session, endpoint: PatientEndpoint) -> Response:
        """What `endpoint` answers to this session."""
        return self.safely(request, lambda: endpoint(request, session), session)

    def safely(self, request: Request, make: Callable[[], Response], session: Session | None = None) -> Response:
        """What `make` returns, or a page in plain words for what it raises."""
        try:
            return make()
        except NoSuchInstance:
            return self._pages.message(request, "not_found", session=session, status=404)
        except Refusal as refusal:
            return self._pages.message(request, "problem", session=session, status=refusal.http_status)
        except Exception as error:
            number = log_unexpected(error)
            return self._pages.message(request, "problem", session=session, status=500, number=number)

    def to_login(self) -> Response:
        """To the start page, which says that the session has ended."""
        return RedirectResponse("/?ended", 303, NO_STORE)
