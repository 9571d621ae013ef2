"""What lies inside: lungs with their vessels and airways, heart and great vessels, the organs of the upper belly."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gateway.phantom.body import FAT, Grain, Wall
from gateway.phantom.canvas import Bundle, Canvas, Ellipsoid, Tube, path
from gateway.phantom.trees import LIVER as LIVER_HABIT
from gateway.phantom.trees import LUNG as LUNG_HABIT
from gateway.phantom.trees import tree

Plane = NDArray[np.floating[Any]]

AIR, LUNG, BLOOD, VEIN, HEART_MUSCLE, LIVER, SPLEEN = -1000.0, -862.0, 245.0, 165.0, 108.0, 108.0, 122.0
_LV, _RV = Ellipsoid(38, -14, 166, 36, 28, 47, -38), Ellipsoid(9, -41, 162, 42, 25, 47, -24)
_RA, _LA = Ellipsoid(-30, -20, 150, 24, 28, 35), Ellipsoid(6, 16, 132, 34, 18, 23)
_SAC: Final = (_LV.grown(3), _RV.grown(4), _RA.grown(3), _LA.grown(2), Ellipsoid(0, -25, 130, 42, 32, 42))
_AORTA: Final = path(
    [(-2, -14, 128), (-14, -20, 105), (-13, -17, 82), (-4, -6, 66), (9, 10, 60), (20, 27, 66), (25, 38, 84)], 15, 12
) + path([(25, 38, 84), (24, 38, 150), (19, 34, 215), (10, 28, 265), (6, 26, 400)], 12, 9.5)
_ARCH: Final = (
    path([(-10, -12, 64), (-14, -16, 40), (-26, -10, 10), (-34, -8, -20)], 6.5, 5)
    + path([(3, -2, 58), (8, -4, 30), (22, 4, -20)], 4.4, 4)
    + path([(12, 12, 58), (20, 14, 32), (36, 12, 0)], 5, 4.5)
)
_VEINS: Final = (
    path([(-28, -14, 118), (-30, -18, 85), (-29, -20, 45), (-38, -14, 5)], 9, 7)
    + path([(-29, -20, 48), (0, -32, 38), (32, -22, 14)], 6.5, 6)
    + path([(-26, -4, 178), (-27, 6, 205), (-24, 12, 240), (-20, 16, 400)], 12, 11)
)
_PULMONARY: Final = (
    path([(8, -40, 128), (16, -32, 108), (17, -18, 96)], 14, 13)
    + path([(15, -18, 97), (-8, -2, 98), (-32, 4, 100), (-54, 8, 106)], 11, 8)
    + path([(17, -18, 95), (34, 2, 90), (54, 12, 98)], 11.5, 8)
)
_LUNG_VEINS: Final = path([(-26, 14, 128), (-58, 12, 120)], 6.5, 5) + path([(36, 16, 128), (62, 12, 122)], 6.5, 5)
_TRACHEA: Final = (
    path([(1, 12, -30), (1, 16, 40), (-1, 20, 88)], 9.2, 8.6)
    + path([(-1, 20, 88), (-24, 18, 104), (-48, 16, 118), (-60, 20, 138)], 7.2, 4.6)
    + path([(-1, 20, 88), (26, 22, 108), (48, 18, 122), (60, 24, 144)], 6.8, 4.4)
)
_OESOPHAGUS: Final = path([(6, 32, -20), (5, 36, 60), (8, 38, 140), (16, 30, 200), (28, 6, 222)], 7.5, 8)


class Organs:
    """Everything inside that is grown once and painted on each slice."""

    def __init__(self) -> None:
        random = np.random.default_rng(20)
        lung: list[Tube] = []
        for side, root_y in ((-1, 8), (1, 12)):
            for direction in ((0.5, -0.7, -1.0), (0.9, 0.5, -0.5), (1, -0.7, 0.1), (0.8, -0.2, 0.8), (0.6, 0.8, 0.9)):
                for jitter in (0, 9):
                    root = (side * (46 + jitter), root_y + jitter * 0.5, 108 + jitter)
                    towards = (side * direction[0], direction[1], direction[2])
                    lung += tree(root, towards, 24, 4.3, LUNG_HABIT, random)
        liver: list[Tube] = []
        for root, towards in (
            ((-22, 4, 222), (-1, -0.2, 0.5)),
            ((-24, 2, 222), (-0.4, -1, 0.5)),
            ((-20, 2, 222), (0.8, -1, 0.4)),
            ((-26, 0, 262), (-1, 0.3, -0.3)),
            ((-26, -4, 262), (-0.8, -0.6, 0.4)),
            ((-20, -8, 258), (0.9, -0.9, -0.5)),
        ):
            liver += tree(root, towards, 24, 4.6, LIVER_HABIT, random)
        self._lung_tubes, self._liver_tubes = Bundle(lung), Bundle(liver)

    def paint(self, canvas: Canvas, grain: Grain, wall: Wall) -> None:
        """Lungs first, then what lies between and below them."""
        dome, below = _diaphragm(canvas)
        self._paint_lungs(canvas, grain, wall, dome)
        inside = canvas.cover(wall.cavity + 2.5) * below
        if float(inside.max()) > 0:
            self._paint_belly(canvas, grain, wall, inside)
        _paint_heart(canvas)
        _paint_vessels(canvas)

    def _paint_lungs(self, canvas: Canvas, grain: Grain, wall: Wall, dome: Plane) -> None:
        gap = _between_lungs(canvas)
        lung = canvas.cover(np.maximum(wall.cavity + 2.8, gap)) * dome
        for part in _SAC:
            found = canvas.inside(part.grown(4.5))
            if found is not None:
                lung[found[0]] *= 1 - found[1]
        found = canvas.inside(Ellipsoid(25, 40, canvas.z, 15, 15, 1e6)) if canvas.z > 70 else None
        if found is not None:
            lung[found[0]] *= 1 - found[1]
        if float(lung.max()) == 0:
            return
        heavier = 26 * canvas.y / 80 + 16 * grain.strand.at(canvas.z) + 14 * grain.fine.at(canvas.z)
        canvas.paint(lung, LUNG + heavier)
        fissure = np.abs(canvas.y - np.float32(70 - canvas.z * 0.62) + 5 * grain.cloud.at(canvas.z))
        canvas.paint(canvas.cover(fissure - 0.1) * lung * 0.22, -300.0)
        canvas.tubes(self._lung_tubes.at(canvas.z), 35.0, lung)

    def _paint_belly(self, canvas: Canvas, grain: Grain, wall: Wall, inside: Plane) -> None:
        strand, fine = grain.strand.at(canvas.z), grain.fine.at(canvas.z)
        canvas.paint(inside, FAT + 9 * strand)
        _paint_bowel(canvas, grain, inside)
        liver = np.zeros_like(canvas.values)
        for part in (Ellipsoid(-60, -4, 268, 84, 84, 88, 12, True), Ellipsoid(-2, -46, 248, 66, 36, 50, 0, True)):
            found = canvas.inside(part, 2.0)
            if found is not None:
                liver[found[0]] = np.maximum(liver[found[0]], found[1])
        liver *= inside
        canvas.paint(liver, LIVER + 4 * fine + 3 * strand)
        canvas.tubes(self._liver_tubes.at(canvas.z), LIVER + 58, liver)
        canvas.ellipsoid(Ellipsoid(94, 34, 252, 26, 46, 48, -24), SPLEEN + 5 * fine, inside)
        _paint_stomach(canvas, inside, strand)
        for side, z in ((-1, 322.0), (1, 306.0)):
            _paint_kidney(canvas, side, z, inside)
        canvas.ellipsoid(Ellipsoid(-50, -44, 300, 15, 20, 24, 20), 12.0, inside)
        lobes = path([(-26, -6, 318), (-8, -14, 304), (22, -10, 296), (52, 10, 286), (72, 26, 278)], 11, 8)
        canvas.tubes(lobes, 92.0, inside * np.clip(strand * 0.8 + 1.25, 0, 1))
        for side in (-1, 1):
            canvas.ellipsoid(Ellipsoid(side * 33, 50, 400, 16, 19, 105), 62.0 + 4 * strand)
            crus = Ellipsoid(side * 15 + 3, 32, 268, 5.5, 17, 66, side * 14)
            canvas.ellipsoid(crus, 64.0, inside)


def _diaphragm(canvas: Canvas) -> tuple[Plane, Plane]:
    """How much of each pixel lies above the domes, and how much below their muscle."""
    right = 196 + 74 * (((canvas.x + 62) / 92) ** 2 + ((canvas.y + 14) / 88) ** 2)
    left = 210 + 66 * (((canvas.x - 62) / 92) ** 2 + ((canvas.y + 14) / 88) ** 2)
    height = np.minimum(right, left).astype(np.float32)
    above = np.clip((height - np.float32(canvas.z)) / 3.0, 0, 1)
    below = np.clip((np.float32(canvas.z) - height) / 3.0 - 0.4, 0, 1)
    return above, below


def _between_lungs(canvas: Canvas) -> Plane:
    """Signed distance to the lungs' inner faces: where the space between them is wide and where narrow."""
    y = canvas.y
    thymus = 6 * np.exp(-(((canvas.z - 60) / 40) ** 2))
    hilum = 11 * np.exp(-(((canvas.z - 108) / 34) ** 2))
    broad = 15 + thymus + hilum
    width = 7 + broad * np.exp(-(((y - 4) / 34) ** 2)) + 12 * np.exp(-(((y - 48) / 20) ** 2))
    gap: Plane = (width - np.abs(canvas.x + np.float32(2))).astype(np.float32)
    return gap


