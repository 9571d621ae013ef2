"""From the samples of one frame to a picture file (PS3.18 8.7.4 and 8.3.5, PS3.3 C.7.6.3, C.8.11.3, C.11)."""

from typing import TYPE_CHECKING

import numpy as np

from storage.imaging.framing import Framing, framing
from storage.imaging.graphics import draw_annotation, draw_graphics
from storage.imaging.greyscale import Bytes, by_rows, grey, is_padding, steps, stored_values
from storage.imaging.header import Header
from storage.imaging.image_pixels import ImagePixels, Samples
from storage.imaging.overlays import GROUPS, overlay
from storage.imaging.photometric import has_supplement, is_palette, palette, pseudo_colours, rgb, supplemented
from storage.imaging.picture_files import encoded, with_profile
from storage.imaging.presentation import Presentation, presentation
from storage.imaging.presentation_state import PresentationState
from storage.imaging.rendering import Rendering
from storage.imaging.shutters import covered, shutter_colour, shutter_grey

if TYPE_CHECKING:
    from PIL.Image import Image

_WHITE = 255


def picture(
    samples: Samples,
    image: ImagePixels,
    header: Header,
    number: int,
    rendering: Rendering,
    state: PresentationState | None = None,
) -> bytes:
    """The file that shows frame `number`, whose decoded `samples` are described by `image`."""
    return encoded([drawn(samples, image, header, number, rendering, state)], rendering)


def drawn(
    samples: Samples,
    image: ImagePixels,
    header: Header,
    number: int,
    rendering: Rendering,
    state: PresentationState | None = None,
) -> "Image":
    """The picture of frame `number`: pixels, what lies over them, then framed, then what is written on it."""
    from PIL import Image

    shown = presentation(header, image, number, state)
    eight = _eight_bits(samples, image, header, shown, rendering, state)
    eight = _covered(eight, samples, image, header, number, state)
    frame = framing((image.columns, image.rows), shown.pixel_height, rendering, state)
    made = with_profile(frame.frame(Image.fromarray(eight)), rendering, *([state.header] if state else []), header)
    return _inscribed(made, frame, rendering, state)


def _eight_bits(
    samples: Samples,
    image: ImagePixels,
    header: Header,
    shown: Presentation,
    rendering: Rendering,
    state: PresentationState | None,
) -> Bytes:
    if image.samples_per_pixel == 3:
        return by_rows(lambda rows: rgb(stored_values(rows, image), image), samples, samples.shape, np.uint8)
    if is_palette(image):
        return by_rows(palette(header), stored_values(samples, image), (*samples.shape, 3), np.uint8)
    if state is not None and (pseudo := pseudo_colours(state.header)):
        colours, highest = pseudo
        grey_steps = steps(samples, image, shown, rendering.window, highest)
        coloured = by_rows(colours, grey_steps, (*samples.shape, 3), np.uint8)
        coloured[is_padding(stored_values(samples, image), shown)] = 0
        return coloured
    eight = grey(samples, image, shown, rendering.window)
    if has_supplement(header) and image.kind == "integer":
        return supplemented(eight, stored_values(samples, image), header)
    return eight


def _covered(
    eight: Bytes, samples: Samples, image: ImagePixels, header: Header, number: int, state: PresentationState | None
) -> Bytes:
    """`eight` with overlays in white and shutters over everything: the image's own, or those of the state."""
    said = header if state is None else state.header
    groups = GROUPS if state is None else state.active_overlays(GROUPS)
    plane = overlay(header, image, samples, number, groups)
    if plane is not None:
        eight = np.where(plane if eight.ndim == 2 else plane[..., np.newaxis], np.uint8(_WHITE), eight)
    shut = covered(said, image.rows, image.columns)
    if shut is not None:
        if eight.ndim == 2:
            return np.where(shut, np.uint8(shutter_grey(said)), eight)
        return np.where(shut[..., np.newaxis], np.array(shutter_colour(said), np.uint8), eight)
    return eight


def _inscribed(made: "Image", frame: Framing, rendering: Rendering, state: PresentationState | None) -> "Image":
    if state is not None:
        made = draw_graphics(made, frame, state)
    return draw_annotation(made, rendering.annotation) if rendering.annotation else made
