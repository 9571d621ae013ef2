"""Branching vessels: from a stem, each piece splits in two until they are thin."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.phantom.canvas import Tube

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Habit:
    """How a tree grows: generations, thinning and shortening at each split, spread in radians."""

    generations: int
    thinning: float
    shortening: float
    spread: float


LUNG = Habit(generations=7, thinning=0.78, shortening=0.85, spread=0.55)
LIVER = Habit(generations=5, thinning=0.72, shortening=0.86, spread=0.6)


def tree(
    root: tuple[float, float, float],
    direction: tuple[float, float, float],
    length: float,
    radius: float,
    habit: Habit,
    random: np.random.Generator,
) -> list[Tube]:
    """The tubes of one tree that starts at `root` towards `direction`, its first piece `length` mm long."""
    heading = np.array(direction, dtype=float)
    ends = [(np.array(root, dtype=float), heading / np.linalg.norm(heading))]
    tubes: list[Tube] = []
    for _ in range(habit.generations):
        grown: list[tuple[Vector, Vector]] = []
        for start, towards in ends:
            for side in (-1.0, 1.0):
                turned = _turned(towards, side * habit.spread * random.uniform(0.35, 1.1), random)
                end = start + turned * length * random.uniform(0.75, 1.25)
                tubes.append(Tube(_point(start), _point(end), radius, radius * habit.thinning))
                grown.append((end, turned))
        ends = grown
        length *= habit.shortening
        radius *= habit.thinning
    return tubes


def _turned(direction: Vector, angle: float, random: np.random.Generator) -> Vector:
    (a, b, c), (d, e, f) = direction, random.standard_normal(3)
    aside = np.array((b * f - c * e, c * d - a * f, a * e - b * d))
    aside /= np.sqrt(aside @ aside) or 1.0
    turned: Vector = direction * np.cos(angle) + aside * np.sin(angle)
    return turned


def _point(vector: Vector) -> tuple[float, float, float]:
    return float(vector[0]), float(vector[1]), float(vector[2])
