"""A small OpenID provider over real HTTP: signs in whomever a test names, and errs in one point if it is told to."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "durchblick", "a secret of both"


@dataclass
class Provider:
    """What the server says; `claims` are added to those of each ID token, `error` names what goes wrong."""

    url: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    methods: list[str] | None = None
    """How clients show their secret, where it says so; else by HTTP Basic (OpenID Connect Discovery 1.0 section 3)."""
    asked: dict[str, dict[str, str]] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1"}))

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": "https://other.example" if self.error == "other metadata" else self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "userinfo_endpoint": f"{self.url}/me",
            **({"token_endpoint_auth_methods_supported": self.methods} if self.methods else {}),
            "authorization_response_iss_parameter_supported": self.error == "unnamed answer",
        }

    def me(self) -> dict[str, Any]:
        """The UserInfo answer (5.3.2)."""
        return {"sub": "subject-2" if self.error == "other person" else "subject-1", "preferred_username": "Anna"}

    def keys(self) -> dict[str, Any]:
        return {"keys": [self.key.as_dict(private=False)]}

    def authorized(self, query: dict[str, str]) -> str:
        """Where the browser is sent back to."""
        assert query["response_type"] == "code" and query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self.asked[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """The token answer (OpenID Connect Core 3.1.3.3), None for a request that is not as it should be."""
        shown = (form.get("client_id"), form.get("client_secret"))
        if not self.methods:
            name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
            shown = (unquote_plus(name), unquote_plus(secret))
        query = self.asked.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        sound = query is not None and challenge == query["code_challenge"]
        sound = sound and form.get("redirect_uri") == (query or {}).get("redirect_uri")
        if not sound or shown != (CLIENT_ID, CLIENT_SECRET):
            return None
        return {"access_token": "opaque", "token_type": "Bearer", "id_token": self._id_token(query or {})}

    def _id_token(self, query: dict[str, str]) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT_ID, "sub": "subject-1", "iat": now, "exp": now + 300}
        claims |= {"nonce": query["nonce"], **self.claims}
        wrong: dict[str, dict[str, Any]] = {
            "other nonce": {"nonce": "another"},
            "other audience": {"aud": "somebody else"},
            "other issuer": {"iss": "https://other.example"},
            "expired": {"exp": now - 600, "iat": now - 900},
        }
        claims |= wrong.get(self.error, {})
        key = RSAKey.generate_key(2048, {"kid": "1"}) if self.error == "other key" else self.key
        signed = jwt.encode({"alg": "RS256", "kid": "1"}, claims, key)
        if self.error == "unsigned":
            head = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
            return f"{head}.{signed.split('.')[1]}."
        return signed


@contextmanager
def running() -> Iterator[Provider]:
    """A provider on a free port of 127.0.0.1 until the end of the block."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/authorize":
                self.send_response(302)
                self.send_header("location", provider.authorized(_flat(url.query)))
                self.end_headers()
                return
            documents = {
                "/.well-known/openid-configuration": provider.metadata,
                "/keys": provider.keys,
                "/me": provider.me,
            }
            self._answer(documents[url.path]())

        def do_POST(self) -> None:
            form = _flat(self.rfile.read(int(self.headers["content-length"])).decode())
            self._answer(provider.token(form, self.headers.get("authorization", "")))

        def _answer(self, document: dict[str, Any] | None) -> None:
            body = json.dumps(document or {"error": "invalid_grant"}).encode()
            self.send_response(200 if document else 400)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield provider
        server.shutdown()
        thread.join()


def _flat(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}
