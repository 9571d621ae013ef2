"""The wall of the trunk: outline, skin, fat, muscle, ribs, spine, breastbone, shoulder blades."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gateway.phantom.canvas import Canvas, Ellipsoid, outline, path
from gateway.phantom.noise import SmoothNoise

Plane = NDArray[np.floating[Any]]

SKIN, FAT, MUSCLE, CORTEX, MARROW, CARTILAGE = 20.0, -104.0, 58.0, 720.0, 190.0, 115.0
VERTEBRA_MM: Final = 25.0
_RIB_MM: Final = 25.0
_RIB_DROP: Final = 78.0
"""How much lower a rib ends in front than it begins at the spine."""


class Grain:
    """The noises that give tissue its texture and bend its borders."""

    def __init__(self, size: int, pixel: float) -> None:
        self.bend_x = SmoothNoise(size, pixel, 55, 1)
        self.bend_y = SmoothNoise(size, pixel, 55, 2)
        self.ripple_x = SmoothNoise(size, pixel, 17, 3)
        self.ripple_y = SmoothNoise(size, pixel, 17, 4)
        self.strand = SmoothNoise(size, pixel, 9, 5)
        self.fine = SmoothNoise(size, pixel, 3.5, 6)
        self.cloud = SmoothNoise(size, pixel, 26, 7)


@dataclass(frozen=True, slots=True)
class Level:
    """What depends on height alone, all in mm: half axes of trunk and chest cavity."""

    width: float
    depth: float
    cavity_width: float
    cavity_depth: float

    @classmethod
    def at(cls, z: float) -> "Level":
        """The trunk `z` mm below the top of the lungs' level."""
        shoulders = np.exp(-(((z - 10) / 55) ** 2))
        waist = np.exp(-(((z - 330) / 90) ** 2))
        apex = np.sqrt(1 - (1 - np.clip((z + 10) / 105, 0.001, 1)) ** 2)
        return cls(
            width=float(160 + 20 * shoulders - 12 * waist),
            depth=float(108 - 14 * shoulders - 6 * waist),
            cavity_width=float(129 * apex - 8 * waist),
            cavity_depth=float(80 * (0.45 + 0.55 * apex) - 4 * waist),
        )


@dataclass(frozen=True, slots=True)
class Wall:
    """Signed distances of one slice: to the skin, and to the chest (or belly) cavity."""

    skin: Plane
    cavity: Plane


CAVITY_Y: Final = -9.0


def paint_wall(canvas: Canvas, grain: Grain, level: Level) -> Wall:
    """Skin, fat and the muscle layer; what lies inside the cavity is left as fat."""
    skin = outline(canvas, 0, 0, level.width, level.depth, boxy=True)
    for side in (-1, 1):
        breast = Ellipsoid(side * 78, -84, 165, 62, 38, 66)
        if abs(canvas.z - breast.z) < breast.c:
            skin = np.minimum(skin, _distance(canvas, breast))
    cavity = outline(canvas, 0, CAVITY_Y, level.cavity_width, level.cavity_depth, boxy=True)
    strand, cloud = grain.strand.at(canvas.z), grain.cloud.at(canvas.z)
    canvas.paint(canvas.cover(skin), SKIN)
    canvas.paint(canvas.cover(skin + 2.2), FAT + 6 * strand)
    septa = canvas.cover(np.abs(strand) * 5 - 0.5) * canvas.cover(skin + 4)
    canvas.paint(septa * 0.45, MUSCLE)
    _paint_glands(canvas, strand)
    muscle = np.maximum(_muscle_border(canvas, level) + 3.5 * cloud, skin + 6)
    fascia = np.clip(np.abs(cloud * 7 + strand * 2.2) - 0.25, 0.12, 1)
    canvas.paint(canvas.cover(muscle), FAT + (MUSCLE + 5 * strand - FAT) * fascia)
    canvas.paint(canvas.cover(cavity + 1), FAT + 7 * strand)
    return Wall(skin, cavity)


def _muscle_border(canvas: Canvas, level: Level) -> Plane:
    """Thick behind and beside the spine, thin in front."""
    layer = outline(canvas, 0, 2, level.cavity_width + 17, level.cavity_depth + 13, boxy=True)
    for side in (-1, 1):
        back = outline(canvas, side * 34, 74, 32, 21)
        layer = np.minimum(layer, back)
        if canvas.z < 120:
            chest = outline(canvas, side * 72, -58, 52, 25)
            shoulder = outline(canvas, side * 118, 30, 42, 52)
            layer = np.minimum(layer, np.minimum(chest, shoulder) + max(canvas.z - 80, 0) * 0.5)
    return layer


def _paint_glands(canvas: Canvas, strand: Plane) -> None:
    for side in (-1, 1):
        found = canvas.inside(Ellipsoid(side * 82, -100, 168, 34, 15, 44))
        if found is not None:
            window, covered = found
            canvas.paint(covered * np.clip(strand[window] * 1.6 + 0.5, 0, 1), 28.0, window)


def _distance(canvas: Canvas, shape: Ellipsoid) -> Plane:
    shrink = max(float(np.sqrt(1 - ((canvas.z - shape.z) / shape.c) ** 2)), 0.02)
    return outline(canvas, shape.x, shape.y, shape.a * shrink, shape.b * shrink)


