"""Synthetic images in every greyscale encoding that the viewer draws itself, and what pydicom makes of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.browser.measure import seen
from tests.support.synthetic import ct

ROWS, COLUMNS = 24, 40
Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class Variant:
    """An image that differs from the plain CT in `attributes`; `values` makes its stored values."""

    name: str
    attributes: dict[str, Any]
    values: Callable[[], NDArray[Any]]


def _ramp(low: int, high: int, dtype: str) -> Callable[[], NDArray[Any]]:
    def make() -> NDArray[Any]:
        values = np.linspace(low, high, ROWS * COLUMNS).round().reshape(ROWS, COLUMNS)
        stored: NDArray[Any] = values.astype(dtype)
        return stored

    return make


def _with_overlay_bits() -> NDArray[Any]:
    """12 bits with anything above them, as old scanners kept their overlays."""
    plain = _ramp(0, 4095, "<u2")()
    above = np.arange(plain.size, dtype="<u2").reshape(plain.shape) << 12
    both: NDArray[Any] = plain | above
    return both


WIDE = {"WindowCenter": "2000", "WindowWidth": "3000"}
INVERSE = {"PhotometricInterpretation": "MONOCHROME1"}
UNSIGNED = {"PixelRepresentation": 0, "RescaleIntercept": "0"}
TWELVE = {"BitsStored": 12, "HighBit": 11}
EIGHT = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "RescaleIntercept": "0"}
UNSIGNED_EIGHT = {**EIGHT, "PixelRepresentation": 0}

VARIANTS = (
    Variant("signed 16 bits", {"WindowWidth": "2000"}, _ramp(-32768, 32767, "<i2")),
    Variant("signed, intercept -1024", {}, _ramp(700, 1500, "<i2")),
    Variant("signed 12 bits", {**TWELVE, "RescaleIntercept": "0"}, _ramp(-2048, 2047, "<i2")),
    Variant("unsigned 16 bits", {**UNSIGNED, "WindowCenter": "32000", "WindowWidth": "40000"}, _ramp(0, 65535, "<u2")),
    Variant("unsigned 12 bits", {**UNSIGNED, **TWELVE, **WIDE}, _ramp(0, 4095, "<u2")),
    Variant("spare bits", {**UNSIGNED, **TWELVE, **WIDE}, _with_overlay_bits),
    Variant("slope and intercept", {"RescaleSlope": "2.5", "RescaleIntercept": "-100.5"}, _ramp(-200, 300, "<i2")),
    Variant("narrow window", {"WindowWidth": "1", "RescaleIntercept": "0"}, _ramp(30, 50, "<i2")),
    Variant("fractional window", {"WindowCenter": "40.3", "WindowWidth": "99.7"}, _ramp(950, 1150, "<i2")),
    Variant("LINEAR_EXACT", {"VOILUTFunction": "LINEAR_EXACT", "WindowWidth": "50"}, _ramp(1000, 1120, "<i2")),
    Variant("SIGMOID", {"VOILUTFunction": "SIGMOID", "WindowWidth": "300"}, _ramp(0, 2100, "<i2")),
    Variant("MONOCHROME1", INVERSE, _ramp(700, 1500, "<i2")),
    Variant(
        "MONOCHROME1 SIGMOID",
        {**INVERSE, "VOILUTFunction": "SIGMOID"},
        _ramp(0, 2100, "<i2"),
    ),
    Variant("two windows", {"WindowCenter": ["40", "-600"], "WindowWidth": ["400", "1500"]}, _ramp(700, 1500, "<i2")),
    Variant(
        "8 bits", {**EIGHT, "PixelRepresentation": 0, "WindowCenter": "100", "WindowWidth": "150"}, _ramp(0, 255, "u1")
    ),
    Variant("8 bits signed", {**EIGHT, "WindowCenter": "0", "WindowWidth": "150"}, _ramp(-128, 127, "i1")),
    # One after the other, and nothing but the padding tells them apart.
    Variant("no padding", {}, _ramp(700, 1500, "<i2")),
    Variant(
        "padding amid the values", {"PixelPaddingValue": 1000, "PixelPaddingRangeLimit": 1100}, _ramp(700, 1500, "<i2")
    ),
)

# Without a window. What pydicom makes of some of them is not what the standard says, so the server is the measure.
PADDING = {"PixelPaddingValue": -2000, "PixelPaddingRangeLimit": -500}
NO_WINDOW = {"WindowCenter": None, "WindowWidth": None}
UNLABELLED = (
    Variant("signed", NO_WINDOW, _ramp(-3000, 3000, "<i2")),
    Variant("padding as US", {**NO_WINDOW, "PixelPaddingValue": 63536}, _ramp(-2000, 900, "<i2")),
    Variant("padding range", {**NO_WINDOW, **PADDING}, _ramp(-2000, 900, "<i2")),
    # Padding that is in the midst of the values, and that inversion would make white.
    Variant("padding, inverted", {**NO_WINDOW, **INVERSE, **PADDING}, _ramp(-3000, 900, "<i2")),
    Variant("left-aligned 12 bits", {**NO_WINDOW, **UNSIGNED, "BitsStored": 12, "HighBit": 15}, _ramp(0, 65535, "<u2")),
    Variant("8 bits", {**NO_WINDOW, **UNSIGNED_EIGHT}, _ramp(0, 200, "u1")),
    Variant("flat", NO_WINDOW, _ramp(7, 7, "<i2")),
)


def image(variant: Variant, number: int, **attributes: Any) -> Dataset:
    """The variant as an instance."""
    data_set = ct(ROWS, COLUMNS, number, **{**attributes, **variant.attributes})
    if data_set.get("PixelPaddingValue", 0) >= 1 << 15:
        data_set["PixelPaddingValue"].VR = "US"
    pixels = variant.values()
    data_set.PixelData = pixels.tobytes()
    data_set["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
    return data_set


def expected(data_set: Dataset) -> Grey:
    """What pydicom shows of its first frame."""
    return seen(data_set.pixel_array, data_set, 0).pixels[:, :, 0]


def stack(count: int, **attributes: Any) -> list[Dataset]:
    """A series in which image n (from 1) is of the even grey 2n."""
    images = []
    for number in range(1, count + 1):
        data_set = ct(ROWS, COLUMNS, number, WindowCenter="128", WindowWidth="256", RescaleIntercept="0", **attributes)
        data_set.PixelData = np.full((ROWS, COLUMNS), 2 * number, "<i2").tobytes()
        images.append(data_set)
    return images


def with_voi_lut(**attributes: Any) -> Dataset:
    """An image whose VOI LUT turns grey upside down."""
    data_set = image(VARIANTS[14], 1, **attributes)
    table = Dataset()
    table.LUTDescriptor = [256, 0, 8]
    table.LUTData = np.arange(255, -1, -1, dtype="<u2").tobytes()
    table["LUTData"].VR = "OW"
    del data_set.WindowCenter, data_set.WindowWidth
    data_set.VOILUTSequence = Sequence([table])
    return data_set


def colour(**attributes: Any) -> Dataset:
    """An RGB image: red at the left, blue at the right."""
    data_set = ct(ROWS, COLUMNS, 1, WindowCenter=None, WindowWidth=None, **{**attributes, "Modality": "US"})
    data_set.SamplesPerPixel, data_set.PhotometricInterpretation, data_set.PlanarConfiguration = 3, "RGB", 0
    data_set.BitsAllocated, data_set.BitsStored, data_set.HighBit, data_set.PixelRepresentation = 8, 8, 7, 0
    pixels = np.zeros((ROWS, COLUMNS, 3), np.uint8)
    pixels[:, : COLUMNS // 2, 0] = 250
    pixels[:, COLUMNS // 2 :, 2] = 250
    data_set.PixelData = pixels.tobytes()
    data_set["PixelData"].VR = "OB"
    return data_set


def multi_frame(count: int, **attributes: Any) -> Dataset:
    """One instance with `count` frames; frame n is of the even grey 20n, by a window of its own each."""
    data_set = image(VARIANTS[14], 1, **attributes)
    data_set.NumberOfFrames = count
    data_set.PixelData = b"".join(bytes([20 * n]) * (ROWS * COLUMNS) for n in range(1, count + 1))
    data_set.WindowCenter, data_set.WindowWidth = "128", "256"
    return data_set
