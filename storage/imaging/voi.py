"""From stored values to grey: modality LUT, VOI LUT and presentation LUT (PS3.3 C.11.1, C.11.2, C.7.6.3.1.2).

Pure functions over numpy arrays; "values" are floats, "grey" runs from 0 (black) to 1 (white).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from storage.imaging.lookup_tables import LookupTable

Floats = NDArray[np.float64]

LINEAR: Final = "LINEAR"
LINEAR_EXACT: Final = "LINEAR_EXACT"
SIGMOID: Final = "SIGMOID"


@dataclass(frozen=True, slots=True)
class Window:
    """Window Center, Window Width and VOI LUT Function; a width of 0 or less is no window."""

    center: float
    width: float
    function: str = LINEAR


def windowed(values: Floats, window: Window) -> Floats:
    """Grey of `values` by PS3.3 C.11.2.1.2 (LINEAR), C.11.2.1.3.2 (LINEAR_EXACT) or C.11.2.1.3.1 (SIGMOID).

    The standard wants widths of at least 1 for LINEAR. Narrower ones are met with rescaled floats and are read as
    LINEAR_EXACT, because nothing else can be meant.
    """
    center, width = window.center, window.width
    if window.function == SIGMOID:
        return np.asarray(1.0 / (1.0 + np.exp(np.clip(-4.0 * (values - center) / width, -700.0, 700.0))))
    if window.function != LINEAR_EXACT and width >= 1.0:
        center, width = center - 0.5, width - 1.0
        if width == 0.0:
            return np.where(values > center, 1.0, 0.0)
    return np.clip((values - center) / width + 0.5, 0.0, 1.0)


def looked_up(values: Floats, table: LookupTable) -> Floats:
    """Grey of `values` by a VOI LUT (C.11.2.1.1)."""
    return np.clip(table(values) / float((1 << table.bits) - 1), 0.0, 1.0)


def spread(values: Floats, low: float, high: float) -> Floats:
    """Grey that puts black at `low` and white at `high`; a flat image becomes black."""
    if high <= low:
        return np.zeros_like(values)
    return np.clip((values - low) / (high - low), 0.0, 1.0)
