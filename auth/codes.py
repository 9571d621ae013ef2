"""Access codes and QR tokens: how they are made, written and read back.

An access code has 16 characters of Crockford's base32 alphabet (no I, L, O, U): 15 random ones (75 bits) and a check
character. Characters are elements of GF(32), taken modulo x^5 + x^2 + 1, and a code is a polynomial that has a zero
at x. Because x has order 31, no two places of a code weigh the same: every wrong character, every exchange of
two characters, wherever they stand, and every double mistaken for another double is noticed.
"""

import secrets
import unicodedata
from typing import Final

from auth.digits import DIGITS
from auth.errors import MalformedCode

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH: Final = 16
TOKEN_LENGTH: Final = 26

_VALUES: Final = {character: value for value, character in enumerate(ALPHABET)}
_LOOKALIKES: Final = str.maketrans("OIL", "011") | DIGITS
"""What is read as another character: letters that look like digits, and digits of Arabic and Persian keyboards."""
_GROUP: Final = 4
_MODULUS: Final = 0b100101
_PUNCTUATION: Final = frozenset("._,:;/'\"")
_SEPARATOR_CATEGORIES: Final = frozenset({"Pd", "Zs", "Zl", "Zp", "Cc", "Cf"})


def new_code() -> str:
    """A fresh access code, e.g. "7K3D-9WQF-20HX-PM4T", from the system's random source."""
    return complete("".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH - 1)))


def new_token() -> str:
    """A fresh token for the QR code: 26 characters of the same alphabet, 130 random bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(TOKEN_LENGTH))


def complete(fifteen: str) -> str:
    """The code, in four groups, that begins with these 15 characters."""
    return _grouped(fifteen + ALPHABET[_times_x(_remainder(fifteen))])


def normalise(text: str) -> str:
    """Return the code that somebody typed as `new_code` writes it, or raise `MalformedCode` saying what is wrong.

    Case, separators and spaces do not matter; O is read as 0, I and L as 1, Arabic digits as ours.
    """
    characters = _characters(text)
    for character in characters:
        if character not in _VALUES:
            raise MalformedCode("character", f"No access code has the character {character!r}.", character=character)
    if len(characters) != CODE_LENGTH:
        reason = "too short" if len(characters) < CODE_LENGTH else "too long"
        detail = f"An access code has {CODE_LENGTH} characters, this has {len(characters)}."
        raise MalformedCode(reason, detail, characters=len(characters))
    if _remainder(characters):
        raise MalformedCode("typo", "The check character does not fit: there is a typing mistake in the access code.")
    return _grouped(characters)


def normalise_token(text: str) -> str:
    """The token as `new_token` writes it; of a text that is no token, something that is none either."""
    return _characters(text[: 4 * TOKEN_LENGTH])


def bare(code: str) -> str:
    """A normalised code without the separators between its groups."""
    return code.replace("-", "")


def _characters(text: str) -> str:
    wide = unicodedata.normalize("NFKC", text)
    return "".join(_capital(character) for character in wide if not _is_separator(character)).translate(_LOOKALIKES)


def _capital(character: str) -> str:
    capital = character.upper()
    return capital if len(capital) == 1 else character


def _is_separator(character: str) -> bool:
    return character in _PUNCTUATION or unicodedata.category(character) in _SEPARATOR_CATEGORIES


def _grouped(characters: str) -> str:
    return "-".join(characters[start : start + _GROUP] for start in range(0, len(characters), _GROUP))


def _times_x(value: int) -> int:
    doubled = value << 1
    return doubled ^ _MODULUS if doubled & 32 else doubled


def _remainder(characters: str) -> int:
    """The polynomial at x, by Horner's rule; 0 for a whole code."""
    result = 0
    for character in characters:
        result = _times_x(result) ^ _VALUES[character]
    return result
