"""Rendering query parameters (PS3.18 8.3.5): how a picture shall look."""

import re
from collections.abc import Mapping
from typing import Final

from dicomweb.problems import BadRequest
from storage.imaging.rendering import PictureType, Profile
from storage.pixels import Rendering

_DECIMAL: Final = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,2})?", re.ASCII)
_FUNCTIONS: Final = {"linear": "LINEAR", "linear-exact": "LINEAR_EXACT", "sigmoid": "SIGMOID"}
_PICTURE_TYPES: Final[dict[str, PictureType]] = {"image/png": "image/png", "image/gif": "image/gif"}
_PROFILES: Final[dict[str, Profile]] = {
    "no": "no",
    "yes": "yes",
    "srgb": "srgb",
    "adobergb": "adobergb",
    "rommrgb": "rommrgb",
}
_ANNOTATIONS: Final = ("patient", "technique")
# Table 8.3.5-1 has these for rendered resources only, not for thumbnails.
_NOT_FOR_THUMBNAILS: Final = ("annotation",)
_LARGEST_VIEWPORT: Final = 16_384


def parse_rendering(
    parameters: Mapping[str, str], media_type: str, size: tuple[int, int], thumbnail: tuple[int, int] | None = None
) -> tuple[Rendering, list[str]]:
    """The rendering that PS3.18 8.3.5 parameters ask for, and warnings about those that are not supported.

    `size` is (columns, rows) of the image, `thumbnail` the viewport when none is asked for. A picture is made larger
    than its image only for a viewport that is asked for. What `annotation` asks for is told by `parse_annotation`.
    Raises `BadRequest` for values that 8.3.5.1 does not allow.
    """
    warnings = ["The charset parameter is not supported."] if "charset" in parameters else []
    if thumbnail:
        ignored = [name for name in _NOT_FOR_THUMBNAILS if name in parameters]
        warnings += [f"The {name} parameter is not supported for thumbnails." for name in ignored]
    window = _window(parameters["window"]) if "window" in parameters else None
    quality = _quality(parameters["quality"]) if "quality" in parameters else 90
    viewport, region, enlarge = thumbnail, None, False
    if "viewport" in parameters:
        viewport, region = _viewport(parameters["viewport"], size)
        enlarge = thumbnail is None
    picture = _PICTURE_TYPES.get(media_type, "image/jpeg")
    profile: Profile = _profile(parameters["iccprofile"]) if "iccprofile" in parameters else ""
    return Rendering(picture, window, viewport, quality, enlarge, region, profile=profile), warnings


def parse_annotation(parameters: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """What is to be written on pictures, "patient" or "technique" (8.3.5.1.1), and warnings about anything else.

    Raises `BadRequest` when the parameter names nothing at all.
    """
    asked = [part.strip().lower() for part in parameters.get("annotation", "").split(",") if part.strip()]
    if "annotation" in parameters and not asked:
        raise BadRequest("The parameter annotation takes patient, technique, or both with a comma between them.")
    known = [part for part in dict.fromkeys(asked) if part in _ANNOTATIONS]
    unknown = len(set(asked)) - len(known)
    supported = "The annotation parameter supports patient and technique; other values were not applied."
    return known, [supported] if unknown else []


def _profile(text: str) -> Profile:
    """`no`, `yes`, or the name of a colour space (8.3.5.1.5)."""
    found = _PROFILES.get(text.lower())
    if found is None:
        raise BadRequest(f"The parameter iccprofile takes one of {', '.join(_PROFILES)}.")
    return found


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
    if (size[0] and x >= size[0]) or (size[1] and y >= size[1]):
        raise BadRequest(
            f"The source region of the parameter viewport lies outside this image of {size[0]} x {size[1]}."
        )
    return (sides[0], sides[1]), (x, y, width, height)


def _quality(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:4]) <= 100:
        raise BadRequest("The parameter quality takes an integer from 1 to 100.")
    return int(text)


def _number(text: str) -> float | None:
    """A finite decimal number, or None."""
    return float(text) if len(text) <= 32 and _DECIMAL.fullmatch(text) else None
