"""What is drawn and written on a picture: graphics of a presentation state (PS3.3 C.10.5), lines of annotation."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from storage.data_set.character_sets import CharacterSets, character_sets, terms_of
from storage.imaging.cielab import Colour
from storage.imaging.framing import Framing
from storage.imaging.header import Header
from storage.imaging.lettering import fitting_font, written
from storage.imaging.presentation_state import PresentationState
from storage.imaging.voi import Floats

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

Point = tuple[float, float]

_MOST_OBJECTS: Final = 2_000
_MOST_POINTS: Final = 20_000
_FURTHEST: Final = 1e5
_ROUND: Final = np.linspace(0.0, 2.0 * np.pi, 97)
_SPLINE: Final = np.linspace(0.0, 1.0, 9)[:, np.newaxis]
_DARK: Final = 0


def draw_annotation(picture: "Image", lines: Sequence[str]) -> "Image":
    """`picture` with `lines` in its upper left corner, light with a dark edge, so that they are legible on anything."""
    from PIL import ImageDraw

    made = picture.copy()
    draw = ImageDraw.Draw(made)
    font = fitting_font(lines, made.size)
    margin = max(font.size // 3, 1)
    text = "\n".join(written(line, font) for line in lines)
    draw.multiline_text((margin, margin), text, _ink(made, 255), font, stroke_width=1, stroke_fill=_ink(made, _DARK))
    return made


def draw_graphics(picture: "Image", frame: Framing, state: PresentationState) -> "Image":
    """`picture` with the graphic annotations of `state`, the lowest layer first."""
    from PIL import ImageDraw

    made = picture.copy()
    draw = ImageDraw.Draw(made)
    sets = _character_sets(state.header)
    left = _MOST_OBJECTS
    for annotation in state.annotations:
        layer = state.layer(annotation.text(0x00700002))
        ink = _ink(made, layer.grey, layer.colour)
        for item in annotation.items(0x00700009)[:left]:
            _draw_object(draw, item, frame, ink)
        for item in annotation.items(0x00700008)[:left]:
            _write_text(draw, item, frame, ink, sets)
        left = max(left - len(annotation.items(0x00700009)) - len(annotation.items(0x00700008)), 0)
    return made


def _ink(picture: "Image", grey: int, colour: Colour | None = None) -> int | Colour:
    return grey if picture.mode == "L" else colour or (grey, grey, grey)


def _character_sets(header: Header) -> CharacterSets:
    declared = header.values.get(0x00080005)
    return character_sets(terms_of(declared.encoded) if declared else ())


def _draw_object(draw: "ImageDraw", item: Header, frame: Framing, ink: int | tuple[int, int, int]) -> None:
    """One item of the Graphic Object Sequence (C.10.5.1.2)."""
    points = list(_points(item.numbers(0x00700022)))
    kind = item.text(0x00700023)
    unit = item.text(0x00700005)
    if kind == "POINT" and points:
        x, y = _placed(points[0], unit, frame)
        draw.ellipse([x - 1, y - 1, x + 1, y + 1], fill=ink)
        return
    outline = _outline(kind, points)
    if len(outline) < 2:
        return
    path = [_placed(point, unit, frame) for point in outline]
    if item.text(0x00700024) == "Y" and len(path) > 2:
        draw.polygon(path, fill=ink)
    else:
        draw.line(path, fill=ink, width=1)


def _outline(kind: str, points: list[Point]) -> list[Point]:
    """The graphic as a polyline in its own units."""
    given = np.asarray(points)
    match kind:
        case "POLYLINE":
            return points
        case "INTERPOLATED" if len(points) > 2:
            return _smooth(given)
        case "INTERPOLATED":
            return points
        case "CIRCLE" if len(points) == 2:
            radius = float(np.hypot(*(given[1] - given[0])))
            return _ellipse(given[0], np.array([radius, 0.0]), np.array([0.0, radius]))
        case "ELLIPSE" if len(points) == 4:
            return _ellipse((given[0] + given[1]) / 2, (given[1] - given[0]) / 2, (given[3] - given[2]) / 2)
    return []


def _smooth(points: Floats) -> list[Point]:
    """A curve through all points; the standard leaves to the renderer which one (C.10.5.1.2)."""
    ends = np.concatenate([points[:1], points, points[-1:]])
    curve = []
    for before, start, end, after in zip(ends, ends[1:], ends[2:], ends[3:], strict=False):
        t = _SPLINE
        linear, square = end - before, 2 * before - 5 * start + 4 * end - after
        cube = 3 * start - before - 3 * end + after
        curve.append(start + (linear * t + square * t**2 + cube * t**3) / 2)
    return _pairs(np.concatenate(curve))


def _ellipse(center: Floats, one: Floats, other: Floats) -> list[Point]:
    return _pairs(center + np.outer(np.cos(_ROUND), one) + np.outer(np.sin(_ROUND), other))


def _pairs(points: Floats) -> list[Point]:
    return [(float(x), float(y)) for x, y in points]


def _write_text(
    draw: "ImageDraw", item: Header, frame: Framing, ink: int | tuple[int, int, int], sets: CharacterSets
) -> None:
    """One item of the Text Object Sequence: in its bounding box, else beside its anchor point (C.10.5.1.1)."""
    value = item.values.get(0x00700006)
    place = _text_place(item, frame)
    if value is None or place is None:
        return
    lines = sets.decode(value.encoded).strip("\0 ").splitlines()[:20]
    font = fitting_font(lines, frame.turned_size)
    draw.multiline_text(place, "\n".join(written(line[:200], font) for line in lines), ink, font)


def _text_place(item: Header, frame: Framing) -> Point | None:
    first, last = (next(_points(item.numbers(tag)), None) for tag in (0x00700010, 0x00700011))
    if first and last:
        corners = [_placed(corner, item.text(0x00700003), frame) for corner in (first, last)]
        return min(corners[0][0], corners[1][0]), min(corners[0][1], corners[1][1])
    anchor = next(_points(item.numbers(0x00700014)), None)
    return _placed(anchor, item.text(0x00700004), frame) if anchor else None


def _points(numbers: Sequence[float]) -> Iterator[Point]:
    return zip(numbers[: 2 * _MOST_POINTS : 2], numbers[1 : 2 * _MOST_POINTS : 2], strict=False)


def _placed(point: Point, unit: str, frame: Framing) -> Point:
    """A point of the image or, in units DISPLAY, a share of the picture (C.10.5.1.1)."""
    width, height = frame.turned_size
    x, y = (point[0] * width, point[1] * height) if unit == "DISPLAY" else frame.place(*point)
    return min(max(x, -_FURTHEST), _FURTHEST), min(max(y, -_FURTHEST), _FURTHEST)
