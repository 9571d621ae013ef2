"""Encodes text in the character sets that a peer understands (PS3.5 section 6.1, PS3.3 C.12.1.1.2).

The other way round, and more tolerantly, it is done in `character_sets`.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from storage.data_set.character_sets import character_sets

TextEncoder = Callable[[str], bytes]
"""Raises `UnicodeEncodeError` for what the character sets do not have."""

# Python's codecs, and the sequences that designate what they encode (PS3.3 tables C.12-3 and C.12-4). Codecs for
# ISO 8859 encode ASCII too; of the multi-byte ones without code extension the same codec goes under another name.
_SINGLE: Final = {
    "": ("ascii", b""),
    "ISO_IR 6": ("ascii", b""),
    "ISO_IR 100": ("latin_1", b"\x1b-A"),
    "ISO_IR 101": ("iso8859_2", b"\x1b-B"),
    "ISO_IR 109": ("iso8859_3", b"\x1b-C"),
    "ISO_IR 110": ("iso8859_4", b"\x1b-D"),
    "ISO_IR 144": ("iso8859_5", b"\x1b-L"),
    "ISO_IR 127": ("iso8859_6", b"\x1b-G"),
    "ISO_IR 126": ("iso8859_7", b"\x1b-F"),
    "ISO_IR 138": ("iso8859_8", b"\x1b-H"),
    "ISO_IR 148": ("iso8859_9", b"\x1b-M"),
    "ISO_IR 203": ("iso8859_15", b"\x1b-b"),
    "ISO_IR 166": ("tis_620", b"\x1b-T"),
    "ISO_IR 13": ("shift_jis", b"\x1b)I"),
}
_MULTIPLE: Final = {
    "ISO 2022 IR 149": ("euc_kr", b"\x1b$)C"),
    "ISO 2022 IR 58": ("gb2312", b"\x1b$)A"),
    "ISO 2022 IR 87": ("iso2022_jp", b""),
}
_WITHOUT_EXTENSION: Final = {"ISO_IR 192": "utf_8", "GB18030": "gb18030", "GBK": "gbk"}
_ROMAN: Final = b"\x1b(J"
_END_OF_COMPONENT: Final = re.compile(r"([\\^=\r\n\f\t])")


@lru_cache(maxsize=256)
def text_encoder(terms: tuple[str, ...]) -> TextEncoder:
    """An encoder for the values of Specific Character Set (0008,0005); without any, ASCII alone."""
    if len(terms) == 1 and terms[0] in _WITHOUT_EXTENSION:
        codec = _WITHOUT_EXTENSION[terms[0]]
        return lambda text: text.encode(codec)
    sets = [_set(term) for term in terms or ("",)]
    back = character_sets(terms)

    def encode(text: str) -> bytes:
        encoded = b"".join(_component(part, sets) for part in _END_OF_COMPONENT.split(text))
        if back.decode(encoded) != text:
            raise UnicodeEncodeError("ascii", text, 0, len(text), "cannot be read back")
        return encoded

    return encode


def _set(term: str) -> tuple[str, bytes]:
    """Codec and escape sequence of one term; what is not known has no more than ASCII."""
    return _MULTIPLE.get(term) or _SINGLE.get(term.replace("ISO 2022 IR", "ISO_IR")) or _SINGLE[""]


def _component(text: str, sets: list[tuple[str, bytes]]) -> bytes:
    """What lies between delimiters: begins, and ends, in the first set (PS3.5 6.1.2.5.3)."""
    if text.isascii():
        return text.encode("ascii")
    encoded, current = b"", 0
    for run, number in _runs(text, sets):
        codec, escape = sets[number]
        if number != current:
            encoded += escape
        encoded += run.encode(codec)
        current = number
    return encoded + (sets[0][1] if current else b"")


def _runs(text: str, sets: list[tuple[str, bytes]]) -> list[tuple[str, int]]:
    """`text` in pieces, each with the number of the first set that has all of it; ASCII stays in the set before."""
    runs: list[tuple[str, int]] = []
    for letter in text:
        if runs and _has(sets[runs[-1][1]][0], letter):
            runs[-1] = (runs[-1][0] + letter, runs[-1][1])
            continue
        number = next((number for number, (codec, _) in enumerate(sets) if _has(codec, letter)), None)
        if number is None:
            raise UnicodeEncodeError("ascii", text, 0, len(text), "in none of the character sets")
        runs.append((letter, number))
    return runs


@lru_cache(maxsize=8192)
def _has(codec: str, letter: str) -> bool:
    """Whether a set has this letter; the codecs of Japanese know more than the set that their escape calls."""
    try:
        encoded = letter.encode(codec)
    except UnicodeEncodeError:
        return False
    return len(encoded) == 1 if codec == "shift_jis" else _ROMAN not in encoded
