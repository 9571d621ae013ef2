"""A contrast-enhanced CT of chest and upper belly."""

from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gateway.phantom.body import Grain, Level, paint_front_and_shoulders, paint_ribs, paint_spine, paint_wall
from gateway.phantom.canvas import Canvas, outline
from gateway.phantom.organs import Organs

Image = NDArray[np.int16]
Plane = NDArray[np.floating[Any]]

SIZE: Final = 512
PIXEL_MM: Final = 0.78125
SLICE_MM: Final = 2.75
SLICES: Final = 128
_NOISE: Final = 15.0


def image(number: int, count: int = SLICES, size: int = SIZE) -> Image:
    """Slice `number` (from 0) of `count`, from the lungs' tips downwards: Hounsfield units, always the same.

    Shape (size, size).
    """
    grain, organs = _anatomy(size)
    z = number * SLICE_MM * SLICES / count
    return _scanned(_slice(z, size, PIXEL_MM * SIZE / size, grain, organs), np.random.default_rng(1000 + number))


@cache
def _anatomy(size: int) -> tuple[Grain, Organs]:
    return Grain(size, PIXEL_MM * SIZE / size), Organs()


def _slice(z: float, size: int, pixel: float, grain: Grain, organs: Organs) -> Canvas:
    canvas = Canvas(size, pixel, z, -1000.0)
    straight_x, straight_y = canvas.x.copy(), canvas.y.copy()
    ripple = grain.ripple_x.at(z), grain.ripple_y.at(z)
    canvas.bend(2.6 * grain.bend_x.at(z) + 0.7 * ripple[0], 2.6 * grain.bend_y.at(z) + 0.7 * ripple[1])
    level = Level.at(z)
    wall = paint_wall(canvas, grain, level)
    paint_front_and_shoulders(canvas, level)
    organs.paint(canvas, grain, wall)
    paint_ribs(canvas, wall, level)
    paint_spine(canvas, grain)
    canvas.x, canvas.y = straight_x, straight_y
    canvas.paint(_table(size, pixel), -330.0)
    return canvas


@cache
def _table(size: int, pixel: float) -> Plane:
    """How much of each pixel the curved couch below the patient covers."""
    canvas = Canvas(size, pixel, 0, 0)
    shell = np.abs(outline(canvas, 0, -262, 560, 386) + 4) - 1.6
    sides = np.clip((205 - np.abs(canvas.x)) / 4, 0, 1)
    couch: Plane = canvas.cover(shell) * sides * canvas.cover(np.float32(60) - canvas.y)
    return couch


def _scanned(canvas: Canvas, random: np.random.Generator) -> Image:
    """What a scanner makes of it: a little blur, noise that grows through the shoulders, a round field of view."""
    values = _blurred(canvas.values)
    noise = random.standard_normal(values.shape, dtype=np.float32)
    noise = _blurred(noise) - np.float32(0.35) * _blurred(_blurred(noise))
    strength = _NOISE * (1.0 + 0.8 * np.exp(-(((canvas.z - 5) / 40) ** 2)))
    values += np.float32(strength * 2.0) * noise
    values[canvas.x**2 + canvas.y**2 > (canvas.size * canvas.pixel / 2 + 1) ** 2] = -1024
    image: Image = np.clip(np.rint(values), -1024, 3071).astype(np.int16)
    return image


def _blurred(plane: Plane) -> Plane:
    """Three pixels wide, in both directions."""
    rows = np.pad(plane, ((1, 1), (0, 0)), mode="edge")
    tall = np.float32(0.5) * plane + np.float32(0.25) * (rows[2:] + rows[:-2])
    columns = np.pad(tall, ((0, 0), (1, 1)), mode="edge")
    wide: Plane = np.float32(0.5) * tall + np.float32(0.25) * (columns[:, 2:] + columns[:, :-2])
    return wide
