"""The door of the desk: who comes in with a session of staff, what they may, and what becomes of the others."""

import functools
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth.cookies import SessionCookie, is_same_origin
from auth.records import Share
from auth.staff import Member
from auth.staff_sessions import StaffSession
from dicomweb.problems import log_unexpected
from gateway.house import House
from gateway.pages.pages import Pages
from gateway.sheets import site_of
from storage.audit import act_as
from storage.errors import NoSuchInstance, NotAuthorised, Refusal
from storage.scope import SiteStudies, StudyScope, WholeArchive

NO_STORE: Final = {"cache-control": "no-store"}
LARGEST_FORM: Final = 64 * 1024

Endpoint = Callable[[Request], Response]
StaffEndpoint = Callable[[Request, StaffSession], Response]

_log = logging.getLogger("durchblick.gateway")


class DeskDoor:
    """Wraps endpoints. They are synchronous, so Starlette runs them (and the database's answers) in threads."""

    def __init__(self, house: House, pages: Pages) -> None:
        self._house = house
        self._pages = pages
        self.cookie = SessionCookie(house.config.public_root, "d")

    def session_of(self, request: Request) -> StaffSession | None:
        """The live session of a request, in whichever stage, or None."""
        value = self.cookie.read(request)
        session = self._house.staff_sessions.session_of(value) if value else None
        if session is not None:
            act_as(f"staff {session.member.name}")
        return session

    def is_own_form(self, request: Request) -> bool:
        """Whether a request that changes something comes from one of our own pages."""
        return is_same_origin(request, self._house.config.public_root)

    def open(self, endpoint: Endpoint) -> Endpoint:
        """`endpoint` for everybody."""

        @functools.wraps(endpoint)
        def guarded(request: Request) -> Response:
            return self.safely(request, lambda: endpoint(request))

        return guarded

    def signed_in(self, endpoint: StaffEndpoint) -> Endpoint:
        """`endpoint` for staff with both factors; the others are sent to where they sign in.

        What does not come from our own pages changes nothing (403). What belongs to another site answers 404,
        whether it exists or not.
        """

        @functools.wraps(endpoint)
        def for_session(request: Request) -> Response:
            session = self.session_of(request)
            if session is None or session.stage != "full":
                return self.to_sign_in(request)
            if not self.is_own_form(request):
                return self.message(request, "foreign", 403, session)
            return self.safely(request, lambda: endpoint(request, session), session)

        return for_session

    def may_share(self, endpoint: StaffEndpoint) -> Endpoint:
        """The same for those who may open, prolong and end shares."""

        @functools.wraps(endpoint)
        def for_sharers(request: Request, session: StaffSession) -> Response:
            if not session.member.may_share:
                raise NotAuthorised("This role looks only.")
            return endpoint(request, session)

        return self.signed_in(for_sharers)

    def may_administer(self, endpoint: StaffEndpoint) -> Endpoint:
        """The same for those who manage accounts."""

        @functools.wraps(endpoint)
        def for_administrators(request: Request, session: StaffSession) -> Response:
            if not session.member.may_administer:
                raise NotAuthorised("Only administrators manage accounts.")
            return endpoint(request, session)

        return self.signed_in(for_administrators)

    def safely(self, request: Request, make: Callable[[], Response], session: StaffSession | None = None) -> Response:
        """What `make` returns, or a page in plain words for what it raises."""
        try:
            return make()
        except NoSuchInstance:
            return self.message(request, "not_found", 404, session)
        except NotAuthorised:
            return self.message(request, "role", 403, session)
        except Refusal as refusal:
            return self.message(request, "problem", refusal.http_status, session)
        except Exception as error:
            return self.message(request, "problem", 500, session, number=log_unexpected(error))

    def message(
        self, request: Request, kind: str, status: int, session: StaffSession | None = None, *, number: str = ""
    ) -> Response:
        """A page that only says something: the texts `desk.error.{kind}_title` and `desk.error.{kind}`."""
        words = self._pages.languages.of(request)
        title, sentence = words(f"desk.error.{kind}_title"), words(f"desk.error.{kind}")
        values = {"title": title, "sentence": sentence, "number": number}
        return self.render(request, "desk_message.html", values, session, status=status)

    def render(
        self,
        request: Request,
        template: str,
        values: Mapping[str, Any],
        session: StaffSession | None = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """A page of the desk; with a `session` it has the menu of who works there."""
        member = session.member if session and session.stage == "full" else None
        site = site_of(self._house, (member.site or "") if member else "")
        general: dict[str, Any] = {"member": member, "site": site, "idle_seconds": 0}
        if session is not None:
            general["idle_seconds"] = max(int((session.idle_until - datetime.now(UTC)).total_seconds()), 0)
        if member is not None:
            general |= self._counts(member)
        return self._pages.render(request, template, {**general, **values}, status=status, headers=headers)

    def _counts(self, member: Member) -> dict[str, int]:
        """How much waits, for the menu; forwarding stands there where something is forwarded."""
        uploads = self._house.intake.uploads.waiting(member.site)
        failed = sum(self._house.deliveries.failed(scope_of(member)).values())
        return {
            "waiting": len(self._house.requests.open(member.site)),
            "uploads_waiting": uploads,
            "forwards": failed or len(self._house.config.forwarding.targets),
            "forwarding_failed": failed,
        }

    def to_sign_in(self, request: Request) -> Response:
        """To the form, which says that the session has ended if there was one."""
        ended = "?ended" if self.cookie.read(request) else ""
        return RedirectResponse(f"/desk/sign-in{ended}", 303, NO_STORE)

    def share(self, request: Request, session: StaffSession) -> Share:
        """The share that the path names; `NoSuchShare` also when another site keeps it."""
        return visible_share(self._house, session.member, request.path_params["share"])


def visible_share(house: House, member: Member, share_id: str) -> Share:
    """The share with this id if it is the member's business, else `NoSuchInstance`."""
    share = house.shares.get(share_id)
    if not member.may_see(share.site):
        raise NoSuchInstance("No share has this id.")
    return share


def scope_of(member: Member) -> StudyScope:
    """What a member of staff sees of the archive."""
    return WholeArchive() if member.site is None else SiteStudies(member.site)
