"""A line of text drawn onto a picture, in the typefaces of the printed sheet."""

import unicodedata
from functools import cache
from io import BytesIO
from typing import Final

from PIL import ImageDraw, ImageFont

from auth.lettering import pieces, typeface

_ASCENT: Final = 1.02
"""Of these typefaces, in sizes: how far below its upper edge a line's letters stand."""


class Line:
    """One line in letters of so many pixels."""

    def __init__(self, text: str, size: int, *, bold: bool, from_right: bool) -> None:
        self._size = size
        self._pieces = pieces(_unmarked(text), bold=bold, from_right=from_right)

    @property
    def width(self) -> float:
        """In pixels."""
        return sum(piece.width for piece in self._pieces) * self._size / 1000

    def draw(self, drawing: ImageDraw.ImageDraw, left: float, top: float, colour: str) -> None:
        """Write it with its upper left corner there."""
        for piece in self._pieces:
            place = (left, top + _ASCENT * self._size)
            drawing.text(place, str(piece.drawn), colour, _font(piece.font, self._size), anchor="ls")
            left += piece.width * self._size / 1000


def _unmarked(text: str) -> str:
    """Without the marks of Arabic vowels, which are glyphs without a character of their own when they are joined."""
    return "".join(one for one in text if unicodedata.category(one) != "Mn" or unicodedata.combining(one) < 27)


@cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(BytesIO(typeface(name)), size, layout_engine=ImageFont.Layout.BASIC)
