"""The images of a series onto which regions may be laid, and which of them a frame or a contour belongs to."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from storage.regions.planes import PARALLEL, Numbers, Plane

Indices = list[int]

MOST: Final = 20_000
"""Images of one series that are looked at."""


@dataclass(frozen=True, slots=True)
class Source:
    """An image that a frame or a contour names; `frame` is 0 when the whole instance is meant."""

    sop_instance_uid: str
    frame: int


@dataclass(frozen=True, slots=True)
class Listed:
    """An instance with images: how many, and how large they are."""

    sop_instance_uid: str
    frames: int
    rows: int
    columns: int


class Images:
    """The images of a series by their index, and the planes of those whose planes are asked about."""

    def __init__(self, listed: Sequence[Listed], planes: Mapping[int, Plane]) -> None:
        """`listed` are the instances in the order of the series; `planes` are by index."""
        self.listed = list(listed)
        self.planes = dict(planes)
        self.sizes: list[tuple[int, int]] = []
        """Rows and columns of each image."""
        self._spans: dict[str, tuple[int, int]] = {}
        for one in listed:
            self._spans[one.sop_instance_uid] = (len(self.sizes), one.frames)
            self.sizes += [(one.rows, one.columns)] * one.frames
        self._known = np.array(sorted(self.planes), dtype=np.intp)
        ordered = [self.planes[index] for index in self._known.tolist()]
        self._positions = _table([plane.position for plane in ordered])
        self._normals = _table([plane.normal.tolist() for plane in ordered])
        self._reach = np.array([plane.reach for plane in ordered])
        self._spaces = np.array([plane.frame_of_reference for plane in ordered])

    @property
    def spaces(self) -> frozenset[str]:
        """The frames of reference of those images whose planes are known."""
        return frozenset(plane.frame_of_reference for plane in self.planes.values()) - {""}

    def named(self, sources: Sequence[Source]) -> frozenset[int]:
        """Indices of the images that `sources` name."""
        found: set[int] = set()
        for source in sources:
            first, frames = self._spans.get(source.sop_instance_uid, (0, 0))
            if source.frame == 0:
                found.update(range(first, first + frames))
            elif 1 <= source.frame <= frames:
                found.add(first + source.frame - 1)
        return frozenset(found)

    def parallel(self, plane: Plane) -> Indices:
        """Those whose planes are `plane`, in the same frame of reference."""
        if not len(self._known):
            return []
        axes = np.array([plane.right, plane.down])
        tilted = np.abs(self._normals @ axes.T).max(axis=1)
        away = np.abs(np.einsum("ij,ij->i", self._positions - plane.position, self._normals))
        return self._indices((tilted < PARALLEL) & (away <= self._reach) & self._are_in(plane.frame_of_reference))

    def through(self, point: Numbers, space: str) -> Indices:
        """Those whose planes go through a point of the frame of reference `space`."""
        if not len(self._known):
            return []
        away = np.abs(np.einsum("ij,ij->i", self._positions - point, self._normals))
        return self._indices((away <= self._reach) & self._are_in(space))

    def sent(self) -> dict[str, Any]:
        """As a message to a decoder process."""
        listed = [astuple(one) for one in self.listed]
        return {"listed": listed, "planes": [[index, plane.sent()] for index, plane in self.planes.items()]}

    @classmethod
    def received(cls, message: dict[str, Any]) -> Self:
        """The inverse of `sent`."""
        planes = {index: Plane.received(fields) for index, fields in message["planes"]}
        return cls([Listed(*fields) for fields in message["listed"]], planes)

    def _are_in(self, space: str) -> NDArray[np.bool_]:
        return np.asarray((self._spaces == space) & (self._spaces != ""), np.bool_)

    def _indices(self, chosen: NDArray[np.bool_]) -> Indices:
        found: Indices = self._known[chosen].tolist()
        return found


def _table(rows: Sequence[Sequence[float]]) -> Numbers:
    return np.array(rows, dtype=np.float64).reshape(len(rows), 3)
