"""Display shutters (PS3.3 C.7.6.11 and C.7.6.15): what of an image is covered, and with which grey."""

from typing import TYPE_CHECKING, Final

import numpy as np

from storage.imaging.cielab import Colour, srgb
from storage.imaging.header import Header
from storage.imaging.overlays import Mask, plane_bits

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

_SHAPE: Final = 0x00181600
_EDGES: Final = (0x00181602, 0x00181604, 0x00181606, 0x00181608)  # left, right, upper, lower
_CENTER: Final = 0x00181610
_RADIUS: Final = 0x00181612
_VERTICES: Final = 0x00181620
_PRESENTATION_VALUE: Final = 0x00181622
_PRESENTATION_COLOUR: Final = 0x00181624
_OVERLAY_GROUP: Final = 0x00181623
_FURTHEST: Final = 1e6
_MOST_VERTICES: Final = 10_000


def covered(header: Header, rows: int, columns: int) -> Mask | None:
    """Which pixels the shutters of `header` cover, None without any; several shapes leave what all of them leave."""
    whole: Mask | None = None
    for shape in header.texts(_SHAPE):
        open_part = _bitmap(header, rows, columns) if shape == "BITMAP" else _drawn(header, shape, rows, columns)
        if open_part is not None:
            whole = ~open_part if whole is None else whole | ~open_part
    return whole


def shutter_grey(header: Header) -> int:
    """Shutter Presentation Value, a P-Value of 16 bits, as 8 bits; black where there is none."""
    value = header.number(_PRESENTATION_VALUE) or 0.0
    return int(min(max(value, 0.0), 65535.0)) >> 8


def shutter_colour(header: Header) -> Colour:
    """What covers a picture in colour: Shutter Presentation Color CIELab Value, else the grey."""
    grey = shutter_grey(header)
    return srgb(header.numbers(_PRESENTATION_COLOUR)) or (grey, grey, grey)


def _drawn(header: Header, shape: str, rows: int, columns: int) -> Mask | None:
    from PIL import Image, ImageDraw

    canvas = Image.new("L", (columns, rows))
    if not _draw(ImageDraw.Draw(canvas), header, shape):
        return None
    return np.asarray(canvas, np.bool_)


def _draw(draw: "ImageDraw", header: Header, shape: str) -> bool:
    """Paint what `shape` leaves open; rows and columns of the standard begin with 1. False for no such shape."""
    match shape:
        case "RECTANGULAR":
            left, right, upper, lower = (header.number(tag) for tag in _EDGES)
            if left is None or right is None or upper is None or lower is None or right < left or lower < upper:
                return False
            draw.rectangle([_near(left), _near(upper), _near(right), _near(lower)], fill=1)
        case "CIRCULAR":
            center, radius = header.numbers(_CENTER), header.number(_RADIUS)
            if len(center) < 2 or not radius or radius < 0:
                return False
            y, x, r = _near(center[0]), _near(center[1]), min(radius, _FURTHEST)
            draw.ellipse([x - r, y - r, x + r, y + r], fill=1)
        case "POLYGONAL":
            numbers = header.numbers(_VERTICES)[: 2 * _MOST_VERTICES]
            points = [(_near(x), _near(y)) for y, x in zip(numbers[::2], numbers[1::2], strict=False)]
            if len(points) < 3:
                return False
            draw.polygon(points, fill=1)
        case _:
            return False
    return True


def _near(number: float) -> float:
    return min(max(number - 1.0, -_FURTHEST), _FURTHEST)


def _bitmap(header: Header, rows: int, columns: int) -> Mask | None:
    """A bitmap shutter covers where its overlay has ones; it has the size of the image (C.7.6.15.1)."""
    group = header.number(_OVERLAY_GROUP)
    bits = plane_bits(header, int(group)) if group else None
    return ~bits if bits is not None and bits.shape == (rows, columns) else None
