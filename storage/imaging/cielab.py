"""CIELab values as DICOM writes them (PS3.3 C.10.7.1.1), for colours that presentation states recommend."""

from collections.abc import Sequence
from typing import Final

import numpy as np

Colour = tuple[int, int, int]

_D50: Final = np.array([0.9642, 1.0, 0.8249])
# XYZ under D50 to linear sRGB (IEC 61966-2-1, adapted by Bradford's method).
_TO_SRGB: Final = np.array(
    [[3.1338561, -1.6168667, -0.4906146], [-0.9787684, 1.9161415, 0.0334540], [0.0719453, -0.2289914, 1.4052427]]
)
_HIGHEST: Final = 65535.0


def srgb(encoded: Sequence[float]) -> Colour | None:
    """The 8 bit sRGB colour that is nearest to three numbers of 16 bits; None where they are not three."""
    if len(encoded) != 3:
        return None
    share = np.clip(np.asarray(encoded, np.float64) / _HIGHEST, 0.0, 1.0)
    lightness, a, b = share * (100.0, 255.0, 255.0) - (0.0, 128.0, 128.0)
    y = (lightness + 16.0) / 116.0
    roots = np.array([y + a / 500.0, y, y - b / 200.0])
    xyz = _D50 * np.where(roots > 6 / 29, roots**3, 3 * (6 / 29) ** 2 * (roots - 4 / 29))
    linear = np.clip(_TO_SRGB @ xyz, 0.0, 1.0)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (int(value) for value in np.rint(curved * 255.0))
    return red, green, blue
