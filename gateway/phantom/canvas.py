"""One axial plane that organs are painted on, with soft edges as a scanner's partial volume makes them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.floating[Any]]
Window = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """Centre and radii in mm; `turn` in degrees in the axial plane; a `boxy` one has fuller corners."""

    x: float
    y: float
    z: float
    a: float
    b: float
    c: float
    turn: float = 0.0
    boxy: bool = False

    def grown(self, margin: float) -> "Ellipsoid":
        """The same, `margin` mm larger on every side."""
        a, b, c = (max(radius + margin, 0.1) for radius in (self.a, self.b, self.c))
        return Ellipsoid(self.x, self.y, self.z, a, b, c, self.turn, self.boxy)


@dataclass(frozen=True, slots=True)
class Tube:
    """A straight piece with round ends from one point to another (mm), thinning from the first radius to the second."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    radius: float
    end_radius: float

    def span(self) -> tuple[float, float]:
        """Heights between which it lies."""
        heights = self.start[2], self.end[2]
        return min(heights) - self.radius, max(heights) + self.radius


class Bundle:
    """Many tubes, of which those at one height are found quickly."""

    def __init__(self, tubes: Sequence[Tube]) -> None:
        self._tubes = tubes
        self._spans = np.array([tube.span() for tube in tubes])

    def at(self, z: float) -> list[Tube]:
        """The tubes that reach height `z`."""
        reaching = np.flatnonzero((self._spans[:, 0] <= z) & (z <= self._spans[:, 1]))
        return [self._tubes[int(number)] for number in reaching]


def path(points: Sequence[tuple[float, float, float]], radius: float, end_radius: float | None = None) -> list[Tube]:
    """Tubes through `points`, thinning evenly to `end_radius`."""
    last = radius if end_radius is None else end_radius
    radii = np.linspace(radius, last, len(points))
    return [Tube(points[i], points[i + 1], float(radii[i]), float(radii[i + 1])) for i in range(len(points) - 1)]