def paint_ribs(canvas: Canvas, wall: Wall, level: Level) -> None:
    """Twelve pairs: each a band around the cavity that sinks towards the front and ends in cartilage."""
    near = np.flatnonzero((wall.cavity > -2) & (wall.cavity < 13))
    x, y = canvas.x.ravel()[near], canvas.y.ravel()[near]
    around = np.arctan2(np.abs(x), y - np.float32(CAVITY_Y)) / np.float32(np.pi)
    within = wall.cavity.ravel()[near] - np.float32(5.5)
    values = canvas.values.ravel()[near]
    for number in range(13):
        top = number * _RIB_MM - 52.0
        if not top - 8 <= canvas.z <= top + _RIB_DROP + 8:
            continue
        drop = np.float32(top) + np.float32(_RIB_DROP) * around ** np.float32(1.15)
        across = np.sqrt((within / np.float32(4.2)) ** 2 + ((np.float32(canvas.z) - drop) / np.float32(6.2)) ** 2)
        inside = (across - 1) * np.float32(4.2)
        reach = np.float32(0.86 if number < 8 else 0.86 - 0.1 * (number - 7))
        bone = canvas.cover(inside) * np.clip((reach - around) * 40, 0, 1) * np.clip(around * 30 - 3, 0, 1)
        if number < 10:
            gristle = canvas.cover(inside + 0.4) * np.clip((around - reach) * 40, 0, 1)
            values += gristle * np.clip((np.float32(0.97) - around) * 60, 0, 1) * (CARTILAGE - values)
        values += bone * (CORTEX - values)
        values += bone * canvas.cover(inside + 1.9) * (MARROW - values)
    canvas.values.ravel()[near] = values


def paint_spine(canvas: Canvas, grain: Grain) -> None:
    """Bodies and discs in turn, the canal with its cord, pedicles, laminae, transverse and spinous processes."""
    phase = (canvas.z / VERTEBRA_MM) % 1.0
    base = canvas.z - phase * VERTEBRA_MM
    plate = min(phase, 0.8 - phase) * VERTEBRA_MM
    body = Ellipsoid(0, 49, canvas.z, 18 + canvas.z / 80, 14.5 + canvas.z / 120, 1e6, boxy=True)
    canvas.ellipsoid(body.grown(4), FAT)
    if phase < 0.8:
        waist = 1.6 * np.sin(np.pi * phase / 0.8)
        canvas.ellipsoid(body.grown(-waist), CORTEX * 0.8)
        density = 330.0 if plate < 1.6 else MARROW + 10
        canvas.ellipsoid(body.grown(-waist - 1.5), density + 26 * grain.fine.at(canvas.z))
    else:
        canvas.ellipsoid(body, 105.0)
        canvas.ellipsoid(body.grown(-5), 82.0)
    _paint_arch(canvas, base, phase)
    canvas.ellipsoid(Ellipsoid(0, 72, canvas.z, 11.5, 9.5, 1e6), FAT)
    canvas.ellipsoid(Ellipsoid(0, 72, canvas.z, 8.8, 7.6, 1e6), 14.0)
    if canvas.z < 330:
        canvas.ellipsoid(Ellipsoid(0, 71.5, canvas.z, 5.2, 4.0, 1e6), 42.0)


def _paint_arch(canvas: Canvas, base: float, phase: float) -> None:
    bones = []
    for side in (-1, 1):
        bones += path([(side * 13, 60, base + 5), (side * 14, 71, base + 8)], 4.6)
        bones += path([(side * 14, 71, base + 8), (side * 27, 78, base + 9), (side * 40, 84, base + 8)], 4.4, 3.4)
        bones += path([(side * 14, 72, base + 10), (side * 9, 82, base + 15), (0, 86, base + 18)], 4.2)
        bones += path([(side * 15, 76, base + 15), (side * 14, 77, base + 29)], 4.4)
    for level in (base, base - VERTEBRA_MM):
        bones += path([(0, 85, level + 15), (0, 94, level + 31)], 3.4, 3.8)
    canvas.tubes(bones, CORTEX * 0.85)
    canvas.tubes(bones, MARROW + 60, grow=-1.8)


def paint_front_and_shoulders(canvas: Canvas, level: Level) -> None:
    """Breastbone, collar bones and shoulder blades."""
    front = CAVITY_Y - level.cavity_depth - 6
    if canvas.z > 30:
        sternum = Ellipsoid(0, front, 115, 25 if canvas.z < 75 else 17, 6.5, 92, boxy=True)
        canvas.ellipsoid(sternum, CORTEX * 0.7)
        canvas.ellipsoid(sternum.grown(-1.7), MARROW - 40)
    bones = []
    for side in (-1, 1):
        bones += path([(side * 20, -64, 44), (side * 60, -62, 26), (side * 105, -38, 8)], 6.4, 5.6)
        spine = [(side * 88, 76, 40), (side * 118, 70, 22), (side * 140, 44, 6)]
        bones += path(spine, 4.5, 5.5)
    canvas.tubes(bones, CORTEX)
    canvas.tubes(bones, MARROW, grow=-2.2)
    _paint_blades(canvas)


def _paint_blades(canvas: Canvas) -> None:
    if canvas.z > 128:
        return
    narrow = 1 - max(canvas.z - 40, 0) / 130
    for side in (-1, 1):
        inner, outer = (side * 86, 78, canvas.z), (side * (92 + 42 * narrow), 78 - 34 * narrow, canvas.z)
        middle = (side * (90 + 22 * narrow), 79 - 13 * narrow, canvas.z)
        blade = path([inner, middle, outer], 2.1, 4.6)
        canvas.tubes(blade, CORTEX)
        canvas.tubes(blade, MARROW, grow=-2.0)
