"""DICOM unique identifiers (PS3.5 section 9 and annex B)."""

import hashlib
import re
from typing import Final

from storage.errors import MalformedIdentifier

# PS3.5 9.1 allows 64 characters. Real archives hold longer ones, and an image is worth more than a rule, so what is
# stored may have up to 128. No character but digits and dots ever passes.
LONGEST_UID: Final = 128
_UID: Final = re.compile(r"[0-9]+(?:\.[0-9]+)*")


def is_uid(text: str) -> bool:
    """Whether `text` is made of digits and dots as PS3.5 9.1 wants, with at most 128 characters."""
    return len(text) <= LONGEST_UID and _UID.fullmatch(text) is not None


def uid(text: str, what: str = "UID") -> str:
    """Return `text` without its padding (trailing NUL or space), or raise `MalformedIdentifier` naming `what`."""
    stripped = text.rstrip("\0 ")
    if not is_uid(stripped):
        raise MalformedIdentifier(f"The {what} is not a UID: only digits and dots are allowed, at most {LONGEST_UID}.")
    return stripped


def stand_in_uid(*parts: str) -> str:
    """A UID under 2.25 (PS3.5 B.2) that always is the same for the same `parts`.

    Data sets without a Study or Series Instance UID exist (colour palettes, old secondary captures). They are kept
    as they are and found under such a UID.
    """
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"
