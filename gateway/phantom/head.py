"""An MR of the head: the same anatomy in two weightings."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gateway.phantom.canvas import Canvas, Ellipsoid, path
from gateway.phantom.noise import SmoothNoise

Image = NDArray[np.uint16]
Plane = NDArray[np.floating[Any]]

SIZE: Final = 320
PIXEL_MM: Final = 0.75
SLICE_MM: Final = 5.5
SLICES: Final = 24


@dataclass(frozen=True, slots=True)
class Weighting:
    """Signal of each tissue (0 to 1000)."""

    fluid: float
    grey: float
    white: float
    fat: float
    marrow: float
    muscle: float
    bone: float = 35.0
    air: float = 8.0


T1: Final = Weighting(fluid=130, grey=440, white=640, fat=800, marrow=430, muscle=360)
T2: Final = Weighting(fluid=960, grey=520, white=350, fat=640, marrow=300, muscle=210)

_SCALP: Final = Ellipsoid(0, 0, 92, 77, 97, 90, boxy=True)
_BRAIN: Final = Ellipsoid(0, 1, 84, 64, 82, 74, boxy=True)
_CEREBELLUM: Final = Ellipsoid(0, 46, 122, 50, 30, 22)


class _Folds:
    """The noises that fold the cortex and shade the image."""

    def __init__(self) -> None:
        self.gyri = SmoothNoise(SIZE, PIXEL_MM, 8.5, 41, 160)
        self.small = SmoothNoise(SIZE, PIXEL_MM, 7.5, 42, 160)
        self.bend_x = SmoothNoise(SIZE, PIXEL_MM, 30, 43, 160)
        self.bend_y = SmoothNoise(SIZE, PIXEL_MM, 30, 44, 160)
        self.shade = SmoothNoise(SIZE, PIXEL_MM, 120, 45, 160)
        self.strand = SmoothNoise(SIZE, PIXEL_MM, 5, 46, 160)


def slices(weighting: Weighting, count: int = SLICES) -> Iterator[Image]:
    """`count` axial images from the vertex downwards, 12 bits, shape (320, 320), always the same."""
    folds = _Folds()
    for number in range(count):
        z = 8 + number * SLICE_MM * SLICES / count
        canvas = Canvas(SIZE, PIXEL_MM, z, weighting.air, softness=0.9)
        canvas.bend(1.6 * folds.bend_x.at(z), 1.6 * folds.bend_y.at(z))
        _paint_skull(canvas, weighting, folds)
        _paint_brain(canvas, weighting, folds)
        _paint_depths(canvas, weighting)
        _paint_base(canvas, weighting)
        yield _scanned(canvas, folds, np.random.default_rng(3000 + number))


def _paint_skull(canvas: Canvas, tissue: Weighting, folds: _Folds) -> None:
    canvas.ellipsoid(_SCALP, tissue.muscle)
    canvas.ellipsoid(_SCALP.grown(-1.8), tissue.fat + 40 * folds.strand.at(canvas.z))
    if canvas.z > 60:
        for side in (-1, 1):
            canvas.ellipsoid(Ellipsoid(side * 68, -22, 112, 8, 30, 48), tissue.muscle)
            canvas.ellipsoid(Ellipsoid(side * 30, 84, 140, 30, 13, 34), tissue.muscle)
    canvas.ellipsoid(_SCALP.grown(-6.5), tissue.bone)
    canvas.ellipsoid(_SCALP.grown(-8.2), tissue.marrow + 60 * folds.small.at(canvas.z))
    canvas.ellipsoid(_SCALP.grown(-10.4), tissue.bone)
    canvas.ellipsoid(_BRAIN.grown(2.2), tissue.fluid)


def _paint_brain(canvas: Canvas, tissue: Weighting, folds: _Folds) -> None:
    """White matter below a folded ribbon of grey, with fluid in the furrows between."""
    found = canvas.inside(_BRAIN)
    if found is not None:
        window, covered = found
        surface = _depth(canvas, _BRAIN)[window]
        fold = np.abs(folds.gyri.at(canvas.z)[window] + 0.3 * folds.small.at(canvas.z)[window])
        canvas.paint(covered, _cortex(fold, surface, tissue), window)
    fissure = np.abs(canvas.x + 1.2 * folds.small.at(canvas.z)) - 1.1
    if canvas.z < 104:
        middle = np.clip((np.abs(canvas.y) - 24 + (55 - canvas.z)) / 4, 0, 1) if canvas.z > 30 else 1.0
        inside = canvas.inside(_BRAIN.grown(2))
        if inside is not None:
            cleft = canvas.cover(fissure) * middle
            canvas.paint(cleft[inside[0]] * inside[1], tissue.fluid, inside[0])
    found = canvas.inside(_CEREBELLUM)
    if found is not None:
        window, covered = found
        canvas.paint(covered, tissue.fluid, window)
        leaves = np.abs(np.sin((canvas.y[window] * 0.9 + 5 * folds.small.at(canvas.z)[window]) * 1.05))
        depth = _depth(canvas, _CEREBELLUM)[window]
        leaf = tissue.grey + (tissue.white - tissue.grey) * np.clip((leaves - 0.55) * 3, 0, 1) * np.clip(
            depth / 9, 0, 1
        )
        canvas.paint(covered, leaf, window)


def _cortex(fold: Plane, depth: Plane, tissue: Weighting) -> Plane:
    """Signal by the distance to the next fold line and by the depth below the surface (mm)."""
    furrow = np.float32(0.24) * np.clip(1.2 - depth / 26, 0, 1)
    fluid = np.clip((furrow - fold) * 7, 0, 1)
    ribbon = np.float32(0.8) * np.clip(1.35 - depth / 30, 0, 1)
    grey = np.maximum(np.clip((ribbon - fold) * 5, 0, 1), np.clip((3.6 - depth) / 1.2, 0, 1))
    signal = tissue.white + (tissue.grey - tissue.white) * grey
    folded: Plane = (signal + (tissue.fluid - signal) * fluid).astype(np.float32)
    return folded


def _depth(canvas: Canvas, shape: Ellipsoid) -> Plane:
    """About how many mm a pixel lies below the surface of an ellipsoid."""
    x, y, z = (canvas.x - shape.x) / shape.a, (canvas.y - shape.y) / shape.b, (canvas.z - shape.z) / shape.c
    rho = np.sqrt(x * x + y * y + np.float32(z * z))
    depth: Plane = (1 - rho) * np.float32(min(shape.a, shape.b, shape.c))
    return depth


def _paint_depths(canvas: Canvas, tissue: Weighting) -> None:
    """Basal ganglia, thalami, ventricles, brain stem."""
    horns = []
    for side in (-1, 1):
        for shape in (
            Ellipsoid(side * 27, -2, 78, 6.5, 17, 14, side * -10),
            Ellipsoid(side * 12, 10, 74, 9.5, 14, 11, side * 20),
            Ellipsoid(side * 15, -24, 70, 6, 9, 14),
        ):
            canvas.ellipsoid(shape, tissue.grey)
        front = [(side * 13, -36, 70), (side * 9, -22, 62), (side * 11, 2, 57), (side * 17, 24, 62)]
        horns += path([*front, (side * 25, 42, 74)], 4.6, 6.2)
        horns += path([(side * 25, 36, 74), (side * 33, 18, 96)], 4.6, 2.6)
    canvas.tubes(horns, tissue.fluid)
    canvas.tubes(path([(0, -12, 60), (0, 26, 60)], 2.6), tissue.white)
    canvas.ellipsoid(Ellipsoid(0, 4, 82, 2.6, 13, 12), tissue.fluid)
    if canvas.z > 92:
        canvas.ellipsoid(Ellipsoid(0, 8, 104, 21, 19, 13), tissue.fluid)
        canvas.tubes(path([(0, 12, 90), (0, 10, 112), (0, 24, 150)], 15, 9), tissue.white - 30)
        canvas.ellipsoid(Ellipsoid(0, 26, 116, 6, 4.5, 14), tissue.fluid)


def _paint_base(canvas: Canvas, tissue: Weighting) -> None:
    """Orbits with eyes, nasal cavity, the bone around the ears."""
    if canvas.z < 98:
        return
    canvas.ellipsoid(Ellipsoid(0, -58, 130, 15, 34, 30), tissue.muscle)
    for side in (-1, 1):
        canvas.ellipsoid(Ellipsoid(side * 33, -62, 120, 20, 26, 18), tissue.fat)
        canvas.tubes(path([(side * 32, -58, 120), (side * 16, -26, 118)], 2.4), tissue.white)
        canvas.tubes(path([(side * 46, -62, 120), (side * 24, -28, 118)], 2.6, 1.6), tissue.muscle)
        canvas.tubes(path([(side * 20, -66, 120), (side * 17, -30, 118)], 2.4, 1.6), tissue.muscle)
        canvas.ellipsoid(Ellipsoid(side * 33, -72, 119, 12.4, 12.4, 12.4), tissue.bone + 120)
        canvas.ellipsoid(Ellipsoid(side * 33, -72, 119, 11.6, 11.6, 11.6), tissue.fluid)
        canvas.ellipsoid(Ellipsoid(side * 33, -81, 119, 4.6, 2.2, 4.6), tissue.muscle)
        canvas.ellipsoid(Ellipsoid(side * 8, -60, 132, 4.5, 26, 24), tissue.air)
        canvas.ellipsoid(Ellipsoid(side * 50, 22, 132, 18, 16, 15, side * 30), tissue.bone)
        canvas.ellipsoid(Ellipsoid(side * 56, 30, 134, 9, 9, 9), tissue.air)


def _scanned(canvas: Canvas, folds: _Folds, random: np.random.Generator) -> Image:
    """Coil shading and the noise of a magnitude image."""
    shade = 1.0 + 0.07 * folds.shade.at(canvas.z)
    real, imaginary = 11 * random.standard_normal((2, SIZE, SIZE), dtype=np.float32)
    signal = np.hypot(canvas.values * shade + real, imaginary)
    image: Image = np.clip(np.rint(signal), 0, 4095).astype(np.uint16)
    return image