def _paint_heart(canvas: Canvas) -> None:
    for part in _SAC:
        canvas.ellipsoid(part.grown(3.0), FAT + 20)
    for part in (_RA, _RV, _LA):
        canvas.ellipsoid(part.grown(1.8), HEART_MUSCLE)
    canvas.ellipsoid(_LV, HEART_MUSCLE)
    canvas.ellipsoid(_RA, 178.0)
    canvas.ellipsoid(_RV.grown(-2.2), 172.0)
    canvas.ellipsoid(_LA, 205.0)
    canvas.ellipsoid(_LV.grown(-10.5), 212.0)
    for x, y, z in ((44, -8, 165), (30, -18, 182)):
        canvas.ellipsoid(Ellipsoid(x, y, z, 4.5, 4, 12), HEART_MUSCLE)
    canvas.tubes(path([(-12, -44, 135), (-16, -48, 165), (-6, -40, 195)], 2.3, 1.7), 190.0)
    canvas.tubes(path([(14, -34, 128), (26, -44, 150), (34, -40, 190)], 2.2, 1.6), 190.0)


def _paint_vessels(canvas: Canvas) -> None:
    canvas.tubes(_OESOPHAGUS, 48.0)
    canvas.tubes(_OESOPHAGUS, -250.0, grow=-5.8)
    canvas.tubes(_LUNG_VEINS, 195.0)
    canvas.tubes(_PULMONARY, 205.0)
    canvas.tubes(_VEINS, VEIN)
    canvas.tubes([*_AORTA, *_ARCH], 90.0, grow=1.3)
    canvas.tubes([*_AORTA, *_ARCH], BLOOD)
    for point in ((27, 49, 190), (1, 34, 330), (-1, 20, 352)):
        canvas.ellipsoid(Ellipsoid(*point, 2.4, 1.4, 5), 640.0)
    canvas.tubes(_TRACHEA, 45.0, grow=1.5)
    canvas.tubes(_TRACHEA, AIR)


