"""Signing in at the OpenID provider: the way there and the way back."""

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth.errors import OpenIdRefused, SignInRefused
from auth.staff_openid import OpenIdSignIn
from gateway.desk.door import NO_STORE, DeskDoor
from gateway.house import House
from storage.errors import NoSuchInstance

_LIFETIME: Final = 600


class OpenId:
    """Nothing of it exists where no provider is configured."""

    def __init__(self, house: House, door: DeskDoor) -> None:
        self._house = house
        self._door = door
        secure = house.config.public_root.startswith("https://")
        self._secure = secure
        self._name = "__Host-o" if secure else "o"

    def depart(self, request: Request) -> Response:
        """To the provider, with a cookie that comes back with the visitor: Lax, for the way back starts elsewhere."""
        try:
            departure = self._provider().depart()
        except OpenIdRefused as refused:
            return self._refused(refused.reason)
        response = RedirectResponse(departure.url, 303, NO_STORE)
        response.set_cookie(
            self._name,
            departure.cookie,
            max_age=_LIFETIME,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )
        return response

    def arrive(self, request: Request) -> Response:
        """From the provider: a page of ours that goes on to the desk, for no strict cookie would come along at once."""
        try:
            name = self._provider().arrive(request.cookies.get(self._name, ""), request.query_params)
            cookie = self._house.staff_sessions.begin(name, "full", "by=openid")
        except OpenIdRefused as refused:
            return self._refused(refused.reason)
        except SignInRefused:
            return self._refused("no_account")
        response = self._door.render(request, "onward.html", {})
        self._door.cookie.set(response, cookie)
        self._forget(response)
        return response

    def _provider(self) -> OpenIdSignIn:
        if self._house.openid is None:
            raise NoSuchInstance("Nobody signs in by OpenID Connect here.")
        return self._house.openid

    def _refused(self, reason: str) -> Response:
        response = RedirectResponse(f"/desk/sign-in?openid={reason}", 303, NO_STORE)
        self._forget(response)
        return response

    def _forget(self, response: Response) -> None:
        response.delete_cookie(self._name, path="/", secure=self._secure, httponly=True, samesite="lax")
