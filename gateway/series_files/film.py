"""A series as a film: an animated WebP, below each picture a strip that says whose it is and what it is no good for."""

from collections.abc import Iterator
from io import BytesIO
from typing import Final

from PIL import Image, ImageDraw

from gateway.series_files.captions import Captions
from gateway.series_files.chosen import Image as Chosen
from gateway.series_files.strip import NARROWEST, Strip
from gateway.series_files.webp import Film

SIDE: Final = NARROWEST
"""Of the square that a picture fits into."""

QUALITY: Final = 90

Drawn = Iterator[tuple[Chosen, bytes | None]]


def film(captions: Captions, pictures: Drawn, milliseconds: int) -> bytes:
    """An animated WebP of SIDE pixels in width; every picture stays for `milliseconds`."""
    strip = Strip(captions, SIDE)
    height = SIDE + strip.height
    made = Film((SIDE, height), milliseconds, QUALITY)
    for image, picture in pictures:
        paper = Image.new("RGB", (SIDE, height), "white")
        paper.paste("black", (0, 0, SIDE, SIDE))
        drawing = ImageDraw.Draw(paper)
        if picture is None:
            drawing.text((SIDE // 2, SIDE // 2), captions.missing, "white", strip.regular, anchor="mm")
        else:
            _paste(paper, picture)
        strip.draw(drawing, SIDE, image.number)
        made.add(paper)
    return made.file()


def _paste(paper: Image.Image, picture: bytes) -> None:
    with Image.open(BytesIO(picture)) as found:
        columns, rows = found.size
        paper.paste(found.convert("RGB"), ((SIDE - columns) // 2, (SIDE - rows) // 2))
