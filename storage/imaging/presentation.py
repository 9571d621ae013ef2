"""What the data set says of showing one frame (PS3.3 C.7.6.16.2, C.11): which LUTs, which window, which pixel shape.

A presentation state replaces all of what the image says of itself (PS3.4 N.2.1).
"""

from dataclasses import dataclass
from typing import Final

from storage.imaging.header import Header
from storage.imaging.image_pixels import ImagePixels
from storage.imaging.lookup_tables import LookupTable, lookup_table
from storage.imaging.presentation_state import PresentationState
from storage.imaging.voi import LINEAR, Window

_SHARED_FUNCTIONAL_GROUPS: Final = 0x52009229
_PER_FRAME_FUNCTIONAL_GROUPS: Final = 0x52009230
_PIXEL_MEASURES: Final = 0x00289110
_FRAME_VOI_LUT: Final = 0x00289132
_PIXEL_VALUE_TRANSFORMATION: Final = 0x00289145
_MODALITY_LUT: Final = 0x00283000
_VOI_LUT: Final = 0x00283010
_PRESENTATION_LUT: Final = 0x20500010
_PRESENTATION_LUT_SHAPE: Final = 0x20500020
_LUT_DESCRIPTOR: Final = 0x00283002
_LUT_DATA: Final = 0x00283006
# Pixel Spacing where it means the patient, then what it was on the detector or the film.
_SPACINGS: Final = (0x00280030, 0x00181164, 0x00182010, 0x00280034)
_MOST_STRETCHED: Final = 50.0
# Value and Range Limit of the padding, by the kind of pixels they belong to (C.7.5.1.1.2).
_PADDING: Final = {32: (0x00280122, 0x00280124), 64: (0x00280123, 0x00280125)}
_INTEGER_PADDING: Final = (0x00280120, 0x00280121)


@dataclass(frozen=True, slots=True)
class Presentation:
    """The chain for one greyscale frame, and the height of a pixel divided by its width.

    `padding` is the range of stored values that are no image. `voi_lut` counts before `window`, as in most viewers.
    With neither of them, `is_identity` says that all of the possible range is to be shown, not that of the pixels.
    """

    modality_lut: LookupTable | None = None
    slope: float = 1.0
    intercept: float = 0.0
    voi_lut: LookupTable | None = None
    window: Window | None = None
    is_identity: bool = False
    presentation_lut: LookupTable | None = None
    inverse: bool = False
    padding: tuple[float, float] | None = None
    pixel_height: float = 1.0
    modality: str = ""
    largest_fraction: float | None = None


def presentation(
    header: Header, image: ImagePixels, number: int, state: PresentationState | None = None
) -> Presentation:
    """How frame `number` (from 1) is to be shown: as `state` says, or by the image's own attributes."""
    said = header if state is None else state.header
    transformation = functional_group(said, number, _PIXEL_VALUE_TRANSFORMATION)
    voi = functional_group(said, number, _FRAME_VOI_LUT) if state is None else state.voi
    slope, intercept = transformation.number(0x00281053), transformation.number(0x00281052)
    signed = bool(image.pixel_representation)
    modality_lut = _first_table(said, _MODALITY_LUT, signed=signed)
    return Presentation(
        modality_lut=modality_lut,
        slope=1.0 if slope is None or slope == 0.0 else slope,
        intercept=intercept or 0.0,
        voi_lut=_first_table(
            voi if state else said, _VOI_LUT, signed=modality_lut is None and (signed or (intercept or 0.0) < 0)
        ),
        window=_window(voi),
        is_identity=state is not None,
        presentation_lut=_first_table(said, _PRESENTATION_LUT),
        inverse=_is_inverse(said, image, by_state=state is not None),
        padding=_padding(header, image),
        pixel_height=_pixel_height(header, functional_group(header, number, _PIXEL_MEASURES), state),
        modality=header.text(0x00080060),
        largest_fraction=header.number(0x0062000E),
    )


def functional_group(header: Header, number: int, sequence: int) -> Header:
    """The item of `sequence` for frame `number`: its own, else the shared one, else the data set itself."""
    frames = header.items(_PER_FRAME_FUNCTIONAL_GROUPS)[number - 1 : number]
    for group in (*frames, *header.items(_SHARED_FUNCTIONAL_GROUPS)[:1]):
        if items := group.items(sequence):
            return items[0]
    return header


def _is_inverse(said: Header, image: ImagePixels, *, by_state: bool) -> bool:
    """Whether low values are white; a presentation state yields P-Values, whatever the image is (C.11.6.1.2)."""
    inverse = said.text(_PRESENTATION_LUT_SHAPE) == "INVERSE"
    return inverse or (not by_state and image.photometric_interpretation == "MONOCHROME1")


def _first_table(header: Header, sequence: int, *, signed: bool = False) -> LookupTable | None:
    items = header.items(sequence)
    return lookup_table(items[0], _LUT_DESCRIPTOR, _LUT_DATA, signed=signed) if items else None


def _window(header: Header) -> Window | None:
    center, width = header.number(0x00281050), header.number(0x00281051)
    if center is None or width is None or width <= 0:
        return None
    return Window(center, width, header.text(0x00281056) or LINEAR)


def _padding(header: Header, image: ImagePixels) -> tuple[float, float] | None:
    tags = _PADDING.get(image.bits_allocated, _INTEGER_PADDING) if image.kind == "float" else _INTEGER_PADDING
    value, limit = header.number(tags[0]), header.number(tags[1])
    if value is None:
        return None
    ends = [_as_stored(one, image) for one in (value, value if limit is None else limit)]
    return min(ends), max(ends)


def _as_stored(value: float, image: ImagePixels) -> float:
    """A stored value that was written as US although the pixels are signed."""
    if image.kind == "integer" and image.pixel_representation and value >= 1 << (image.bits_allocated - 1):
        return value - (1 << image.bits_allocated)
    return value


def _pixel_height(header: Header, measures: Header, state: PresentationState | None) -> float:
    area = state.displayed_area if state else None
    of_state = [(area, tag) for tag in (0x00700101, 0x00700102)] if area else []
    for source, tag in (*of_state, (measures, _SPACINGS[0]), *((header, tag) for tag in _SPACINGS)):
        numbers = source.numbers(tag)
        if len(numbers) >= 2 and numbers[0] > 0 and numbers[1] > 0:
            ratio = numbers[0] / numbers[1]
            return ratio if 1 / _MOST_STRETCHED < ratio < _MOST_STRETCHED else 1.0
    return 1.0
