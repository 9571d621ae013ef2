"""The key with which the site signs what patients take along: Ed25519 (RFC 8032), made on first use.

    <folder>/secrets/signing-key    PKCS #8 in PEM, mode 0600

Whoever has the public key can tell whether an archive left this house as it is now. Keep a copy of the private one
with the pepper's: with a new key, archives that were made before cannot be verified by the public key of this site.
"""

import os
import secrets
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from storage.errors import OutOfResources


class UnusableKey(OutOfResources):
    """The signing key cannot be read, or is none."""


class SiteKey:
    """The signing key of one data folder; several processes may ask for it at once."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "secrets" / "signing-key"

    def sign(self, content: bytes) -> bytes:
        """64 bytes. Raises `UnusableKey`."""
        return self._private.sign(content)

    @property
    def public_pem(self) -> str:
        """The public key, to be given to everybody. Raises `UnusableKey`."""
        public = self._private.public_key()
        encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        return public.public_bytes(encoding, form).decode()

    @cached_property
    def _private(self) -> Ed25519PrivateKey:
        try:
            if not self._path.exists():
                _make(self._path)
            if self._path.stat().st_mode & 0o077:
                raise UnusableKey(f"The signing key can be read by others: chmod 600 {self._path}")
            key = serialization.load_pem_private_key(self._path.read_bytes(), None)
        except (OSError, ValueError) as error:
            raise UnusableKey(f"The signing key in {self._path} cannot be read or made.") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise UnusableKey(f"The signing key in {self._path} is no Ed25519 key.")
        return key


def is_signed(public_pem: str, signature: bytes, content: bytes) -> bool:
    """Whether the owner of this public key has signed `content`. Raises `ValueError` for what is no Ed25519 key."""
    key = serialization.load_pem_public_key(public_pem.encode())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not an Ed25519 key")
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True


def _make(path: Path) -> None:
    """Write a whole key under another name first: link gives its name to the first of several."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    draft = path.with_name(f"signing-key.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)
