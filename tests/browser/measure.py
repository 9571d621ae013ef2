"""What is to be seen of a frame, by pydicom and numpy: no code of the gateway's has a part in it.

The rules are those that docs/dicomweb.md states of rendered resources (PS3.3 C.7.6.3, C.7.9, C.9.2, C.11).
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.processing import (
    apply_color_lut,
    apply_icc_profile,
    apply_modality_lut,
    apply_voi,
    apply_windowing,
    create_icc_transform,
)

Pixels = NDArray[np.uint8]
Values = NDArray[Any]
Mask = NDArray[np.bool_]

_OVERLAYS: Final = range(0x6000, 0x6020, 2)
_SAMPLED: Final = 1 << 16
_SQUARE_ENOUGH: Final = 0.01
_LOBES: Final = 3.0
_FARTHEST: Final = 1e12
_GROUPS: Final = {
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept"),
    "FrameVOILUTSequence": ("WindowCenter", "WindowWidth", "VOILUTFunction"),
    "PixelMeasuresSequence": ("PixelSpacing",),
}
_SHAPES: Final = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio")
_ELSEWHERE: Final = ("Modality", "PixelPresentation", "PresentationLUTShape", *_SHAPES[1:3])
_DESCRIBES_PIXELS: Final = 0x0028


@dataclass(frozen=True)
class Seen:
    """A frame as it is to be seen.

    `pixels` are its own, rows x columns x red, green, blue; `overlay` says where its overlays are; `height` is that of
    a pixel divided by its width, `profile` the ICC profile that the colours are meant in, empty for none.
    """

    pixels: Pixels
    overlay: Mask
    height: float
    profile: bytes

    @property
    def marked(self) -> Pixels:
        """With the overlays, which are white."""
        return np.where(self.overlay[:, :, np.newaxis], np.uint8(255), self.pixels)

    @property
    def picture(self) -> Pixels:
        """With the overlays and square pixels, the colours those of sRGB."""
        return _in_srgb(_squared(self.marked, self.height), self.profile)


def seen(stored: Values, data_set: Dataset, frame: int) -> Seen:
    """Frame `frame` (from 0) of an image, whose samples are `stored`, colour as RGB unless it is a palette's."""
    said = _of_frame(data_set, frame)
    is_grey = said.PhotometricInterpretation.startswith("MONOCHROME")
    if said.PhotometricInterpretation == "PALETTE COLOR":
        shown = _eight_bits(apply_color_lut(stored, said))
    elif is_grey:
        shown = _with_supplement(np.repeat(_grey(stored, said)[:, :, np.newaxis], 3, axis=2), stored, said)
    else:
        shown = _eight_bits(stored)
    profile = b"" if is_grey else _profile(data_set)
    return Seen(shown, _overlay(data_set, frame, shown.shape[:2]), _height(said), profile)


def _of_frame(data_set: Dataset, frame: int) -> Dataset:
    """What the data set says of its pixels; what the functional groups say of this frame counts more (C.7.6.16)."""
    said = Dataset()
    said.file_meta = getattr(data_set, "file_meta", FileMetaDataset())
    # Float pixels have no such bits, and pydicom asks for them.
    said.BitsStored, said.PixelRepresentation = 16, 0
    said.update({tag: data_set[tag] for tag in [*data_set.keys()] if tag.group == _DESCRIBES_PIXELS})
    said.update({data_set[keyword].tag: data_set[keyword] for keyword in _ELSEWHERE if keyword in data_set})
    groups = [*data_set.get("PerFrameFunctionalGroupsSequence", [])[frame : frame + 1]]
    groups += data_set.get("SharedFunctionalGroupsSequence", [])[:1]
    for sequence, keywords in _GROUPS.items():
        item = next((group[sequence][0] for group in groups if group.get(sequence)), Dataset())
        said.update({item[keyword].tag: item[keyword] for keyword in keywords if keyword in item})
    return said


def _with_supplement(grey: Pixels, stored: Values, said: Dataset) -> Pixels:
    """With the upper values in the colours of a Supplemental Palette Color Lookup Table (C.7.6.19)."""
    if said.get("PixelPresentation") not in ("COLOR", "MIXED") or "RedPaletteColorLookupTableDescriptor" not in said:
        return grey
    # What pydicom refuses is to mix both; of the values that are coloured it knows the colours.
    del said.PixelPresentation
    coloured = stored >= said.RedPaletteColorLookupTableDescriptor[1]
    return np.where(coloured[:, :, np.newaxis], _eight_bits(apply_color_lut(stored, said)), grey)


def _eight_bits(colours: Values) -> Pixels:
    return (colours >> 8 * (colours.dtype.itemsize - 1)).astype(np.uint8)


def _grey(stored: Values, said: Dataset) -> Pixels:
    padding = _padding(stored, said)
    rescaled = apply_modality_lut(stored, said)
    if said.get("VOILUTSequence"):
        grey = apply_voi(rescaled.astype(np.int64), said) / ((1 << int(said.VOILUTSequence[0].LUTDescriptor[2])) - 1)
    elif _names_window(said):
        grey = _windowed(rescaled, said)
    else:
        grey = _spread(stored, ~padding, said)
    if said.PhotometricInterpretation == "MONOCHROME1" or said.get("PresentationLUTShape") == "INVERSE":
        grey = 1 - grey
    return np.where(padding, 0, np.rint(np.clip(grey, 0, 1) * 255)).astype(np.uint8)


