"""Where a frame lies in the patient (PS3.3 C.7.6.2.1.1, C.7.6.16.2), in mm. A pixel is named by its column and row."""

from dataclasses import astuple, dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from storage.data_set.json_values import Json, item, number, numbers, text, whole

Numbers = NDArray[np.float64]
Vector = tuple[float, float, float]

PARALLEL: Final = 0.001
"""What the cosine of an angle that should be right may be: scanners round."""

_UNIT: Final = 0.01
_PART_OF_THICKNESS: Final = 0.1
_LEAST_REACH: Final = 0.1
_MOST_REACH: Final = 0.5


@dataclass(frozen=True, slots=True)
class Plane:
    """The grid of a frame: `position` is the middle of its first pixel, `right` and `down` are unit vectors.

    `thickness` is 0 where it is not said, `frame_of_reference` empty.
    """

    position: Vector
    right: Vector
    down: Vector
    column_spacing: float
    row_spacing: float
    columns: int
    rows: int
    thickness: float
    frame_of_reference: str

    @property
    def normal(self) -> Numbers:
        """Unit vector across the plane."""
        (a, b, c), (x, y, z) = self.right, self.down
        return np.array((b * z - c * y, c * x - a * z, a * y - b * x))

    @property
    def reach(self) -> float:
        """How far in mm another plane may lie and still be taken for this one."""
        return min(max(_PART_OF_THICKNESS * self.thickness, _LEAST_REACH), _MOST_REACH)

    @property
    def half(self) -> float:
        """How far in mm the slice extends to each side, as far as it is known."""
        return max(self.thickness / 2, _MOST_REACH)

    def pixels(self, points: Numbers) -> Numbers:
        """Columns and rows of the feet of `points` (n x 3), as fractions; whole numbers are the middles of pixels."""
        axes = np.array([self.right, self.down])
        found: Numbers = (points - self.position) @ axes.T / (self.column_spacing, self.row_spacing)
        return found

    def points(self, pixels: Numbers) -> Numbers:
        """The inverse of `pixels`: n x 2 columns and rows to n x 3."""
        axes = np.array([self.right, self.down]) * [[self.column_spacing], [self.row_spacing]]
        found: Numbers = self.position + pixels @ axes
        return found

    def distances(self, points: Numbers) -> Numbers:
        """How far in mm each of `points` (n x 3) lies from the plane."""
        return np.abs((points - self.position) @ self.normal)

    def sent(self) -> list[Any]:
        """As a message to a decoder process."""
        return list(astuple(self))

    @classmethod
    def received(cls, fields: list[Any]) -> Self:
        """The inverse of `sent`."""
        position, right, down, *rest = fields
        return cls(_vector(position), _vector(right), _vector(down), *rest)


def plane_of(data_set: Json, frame: int) -> Plane | None:
    """The plane of frame `frame` (from 1); None where the data set does not say, or says what cannot be."""
    cosines = numbers(group(data_set, frame, "00209116"), "00200037")
    position = numbers(group(data_set, frame, "00209113"), "00200032")
    measures = group(data_set, frame, "00289110")
    spacing = numbers(measures, "00280030")
    if len(cosines) != 6 or len(position) != 3 or len(spacing) != 2 or min(spacing) <= 0:
        return None
    right, down = np.array(cosines[:3]), np.array(cosines[3:])
    lengths = np.linalg.norm(right), np.linalg.norm(down)
    if any(abs(length - 1) > _UNIT for length in lengths) or abs(right @ down) > _UNIT:
        return None
    return Plane(
        position=_vector(position),
        right=_vector((right / lengths[0]).tolist()),
        down=_vector((down / lengths[1]).tolist()),
        column_spacing=spacing[1],
        row_spacing=spacing[0],
        columns=whole(data_set, "00280011"),
        rows=whole(data_set, "00280010"),
        thickness=max(number(measures, "00180050") or 0.0, 0.0),
        frame_of_reference=text(data_set, "00200052"),
    )


def group(data_set: Json, frame: int, tag: str) -> Json:
    """The item of a functional group sequence (C.7.6.16.2): of the frame, else the shared one, else the data set."""
    for groups in (item(data_set, "52009230", frame - 1), item(data_set, "52009229", 0)):
        if groups and (found := item(groups, tag, 0)):
            return found
    return data_set


def _vector(values: list[float]) -> Vector:
    x, y, z = values
    return x, y, z
