"""Text in the character sets that a data set declares (PS3.5 section 6.1, PS3.3 C.12.1.1.2), as Unicode.

Nothing here fails: an unknown character set is taken for the default repertoire, an undecodable byte becomes U+FFFD.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pydicom.charset import CODES_TO_ENCODINGS, STAND_ALONE_ENCODINGS, handled_encodings, python_encoding

# Latin 1 holds the default repertoire (ISO IR 6); many senders that declare nothing mean Latin 1.
_DEFAULT: Final = "latin_1"
_SEPARATOR: Final = re.compile(r"[^A-Z0-9]+")
_FRAGMENT: Final = re.compile(rb"\x1b[^\x1b]*|[^\x1b]+")
_DELIMITER: Final = re.compile(rb"[\\^=\r\n\f\t]")
_FOUR_BYTE_ESCAPES: Final = (b"\x1b$(", b"\x1b$)")


@dataclass(frozen=True, slots=True)
class CharacterSets:
    """Decoder for the values of one data set: the initial codec, and whether escape sequences switch to others."""

    codec: str
    extended: bool

    def decode(self, value: bytes) -> str:
        """`value` as text, delimiters and padding included."""
        if b"\x1b" in value and self.extended:
            return "".join(self._fragment(part) for part in _FRAGMENT.findall(value))
        return value.decode(self.codec, "replace")

    def _fragment(self, part: bytes) -> str:
        """One run after an escape sequence (PS3.5 6.1.2.5); a delimiter ends what a single-byte escape began."""
        length = 4 if part.startswith(_FOUR_BYTE_ESCAPES) else 3
        codec = CODES_TO_ENCODINGS.get(part[:length]) if part.startswith(b"\x1b") else None
        if codec is None:
            return part.decode(self.codec, "replace")
        if codec in handled_encodings:
            return part.decode(codec, "replace")
        rest = part[length:]
        delimiter = _DELIMITER.search(rest)
        stop = delimiter.start() if delimiter else len(rest)
        return rest[:stop].decode(codec, "replace") + rest[stop:].decode(self.codec, "replace")


@lru_cache(maxsize=256)
def character_sets(terms: tuple[str, ...]) -> CharacterSets:
    """The decoder for the values of Specific Character Set (0008,0005), its common misspellings understood."""
    first = terms[0] if terms else ""
    codec = _CODECS.get(_spelling(first), _DEFAULT)
    extended = len(terms) > 1 and first not in STAND_ALONE_ENCODINGS or _spelling(first).startswith("ISO 2022")
    return CharacterSets(_initial(codec), extended)


def terms_of(value: bytes) -> tuple[str, ...]:
    """The values of an encoded Specific Character Set element."""
    return tuple(term.strip("\0 ") for term in value.decode("latin-1").split("\\"))


def _initial(codec: str) -> str:
    """The multi-byte ISO 2022 codecs begin in ASCII; without an escape their bytes are the default repertoire."""
    return _DEFAULT if codec in ("iso2022_jp", "iso2022_jp_2") else codec


def _spelling(term: str) -> str:
    """`term` with its separators levelled: "ISO-IR 100", "ISO_IR_100" and "iso_ir 100" are one."""
    return _SEPARATOR.sub(" ", term.upper()).strip()


_CODECS: Final = {_spelling(term): codec for term, codec in python_encoding.items()}

DEFAULT_REPERTOIRE: Final = character_sets(())
