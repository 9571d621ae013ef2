"""What is kept instead of secrets: keyed digests, and Argon2id where the secret has fewer than 112 bits.

OWASP ASVS 5.0 6.5.2. Every digest is keyed with the pepper and bound to its purpose, so that one can never stand
for another.
"""

import hashlib
import hmac
import unicodedata
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import VerifyMismatchError

from auth.codes import bare

_SELECTOR_LENGTH: Final = 5


class Digests:
    """Keyed digests, as hexadecimal text."""

    def __init__(self, pepper: bytes) -> None:
        self._pepper = pepper
        self.pepper_id: Final = self._keyed("pepper", "")[:16]

    def selector(self, code: str) -> str:
        """Finds the row of a normalised code; of its first 5 characters (25 bits)."""
        return self._keyed("selector", bare(code)[:_SELECTOR_LENGTH])

    def rest(self, code: str) -> str:
        """What goes into the verifier: of the other 11 characters (50 random bits and the check character)."""
        return self._keyed("rest", bare(code)[_SELECTOR_LENGTH:])

    def token(self, token: str) -> str:
        """Finds the row of a normalised QR token."""
        return self._keyed("token", token)

    def birth_date(self, share_id: str, birth_date: str) -> str:
        """Bound to its share, so that equal birth dates do not look equal."""
        return self._keyed("birth date", f"{share_id} {birth_date}")

    def network(self, network: str) -> str:
        """A network's name in the throttle."""
        return self._keyed("network", network)

    def attempt(self, credential: str) -> str:
        """The name in the throttle of a code or token that opens nothing."""
        return self._keyed("attempt", credential)

    def password(self, name: str, password: str) -> str:
        """What goes into the verifier of a member of staff; equal passwords do not look equal."""
        return self._keyed("password", f"{name} {unicodedata.normalize('NFKC', password)}")

    def key(self, purpose: str) -> bytes:
        """A key of 32 bytes to encrypt with, for this purpose alone."""
        return bytes.fromhex(self._keyed("key", purpose))

    def _keyed(self, purpose: str, text: str) -> str:
        return hmac.new(self._pepper, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()


class Verifiers:
    """Argon2id over the keyed rest of a code, with 16 bytes of salt; the defaults are OWASP's (19 MiB, 2, 1)."""

    def __init__(self, memory_kib: int = 19 * 1024, passes: int = 2) -> None:
        self._hasher = PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
        )

    def make(self, rest: str) -> str:
        """The verifier of this rest, with salt and parameters in it."""
        return self._hasher.hash(rest)

    def fits(self, verifier: str | None, rest: str) -> bool:
        """Whether `verifier` was made of this rest; without one the same work is done and the answer is no."""
        if verifier is None:
            self._hasher.hash(rest)
            return False
        try:
            return self._hasher.verify(verifier, rest)
        except VerifyMismatchError:
            return False
