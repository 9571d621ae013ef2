"""What a caller can ask of a picture (PS3.18 8.3.5)."""

from dataclasses import dataclass
from typing import Literal

PictureType = Literal["image/jpeg", "image/png", "image/gif"]
Profile = Literal["", "no", "yes", "srgb", "adobergb", "rommrgb"]


@dataclass(frozen=True, slots=True)
class Rendering:
    """What picture is wanted.

    `window` is (center, width, function) in the units that the modality LUT yields; function LINEAR, LINEAR_EXACT or
    SIGMOID. `viewport` is (width, height): the picture fits inside, and is made larger than the image only with
    `enlarge`. `region` is (x, y, width, height) in pixels of the stored frame; a negative width or height mirrors.
    `annotation` are lines to be written on the picture. `profile` is the ICC profile that is wanted, "" for whatever
    there is.
    """

    media_type: PictureType = "image/jpeg"
    window: tuple[float, float, str] | None = None
    viewport: tuple[int, int] | None = None
    quality: int = 90
    enlarge: bool = False
    region: tuple[float, float, float, float] | None = None
    annotation: tuple[str, ...] = ()
    profile: Profile = ""
