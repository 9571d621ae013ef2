"""Picture files (PS3.18 table 8.7.4-1): JPEG, PNG, GIF, moving ones too, and the ICC profile in them (8.3.5.1.5)."""

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from storage.imaging.header import Header
from storage.imaging.profiles import matrix_profile
from storage.imaging.rendering import Rendering

if TYPE_CHECKING:
    from PIL.Image import Image

_ICC_PROFILE: Final = 0x00282000
_OPTICAL_PATHS: Final = 0x00480105
_PROFILE: Final = "icc_profile"


def encoded(pictures: Sequence["Image"], rendering: Rendering, milliseconds: float = 0.0) -> bytes:
    """One file of `pictures`; several of them only as GIF, each shown for so long, over and over."""
    first, target = pictures[0], BytesIO()
    profile = first.info.get(_PROFILE)
    match rendering.media_type:
        case "image/png":
            first.save(target, "PNG", compress_level=3, icc_profile=profile)
        case "image/gif":
            moving: dict[str, Any] = {}
            if len(pictures) > 1:
                moving = {"save_all": True, "append_images": pictures[1:], "duration": round(milliseconds), "loop": 0}
            first.save(target, "GIF", optimize=False, **moving)
        case _:
            first.save(target, "JPEG", quality=rendering.quality, subsampling=0, icc_profile=profile)
    return target.getvalue()


def with_profile(picture: "Image", rendering: Rendering, *headers: Header) -> "Image":
    """`picture` in the colour space that is asked for, the profile in its info where its file shall bear one.

    Unasked, colour keeps the profile that the first of `headers` with one has (C.11.15). Greyscale has none:
    its values are P-Values.
    """
    own = _own_profile(headers) if picture.mode == "RGB" else None
    picture.info.pop(_PROFILE, None)
    match rendering.profile:
        case "no":
            return picture
        case "" | "yes":
            profile = own or (matrix_profile("srgb") if rendering.profile else None)
            if profile:
                picture.info[_PROFILE] = profile
            return picture
        case named:
            return _converted(picture, own or matrix_profile("srgb"), named)


def _own_profile(headers: Sequence[Header]) -> bytes | None:
    """ICC Profile of a state or an image, or of its first optical path (C.8.12.5)."""
    for source in (one for header in headers for one in (header, *header.items(_OPTICAL_PATHS)[:1])):
        if value := source.values.get(_ICC_PROFILE):
            return value.encoded
    return None


def _converted(picture: "Image", source: bytes, name: str) -> "Image":
    """`picture` in the colour space `name`, by the rendering intent that its own profile prefers (ICC.1 7.2.15).

    Into sRGB with the library's own profile: it is of version 4, by which black stays black. In version 2, that of
    what is embedded, the black of a perceptual profile of version 4 is a dark grey.
    """
    from PIL import ImageCms

    colour, target = picture.convert("RGB"), matrix_profile(name)
    if source != target:
        wanted = ImageCms.createProfile("sRGB") if name == "srgb" else BytesIO(target)
        try:
            profile = ImageCms.ImageCmsProfile(BytesIO(source))
            intent = ImageCms.Intent(ImageCms.getDefaultIntent(profile))
            made = ImageCms.profileToProfile(colour, profile, wanted, intent, "RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            # What cannot be read says nothing of the colours: they are those of sRGB, as without a profile.
            return _converted(picture, matrix_profile("srgb"), name)
        colour = made or colour
    colour.info[_PROFILE] = target
    return colour
