"""Rendering query parameters (PS3.18 8.3.5): how a picture shall look."""

import re
from collections.abc import Mapping
from typing import Final, Literal

from dicomweb.problems import BadRequest
from storage.pixels import Rendering

_DECIMAL: Final = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,2})?", re.ASCII)
_FUNCTIONS: Final = {"linear": "LINEAR", "linear-exact": "LINEAR_EXACT", "sigmoid": "SIGMOID"}
_IGNORED: Final = ("annotation", "iccprofile", "charset")
_LARGEST_VIEWPORT: Final = 16_384


def parse_rendering(
    parameters: Mapping[str, str], media_type: str, size: tuple[int, int], thumbnail: tuple[int, int] | None = None
) -> tuple[Rendering, list[str]]:
    """The rendering that PS3.18 8.3.5 parameters ask for, and warnings about those that are not supported.

    `size` is (columns, rows) of the image, `thumbnail` the viewport when none is asked for. A picture is made larger
    than its image only for a viewport that is asked for. Raises `BadRequest` for values that 8.3.5.1 does not allow.
    """
    warnings = [f"The {name} parameter is not supported." for name in _IGNORED if name in parameters]
    window = _window(parameters["window"]) if "window" in parameters else None
    quality = _quality(parameters["quality"]) if "quality" in parameters else 90
    picture: Literal["image/jpeg", "image/png"] = "image/png" if media_type == "image/png" else "image/jpeg"
    viewport, region, enlarge = thumbnail, None, False
    if "viewport" in parameters:
        viewport, region = _viewport(parameters["viewport"], size)
        enlarge = thumbnail is None
    return Rendering(picture, window, viewport, quality, enlarge, region), warnings


def _window(text: str) -> tuple[float, float, str]:
    """`center,width,function` (8.3.5.1.4). The function may be left out and then is linear."""
    parts = [part.strip() for part in text.split(",")]
    numbers = [_number(part) for part in parts[:2]]
    function = _FUNCTIONS.get(parts[2].lower().replace("_", "-") if len(parts) > 2 else "linear")
    if len(parts) not in (2, 3) or None in numbers or function is None:
        raise BadRequest("The parameter window takes center,width,function: linear, linear-exact or sigmoid.")
    center, width = (number or 0.0 for number in numbers)
    if width <= 0 or (function == "LINEAR" and width < 1):
        raise BadRequest("The width of a window is at least 1, or above 0 with the functions linear-exact and sigmoid.")
    return center, width, function


def _viewport(text: str, size: tuple[int, int]) -> tuple[tuple[int, int], tuple[float, float, float, float] | None]:
    """`vw,vh` and optionally `,sx,sy,sw,sh` (8.3.5.1.3): the viewport, and the source region if one is asked for.

    Parts of the region that are left empty are those of the whole image.
    """
    parts = [part.strip() for part in text.split(",")]
    sides = [int(part) for part in parts[:2] if part.isascii() and part.isdigit() and len(part) <= 5]
    region = [_number(part or str(whole)) for part, whole in zip(parts[2:], (0, 0, *size), strict=False)]
    readable = len(parts) in (2, 6) and len(sides) == 2 and None not in region
    if not readable or not all(0 < side <= _LARGEST_VIEWPORT for side in sides):
        raise BadRequest(f"The parameter viewport takes vw,vh or vw,vh,sx,sy,sw,sh; sides up to {_LARGEST_VIEWPORT}.")
    if not any(parts[2:]):
        return (sides[0], sides[1]), None
    x, y, width, height = (number or 0.0 for number in region)
    if x < 0 or y < 0 or not width or not height:
        raise BadRequest("The source region of the parameter viewport begins inside the image and is not empty.")
    return (sides[0], sides[1]), (x, y, width, height)


def _quality(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:4]) <= 100:
        raise BadRequest("The parameter quality takes an integer from 1 to 100.")
    return int(text)


def _number(text: str) -> float | None:
    """A finite decimal number, or None."""
    return float(text) if len(text) <= 32 and _DECIMAL.fullmatch(text) else None
