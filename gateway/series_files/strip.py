"""The strip below a picture: whose it is, which examination, which image, and what it is no good for."""

from io import BytesIO
from typing import Final

from PIL import Image, ImageDraw

from gateway.series_files.captions import Captions
from gateway.series_files.line import Line

NARROWEST: Final = 512
"""Pixels in which the lines can be read."""

QUALITY: Final = 92
_SIZE: Final = 15


class Strip:
    """That of all pictures of one width, of a series; letters grow with the width."""

    def __init__(self, captions: Captions, width: int) -> None:
        self._size = _SIZE * width // NARROWEST
        self._leading, self._margin, self._width = self._size * 4 // 3, self._size * 2 // 3, width
        self._from_right = captions.from_right
        self._image = captions.image
        above = [(captions.name, True), *((line, False) for line in captions.lines)]
        self._above = [(row, bold) for line, bold in above for row in self._broken(line, bold)]
        last = " · ".join(part for part in (captions.part, captions.notice) if part)
        self._below = [(row, True) for row in self._broken(last, True)]

    @property
    def height(self) -> int:
        """In pixels."""
        return self._leading * (len(self._above) + 1 + len(self._below)) + 2 * self._margin

    def draw(self, drawing: ImageDraw.ImageDraw, top: int, number: int) -> None:
        """Write it for the image of this number, from `top` on."""
        for place, (row, bold) in enumerate([*self._above, (self._image(number), False), *self._below]):
            line = self._line(row, bold)
            left = self._width - self._margin - line.width if self._from_right else self._margin
            line.draw(drawing, left, top + self._margin + place * self._leading, "black")

    def draw_missing(self, drawing: ImageDraw.ImageDraw, text: str) -> None:
        """Write what stands in place of a picture, which is as high as it is wide."""
        line = self._line(text, False)
        line.draw(drawing, (self._width - line.width) / 2, (self._width - self._leading) / 2, "white")

    def _line(self, text: str, bold: bool) -> Line:
        return Line(text, self._size, bold=bold, from_right=self._from_right)

    def _broken(self, text: str, bold: bool) -> list[str]:
        """Rows that fit into the width, at most two: of a text without end, the beginning."""
        rows = [""]
        for word in text.split():
            longer = f"{rows[-1]} {word}".strip()
            if self._fits(longer, bold):
                rows[-1] = longer
            else:
                rows += [self._cut(word, bold)]
        return [row for row in rows if row][:2]

    def _cut(self, word: str, bold: bool) -> str:
        while not self._fits(word, bold):
            word = word[:-1]
        return word

    def _fits(self, text: str, bold: bool) -> bool:
        return self._line(text, bold).width <= self._width - 2 * self._margin


class Strips:
    """The strips of a series, one for each width of its pictures."""

    def __init__(self, captions: Captions) -> None:
        self._captions = captions
        self._made: dict[int, Strip] = {}

    def below(self, picture: bytes, number: int) -> bytes:
        """The picture as JPEG with its strip; one that is narrower than its lines gets black sides."""
        with Image.open(BytesIO(picture)) as found:
            columns, rows = found.size
            width = max(columns, NARROWEST)
            strip = self._made.setdefault(width, Strip(self._captions, width))
            paper = Image.new("L" if found.mode == "L" else "RGB", (width, rows + strip.height), "white")
            paper.paste("black", (0, 0, width, rows))
            paper.paste(found.convert(paper.mode), ((width - columns) // 2, 0))
        strip.draw(ImageDraw.Draw(paper), rows, number)
        target = BytesIO()
        paper.save(target, "JPEG", quality=QUALITY)
        return target.getvalue()
