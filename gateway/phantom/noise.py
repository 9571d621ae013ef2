"""Smooth noise in three dimensions, cheap enough to bend and grain every slice of a volume."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.floating[Any]]


class SmoothNoise:
    """Cubic B-spline noise with zero mean and about unit deviation over a plane of `size` pixels of `pixel` mm.

    Features are about `grain` mm wide. The same seed gives the same noise.
    """

    def __init__(self, size: int, pixel: float, grain: float, seed: int, depth: float = 400.0) -> None:
        self._grain = grain
        cells = int(np.ceil(size * pixel / grain)) + 4
        planes = int(np.ceil(depth / grain)) + 6
        lattice = np.random.default_rng(seed).standard_normal((planes, cells, cells), dtype=np.float32)
        self._lattice = lattice * np.float32(2.6)
        self._spread = _spread(size, pixel / grain, cells)

    def at(self, z: float) -> Plane:
        """The plane at height `z` mm (0 up to the depth), shape (size, size)."""
        position = z / self._grain + 1.0
        base = int(np.floor(position))
        weights = _weights(np.asarray(position - base))
        level = np.tensordot(weights, self._lattice[base - 1 + np.arange(4)], axes=1).astype(np.float32)
        plane: Plane = self._spread @ level @ self._spread.T
        return plane


@cache
def _spread(size: int, step: float, cells: int) -> Plane:
    """Matrix (size, cells) that interpolates a lattice row at every pixel."""
    positions = np.arange(size) * step + 1.0
    base = np.floor(positions).astype(int)
    matrix = np.zeros((size, cells), dtype=np.float32)
    weights = _weights(positions - base)
    for offset in range(4):
        matrix[np.arange(size), np.clip(base - 1 + offset, 0, cells - 1)] += weights[offset]
    return matrix


def _weights(fraction: NDArray[np.float64]) -> NDArray[np.float64]:
    """The four weights of a uniform cubic B-spline."""
    t = fraction
    return np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]) / 6.0
