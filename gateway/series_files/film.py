"""A series as a film: an animated WebP, below each picture a strip that says whose it is and what it is no good for."""

from collections.abc import Iterator
from importlib.resources import files
from io import BytesIO
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from gateway.series_files.captions import Captions
from gateway.series_files.chosen import Image as Chosen
from gateway.series_files.webp import Film

SIDE: Final = 512
"""Of the square that a picture fits into."""

QUALITY: Final = 90
_SIZE: Final = 15
_LEADING: Final = 20
_MARGIN: Final = 10

Drawn = Iterator[tuple[Chosen, bytes | None]]


def film(captions: Captions, pictures: Drawn, milliseconds: int) -> bytes:
    """An animated WebP of SIDE pixels in width; every picture stays for `milliseconds`."""
    regular, bold = _font("Vera.ttf"), _font("VeraBd.ttf")
    above = [(captions.name, bold), *((line, regular) for line in captions.lines)]
    rows = [(row, font) for line, font in above for row in _broken(line, font)]
    last = " · ".join(part for part in (captions.part, captions.notice) if part)
    ending = [(row, bold) for row in _broken(last, bold)]
    height = SIDE + _LEADING * (len(rows) + 1 + len(ending)) + 2 * _MARGIN
    made = Film((SIDE, height), milliseconds, QUALITY)
    for image, picture in pictures:
        paper = Image.new("RGB", (SIDE, height), "white")
        paper.paste("black", (0, 0, SIDE, SIDE))
        drawing = ImageDraw.Draw(paper)
        if picture is None:
            drawing.text((SIDE // 2, SIDE // 2), captions.missing, "white", regular, anchor="mm")
        else:
            _paste(paper, picture)
        for place, (row, font) in enumerate([*rows, (captions.image(image.number), regular), *ending]):
            drawing.text((_MARGIN, SIDE + _MARGIN + place * _LEADING), row, "black", font)
        made.add(paper)
    return made.file()


def _paste(paper: Image.Image, picture: bytes) -> None:
    with Image.open(BytesIO(picture)) as found:
        columns, rows = found.size
        paper.paste(found.convert("RGB"), ((SIDE - columns) // 2, (SIDE - rows) // 2))


def _broken(text: str, font: ImageFont.FreeTypeFont) -> list[str]:
    """Rows that fit into the width, at most two: of a text without end, the beginning."""
    rows = [""]
    for word in text.split():
        longer = f"{rows[-1]} {word}".strip()
        if font.getlength(longer) <= SIDE - 2 * _MARGIN:
            rows[-1] = longer
        else:
            rows += [_cut(word, font)]
    return [row for row in rows if row][:2]


def _cut(word: str, font: ImageFont.FreeTypeFont) -> str:
    while font.getlength(word) > SIDE - 2 * _MARGIN:
        word = word[:-1]
    return word


def _font(name: str) -> ImageFont.FreeTypeFont:
    """The typeface that ReportLab brings along; it has the letters of Windows-1252."""
    typeface = BytesIO((files("reportlab") / "fonts" / name).read_bytes())
    return ImageFont.truetype(typeface, _SIZE, layout_engine=ImageFont.Layout.BASIC)
