"""RT Structure Sets (PS3.3 A.19, C.8.8.5, C.8.8.6): which contours lie on which image, and where there."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from storage.data_set.json_values import Json, items, numbers, text, whole
from storage.imaging.cielab import Colour
from storage.imaging.image_pixels import Undecodable
from storage.regions.images import Images, Source
from storage.regions.planes import Numbers, Plane
from storage.regions.region import Placed, Region, named

CLASSES: Final = frozenset({"1.2.840.10008.5.1.4.1.1.481.3"})

_MOST_CONTOURS: Final = 50_000
_MOST_POINTS_ON_ONE_IMAGE: Final = 200_000
_FURTHEST: Final = 1e5
_FEWEST: Final = {"POINT": 1, "OPEN_PLANAR": 2, "CLOSED_PLANAR": 3, "CLOSEDPLANAR_XOR": 3}
"""Points of a contour that can be drawn, by Contour Geometric Type."""

_FORMS: Final = {"POINT": "point", "OPEN_PLANAR": "open"}


@dataclass(frozen=True, slots=True)
class Contour:
    """A contour of the ROI `region`: `points` (n x 3, mm) in the frame of reference `space`, and its images."""

    region: int
    kind: str
    points: Numbers
    space: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class StructureSet:
    """`unreadable` is how many contours say nothing that could be drawn."""

    label: str
    regions: list[Region]
    contours: list[Contour]
    unreadable: int
    series: frozenset[str]
    spaces: frozenset[str]

    def placed(self, images: Images) -> Placed:
        """Where it lies on `images`."""
        found: dict[int, set[int]] = {}
        left_out = self.unreadable
        for contour in self.contours:
            indices = _on(contour, images)
            left_out += not indices
            found.setdefault(contour.region, set()).update(indices)
        parts = len(self.contours) + self.unreadable
        return Placed({one: sorted(indices) for one, indices in found.items()}, parts, left_out)

    def concerns(self, images: Images, series: str) -> bool:
        """Whether it names the series or one of its images, or lies in the same frame of reference."""
        if series in self.series or self.spaces & images.spaces:
            return True
        return any(images.named(contour.sources) for contour in self.contours)

    def outlines(self, images: Images, index: int) -> Json:
        """The shapes on image `index`, in its pixels: the outer corner of the first one is (0, 0)."""
        shapes: list[dict[str, Any]] = []
        plane, count = images.planes.get(index), 0
        for contour in self.contours:
            if plane is None or index not in _on(contour, images):
                continue
            count += len(contour.points)
            if count > _MOST_POINTS_ON_ONE_IMAGE:
                return {"shapes": shapes, "complete": False}
            placed = plane.pixels(contour.points) + 0.5
            if np.abs(placed).max() <= _FURTHEST:
                form = _FORMS.get(contour.kind, "closed")
                shapes.append({"number": contour.region, "form": form, "points": np.round(placed, 2).ravel().tolist()})
        return {"shapes": shapes, "complete": True}


def _on(contour: Contour, images: Images) -> frozenset[int]:
    """The images in whose planes a contour lies: of those that it names where there are such in the series."""
    candidates = images.named(contour.sources)
    if not candidates:
        candidates = frozenset(images.through(contour.points[0], contour.space))
        return frozenset(index for index in candidates if _lies_in(contour, images.planes[index], named=False))
    planes = ((index, images.planes.get(index)) for index in candidates)
    return frozenset(index for index, plane in planes if plane and _lies_in(contour, plane, named=True))


def _lies_in(contour: Contour, plane: Plane, *, named: bool) -> bool:
    if contour.space and plane.frame_of_reference and contour.space != plane.frame_of_reference:
        return False
    return bool(plane.distances(contour.points).max() <= (plane.half if named else plane.reach))


def structure_set_of(data_set: Json) -> StructureSet:
    """Read it. Raises `Undecodable` where it says too much."""
    found = items(data_set, "30060039")
    if sum(len(items(item, "30060040")) for item in found) > _MOST_CONTOURS:
        raise Undecodable("This structure set has more contours than are looked at.")
    rois = {whole(item, "30060022"): item for item in items(data_set, "30060020")}
    spaces = {roi: text(item, "30060024") for roi, item in rois.items()}
    contours: list[Contour] = []
    unreadable = 0
    colours: dict[int, Colour | None] = {}
    for item in found:
        roi = whole(item, "30060084")
        colours[roi] = _colour(numbers(item, "3006002A"))
        for said in items(item, "30060040"):
            contour = _contour(said, roi, spaces.get(roi, ""))
            unreadable += contour is None
            contours += [contour] if contour else []
    regions = [named(roi, text(rois.get(roi, {}), "30060026"), colours.get(roi)) for roi in {**rois, **colours}]
    label = text(data_set, "30060002")
    return StructureSet(label, regions, contours, unreadable, _series(data_set), frozenset(spaces.values()) - {""})


def _contour(item: Json, roi: int, space: str) -> Contour | None:
    """None for what cannot be drawn: too few points, numbers that are none, curves that lie in no plane."""
    kind, values = text(item, "30060042"), numbers(item, "30060050")
    if kind not in _FEWEST or len(values) % 3 or len(values) < 3 * _FEWEST[kind]:
        return None
    sources = tuple(Source(text(image, "00081155"), whole(image, "00081160")) for image in items(item, "30060016"))
    return Contour(roi, kind, np.array(values).reshape(-1, 3), space, sources)


def _colour(values: list[float]) -> Colour | None:
    if len(values) != 3 or not all(0 <= value <= 255 for value in values):
        return None
    red, green, blue = (int(value) for value in values)
    return red, green, blue


def _series(data_set: Json) -> frozenset[str]:
    """The series that are named (C.8.8.5)."""
    return frozenset(
        text(series, "0020000E")
        for space in items(data_set, "30060010")
        for study in items(space, "30060012")
        for series in items(study, "30060014")
    ) - {""}