def _padding(stored: Values, said: Dataset) -> Mask:
    """Which samples are no image, and so black (C.7.5.1.1.2)."""
    if "PixelPaddingValue" not in said or stored.dtype.kind == "f":
        return np.zeros(stored.shape, np.bool_)
    ends = [said.PixelPaddingValue, said.get("PixelPaddingRangeLimit", said.PixelPaddingValue)]
    if said.PixelRepresentation:
        # Some write the signed value as US.
        ends = [end - (1 << said.BitsAllocated) if end >= 1 << said.BitsAllocated - 1 else end for end in ends]
    return np.asarray((stored >= min(ends)) & (stored <= max(ends)))


def _names_window(said: Dataset) -> bool:
    center, width = said.get("WindowCenter"), said.get("WindowWidth")
    return center is not None and width is not None and np.atleast_1d(width)[0] > 0


def _windowed(values: Values, said: Dataset) -> Values:
    """From 0 to 1; where pydicom puts black and white, two more samples tell, far off on both sides."""
    if np.atleast_1d(said.WindowWidth)[0] < 1 and said.get("VOILUTFunction", "LINEAR") == "LINEAR":
        said.VOILUTFunction = "LINEAR_EXACT"
    with np.errstate(over="ignore"):
        shown = apply_windowing(np.append(values.ravel(), (-_FARTHEST, _FARTHEST)), said)
    low, high = shown[-2:]
    return np.asarray((shown[:-2].reshape(values.shape) - low) / (high - low))


def _spread(stored: Values, image: Mask, said: Dataset) -> Values:
    """Without a window: 8 bits as they are, floats and doses wholly, else from the 1st to the 99th percentile."""
    values = stored[image]
    low, high = values.min(), values.max()
    if said.BitsAllocated <= 8 and not said.PixelRepresentation:
        low, high = 0, said.get("MaximumFractionalValue") or (1 << said.BitsStored) - 1
    elif stored.dtype.kind != "f" and said.get("Modality") != "RTDOSE":
        usual = np.percentile(values[:: max(len(values) // _SAMPLED, 1) | 1], (1, 99))
        low, high = usual if usual[0] < usual[1] else (low, high)
    ends = np.array([low, high], np.float64)
    if said.get("ModalityLUTSequence"):
        ends = np.floor(ends).astype(stored.dtype)
    black, white = sorted(apply_modality_lut(ends, said).tolist())
    rescaled = apply_modality_lut(stored, said).astype(np.float64)
    return (rescaled - black) / (white - black) if white > black else np.zeros(stored.shape)


def _overlay(data_set: Dataset, frame: int, shape: tuple[int, ...]) -> Mask:
    """Where any overlay draws on a frame."""
    whole = np.zeros(shape, np.bool_)
    for group in _OVERLAYS:
        if (group, 0x3000) not in data_set:
            continue
        planes = data_set.overlay_array(group)
        origin = data_set.get((group, 0x0051))
        planes = planes if planes.ndim == 3 else planes[np.newaxis]
        at = frame - (int(origin.value) - 1 if origin else 0)
        every = len(planes) == 1 and origin is None
        if not every and not 0 <= at < len(planes):
            continue
        place = data_set.get((group, 0x0050))
        for row, column in np.argwhere(planes[0 if every else at]) + (np.array(place.value) - 1 if place else 0):
            if 0 <= row < shape[0] and 0 <= column < shape[1]:
                whole[row, column] = True
    return whole


def _height(said: Dataset) -> float:
    for keyword in _SHAPES:
        numbers = [float(number) for number in said.get(keyword) or ()]
        if len(numbers) == 2 and min(numbers) > 0:
            return numbers[0] / numbers[1]
    return 1.0


def _squared(pixels: Pixels, height: float) -> Pixels:
    """With as many rows or columns more as make the pixels square; what is nearly square is left."""
    if abs(height - 1) <= _SQUARE_ENOUGH:
        return pixels
    along = 0 if height > 1 else 1
    return _stretched(pixels, along, round(pixels.shape[along] * max(height, 1 / height)))


def _stretched(pixels: Pixels, along: int, size: int) -> Pixels:
    """Rows (0) or columns (1) made more, by a windowed sinc of three lobes (Lanczos)."""
    before = pixels.shape[along]
    places = (np.arange(size) + 0.5) * before / size - 0.5
    distance = places[:, np.newaxis] - np.arange(before)
    weights = np.where(abs(distance) < _LOBES, np.sinc(distance) * np.sinc(distance / _LOBES), 0)
    weights /= weights.sum(axis=1, keepdims=True)
    made = np.moveaxis(np.tensordot(weights, pixels, (1, along)), 0, along)
    return np.asarray(np.clip(np.rint(made), 0, 255), np.uint8)


def _profile(data_set: Dataset) -> bytes:
    paths = data_set.get("OpticalPathSequence") or [Dataset()]
    return bytes(data_set.get("ICCProfile") or paths[0].get("ICCProfile") or b"")


def _in_srgb(pixels: Pixels, profile: bytes) -> Pixels:
    if not profile:
        return pixels
    return apply_icc_profile(pixels, transform=create_icc_transform(icc_profile=profile, color_space="sRGB"))
