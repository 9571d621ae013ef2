"""Query parameters (PS3.18 8.3): what a search asks for, and how a rendering shall look."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from pydicom.datadict import tag_for_keyword

from dicomweb.problems import BadRequest
from storage.attributes import BY_KEYWORD, BY_TAG, Attribute, Level, Matching
from storage.imaging.rendering import PictureType, Profile
from storage.pixels import Rendering
from storage.query import Match, Query

MAXIMUM_RESULTS: Final = 10_000
_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_DECIMAL: Final = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,2})?", re.ASCII)
_CONTROLS: Final = frozenset({"accept", "charset"})
_SWITCHES: Final = {
    "fuzzymatching": "Only literal matching has been performed.",
    "emptyvaluematching": "Empty Value Matching has not been performed.",
    "multiplevaluematching": "Multiple Value Matching has not been performed.",
}


@dataclass(slots=True)
class Search:
    """A search as it was asked: keys we match, and warnings about what we do not (PS3.18 8.3.4).

    A key that is not supported is named in a warning and the others are applied. When no supported key is left that
    restricts the answer, nothing matches: a typing error must not become a list of the whole archive. An unsupported
    key without a value only asks for its attribute to be returned.
    """

    level: Level
    matches: list[Match] = field(default_factory=list)
    include: set[str] = field(default_factory=set)
    include_all: bool = False
    limit: int | None = None
    offset: int = 0
    unsupported: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def matches_nothing(self) -> bool:
        """Whether all keys that would have restricted the answer are unsupported."""
        return bool(self.unsupported) and not any(_restricts(match.values) for match in self.matches)

    def query(self) -> Query:
        """The question for the index; never more than `MAXIMUM_RESULTS` answers are wanted."""
        limit = MAXIMUM_RESULTS if self.limit is None else min(self.limit, MAXIMUM_RESULTS)
        include = frozenset(self.include)
        return Query(self.level, tuple(self.matches), include, self.include_all, limit, self.offset)


def parse_search(query_string: str, level: Level, path_keys: Iterable[tuple[str, str]] = ()) -> Search:
    """Read a search from the query string; `path_keys` are (keyword, UID) from the path.

    Raises `BadRequest` for a number or switch that is none.
    """
    search = Search(level, [Match(BY_KEYWORD[keyword], (uid,)) for keyword, uid in path_keys])
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(query_string, keep_blank_values=True):
        values.setdefault(name, []).append(value)
    for name, given in values.items():
        _read(search, name, given)
    if search.unsupported:
        names = ", ".join(search.unsupported)
        search.warnings.append(f"The following search attributes are not supported: {names}")
    return search


def _read(search: Search, name: str, given: list[str]) -> None:
    if name == "limit":
        search.limit = _unsigned(name, given)
    elif name == "offset":
        search.offset = _unsigned(name, given)
    elif name == "includefield":
        _read_include(search, given)
    elif name in _SWITCHES:
        if _switch(name, given):
            search.warnings.append(f"The {name} parameter is not supported. {_SWITCHES[name]}")
    elif name not in _CONTROLS:
        _read_key(search, name, given)


def _read_key(search: Search, name: str, given: list[str]) -> None:
    attribute = BY_TAG.get(name.upper()) or BY_KEYWORD.get(name)
    if attribute is None or attribute.level > search.level:
        if _restricts(given):
            search.unsupported.append(name)
        else:
            _read_include(search, [name])
        return
    search.include.add(attribute.tag)
    search.matches.append(Match(attribute, _key_values(attribute, given)))


def _restricts(values: Sequence[str]) -> bool:
    """Whether these values of a key leave anything out; empty and `*` are universal matching (PS3.4 C.2.2.2.3)."""
    return all(value.strip("\0 ") not in ("", "*") for value in values)


def _key_values(attribute: Attribute, given: list[str]) -> tuple[str, ...]:
    """The values of a key. Only lists of UIDs are split (PS3.18 8.3.4.1): names and descriptions hold commas."""
    if attribute.matching is not Matching.UID:
        return tuple(given)
    uids = tuple(uid for value in given for part in re.split(r"[,\\]", value) if (uid := part.strip()))
    return uids or ("",)


def _read_include(search: Search, given: list[str]) -> None:
    unknown = []
    for name in (part.strip() for value in given for part in value.split(",")):
        tag = _tag(name)
        if name == "all":
            search.include_all = True
        elif tag:
            search.include.add(tag)
        elif name:
            unknown.append(name)
    if unknown:
        names = ", ".join(unknown)
        search.warnings.append(f"The following attributes are not known and have not been included: {names}")


def _tag(name: str) -> str:
    """The tag of a keyword of PS3.6 or of 8 hexadecimal digits, of the outermost sequence in a path; or nothing."""
    name = name.partition(".")[0]
    if _TAG.fullmatch(name):
        return name.upper()
    number = tag_for_keyword(name)
    return "" if number is None else f"{number:08X}"


def _unsigned(name: str, given: Sequence[str]) -> int:
    text = given[-1]
    if len(given) > 1 or not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadRequest(f"The parameter {name} takes one unsigned integer.")
    return int(text)


def _switch(name: str, given: Sequence[str]) -> bool:
    if len(given) > 1 or given[0] not in ("true", "false"):
        raise BadRequest(f"The parameter {name} takes true or false.")
    return given[0] == "true"


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
