"""A series as a film: an animated WebP, or the pictures for an encoder.

Below each of them stands a strip that says whose it is and what it is no good for.
"""

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
    made: Film | None = None
    for paper in papers(captions, pictures, SIDE):
        made = made or Film(paper.size, milliseconds, QUALITY)
        made.add(paper)
    if made is None:
        raise ValueError("A film has one picture at least.")
    return made.file()


def papers(captions: Captions, pictures: Drawn, side: int) -> Iterator[Image.Image]:
    """The pictures of a film in RGB, all of the same size: each in the middle of a square, and its strip below."""
    strip = Strip(captions, side)
    for image, picture in pictures:
        paper = Image.new("RGB", (side, side + strip.height), "white")
        paper.paste("black", (0, 0, side, side))
        drawing = ImageDraw.Draw(paper)
        if picture is None:
            strip.draw_missing(drawing, captions.missing)
        else:
            _paste(paper, picture, side)
        strip.draw(drawing, side, image.number)
        yield paper


def _paste(paper: Image.Image, picture: bytes, side: int) -> None:
    with Image.open(BytesIO(picture)) as found:
        columns, rows = found.size
        paper.paste(found.convert("RGB"), ((side - columns) // 2, (side - rows) // 2))
