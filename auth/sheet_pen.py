"""Writing on the sheet, from the left or from the right, in whatever letters a text has.

Typefaces come as packages: PT Sans for Latin and Cyrillic letters, IBM Plex Sans Arabic for Arabic ones, which HarfBuzz
joins. What is drawn is embedded, so that every printer has it.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Final

from reportlab.lib.colors import Color
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont, shapeStr
from reportlab.pdfgen.canvas import Canvas

from auth.sheet_direction import visual_runs

SMALLEST: Final = 14.0
"""Points; nothing on the sheet is smaller."""

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
class _Piece:
    """A stretch of a line in one typeface, as reportlab draws it, and its width in thousandths of its size."""

    drawn: str
    font: str
    width: float


@dataclass(frozen=True, slots=True)
class Pen:
    """Draws on a page of a width; places are told from where a line begins, which may be on the right."""

    canvas: Canvas
    width: float
    from_right: bool = False

    def left(self, begin: float, width: float) -> float:
        """The left edge of what is so wide and begins there."""
        return self.width - begin - width if self.from_right else begin

    def line(self, text: str, begin: float, base: float, size: float, colour: Color, *, bold: bool = False) -> None:
        """One line of text on `base`."""
        pieces = _pieces(text, bold, self.from_right)
        self.canvas.setFillColor(colour)
        left = self.left(begin, sum(piece.width for piece in pieces) * size / 1000)
        for piece in pieces:
            self.canvas.setFont(piece.font, size)
            self.canvas.drawString(left, base, piece.drawn)
            left += piece.width * size / 1000

    def measured(self, text: str, size: float, *, bold: bool = False) -> float:
        """The width of a line, in points."""
        return sum(piece.width for piece in _pieces(text, bold, self.from_right)) * size / 1000

    def broken(self, text: str, size: float, width: float, *, bold: bool = False) -> list[str]:
        """Lines no wider than `width`, broken between words, and within words that are wider."""
        lines = [""]
        for word in text.split():
            longer = f"{lines[-1]} {word}".strip()
            if self.measured(longer, size, bold=bold) <= width:
                lines[-1] = longer
                continue
            lines += self._parts(word, size, width, bold)
        return [line for line in lines if line]

    def lines(
        self,
        text: str,
        begin: float,
        base: float,
        size: float,
        colour: Color,
        *,
        width: float,
        most: int,
        bold: bool = False,
    ) -> None:
        """One line, set smaller (down to 14 points) where it would not fit, then several, centred about its height.

        `ValueError` where more than `most` are needed.
        """
        while size > SMALLEST and self.measured(text, size, bold=bold) > width:
            size -= 0.5
        lines = self.broken(text, size, width, bold=bold)
        if len(lines) > most:
            raise ValueError(f"There is no room on the sheet for a text of {len(text)} characters.")
        leading = size * 1.25
        for place, line in enumerate(lines):
            self.line(line, begin, base + leading * ((len(lines) - 1) / 2 - place), size, colour, bold=bold)

    def _parts(self, word: str, size: float, width: float, bold: bool) -> Iterator[str]:
        part = ""
        for character in word:
            if part and self.measured(part + character, size, bold=bold) > width:
                yield part
                part = ""
            part += character
        yield part


def printable(text: str) -> str:
    """`text` in the letters that there are; accents fall where they must, and what is like none is a question mark."""
    normal = unicodedata.normalize("NFC", text)
    known = [one for one in normal if one == LEFT_TO_RIGHT or unicodedata.category(one) != "Cf"]
    return "".join(character if character in ("\n", LEFT_TO_RIGHT) else _set_letter(character) for character in known)


def _set_letter(character: str) -> str:
    for candidate in (character, unicodedata.normalize("NFKD", character)):
        if kept := "".join(one for one in candidate if _font_of(one, False)):
            return kept
    return "?"


def _pieces(text: str, bold: bool, from_right: bool) -> Sequence[_Piece]:
    """The pieces of a line from left to right."""
    pieces = []
    for run, is_from_right in visual_runs(printable(text), from_right=from_right):
        shown = run.replace(LEFT_TO_RIGHT, "")
        parts = [("".join(group), font) for font, group in groupby(shown, key=lambda one: _font_of(one, bold))]
        for part, font in reversed(parts) if is_from_right else parts:
            pieces.append(_from_right(part, font) if is_from_right else _plain(part, font))
    return pieces


def _plain(text: str, font: str) -> _Piece:
    return _Piece(text, font, stringWidth(text, font, 1000))


def _from_right(text: str, font: str) -> _Piece:
    """Letters that are joined, or what stands between them, mirrored (rule L4 of UAX #9)."""
    if font != _typeface("arabic", True)[0] and font != _typeface("arabic", False)[0]:
        return _plain(text[::-1].translate(_MIRRORED), font)
    shaped = shapeStr(text, font, 1000, force=True)
    return _Piece(shaped, font, float(sum(one.x_advance for one in shaped.__shapeData__)))


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
