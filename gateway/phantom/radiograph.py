"""A chest radiograph of the same trunk: what its CT sums up to along the way from back to front."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from gateway.phantom.ct import PIXEL_MM, SIZE

Image = NDArray[np.uint16]

PIXEL: Final = 0.3
_BOTTOM_MM: Final = 318.0
_TABLE_MM: Final = 107.0
"""The couch of the CT lies behind this; nobody lies on one for a chest radiograph."""


def chest(slices: Sequence[NDArray[np.int16]], spacing: float) -> Image:
    """Twelve bits, higher is denser, from axial `slices` in Hounsfield units that lie `spacing` mm apart."""
    shown = slices[: max(int(_BOTTOM_MM / spacing), 1)]
    pixel = SIZE * PIXEL_MM / shown[0].shape[1]
    last_row = int(shown[0].shape[0] / 2 + _TABLE_MM / pixel)
    shadow = np.stack([_attenuation(image[:last_row]).sum(axis=0) for image in shown]) * np.float32(pixel)
    size = int(SIZE * PIXEL_MM / PIXEL), int(len(shown) * spacing / PIXEL)
    return _developed(np.asarray(Pillow.fromarray(shadow).resize(size, Pillow.Resampling.BICUBIC)))


def _attenuation(image: NDArray[np.int16]) -> NDArray[np.float32]:
    """Per mm; water has 0.02. Bone has more than its Hounsfield units say, because radiographs use softer rays."""
    units = image.astype(np.float32)
    bone = np.float32(1.5) * np.clip(units - 280, 0, None)
    weakened: NDArray[np.float32] = np.clip(units + 1000, 0, None) + bone
    return weakened * np.float32(2e-5)


def _developed(shadow: NDArray[np.float32]) -> Image:
    """Quantum noise, then the edge emphasis that every digital radiograph has."""
    random = np.random.default_rng(77)
    grain = random.standard_normal(shadow.shape, dtype=np.float32)
    noisy = shadow + np.float32(0.012) * grain * np.exp(shadow / 5)
    small = Pillow.fromarray(noisy).resize((shadow.shape[1] // 48, shadow.shape[0] // 48), Pillow.Resampling.BOX)
    broad = np.asarray(small.resize(shadow.shape[::-1], Pillow.Resampling.BICUBIC))
    emphasised = noisy + np.float32(0.55) * (noisy - broad)
    low, high = np.float32(0.15), np.percentile(emphasised, 99.7)
    image: Image = np.clip((emphasised - low) / (high - low) * 3800 + 60, 0, 4095).astype(np.uint16)
    return image
