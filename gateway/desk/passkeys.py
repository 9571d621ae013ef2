"""Passkeys at the desk: JSON for the page's script, since only scripts reach authenticators."""

from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auth.errors import SignInRefused
from auth.staff_passkeys import Challenge
from auth.staff_sessions import StaffSession
from dicomweb.problems import BadRequest
from gateway.desk.door import NO_STORE, DeskDoor
from gateway.desk.forms import body_of
from gateway.house import House

_LIFETIME: Final = 300


class PasskeyRooms:
    """Making a passkey in a session (also one that only enrols), and signing in by one."""

    def __init__(self, house: House, door: DeskDoor) -> None:
        self._house = house
        self._door = door
        self._secure = house.config.public_root.startswith("https://")
        self._name = "__Host-p" if self._secure else "p"

    def account(self, request: Request, session: StaffSession) -> Response:
        """Who is signed in, and what the account has."""
        values: dict[str, Any] = {"passkeys_possible": self._house.passkeys.are_possible, "active": "account"}
        return self._door.render(request, "account.html", values, session)

    def registration(self, request: Request) -> Response:
        """The options by which the browser makes a passkey."""
        session = self._session(request)
        return self._asking(self._house.passkeys.registration(session.member.name))

    def register(self, request: Request) -> Response:
        """Keep the new passkey; who came to enrol is in."""
        session = self._session(request)
        name = session.member.name
        self._house.passkeys.register(name, request.cookies.get(self._name, ""), _answer(request))
        response: Response = JSONResponse({"to": "/desk/account"}, headers=NO_STORE)
        if session.stage == "enrol":
            self._house.staff_sessions.end(session.cookie)
            response = self._admit(name, "second factor enrolled")
        self._forget(response)
        return response

    def question(self, request: Request) -> Response:
        """The options by which the browser asks for a passkey."""
        self._own(request)
        self._house.staff_sign_in.refuse_blocked(_address(request))
        return self._asking(self._house.passkeys.question())

    def sign_in(self, request: Request) -> Response:
        """A session for whoever's passkey answered; failures count against the network."""
        self._own(request)
        self._house.staff_sign_in.refuse_blocked(_address(request))
        try:
            name = self._house.passkeys.identify(request.cookies.get(self._name, ""), _answer(request))
        except SignInRefused as refused:
            raise self._house.staff_sign_in.refused(_address(request)) from refused
        response = self._admit(name, "by=passkey")
        self._forget(response)
        return response

    def _admit(self, name: str, detail: str) -> Response:
        response = JSONResponse({"to": "/desk"}, headers=NO_STORE)
        self._door.cookie.set(response, self._house.staff_sessions.begin(name, "full", detail))
        return response

    def _session(self, request: Request) -> StaffSession:
        self._own(request)
        session = self._door.session_of(request)
        if session is None or session.member.sign_in != "local":
            raise SignInRefused
        return session

    def _own(self, request: Request) -> None:
        if not self._door.is_own_form(request) or not self._house.passkeys.are_possible:
            raise SignInRefused

    def _asking(self, challenge: Challenge) -> Response:
        response = Response(challenge.options, headers=NO_STORE, media_type="application/json")
        response.set_cookie(
            self._name,
            challenge.cookie,
            max_age=_LIFETIME,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )
        return response

    def _forget(self, response: Response) -> None:
        response.delete_cookie(self._name, path="/", secure=self._secure, httponly=True, samesite="strict")


def _answer(request: Request) -> dict[str, Any]:
    try:
        document = orjson.loads(body_of(request))
    except orjson.JSONDecodeError as error:
        raise BadRequest("The body is no JSON.") from error
    if not isinstance(document, dict):
        raise BadRequest("The body is no object.")
    return document


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
