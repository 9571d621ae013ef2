"""What a caller can ask of a picture (PS3.18 8.3.5)."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Rendering:
    """What picture is wanted.

    `window` is (center, width, function) in the units that the modality LUT yields; function LINEAR, LINEAR_EXACT or
    SIGMOID. `viewport` is (width, height): the picture fits inside, and is made larger than the image only with
    `enlarge`. `region` is (x, y, width, height) in pixels of the stored frame; a negative width or height mirrors.
    """

    media_type: Literal["image/jpeg", "image/png"] = "image/jpeg"
    window: tuple[float, float, str] | None = None
    viewport: tuple[int, int] | None = None
    quality: int = 90
    enlarge: bool = False
    region: tuple[float, float, float, float] | None = None
