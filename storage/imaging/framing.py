"""From the pixels of an image to those of the picture: region, pixel shape, viewport, turning (PS3.18 8.3.5.1.3)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from storage.imaging.image_pixels import Undecodable
from storage.imaging.presentation_state import PresentationState
from storage.imaging.rendering import Rendering

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PIXELS: Final = 1 << 26
"""Pixels of the largest picture that is made."""

_SQUARE_ENOUGH: Final = 0.01


@dataclass(frozen=True, slots=True)
class Framing:
    """Which `box` of the image (left, top, right, bottom) becomes a picture of `size`, mirrored, turned or neither.

    Of the box, columns and rows are exchanged as `mirrored` and `flipped` say, then it is scaled to `size`, turned by
    `quarters` right angles clockwise, and mirrored once more for a state that says so.
    """

    box: tuple[int, int, int, int]
    size: tuple[int, int]
    mirrored: bool = False
    flipped: bool = False
    quarters: int = 0
    mirrored_after: bool = False

    def frame(self, image: "Image") -> "Image":
        """`image` framed; what of the box lies outside is black."""
        from PIL.Image import Resampling, Transpose

        cut = image if self.box == (0, 0, *image.size) else image.crop(self.box)
        if self.mirrored:
            cut = cut.transpose(Transpose.FLIP_LEFT_RIGHT)
        if self.flipped:
            cut = cut.transpose(Transpose.FLIP_TOP_BOTTOM)
        if self.size != cut.size:
            cut = cut.resize(self.size, Resampling.LANCZOS, reducing_gap=3.0)
        if self.quarters:
            # Pillow turns the other way round.
            cut = cut.transpose((Transpose.ROTATE_270, Transpose.ROTATE_180, Transpose.ROTATE_90)[self.quarters - 1])
        return cut.transpose(Transpose.FLIP_LEFT_RIGHT) if self.mirrored_after else cut

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where in the picture a point of the image lies; both count from the outer edge of the first pixel."""
        left, top, right, bottom = self.box
        across, down = (x - left) / (right - left), (y - top) / (bottom - top)
        across, down = 1 - across if self.mirrored else across, 1 - down if self.flipped else down
        for _ in range(self.quarters):
            across, down = 1 - down, across
        across = 1 - across if self.mirrored_after else across
        width, height = self.turned_size
        return across * width, down * height

    @property
    def turned_size(self) -> tuple[int, int]:
        """Width and height of the picture."""
        return (self.size[1], self.size[0]) if self.quarters % 2 else self.size


def framing(
    size: tuple[int, int], pixel_height: float, rendering: Rendering, state: PresentationState | None = None
) -> Framing:
    """How an image of `size` is framed: the asked region or the displayed area, square pixels, inside the viewport."""
    box = (0, 0, *size)
    quarters, mirrored_after, mirrored, flipped = 0, False, False, False
    if state is not None:
        box, quarters, mirrored_after = _displayed(state, size), state.quarters, state.is_mirrored
    if rendering.region is not None:
        box, mirrored, flipped = _region(size, rendering.region)
    across, down = _scaled(box, pixel_height, rendering, turned=bool(quarters % 2))
    return Framing(box, (across, down), mirrored, flipped, quarters, mirrored_after)


def _scaled(
    box: tuple[int, int, int, int], pixel_height: float, rendering: Rendering, *, turned: bool
) -> tuple[int, int]:
    width, height = float(box[2] - box[0]), float(box[3] - box[1])
    if abs(pixel_height - 1.0) > _SQUARE_ENOUGH:
        # The finer direction keeps its resolution.
        width, height = (width, height * pixel_height) if pixel_height > 1 else (width / pixel_height, height)
    if rendering.viewport is not None:
        viewport = rendering.viewport[::-1] if turned else rendering.viewport
        scale = min(viewport[0] / width, viewport[1] / height)
        scale = scale if rendering.enlarge else min(scale, 1.0)
        width, height = width * scale, height * scale
    size = max(round(width), 1), max(round(height), 1)
    if size[0] * size[1] > MOST_PIXELS:
        raise Undecodable("The picture would be larger than any that is made here; ask for a smaller viewport.")
    return size


def _displayed(state: PresentationState, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The displayed area (C.10.4): its corners are pixels, counted from 1, and may lie outside the image.

    They are those of the turned image, so that the first need not be the upper left one here.
    """
    area = state.displayed_area
    first, last = (area.numbers(0x00700052), area.numbers(0x00700053)) if area else ((), ())
    whole = (0, 0, *size)
    if len(first) != 2 or len(last) != 2:
        return whole
    left, right = sorted((int(first[0]), int(last[0])))
    top, bottom = sorted((int(first[1]), int(last[1])))
    if (right - left + 1) * (bottom - top + 1) > MOST_PIXELS:
        raise Undecodable("The displayed area of the presentation state is larger than any picture made here.")
    return left - 1, top - 1, right, bottom


def _region(
    size: tuple[int, int], region: tuple[float, float, float, float]
) -> tuple[tuple[int, int, int, int], bool, bool]:
    x, y, width, height = region
    left, right = round(max(x, 0.0)), round(min(x + abs(width), size[0]))
    top, bottom = round(max(y, 0.0)), round(min(y + abs(height), size[1]))
    if right - left < 1 or bottom - top < 1:
        raise Undecodable("The region that is asked for lies outside the image.")
    return (left, top, right, bottom), width < 0, height < 0
