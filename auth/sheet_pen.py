"""Writing on paper, from the left or from the right, in whatever letters a text has."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reportlab.lib.colors import Color
from reportlab.pdfgen.canvas import Canvas

from auth.lettering import Piece, pieces

SMALLEST: Final = 14.0
"""Points; nothing on the sheet is smaller."""


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
        line = self._pieces(text, bold)
        self.canvas.setFillColor(colour)
        left = self.left(begin, sum(piece.width for piece in line) * size / 1000)
        for piece in line:
            self.canvas.setFont(piece.font, size)
            self.canvas.drawString(left, base, piece.drawn)
            left += piece.width * size / 1000

    def measured(self, text: str, size: float, *, bold: bool = False) -> float:
        """The width of a line, in points."""
        return sum(piece.width for piece in self._pieces(text, bold)) * size / 1000

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

    def _pieces(self, text: str, bold: bool) -> Sequence[Piece]:
        return pieces(text, bold=bold, from_right=self.from_right)
