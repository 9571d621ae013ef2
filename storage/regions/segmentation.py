"""Segmentations (PS3.3 A.51, C.8.20): which of their frames lies on which image, and what it covers there."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from storage.data_set.json_values import Json, items, number, numbers, text, whole
from storage.imaging.cielab import srgb
from storage.imaging.image_pixels import Samples, Undecodable
from storage.regions.images import Images, Source
from storage.regions.masks import Mask, laid
from storage.regions.planes import Numbers, Plane, group, plane_of
from storage.regions.region import Placed, Region, named

CLASSES: Final = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})
"""Segmentation and Label Map Segmentation Storage."""

_MOST_FRAMES: Final = 20_000
_MOST_SEGMENTS: Final = 2_000
_MOST_ON_ONE_IMAGE: Final = 64
_EVERY: Final = 0
"""In place of the segment of a frame: a label map says by its pixels which segments there are."""


@dataclass(frozen=True, slots=True)
class SegmentFrame:
    """A frame (from 1), the number of its segment, its plane where it has one, and the images that it was made from."""

    number: int
    segment: int
    plane: Plane | None
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Segmentation:
    """A Segmentation without its pixels. `most` is the value of a pixel that belongs to its segment wholly."""

    label: str
    regions: list[Region]
    frames: list[SegmentFrame]
    kind: str
    most: float
    rows: int
    columns: int
    frame_of_reference: str
    series: frozenset[str]
    positions: Numbers
    """The place of each frame (frames x 3, mm); NaN where it has none."""

    def placed(self, images: Images) -> Placed:
        """Where it lies on `images`."""
        found: dict[int, set[int]] = {}
        left_out = 0
        segments = [region.number for region in self.regions]
        for frame in self.frames:
            indices = self._on(frame, images)
            left_out += not indices
            for segment in segments if frame.segment == _EVERY else [frame.segment]:
                found.setdefault(segment, set()).update(indices)
        return Placed({one: sorted(indices) for one, indices in found.items()}, len(self.frames), left_out)

    def concerns(self, images: Images, series: str) -> bool:
        """Whether it names the series or one of its images, or lies in the same frame of reference."""
        if series in self.series or self.frame_of_reference in images.spaces:
            return True
        return any(images.named(frame.sources) for frame in self.frames)

    def outlines(self, images: Images, index: int, samples: Callable[[int], Samples]) -> Json:
        """The masks on image `index`; `samples` decodes a frame by its number (from 1)."""
        masks: list[dict[str, Any]] = []
        image, shape = images.planes.get(index), images.sizes[index]
        for frame in self._near(image):
            if index not in self._on(frame, images):
                continue
            for segment, values in self._values(frame, samples(frame.number)):
                if len(masks) == _MOST_ON_ONE_IMAGE:
                    return {"masks": masks, "complete": False}
                mask = laid(values, frame.plane, image, shape)
                if mask is not None:
                    masks.append(_message(segment, mask))
        return {"masks": masks, "complete": True}

    def _near(self, image: Plane | None) -> list[SegmentFrame]:
        """The frames that may lie on an image: most lie far from its plane, which all at once tell quickly."""
        if image is None:
            return self.frames
        away = image.distances(self.positions)
        return [self.frames[at] for at in np.flatnonzero(~(away > image.reach)).tolist()]

    def _on(self, frame: SegmentFrame, images: Images) -> frozenset[int]:
        """The images that a frame lies on: by geometry, or where that is not said, by name.

        A frame that names images of the series lies on no others of it, such as those of another time.
        """
        by_name = images.named(frame.sources)
        if frame.plane is None or not images.planes:
            return frozenset(index for index in by_name if images.sizes[index] == (self.rows, self.columns))
        by_place = frozenset(images.parallel(frame.plane))
        return by_place & by_name if by_name else by_place

    def _values(self, frame: SegmentFrame, samples: Samples) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """The segments of a frame with what of each pixel belongs to them, 255 being all of it."""
        if samples.shape != (self.rows, self.columns):
            raise Undecodable("The frames of this segmentation have another size than it says.")
        if self.kind == "LABELMAP":
            for region in self.regions:
                if (covered := samples == region.number).any():
                    yield region.number, covered.astype(np.uint8) * np.uint8(255)
        elif self.kind == "FRACTIONAL":
            share = np.clip(samples.astype(np.float64) / self.most, 0.0, 1.0)
            yield frame.segment, np.rint(share * 255).astype(np.uint8)
        else:
            yield frame.segment, (samples != 0).astype(np.uint8) * np.uint8(255)


def segmentation_of(data_set: Json) -> Segmentation:
    """Read it. Raises `Undecodable` where it says too little, or too much."""
    kind = text(data_set, "00620001") or ("LABELMAP" if text(data_set, "00080016").endswith(".7") else "BINARY")
    count = whole(data_set, "00280008", 1)
    if not 1 <= count <= _MOST_FRAMES or len(items(data_set, "00620002")) > _MOST_SEGMENTS:
        raise Undecodable("This segmentation has more frames or segments than are looked at, or none.")
    frames = [_frame(data_set, index, kind) for index in range(1, count + 1)]
    places = [frame.plane.position if frame.plane else (np.nan,) * 3 for frame in frames]
    segments = [_segment(item) for item in items(data_set, "00620002")]
    return Segmentation(
        label=text(data_set, "00700081") or text(data_set, "00700080"),
        regions=[one for one in segments if one.number > 0 or kind != "LABELMAP"],
        frames=frames,
        kind=kind,
        most=number(data_set, "0062000E") or 255.0,
        rows=whole(data_set, "00280010"),
        columns=whole(data_set, "00280011"),
        frame_of_reference=text(data_set, "00200052"),
        series=frozenset(text(item, "0020000E") for item in items(data_set, "00081115")) - {""},
        positions=np.array(places, np.float64),
    )


def _segment(item: Json) -> Region:
    return named(whole(item, "00620004"), text(item, "00620005"), srgb(numbers(item, "0062000D")))


def _frame(data_set: Json, index: int, kind: str) -> SegmentFrame:
    derivation = group(data_set, index, "00089124")
    sources = (Source(text(item, "00081155"), whole(item, "00081160")) for item in items(derivation, "00082112"))
    segment = _EVERY if kind == "LABELMAP" else whole(group(data_set, index, "0062000A"), "0062000B")
    return SegmentFrame(index, segment, plane_of(data_set, index), tuple(sources))


def _message(segment: int, mask: Mask) -> dict[str, Any]:
    height, width = mask.values.shape
    return {
        "number": segment,
        "left": mask.left,
        "top": mask.top,
        "width": width,
        "height": height,
        "values": b64encode(mask.values.tobytes()).decode(),
    }
