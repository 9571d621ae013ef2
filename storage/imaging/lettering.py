"""Letters for pictures. The typeface is the one that ReportLab, which prints our sheets, brings along."""

from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from typing import TYPE_CHECKING, Final
from unicodedata import normalize

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

_SMALLEST: Final = 9
_LINES_A_PICTURE: Final = 32
_NO_CHARACTER: Final = "\uffff"


def fitting_font(lines: Sequence[str], size: tuple[int, int]) -> "FreeTypeFont":
    """The typeface at a size in which `lines` fit into a picture of `size`, if they can be read at that size."""
    width, height = size
    wanted = max(height // _LINES_A_PICTURE, width // 48, _SMALLEST)
    longest = max((_font(wanted).getlength(line) for line in lines), default=0.0)
    if longest > width * 0.95:
        wanted = int(wanted * width * 0.95 / longest)
    wanted = min(wanted, int(height * 0.9 / max(len(lines), 1) / 1.3))
    return _font(max(wanted, _SMALLEST))


def written(text: str, font: "FreeTypeFont") -> str:
    """`text` in letters that `font` has: without their marks where they are needed, else as question marks."""
    return "".join(_letter(character, font) for character in normalize("NFC", text) if character.isprintable())


def _letter(character: str, font: "FreeTypeFont") -> str:
    if character.isascii() or _has(font, character):
        return character
    plain = normalize("NFKD", character)[0]
    return plain if plain.isascii() else "?"


def _has(font: "FreeTypeFont", character: str) -> bool:
    return bytes(font.getmask(character)) != bytes(font.getmask(_NO_CHARACTER))


@lru_cache(maxsize=32)
def _font(size: int) -> "FreeTypeFont":
    from PIL import ImageFont

    typeface = BytesIO((files("reportlab") / "fonts" / "Vera.ttf").read_bytes())
    return ImageFont.truetype(typeface, size, layout_engine=ImageFont.Layout.BASIC)
