"""The strip below a picture: whose it is, which examination, which image, and what it is no good for."""

from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from gateway.series_files.captions import Captions

NARROWEST: Final = 512
"""Pixels in which the lines can be read."""

QUALITY: Final = 92
_SIZE: Final = 15


class Strip:
    """That of all pictures of one width, of a series; letters grow with the width."""

    def __init__(self, captions: Captions, width: int) -> None:
        size = _SIZE * width // NARROWEST
        self._leading, self.margin, self._width = size * 4 // 3, size * 2 // 3, width
        self.regular, self._bold = _font("Vera.ttf", size), _font("VeraBd.ttf", size)
        self._image = captions.image
        above = [(captions.name, self._bold), *((line, self.regular) for line in captions.lines)]
        self._above = [(row, font) for line, font in above for row in self._broken(line, font)]
        last = " · ".join(part for part in (captions.part, captions.notice) if part)
        self._below = [(row, self._bold) for row in self._broken(last, self._bold)]

    @property
    def height(self) -> int:
        """In pixels."""
        return self._leading * (len(self._above) + 1 + len(self._below)) + 2 * self.margin

    def draw(self, drawing: ImageDraw.ImageDraw, top: int, number: int) -> None:
        """Write it for the image of this number, from `top` on."""
        rows = [*self._above, (self._image(number), self.regular), *self._below]
        for place, (row, font) in enumerate(rows):
            drawing.text((self.margin, top + self.margin + place * self._leading), row, "black", font)

    def _broken(self, text: str, font: ImageFont.FreeTypeFont) -> list[str]:
        """Rows that fit into the width, at most two: of a text without end, the beginning."""
        rows = [""]
        for word in text.split():
            longer = f"{rows[-1]} {word}".strip()
            if font.getlength(longer) <= self._width - 2 * self.margin:
                rows[-1] = longer
            else:
                rows += [self._cut(word, font)]
        return [row for row in rows if row][:2]

    def _cut(self, word: str, font: ImageFont.FreeTypeFont) -> str:
        while font.getlength(word) > self._width - 2 * self.margin:
            word = word[:-1]
        return word


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


@cache
def _typeface(name: str) -> bytes:
    """The typeface that ReportLab brings along; it has the letters of Windows-1252."""
    return (files("reportlab") / "fonts" / name).read_bytes()


def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(BytesIO(_typeface(name)), size, layout_engine=ImageFont.Layout.BASIC)
