"""A mask in the grid of a segmentation, laid over an image whose grid may be another one in the same plane."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from storage.regions.planes import Plane

Bytes = NDArray[np.uint8]

_ROWS_AT_ONCE: Final = 256
# The middle of a pixel on the border of two goes to the same one, whatever is rounded on the way.
_TIE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Mask:
    """The part of an image that holds all that is not 0: its first column and row, and its values."""

    left: int
    top: int
    values: Bytes


def laid(values: Bytes, grid: Plane | None, image: Plane | None, shape: tuple[int, int]) -> Mask | None:
    """`values` in the pixels of an image of `shape` (rows, columns): each gets what lies at its middle.

    Without planes both grids are the same. None where nothing is left.
    """
    covered = np.argwhere(values)
    if not len(covered):
        return None
    (top, left), (bottom, right) = covered.min(axis=0), covered.max(axis=0)
    if grid is None or image is None:
        return Mask(int(left), int(top), values[top : bottom + 1, left : right + 1])
    corners = np.array([(x, y) for x in (left - 0.5, right + 0.5) for y in (top - 0.5, bottom + 0.5)])
    placed = image.pixels(grid.points(corners))
    first = np.maximum(np.floor(placed.min(axis=0)), 0).astype(int)
    last = np.minimum(np.ceil(placed.max(axis=0)), (shape[1] - 1, shape[0] - 1)).astype(int)
    if (last < first).any():
        return None
    made = _sampled(values, grid, image, (first[0], last[0]), (first[1], last[1]))
    return Mask(int(first[0]), int(first[1]), made) if made.any() else None


def _sampled(values: Bytes, grid: Plane, image: Plane, columns: tuple[int, int], rows: tuple[int, int]) -> Bytes:
    """What lies at the middles of these columns and rows of `image`, both ends included; 0 outside of `grid`."""
    height, width = values.shape
    made = np.zeros((rows[1] - rows[0] + 1, columns[1] - columns[0] + 1), np.uint8)
    across = np.arange(columns[0], columns[1] + 1)
    for begin in range(0, len(made), _ROWS_AT_ONCE):
        down = np.arange(rows[0] + begin, min(rows[0] + begin + _ROWS_AT_ONCE, rows[1] + 1))
        middles = np.stack(np.broadcast_arrays(across[np.newaxis], down[:, np.newaxis]), axis=-1).reshape(-1, 2)
        there = np.floor(grid.pixels(image.points(middles)) + 0.5 + _TIE).astype(int)
        inside = ((there >= 0) & (there < (width, height))).all(axis=1)
        found = np.zeros(len(middles), np.uint8)
        found[inside] = values[there[inside, 1], there[inside, 0]]
        made[begin : begin + len(down)] = found.reshape(len(down), len(across))
    return made
