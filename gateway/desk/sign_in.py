"""How staff come in, set up their second factor, and leave."""

from dataclasses import dataclass
from typing import Any

import pyotp
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from auth import qr
from auth.errors import SignInRefused, UnusablePassword
from auth.passwords import SHORTEST
from auth.staff_sessions import StaffSession, Stage
from gateway.desk.door import NO_STORE, DeskDoor
from gateway.desk.forms import form_of
from gateway.house import House
from gateway.pages.pages import Pages
from storage.errors import NoSuchInstance


@dataclass(frozen=True, slots=True)
class Message:
    """The box above the form; `kind` is a CSS class, "calm" or "problem"."""

    kind: str
    title: str
    sentence: str


class SignIn:
    """The form, the enrolment, and the way out."""

    def __init__(self, house: House, door: DeskDoor, pages: Pages) -> None:
        self._house = house
        self._door = door
        self._pages = pages

    def form(self, request: Request) -> Response:
        """The form; after a session that ended, or was ended, or was not begun by OpenID, it says so."""
        words = self._pages.languages.of(request)
        provider, failed = self._house.config.desk.openid.name, request.query_params.get("openid", "")
        if provider and f"desk.openid.{failed}" in words:
            sentence = words(f"desk.openid.{failed}", name=provider)
            return self._form(request, "", Message("problem", words("desk.sign_in.refused_title"), sentence))
        for reason in ("ended", "signed_out"):
            if reason in request.query_params:
                message = Message("calm", words(f"desk.sign_in.{reason}_title"), words(f"desk.sign_in.{reason}"))
                return self._form(request, "", message)
        return self._form(request, "")

    def submit(self, request: Request) -> Response:
        """Name, password and one-time code: 303 to the desk or the enrolment, or the form again."""
        form = form_of(request)
        if not self._door.is_own_form(request):
            return self._door.message(request, "foreign", 403)
        address = request.client.host if request.client else ""
        try:
            admitted = self._house.staff_sign_in.by_password(
                form.one("name"), form.fields.get("password", ("",))[0], form.one("code"), address
            )
            return self.admit(admitted.name, admitted.stage)
        except SignInRefused as refused:
            return self.refused(request, refused, form.one("name"))

    def admit(self, name: str, stage: Stage, detail: str = "") -> Response:
        """Begin a session and go where it leads. Raises `SignInRefused`."""
        cookie = self._house.staff_sessions.begin(name, stage, detail)
        response = RedirectResponse("/desk" if stage == "full" else "/desk/enrolment", 303, NO_STORE)
        self._door.cookie.set(response, cookie)
        return response

    def refused(self, request: Request, refused: SignInRefused, name: str = "") -> Response:
        """The form again, which never says what was wrong."""
        words = self._pages.languages.of(request)
        title = words("desk.sign_in.refused_title")
        if not refused.retry_after:
            return self._form(request, name, Message("problem", title, words("desk.sign_in.refused")), status=403)
        sentence = words.count("desk.sign_in.throttled", -(-refused.retry_after // 60))
        headers = {"retry-after": str(refused.retry_after)}
        return self._form(request, name, Message("problem", title, sentence), status=429, headers=headers)

    def enrolment(self, request: Request) -> Response:
        """The seed of the one-time codes as a QR code; only in a session that has nothing else to do.

        Whoever came in by a set-up code chooses a password first.
        """
        session = self._enrolling(request)
        return self._door.to_sign_in(request) if session is None else self._enrol(request, session)

    def choose_password(self, request: Request) -> Response:
        """A password in the place of the set-up code, or of the last one, which has to be known: 303, a new session."""
        session = self._door.session_of(request)
        if session is None or (session.stage == "enrol" and session.member.set_up_until is None):
            return self._door.to_sign_in(request)
        if not self._door.is_own_form(request):
            return self._door.message(request, "foreign", 403)
        fields, member = form_of(request).fields, session.member
        typed, again, last = (fields.get(name, ("",))[0] for name in ("password", "again", "last"))
        try:
            if session.stage == "full":
                self._house.staff_sign_in.prove(member.name, last, request.client.host if request.client else "")
            if typed != again:
                return self._choose(request, session, "differ")
            self._house.staff.choose_password(member.name, typed)
        except SignInRefused:
            return self._choose(request, session, "last_wrong")
        except UnusablePassword as unusable:
            return self._choose(request, session, unusable.reason)
        except ValueError:
            return self._choose(request, session, "overtaken")
        return self.admit(member.name, session.stage, "password chosen")

    def new_password(self, request: Request, session: StaffSession) -> Response:
        """The form for another password, for accounts that have one."""
        if session.member.sign_in != "local":
            raise NoSuchInstance("It has no password here.")
        return self._choose(request, session)

    def confirm(self, request: Request) -> Response:
        """A code that proves the seed: 303 to the desk, with a new session."""
        session = self._enrolling(request)
        if session is None:
            return self._door.to_sign_in(request)
        if not self._door.is_own_form(request):
            return self._door.message(request, "foreign", 403)
        if not self._house.staff_sign_in.confirm(session.member.name, form_of(request).one("code")):
            return self._enrol(request, session, wrong=True)
        self._house.staff_sessions.end(session.cookie)
        return self.admit(session.member.name, "full", "second factor enrolled")

    def sign_out(self, request: Request) -> Response:
        """End the session here and in the browser."""
        if not self._door.is_own_form(request):
            return RedirectResponse("/desk", 303, NO_STORE)
        if cookie := self._door.cookie.read(request):
            self._house.staff_sessions.end(cookie)
        clearing = NO_STORE | {"clear-site-data": '"cache", "storage"'}
        response = RedirectResponse("/desk/sign-in?signed_out", 303, clearing)
        self._door.cookie.clear(response)
        return response

    def session(self, request: Request, session: StaffSession) -> Response:
        """Asking for it keeps the session alive."""
        return JSONResponse({}, headers=NO_STORE)

    def _enrolling(self, request: Request) -> StaffSession | None:
        session = self._door.session_of(request)
        return session if session and session.stage == "enrol" else None

    def _enrol(self, request: Request, session: StaffSession, *, wrong: bool = False) -> Response:
        name = session.member.name
        if session.member.set_up_until is not None:
            return self._choose(request, session)
        seed = self._house.staff.seed(name)
        # Some authenticator apps cut the issuer at a colon.
        issuer = self._house.config.site.name.replace(":", " ")
        address = pyotp.TOTP(seed).provisioning_uri(name=name, issuer_name=issuer)
        values: dict[str, Any] = {
            "name": name,
            "seed": " ".join(seed[start : start + 4] for start in range(0, len(seed), 4)),
            "qr": qr.picture(address),
            "wrong": wrong,
            "passkeys": self._house.passkeys.are_possible,
        }
        return self._door.render(request, "enrolment.html", values, session, status=400 if wrong else 200)

    def _choose(self, request: Request, session: StaffSession, wrong: str = "") -> Response:
        values = {
            "name": session.member.name,
            "wrong": wrong,
            "shortest": SHORTEST,
            "is_set_up": session.stage == "enrol",
            "active": "account",
        }
        return self._door.render(request, "password.html", values, session, status=400 if wrong else 200)

    def _form(
        self,
        request: Request,
        name: str,
        message: Message | None = None,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> Response:
        values = {
            "name": name,
            "message": message,
            "openid": self._house.config.desk.openid.name,
            "passkeys": self._house.passkeys.are_possible,
        }
        return self._door.render(request, "sign_in.html", values, status=status, headers=headers)
