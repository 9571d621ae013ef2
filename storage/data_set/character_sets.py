"""Text in the character sets that a data set declares (PS3.5 section 6.1, PS3.3 C.12.1.1.2), as Unicode.

Nothing here fails: an unknown character set is taken for the default repertoire, an undecodable byte becomes U+FFFD.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pydicom.charset import CODES_TO_ENCODINGS, STAND_ALONE_ENCODINGS, python_encoding

_SEPARATOR: Final = re.compile(r"[^A-Z0-9]+")
_FRAGMENT: Final = re.compile(rb"\x1b[^\x1b]*|[^\x1b]+")
_DELIMITER: Final = re.compile(rb"[\\^=\r\n\f\t]")
_FOUR_BYTE_ESCAPES: Final = (b"\x1b$(", b"\x1b$)")


@dataclass(frozen=True, slots=True)
class CharacterSets:
    """Decoder for the values of one data set: the initial codec, another for what that one cannot decode, and
    whether escape sequences switch to others."""

    codec: str
    otherwise: str
    extended: bool

    def decode(self, value: bytes) -> str:
        """`value` as text, delimiters and padding included."""
        if self.extended and b"\x1b" in value:
            return "".join(self._fragment(part) for part in _FRAGMENT.findall(value))
        return self._initial(value)

    def _initial(self, value: bytes) -> str:
        try:
            return value.decode(self.codec)
        except UnicodeDecodeError:
            return value.decode(self.otherwise, "replace")

    def _fragment(self, part: bytes) -> str:
        """One run after an escape sequence (PS3.5 6.1.2.5); a delimiter ends what a single-byte escape began."""
        length = 4 if part.startswith(_FOUR_BYTE_ESCAPES) else 3
        codec = CODES_TO_ENCODINGS.get(part[:length]) if part.startswith(b"\x1b") else None
        if codec is None:
            return self._initial(part)
        if codec in _JAPANESE:
            return part.decode(codec, "replace")  # Python's codecs follow these escapes themselves.
        if codec in _WITH_ASCII:
            return part[length:].decode(codec, "replace")
        rest = part[length:]
        delimiter = _DELIMITER.search(rest)
        stop = delimiter.start() if delimiter else len(rest)
        return rest[:stop].decode(codec, "replace") + self._initial(rest[stop:])


@lru_cache(maxsize=256)
def character_sets(terms: tuple[str, ...]) -> CharacterSets:
    """The decoder for the values of Specific Character Set (0008,0005), its common misspellings understood.

    Who declares nothing, or something unknown, and uses more than ASCII, mostly means UTF-8 or Latin 1: UTF-8 is what
    decodes as such. Escape sequences are followed even if the sets they call are not declared.
    """
    first = _spelling(terms[0]) if terms else ""
    codec = _CODECS.get(first, _DEFAULT)
    if codec in (_DEFAULT, *_JAPANESE):
        return CharacterSets("utf_8", "latin_1", extended=True)
    return CharacterSets(codec, codec, extended=first not in _STAND_ALONE)


def terms_of(value: bytes) -> tuple[str, ...]:
    """The values of an encoded Specific Character Set element."""
    return tuple(term.strip("\0 ") for term in value.decode("latin-1").split("\\"))


def _spelling(term: str) -> str:
    """`term` with its separators levelled: "ISO-IR 100", "ISO_IR_100" and "iso_ir 100" are one."""
    return _SEPARATOR.sub(" ", term.upper()).strip()


_DEFAULT: Final = python_encoding[""]
_JAPANESE: Final = ("iso2022_jp", "iso2022_jp_2")
# Korean and Chinese sets are G1, beside ASCII: delimiters are safe in them, and many senders escape only once.
_WITH_ASCII: Final = ("euc_kr", "iso_ir_58")
_CODECS: Final = {_spelling(term): codec for term, codec in python_encoding.items()}
_STAND_ALONE: Final = frozenset(_spelling(term) for term in STAND_ALONE_ENCODINGS)

DEFAULT_REPERTOIRE: Final = character_sets(())
