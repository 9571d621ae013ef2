"""Staff who sign in at an OpenID provider: authorization code flow with PKCE (OpenID Connect Core 1.0 3.1, RFC 7636).

Nothing is kept between the two halves of a sign-in but a sealed cookie. Accounts are made beforehand by name; the first
sign-in binds the provider's subject to the account, so that nobody inherits it who is given the name later.
"""

import json
import logging
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast
from urllib.parse import quote_plus, urlencode

import httpx2
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from cryptography.fernet import Fernet, InvalidToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from auth.digests import Digests
from auth.errors import OpenIdRefused
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
    """Blocking: a few requests to the provider at each end. Safe from any thread and several processes."""

    def __init__(self, database: Database, pepper: bytes, settings: OpenIdSettings) -> None:
        self._database = database
        self._settings = settings
        self._cipher: Fernet = cipher(Digests(pepper), "openid")
        self._client = httpx2.Client(timeout=_SECONDS, follow_redirects=False)

    def close(self) -> None:
        """End the connections to the provider."""
        self._client.close()

    def depart(self) -> Departure:
        """Begin a sign-in; `OpenIdRefused` when the provider cannot be asked."""
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

    def arrive(self, cookie: str, answer: Mapping[str, str]) -> str:
        """The name of the account that came back with this `answer`, the query of the redirect URI.

        `OpenIdRefused` for whatever is not as it should be.
        """
        kept = self._opened(cookie)
        if not secrets.compare_digest(kept["state"].encode(), answer.get("state", "").encode()):
            raise self._refusal("state")
        if answer.get("error") == "access_denied":
            raise OpenIdRefused("cancelled")
        discovered = self._discovered()
        # RFC 9207: which provider answers, so that none can pass on what was meant for another.
        named = bool(discovered.get("authorization_response_iss_parameter_supported"))
        if not answer.get("code") or answer.get("iss", "" if named else discovered["issuer"]) != discovered["issuer"]:
            raise self._refusal("answer")
        token = self._exchanged(discovered, answer["code"], kept["verifier"])
        claims = self._claims(discovered, token, kept["nonce"])
        return self._account(claims, self._named(discovered, token, claims))

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
        """The token answer (3.1.3); by HTTP Basic, which is what providers expect unless they say otherwise."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._settings.redirect_uri,
            "code_verifier": verifier,
        }
        known = (self._settings.client_id, self._settings.client_secret)
        endpoint = str(discovered["token_endpoint"])
        if "client_secret_basic" in discovered.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]):
            name, secret = (quote_plus(part) for part in known)  # RFC 6749 2.3.1
            return self._asked("POST", endpoint, data=form, auth=(name, secret))
        return self._asked("POST", endpoint, data=form | dict(zip(("client_id", "client_secret"), known, strict=True)))

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

    def _named(self, discovered: dict[str, Any], token: dict[str, Any], claims: dict[str, Any]) -> str:
        """The name of the account: in the ID token, or where providers that keep it short tell the rest (5.3)."""
        claim = self._settings.account_claim
        if claim in claims or "userinfo_endpoint" not in discovered:
            return str(claims.get(claim, "")).lower()
        bearer = {"authorization": f"Bearer {token.get('access_token')}"}
        told = self._asked("GET", str(discovered["userinfo_endpoint"]), headers=bearer)
        if told.get("sub") != claims["sub"]:
            raise self._refusal("subject")
        return str(told.get(claim, "")).lower()

    def _account(self, claims: dict[str, Any], name: str) -> str:
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
            raise self._refusal("account", "no_account")
        return name

    def _asked(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        data: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> dict[str, Any]:
        """The JSON object that the provider answers with."""
        wanted = {"accept": "application/json"} | (headers or {})
        try:
            answer = self._client.request(method, url, headers=wanted, data=data, auth=auth)
            document = answer.json() if answer.status_code == 200 and len(answer.content) <= _LARGEST else None
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise self._refusal(type(error).__name__, "away") from error
        if not isinstance(document, dict):
            raise self._refusal(f"status {answer.status_code}", "away" if answer.status_code >= 500 else "failed")
        return document

    def _refusal(self, detail: str, reason: Literal["away", "no_account", "failed"] = "failed") -> OpenIdRefused:
        _log.warning("openid sign-in refused reason=%s", detail)
        return OpenIdRefused(reason)