def _paint_stomach(canvas: Canvas, inside: Plane, strand: Plane) -> None:
    stomach = Ellipsoid(56, -22, 250, 37, 42, 44, -18)
    canvas.ellipsoid(stomach, 78.0, inside)
    found = canvas.inside(stomach.grown(-5))
    if found is None:
        return
    window, covered = found
    level = canvas.cover(canvas.y[window] + 34)
    content = 24 + 22 * strand[window] + (-960 - 24) * level
    canvas.paint(covered * inside[window], content, window)


def _paint_kidney(canvas: Canvas, side: int, z: float, inside: Plane) -> None:
    kidney = Ellipsoid(side * 62, 40, z, 27, 23, 56, side * 30)
    canvas.ellipsoid(kidney.grown(9), FAT, inside)
    canvas.ellipsoid(kidney, 196.0)
    canvas.ellipsoid(kidney.grown(-6), 148.0)
    for angle in np.arange(0, 360, 45) + z:
        x = kidney.x + 15 * np.cos(np.radians(angle))
        y = kidney.y + 13 * np.sin(np.radians(angle))
        canvas.ellipsoid(Ellipsoid(float(x), float(y), z, 2.6, 2.6, 40), 186.0)
    sinus = Ellipsoid(side * 54, 37, z, 13, 9, 30, side * 30)
    canvas.ellipsoid(sinus, FAT + 10)
    canvas.ellipsoid(Ellipsoid(side * 52, 36, z, 6, 4, 14), 30.0)
    canvas.tubes(path([(side * 50, 36, z), (side * 12, 26, z - 8)], 4.2, 5), VEIN)


def _paint_bowel(canvas: Canvas, grain: Grain, inside: Plane) -> None:
    """Colon with gas and contents, and loops of small bowel with bright walls."""
    strand = grain.strand.at(canvas.z)
    colon = path([(-96, 0, 400), (-92, -20, 330), (-60, -60, 322), (0, -70, 334), (62, -62, 312), (98, 6, 288)], 21, 17)
    colon += path([(98, 6, 288), (100, 22, 330), (98, 22, 400)], 16, 15)
    canvas.tubes(colon, 70.0, inside)
    canvas.tubes(colon, 12.0, inside, grow=-2.4)
    canvas.tubes(colon, -930.0, inside * np.clip(strand * 2.2 - (canvas.y + 30) / 22, 0, 1), grow=-3)
    random = np.random.default_rng(7)
    for _ in range(15):
        start = np.array([random.uniform(-70, 72), random.uniform(-58, 4), random.uniform(312, 400)])
        loop = [start + np.array([t * 11, 12 * np.sin(t * 1.3), 10 * np.cos(t * 1.1)]) for t in range(-2, 3)]
        tubes = path([(float(p[0]), float(p[1]), float(p[2])) for p in loop], 11.5)
        canvas.tubes(tubes, 96.0, inside)
        canvas.tubes(tubes, 22.0, inside, grow=-2.6)