class Canvas:
    """`values` over coordinates `x` (to the patient's left) and `y` (to the back) in mm around the centre, at `z`."""

    def __init__(self, size: int, pixel: float, z: float, background: float, softness: float = 1.2) -> None:
        self.z = z
        self.size = size
        self.pixel = pixel
        self.values: Plane = np.full((size, size), background, dtype=np.float32)
        axis = ((np.arange(size) - (size - 1) / 2) * pixel).astype(np.float32)
        self.x: Plane = np.broadcast_to(axis, (size, size)).copy()
        self.y: Plane = np.broadcast_to(axis[:, None], (size, size)).copy()
        self._softness = softness

    def bend(self, dx: Plane, dy: Plane) -> None:
        """Shift the coordinates, so that whatever is painted from now on is bent by as many mm."""
        self.x += dx
        self.y += dy

    def cover(self, distance: Plane, softness: float | None = None) -> Plane:
        """How much of each pixel lies inside, from a signed distance in mm (negative inside)."""
        covered: Plane = np.clip(0.5 - distance / np.float32(softness or self._softness), 0.0, 1.0)
        return covered

    def paint(self, covered: Plane, value: float | Plane, window: Window = (slice(None), slice(None))) -> None:
        """Blend `value` over what is there."""
        part = self.values[window]
        part += covered * (value - part)

    def ellipsoid(self, shape: Ellipsoid, value: float | Plane, within: Plane | None = None) -> None:
        """Paint one; `value` may be a whole plane (a texture), `within` limits where."""
        found = self.inside(shape)
        if found is None:
            return
        window, covered = found
        if within is not None:
            covered = covered * within[window]
        self.paint(covered, value[window] if isinstance(value, np.ndarray) else value, window)

    def inside(self, shape: Ellipsoid, softness: float | None = None) -> tuple[Window, Plane] | None:
        """Window and coverage of an ellipsoid at this height; None when it does not reach it."""
        height = abs(self.z - shape.z) / shape.c
        if height >= 1.0:
            return None
        power = 2.5 if shape.boxy else 2.0
        shrink = (1.0 - height**power) ** (1.0 / power)
        a, b = shape.a * shrink, shape.b * shrink
        if min(a, b) < 0.3:
            return None
        window = self.window(shape.x, shape.y, max(a, b))
        x, y = self.x[window] - np.float32(shape.x), self.y[window] - np.float32(shape.y)
        if shape.turn:
            cos, sin = np.float32(np.cos(np.radians(shape.turn))), np.float32(np.sin(np.radians(shape.turn)))
            x, y = x * cos + y * sin, y * cos - x * sin
        rho = _norm(x / np.float32(a), y / np.float32(b), shape.boxy)
        return window, self.cover((rho - 1) * np.float32(min(a, b)), softness)

    def tubes(self, tubes: Iterable[Tube], value: float, within: Plane | None = None, grow: float = 0.0) -> None:
        """Paint the tubes that reach this height, `grow` mm thicker than they are."""
        for tube in tubes:
            low, high = tube.span()
            if not low <= self.z <= high:
                continue
            window, distance = self._tube_distance(tube)
            covered = self.cover(distance - np.float32(grow))
            if within is not None:
                covered = covered * within[window]
            self.paint(covered, value, window)

    def _tube_distance(self, tube: Tube) -> tuple[Window, Plane]:
        (x0, y0, z0), (x1, y1, z1) = tube.start, tube.end
        dx, dy, dz = x1 - x0, y1 - y0, z1 - z0
        length = dx * dx + dy * dy + dz * dz or 1.0
        near, far = self._reach(tube, length)
        cx, cy = x0 + dx * (near + far) / 2, y0 + dy * (near + far) / 2
        window = self.window(cx, cy, tube.radius + float(np.hypot(dx, dy)) * (far - near) / 2)
        x, y = self.x[window] - np.float32(x0), self.y[window] - np.float32(y0)
        z = np.float32(self.z - z0)
        along = np.clip((x * np.float32(dx) + y * np.float32(dy) + z * np.float32(dz)) / np.float32(length), 0, 1)
        gap = np.sqrt(
            (x - along * np.float32(dx)) ** 2 + (y - along * np.float32(dy)) ** 2 + (z - along * np.float32(dz)) ** 2
        )
        return window, gap - (tube.radius + along * np.float32(tube.end_radius - tube.radius))

    def _reach(self, tube: Tube, length: float) -> tuple[float, float]:
        """The part of the axis (0 to 1) whose surface can reach this height."""
        dz = tube.end[2] - tube.start[2]
        if abs(dz) < 1e-3:
            return 0.0, 1.0
        margin = tube.radius * np.sqrt(length) / abs(dz)
        ends = sorted(((self.z - margin - tube.start[2]) / dz, (self.z + margin - tube.start[2]) / dz))
        return float(np.clip(ends[0], 0, 1)), float(np.clip(ends[1], 0, 1))

    def window(self, x: float, y: float, radius: float) -> Window:
        """The pixels within `radius` mm of a point, with room for bent coordinates and soft edges."""
        reach = radius + 14.0
        middle = (self.size - 1) / 2

        def span(centre: float) -> slice:
            low = int((centre - reach) / self.pixel + middle)
            high = int((centre + reach) / self.pixel + middle) + 2
            return slice(max(low, 0), max(min(high, self.size), 0))

        return span(y), span(x)


def _norm(x: Plane, y: Plane, boxy: bool) -> Plane:
    """(|x|^p + |y|^p)^(1/p) with p = 2, or with p = 2.5, which vectorises well as square times square root."""
    if not boxy:
        rho: Plane = np.sqrt(x * x + y * y)
        return rho
    x, y = np.abs(x), np.abs(y)
    rho = np.exp(np.float32(0.4) * np.log(x * x * np.sqrt(x) + y * y * np.sqrt(y) + np.float32(1e-9)))
    return rho


def outline(canvas: Canvas, x: float, y: float, a: float, b: float, *, boxy: bool = False) -> Plane:
    """Signed distance in mm (negative inside) to a superellipse over the whole plane."""
    rho = _norm((canvas.x - np.float32(x)) / np.float32(a), (canvas.y - np.float32(y)) / np.float32(b), boxy)
    distance: Plane = (rho - 1) * np.float32(min(a, b))
    return distance
