"""Grayscale, Color and Pseudo-Color Softcopy Presentation States (PS3.3 A.33.1 to A.33.3): what applies to a frame."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from storage.imaging.cielab import Colour, srgb
from storage.imaging.header import Header

REFERENCED_SERIES: Final = 0x00081115
REFERENCED_IMAGES: Final = 0x00081140
SERIES: Final = 0x0020000E
INSTANCE: Final = 0x00081155
FRAMES: Final = 0x00081160

_SOFTCOPY_VOI_LUT: Final = 0x00283110
_DISPLAYED_AREA: Final = 0x0070005A
_GRAPHIC_ANNOTATION: Final = 0x00700001
_GRAPHIC_LAYER: Final = 0x00700060
_FLIP: Final = 0x00700041
_ROTATION: Final = 0x00700042
_OVERLAY_ACTIVATION_LAYER: Final = 0x1001


@dataclass(frozen=True, slots=True)
class Reference:
    """One image that a presentation state is for; `frames` is empty when all are meant (table 10-3)."""

    series_instance_uid: str
    sop_instance_uid: str
    frames: tuple[int, ...] = ()


def references(header: Header) -> Iterator[Reference]:
    """The images that a presentation state is for, in its order (C.11.11)."""
    for series in header.items(REFERENCED_SERIES):
        uid = next(iter(series.texts(SERIES)), "")
        for image in series.items(REFERENCED_IMAGES):
            frames = tuple(int(number) for number in image.numbers(FRAMES))
            yield Reference(uid, next(iter(image.texts(INSTANCE)), ""), frames)


@dataclass(frozen=True, slots=True)
class PresentationState:
    """A presentation state as it looks from frame `number` of the image `sop_instance_uid`."""

    header: Header
    sop_instance_uid: str
    number: int

    @property
    def voi(self) -> Header:
        """The item with VOI LUT or window; one without either when nothing is said (C.11.8)."""
        return next(self._that_apply(_SOFTCOPY_VOI_LUT), Header({}))

    @property
    def displayed_area(self) -> Header | None:
        """Which part is shown, and the shape of its pixels (C.10.4)."""
        return next(self._that_apply(_DISPLAYED_AREA), None)

    @property
    def quarters(self) -> int:
        """By how many right angles the image is turned clockwise, before it may be mirrored (C.10.6)."""
        return round((self.header.number(_ROTATION) or 0.0) / 90.0) % 4

    @property
    def is_mirrored(self) -> bool:
        """Whether left and right are exchanged."""
        return self.header.text(_FLIP) == "Y"

    @property
    def annotations(self) -> list[Header]:
        """Items of the Graphic Annotation Sequence, those of the lowest layer first (C.10.5, C.10.7)."""
        return sorted(self._that_apply(_GRAPHIC_ANNOTATION), key=lambda one: self.layer(one.text(0x00700002)).order)

    def layer(self, name: str) -> "Layer":
        """The layer of this name; white and lowest where it is not described."""
        found = (one for one in self.header.items(_GRAPHIC_LAYER) if one.text(0x00700002) == name)
        item = next(found, Header({}))
        grey = item.number(0x00700066)
        shade = 255 if grey is None else int(min(max(grey, 0), 65535)) >> 8
        return Layer(item.number(0x00700062) or 0.0, shade, srgb(item.numbers(0x00700401)))

    def active_overlays(self, groups: range) -> list[int]:
        """The groups of those overlays of the image that this state shows (C.11.7)."""
        return [group for group in groups if self.header.text(group << 16 | _OVERLAY_ACTIVATION_LAYER)]

    def _that_apply(self, sequence: int) -> Iterator[Header]:
        return (item for item in self.header.items(sequence) if self._applies(item))

    def _applies(self, item: Header) -> bool:
        images = item.items(REFERENCED_IMAGES)
        return not images or any(self._is_meant(image) for image in images)

    def _is_meant(self, image: Header) -> bool:
        frames = image.numbers(FRAMES)
        return self.sop_instance_uid in image.texts(INSTANCE) and (not frames or self.number in frames)


@dataclass(frozen=True, slots=True)
class Layer:
    """A graphic layer: its place among the others, and the grey (0 to 255) that its graphics are drawn in.

    On a picture in colour they are drawn in `colour` where there is one.
    """

    order: float
    grey: int
    colour: Colour | None = None
