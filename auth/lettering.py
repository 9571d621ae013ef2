"""Setting a line in whatever letters it has, from the left or from the right.

Typefaces come as packages: PT Sans for Latin and Cyrillic letters, IBM Plex Sans Arabic for Arabic ones, which HarfBuzz
joins. What is drawn in a PDF is embedded, so that every printer has it.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Final

from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont, shapeStr

from auth.sheet_direction import visual_runs

LEFT_TO_RIGHT: Final = "\u200e"
"""Is not drawn; what stands before it belongs to the words from the left."""

_MIRRORED: Final = str.maketrans("()[]{}<>«»", ")(][}{><»«")
_FILES: Final = {
    ("latin", False): ("fontpkg_pt_sans", "PT_Sans-Web-Regular.ttf"),
    ("latin", True): ("fontpkg_pt_sans", "PT_Sans-Web-Bold.ttf"),
    ("arabic", False): ("fontpkg_ibm_plex_sans_arabic", "IBMPlexSansArabic-Regular.ttf"),
    ("arabic", True): ("fontpkg_ibm_plex_sans_arabic", "IBMPlexSansArabic-Bold.ttf"),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a line in one typeface, as reportlab draws it, and its width in thousandths of its size.

    Letters that are joined are there in their joined forms, from left to right.
    """

    drawn: str
    font: str
    width: float


def printable(text: str) -> str:
    """`text` in the letters that there are; accents fall where they must, and what is like none is a question mark."""
    return "".join(_like(character) or "?" for character in _visible(text))


def settable(text: str) -> str:
    """`text` in one line as `printable` makes it, "" where it holds a letter that none is like."""
    line = " ".join(text.split())
    return printable(line) if all(_like(one) for one in _visible(line)) else ""


def typeface(font: str) -> bytes:
    """The file (TrueType) of a typeface by the name that pieces have."""
    package, file = next(one for one in _FILES.values() if one[1].startswith(f"{font}."))
    return (files(package) / "files" / file).read_bytes()


def _visible(text: str) -> list[str]:
    normal = unicodedata.normalize("NFC", text)
    return [one for one in normal if one == LEFT_TO_RIGHT or unicodedata.category(one) != "Cf"]


def _like(character: str) -> str:
    """`character`, or what is left of it in letters that there are; "" where that is nothing."""
    if character in ("\n", LEFT_TO_RIGHT):
        return character
    for candidate in (character, unicodedata.normalize("NFKD", character)):
        if kept := "".join(one for one in candidate if _font_of(one, False)):
            return kept
    return ""


def pieces(text: str, *, bold: bool, from_right: bool) -> Sequence[Piece]:
    """The pieces of a line from left to right. `from_right`: the direction of the paragraph."""
    found = []
    for run, is_from_right in visual_runs(printable(text), from_right=from_right):
        shown = run.replace(LEFT_TO_RIGHT, "")
        parts = [("".join(group), font) for font, group in groupby(shown, key=lambda one: _font_of(one, bold))]
        for part, font in reversed(parts) if is_from_right else parts:
            found.append(_from_right(part, font) if is_from_right else _plain(part, font))
    return found


def _plain(text: str, font: str) -> Piece:
    return Piece(text, font, stringWidth(text, font, 1000))


def _from_right(text: str, font: str) -> Piece:
    """Letters that are joined, or what stands between them, mirrored (rule L4 of UAX #9)."""
    if font != _typeface("arabic", True)[0] and font != _typeface("arabic", False)[0]:
        return _plain(text[::-1].translate(_MIRRORED), font)
    shaped = shapeStr(text, font, 1000, force=True)
    return Piece(shaped, font, float(sum(one.x_advance for one in shaped.__shapeData__)))


def _font_of(character: str, bold: bool) -> str:
    """The typeface that has a letter: Arabic ones and their marks have one of their own; "" where none has it."""
    for script in ("latin", "arabic"):
        name, letters = _typeface(script, bold)
        if ord(character) in letters:
            return name
    return ""


@cache
def _typeface(script: str, bold: bool) -> tuple[str, frozenset[int]]:
    """A registered typeface and the characters that it has."""
    package, file = _FILES[script, bold]
    font = TTFont(file.partition(".")[0], str(files(package) / "files" / file), shapable=True)
    registerFont(font)
    return font.fontName, frozenset(font.face.charToGlyph)
