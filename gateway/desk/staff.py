"""Accounts of staff, for administrators of the site that the accounts see.

What a new account signs in with stands in one answer only, as with sheets.
"""

from dataclasses import dataclass
from typing import Any, Final, get_args

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth.staff import Member, Role
from auth.staff_administration import SetUp
from auth.staff_sessions import StaffSession
from gateway.desk.door import NO_STORE, DeskDoor
from gateway.desk.forms import Form, form_of
from gateway.house import House
from gateway.pages.pages import Pages
from gateway.pages.texts import Texts
from gateway.pages.wording import day
from storage.errors import NoSuchInstance

_ROLES: Final[tuple[Role, ...]] = get_args(Role)
_EVERYWHERE: Final = "*"
"""All sites, in a form; the first one's key is empty."""


@dataclass(frozen=True, slots=True)
class MemberRow:
    """An account in words; `state` is a class of badges."""

    name: str
    url: str
    role: str
    site: str
    state: str
    state_word: str


class StaffRooms:
    """The list, an account, and what becomes of it. The rules are those of `auth.staff_administration`."""

    def __init__(self, house: House, door: DeskDoor, pages: Pages) -> None:
        self._house = house
        self._door = door
        self._pages = pages

    def overview(self, request: Request, session: StaffSession) -> Response:
        """Every account of the site, and the form for a new one."""
        return self._overview(request, session)

    def add(self, request: Request, session: StaffSession) -> Response:
        """A new account; the answer shows its set-up code. 400 for a name that is taken or none."""
        form = form_of(request)
        name = form.one("name").lower()
        by_provider = form.one("sign_in") == "openid" and self._house.openid is not None
        try:
            made = self._house.administration.add(
                session.member, name, _role(form), self._site(session, form), openid=by_provider
            )
        except ValueError:
            return self._overview(request, session, name, status=400)
        return self._set_up(request, session, made)

    def member(self, request: Request, session: StaffSession) -> Response:
        """One account and what can be done with it; with one's own nothing."""
        member = self._named(request, session)
        words = self._pages.languages.of(request)
        values: dict[str, Any] = {
            "row": self._row(words, member),
            "account": member,
            "is_own": member.name == session.member.name,
            "created": day(words, member.created.date()),
            "role": member.role,
            "chosen_site": _EVERYWHERE if member.site is None else member.site,
            "done": words("desk.staff.changed") if "changed" in request.query_params else "",
        }
        return self._door.render(request, "staff_member.html", {**self._general(words, session), **values}, session)

    def change(self, request: Request, session: StaffSession) -> Response:
        """Another role or site."""
        name, form = self._named(request, session).name, form_of(request)
        self._house.administration.change(session.member, name, _role(form), self._site(session, form))
        return _back(name)

    def lock(self, request: Request, session: StaffSession) -> Response:
        """End the account's sessions, and let it in no more."""
        return _back(self._house.administration.lock(session.member, self._named(request, session).name).name)

    def unlock(self, request: Request, session: StaffSession) -> Response:
        """Let it in again."""
        return _back(self._house.administration.unlock(session.member, self._named(request, session).name).name)

    def set_up_anew(self, request: Request, session: StaffSession) -> Response:
        """Forget password and second factor; the answer shows a new set-up code."""
        member = self._named(request, session)
        if member.sign_in != "local":
            raise NoSuchInstance("It has no password here.")
        return self._set_up(request, session, self._house.administration.set_up_anew(session.member, member.name))

    def remove(self, request: Request, session: StaffSession) -> Response:
        """Remove it."""
        self._house.administration.remove(session.member, self._named(request, session).name)
        return RedirectResponse("/desk/staff?removed", 303, NO_STORE)

    def _named(self, request: Request, session: StaffSession) -> Member:
        return self._house.administration.get(session.member, request.path_params["member"])

    def _overview(
        self, request: Request, session: StaffSession, wrong: str | None = None, status: int = 200
    ) -> Response:
        words = self._pages.languages.of(request)
        values: dict[str, Any] = {
            "rows": [self._row(words, one) for one in self._house.administration.list(session.member)],
            "wrong": wrong,
            "openid": self._house.config.desk.openid.name if self._house.openid else "",
            "removed": "removed" in request.query_params,
            "role": "desk",
            "chosen_site": _EVERYWHERE if session.member.site is None else session.member.site,
        }
        return self._door.render(
            request, "staff.html", {**self._general(words, session), **values}, session, status=status
        )

    def _set_up(self, request: Request, session: StaffSession, made: SetUp) -> Response:
        words = self._pages.languages.of(request)
        values: dict[str, Any] = {
            "name": made.member.name,
            "url": _url(made.member.name),
            "groups": made.code.split("-") if made.code else [],
            "until": day(words, made.until.date()) if made.until else "",
            "address": f"{self._house.config.public_root.removeprefix('https://')}/desk",
            "provider": self._house.config.desk.openid.name,
            "active": "staff",
        }
        return self._door.render(request, "staff_set_up.html", values, session)

    def _general(self, words: Texts, session: StaffSession) -> dict[str, Any]:
        """What may be chosen: every role, and the sites that the administrator sees."""
        sites = [("", self._house.config.site.name), *((one.key, one.name) for one in self._house.config.sites)]
        if session.member.site is not None:
            sites = [one for one in sites if one[0] == session.member.site]
        elif len(sites) > 1:
            sites.insert(0, (_EVERYWHERE, words("desk.staff.all_sites")))
        else:
            sites = [(_EVERYWHERE, self._house.config.site.name)]
        roles = [(one, words(f"desk.staff.role.{one}"), words(f"desk.staff.role_hint.{one}")) for one in _ROLES]
        return {"roles": roles, "sites": sites, "active": "staff"}

    def _row(self, words: Texts, member: Member) -> MemberRow:
        sites = self._house.config.site_names
        badge, state = _state(member)
        return MemberRow(
            name=member.name,
            url=_url(member.name),
            role=words(f"desk.staff.role.{member.role}"),
            site=words("desk.staff.all_sites") if member.site is None else sites.get(member.site, member.site),
            state=badge,
            state_word=words(f"desk.staff.state.{state}"),
        )

    def _site(self, session: StaffSession, form: Form) -> str | None:
        """The site of a form: one that there is, or what the administrator sees when none is chosen."""
        chosen = form.one("site")
        if "site" not in form.fields:
            return session.member.site
        if chosen != _EVERYWHERE and self._house.config.site_of(chosen) is None:
            raise NoSuchInstance("No such site.")
        return None if chosen == _EVERYWHERE else chosen


def _state(member: Member) -> tuple[str, str]:
    """The class of a badge, and the word for it."""
    if member.disabled:
        return "revoked", "locked"
    return ("live", "ready") if member.secured else ("ending", "waits")


def _role(form: Form) -> Role:
    found = form.one("role")
    role = next((one for one in _ROLES if one == found), None)
    if role is None:
        raise NoSuchInstance("No such role.")
    return role


def _url(name: str) -> str:
    return f"/desk/staff/{name}"


def _back(name: str) -> Response:
    return RedirectResponse(f"{_url(name)}?changed", 303, NO_STORE)
