"""Staff who sign in at an OpenID provider: authorization code flow with PKCE (OpenID Connect Core 1.0 3.1, RFC 7636).

Nothing is kept between the two halves of a sign-in but a sealed cookie. Accounts are made beforehand by name; the first
sign-in binds the provider's subject to the account, so that nobody inherits it who is given the name later.
"""

import json
import logging
import secrets
import sqlite3
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import urlencode

import httpx2
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from cryptography.fernet import Fernet, InvalidToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from auth.digests import Digests
from auth.errors import SignInRefused
from auth.staff import cipher
from storage.audit import note
from storage.database import Database

_log = logging.getLogger("durchblick.auth")

_ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_SECONDS: Final = 10.0
_LEEWAY: Final = 60
_LIFETIME: Final = 600
_LARGEST: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class OpenIdSettings:
    """The provider and what it knows us by. `account_claim` is the claim that holds the name of an account."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    account_claim: str = "preferred_username"


@dataclass(frozen=True, slots=True)
class Departure:
    """Where the browser is sent, and the cookie that it needs to come back."""

    url: str
    cookie: str = field(repr=False)


class OpenIdSignIn:
    """Blocking: two requests to the provider at each end. Safe from any thread and several processes."""

    def __init__(
        self, database: Database, pepper: bytes, settings: OpenIdSettings, client: httpx2.Client | None = None
    ) -> None:
        self._database = database
        self._settings = settings
        self._cipher: Fernet = cipher(Digests(pepper), "openid")
        self._client = client or httpx2.Client(timeout=_SECONDS, follow_redirects=False)

    def depart(self) -> Departure:
        """Begin a sign-in; `SignInRefused` when the provider cannot be asked."""
        endpoint = str(self._discovered()["authorization_endpoint"])
        kept = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._settings.redirect_uri,
            "scope": "openid profile email",
            "state": kept["state"],
            "nonce": kept["nonce"],
            "code_challenge": create_s256_code_challenge(kept["verifier"]),  # type: ignore[no-untyped-call]
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in endpoint else "?"
        return Departure(
            f"{endpoint}{joint}{urlencode(query)}", self._cipher.encrypt(json.dumps(kept).encode()).decode()
        )

    def arrive(self, cookie: str, state: str, code: str) -> str:
        """The name of the account that came back with `code`; `SignInRefused` for whatever is not as it should be."""
        kept = self._opened(cookie)
        if not code or not secrets.compare_digest(kept["state"].encode(), state.encode()):
            raise self._refusal("state")
        discovered = self._discovered()
        token = self._exchanged(discovered, code, kept["verifier"])
        return self._account(self._claims(discovered, token, kept["nonce"]))

    def _opened(self, cookie: str) -> dict[str, str]:
        try:
            opened: dict[str, str] = json.loads(self._cipher.decrypt(cookie.encode(), ttl=_LIFETIME))
        except InvalidToken as error:
            raise self._refusal("cookie") from error
        return opened

    def _discovered(self) -> dict[str, Any]:
        """The provider's metadata (OpenID Connect Discovery 1.0 4), which must be those of this very issuer."""
        issuer = self._settings.issuer
        found = self._asked("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != issuer:
            raise self._refusal("issuer")
        return found

    def _exchanged(self, discovered: dict[str, Any], code: str, verifier: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._settings.redirect_uri,
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret,
            "code_verifier": verifier,
        }
        return self._asked("POST", str(discovered["token_endpoint"]), form)

    def _claims(self, discovered: dict[str, Any], token: dict[str, Any], nonce: str) -> dict[str, Any]:
        """The claims of the ID token once its signature and all that 3.1.3.7 demands hold."""
        keys = self._asked("GET", str(discovered["jwks_uri"]))
        settings = self._settings
        demanded = {
            "iss": {"essential": True, "value": settings.issuer},
            "aud": {"essential": True, "value": settings.client_id},
            "nonce": {"essential": True, "value": nonce},
        }
        params = {"client_id": settings.client_id, "nonce": nonce, "access_token": token.get("access_token")}
        try:
            signed = jwt.decode(
                str(token.get("id_token", "")),
                KeySet.import_key_set(cast(KeySetSerialization, keys)),
                algorithms=_ALGORITHMS,
            )
            claims = CodeIDToken(signed.claims, signed.header, demanded, params)
            claims.validate(leeway=_LEEWAY)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise self._refusal(type(error).__name__) from error
        return dict(claims)

    def _account(self, claims: dict[str, Any]) -> str:
        name = str(claims.get(self._settings.account_claim, "")).lower()
        subject = f"{claims['iss']} {claims['sub']}"

        def work(connection: sqlite3.Connection) -> bool:
            sql = "SELECT subject FROM staff WHERE name = ? AND sign_in = 'openid' AND disabled = 0"
            row = connection.execute(sql, (name,)).fetchone()
            if row is None or row["subject"] not in (None, subject):
                return False
            taken = connection.execute("SELECT name FROM staff WHERE subject = ?", (subject,)).fetchone()
            if taken is not None:
                return bool(taken["name"] == name)
            connection.execute("UPDATE staff SET subject = ? WHERE name = ?", (subject, name))
            note(connection, "subject bound", name)
            return True

        if not self._database.write(work):
            raise self._refusal("account")
        return name

    def _asked(self, method: str, url: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        """The JSON object that the provider answers with."""
        try:
            answer = self._client.request(method, url, data=form, headers={"accept": "application/json"})
            document = answer.json() if answer.status_code == 200 and len(answer.content) <= _LARGEST else None
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise self._refusal(type(error).__name__) from error
        if not isinstance(document, dict):
            raise self._refusal(f"status {answer.status_code}")
        return document

    def _refusal(self, reason: str) -> SignInRefused:
        _log.warning("openid sign-in refused reason=%s", reason)
        return SignInRefused()
