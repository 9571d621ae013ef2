"""One region as readers choose it, and what is said of all of a set."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from storage.imaging.cielab import Colour

MOST: Final = 500
"""Regions of one set that are offered."""

_LONGEST_NAME: Final = 64
# For regions that bring no colour: far from each other, and light enough for any image.
_COLOURS: Final = (
    (255, 216, 77),
    (127, 231, 242),
    (255, 159, 208),
    (160, 230, 120),
    (255, 170, 90),
    (190, 170, 255),
)
_DARKEST: Final = 0.18
"""Relative luminance (WCAG 2.2) of the darkest colour: 4.6 to 1 on black."""


@dataclass(frozen=True, slots=True)
class Region:
    """A segment or ROI: its number in its data set, its name as it is written, and the colour in which it is shown."""

    number: int
    name: str
    colour: Colour


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a set lies on the images of a series: their indices by the numbers of its regions.

    `parts` is of how many frames or contours it is made; `left_out` of them lie on none of the images.
    """

    images: dict[int, list[int]]
    parts: int
    left_out: int

    def message(self, regions: Sequence[Region], label: str, *, concerns: bool) -> dict[str, Any]:
        """As it is sent to those who choose; `concerns`: whether the set is for these images at all."""
        listed = [
            {
                "number": region.number,
                "name": region.name,
                "colour": "#{:02x}{:02x}{:02x}".format(*region.colour),
                "images": _runs(self.images.get(region.number, [])),
            }
            for region in regions[:MOST]
        ]
        more = max(len(regions) - MOST, 0)
        said = {"concerns": concerns, "label": label[:_LONGEST_NAME], "regions": listed}
        return said | {"more": more, "parts": self.parts, "left_out": self.left_out}


def named(number: int, name: str, wanted: Colour | None) -> Region:
    """A region whose colour is the `wanted` one, lightened until it can be told from black, or one of our own."""
    return Region(number, name[:_LONGEST_NAME], _light(wanted or _COLOURS[number % len(_COLOURS)]))


def _light(colour: Colour) -> Colour:
    """`colour` mixed with as little white as makes it light enough."""
    for share in range(0, 101, 5):
        red, green, blue = (round(value + (255 - value) * share / 100) for value in colour)
        if _luminance((red, green, blue)) >= _DARKEST:
            break
    return red, green, blue


def _luminance(colour: Colour) -> float:
    parts = (value / 255 for value in colour)
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _runs(indices: Sequence[int]) -> list[list[int]]:
    """First and last of each row of neighbours."""
    runs: list[list[int]] = []
    for index in sorted(set(indices)):
        if runs and runs[-1][1] == index - 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return runs
