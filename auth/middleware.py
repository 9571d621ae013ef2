"""From a request to what it may see: the one place where sessions and bearer tokens become a `StudyScope`."""

from starlette.requests import HTTPConnection

from auth.cookies import SessionCookie
from auth.sessions import Session, Sessions
from auth.tokens import Access, Right, Tokens
from auth.viewer_passes import PREFIX, ViewerPasses
from storage.audit import act_as
from storage.errors import NotAuthenticated, NotAuthorised
from storage.scope import StudyScope


class Gatekeeper:
    """Blocking, because it asks the database on every request: async callers use a thread."""

    def __init__(self, sessions: Sessions, tokens: Tokens, passes: ViewerPasses, cookie: SessionCookie) -> None:
        self._sessions = sessions
        self._tokens = tokens
        self._passes = passes
        self.cookie = cookie

    def scope_of(self, connection: HTTPConnection, right: Right) -> StudyScope:
        """The scope in which the caller may read, write or delete.

        A bearer token, where there is one, decides; otherwise the session's cookie does, which only ever reads.
        Raises `NotAuthenticated`, without a hint at what was wrong, or `NotAuthorised` when the right is missing.
        """
        bearer = _bearer(connection)
        access = self._access_by_bearer(bearer) if bearer else self._access_by_session(connection)
        if access is None:
            raise NotAuthenticated("Sign in, or send a bearer token.")
        act_as(access.actor)
        if right not in access.rights:
            raise NotAuthorised(f"This needs the right to {right}.")
        return access.scope

    def bearer_access(self, connection: HTTPConnection, right: Right) -> Access:
        """What the bearer token of a request allows, for what sessions never do. Raises as `scope_of` does."""
        bearer = _bearer(connection)
        access = self._tokens.access_of(bearer) if bearer else None
        if access is None:
            raise NotAuthenticated("Send a bearer token.")
        act_as(access.actor)
        if right not in access.rights:
            raise NotAuthorised(f"This needs the right to {right}.")
        return access

    def session_of(self, connection: HTTPConnection) -> Session | None:
        """The live session of the request's cookie, for the portal's pages."""
        value = self.cookie.read(connection)
        session = self._sessions.session_of(value) if value else None
        if session is not None:
            act_as(session.actor)
        return session

    def _access_by_bearer(self, bearer: str) -> Access | None:
        holders = self._passes if bearer.startswith(PREFIX) else self._tokens
        return holders.access_of(bearer)

    def _access_by_session(self, connection: HTTPConnection) -> Access | None:
        session = self.session_of(connection)
        return Access(session.share.scope, frozenset({"read"}), actor=session.actor) if session else None


def _bearer(connection: HTTPConnection) -> str:
    """The token of `Authorization: Bearer` (RFC 6750 2.1), empty when the header is absent or of another scheme."""
    scheme, _, value = connection.headers.get("authorization", "").strip().partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""
