"""Passkeys of staff (Web Authentication level 2): something one has, opened by what one knows or is.

The authenticator must verify the user, so a passkey is both factors at once and no password is asked for. Challenges
travel in a sealed cookie; one that was answered is remembered, so that no answer counts twice.
"""

import ipaddress
import json
import logging
import secrets
import sqlite3
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import webauthn
from cryptography.fernet import Fernet, InvalidToken
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from auth.clock import Clock, seconds
from auth.digests import Digests
from auth.errors import SignInRefused
from auth.staff import cipher, row_of
from storage.audit import note
from storage.database import Database

_log = logging.getLogger("durchblick.auth")

Purpose = Literal["register", "sign in"]

_LIFETIME: Final = 300
_MOST: Final = 10
_INSERT: Final = """
INSERT INTO staff_passkey (credential, name, public_key, sign_count, created) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (credential) DO NOTHING
"""
_FIND: Final = """
SELECT staff_passkey.* FROM staff_passkey JOIN staff ON staff.name = staff_passkey.name
WHERE staff_passkey.credential = ? AND staff.disabled = 0
"""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the browser's authenticator is asked, as JSON, and the cookie that must come back with its answer."""

    options: str
    cookie: str = field(repr=False)


class Passkeys:
    """Blocking; safe from any thread and several processes."""

    def __init__(self, database: Database, pepper: bytes, clock: Clock, public_url: str, house: str) -> None:
        """`public_url` is the address by which browsers reach us, `house` what authenticators show."""
        self._database = database
        self._clock = clock
        self._cipher: Fernet = cipher(Digests(pepper), "passkeys")
        self._origin = public_url.rstrip("/")
        self._host = urlsplit(public_url).hostname or ""
        self._house = house

    @property
    def are_possible(self) -> bool:
        """Whether browsers make passkeys for our address: only for names, and only over https or on this machine."""
        try:
            ipaddress.ip_address(self._host)
        except ValueError:
            return self._origin.startswith("https://") or self._host == "localhost"
        return False

    def registration(self, name: str) -> Challenge:
        """What makes a new passkey for an account."""
        rows = self._database.read("SELECT credential FROM staff_passkey WHERE name = ?", (name,))
        (account,) = self._database.read("SELECT handle FROM staff WHERE name = ?", (name,))
        challenge = secrets.token_bytes(32)
        options = webauthn.generate_registration_options(
            rp_id=self._host,
            rp_name=self._house,
            user_name=name,
            user_id=bytes.fromhex(account["handle"]),
            challenge=challenge,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(base64url_to_bytes(row[0])) for row in rows],
        )
        return Challenge(webauthn.options_to_json(options), self._sealed(challenge, "register", name))

    def register(self, name: str, cookie: str, answer: dict[str, Any]) -> None:
        """Keep the passkey that was made for `registration`; `SignInRefused` when the answer does not hold."""
        challenge = self._opened(cookie, "register", name)
        try:
            made = webauthn.verify_registration_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=self._host,
                expected_origin=self._origin,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise _refusal(error) from error
        row = (bytes_to_base64url(made.credential_id), name, made.credential_public_key, made.sign_count)
        now = seconds(self._clock())

        def work(connection: sqlite3.Connection) -> None:
            self._use(connection, challenge, now)
            (number,) = connection.execute("SELECT count(*) FROM staff_passkey WHERE name = ?", (name,)).fetchone()
            account = row_of(connection, name)
            if account["disabled"] or account["set_up_until"] is not None or number >= _MOST:
                raise SignInRefused
            if not connection.execute(_INSERT, (*row, now)).rowcount:
                raise SignInRefused
            note(connection, "second factor enrolled", name, "kind=passkey")

        self._database.write(work)

    def question(self) -> Challenge:
        """What any passkey for our address can answer."""
        challenge = secrets.token_bytes(32)
        options = webauthn.generate_authentication_options(
            rp_id=self._host, challenge=challenge, user_verification=UserVerificationRequirement.REQUIRED
        )
        return Challenge(webauthn.options_to_json(options), self._sealed(challenge, "sign in", ""))

    def identify(self, cookie: str, answer: dict[str, Any]) -> str:
        """The name of the account whose passkey answered `question`; `SignInRefused` for every other answer."""
        challenge = self._opened(cookie, "sign in", "")
        rows = self._database.read(_FIND, (str(answer.get("id", "")),))
        if not rows:
            raise SignInRefused
        passkey, now = rows[0], seconds(self._clock())
        try:
            proven = webauthn.verify_authentication_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=self._host,
                expected_origin=self._origin,
                credential_public_key=passkey["public_key"],
                credential_current_sign_count=passkey["sign_count"],
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise _refusal(error) from error

        def work(connection: sqlite3.Connection) -> None:
            self._use(connection, challenge, now)
            connection.execute(
                "UPDATE staff_passkey SET sign_count = ? WHERE credential = ?",
                (proven.new_sign_count, passkey["credential"]),
            )

        self._database.write(work)
        name: str = passkey["name"]
        return name

    def _sealed(self, challenge: bytes, purpose: Purpose, name: str) -> str:
        kept = {"challenge": bytes_to_base64url(challenge), "purpose": purpose, "name": name}
        return self._cipher.encrypt(json.dumps(kept).encode()).decode()

    def _opened(self, cookie: str, purpose: Purpose, name: str) -> bytes:
        try:
            kept = json.loads(self._cipher.decrypt(cookie.encode(), ttl=_LIFETIME))
        except InvalidToken as error:
            raise SignInRefused from error
        if (kept["purpose"], kept["name"]) != (purpose, name):
            raise SignInRefused
        return base64url_to_bytes(kept["challenge"])

    def _use(self, connection: sqlite3.Connection, challenge: bytes, now: int) -> None:
        """Remember an answered challenge as long as its cookie could come again; `SignInRefused` for a used one."""
        connection.execute("DELETE FROM staff_challenge WHERE until < ?", (now,))
        sql = "INSERT INTO staff_challenge (challenge, until) VALUES (?, ?) ON CONFLICT (challenge) DO NOTHING"
        if not connection.execute(sql, (bytes_to_base64url(challenge), now + 2 * _LIFETIME)).rowcount:
            raise SignInRefused


def _refusal(error: Exception) -> SignInRefused:
    _log.warning("passkey refused reason=%s", type(error).__name__)
    return SignInRefused()
