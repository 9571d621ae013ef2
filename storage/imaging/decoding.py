"""What a decoder process does with one frame: the cap on its size, the codec, and the shape of the answer."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from storage.data_set.part10 import EXPLICIT_VR_LITTLE_ENDIAN
from storage.imaging.decoders import decode, syntax
from storage.imaging.encoders import encode
from storage.imaging.image_pixels import ImagePixels, Samples, Undecodable
from storage.imaging.picture import picture
from storage.imaging.rendering import Rendering
from storage.imaging.stored_image import Ranges, StoredImage
from storage.imaging.transcoding import surroundings


def decoded_frame(
    stored: StoredImage, number: int, ranges: Ranges | None, largest: int
) -> tuple[dict[str, Any], bytes]:
    """Frame `number` as it would lie in Explicit VR Little Endian Pixel Data, and what is then true of it."""
    if _is_native(stored):
        return _described(stored.image), stored.encoded_frame(number, ranges)
    samples, image = _samples(stored, number, ranges, largest)
    native = np.packbits(samples, bitorder="little") if image.bits_allocated == 1 else samples
    return _described(image), native.tobytes()


def rendered_frame(
    stored: StoredImage, number: int, ranges: Ranges | None, largest: int, wanted: dict[str, Any]
) -> bytes:
    """The picture of frame `number`; `wanted` are the fields of a `Rendering`."""
    samples, image = _samples(stored, number, ranges, largest)
    return picture(samples, image, stored.header, number, Rendering(**wanted))


def encoded_frame(
    stored: StoredImage, number: int, ranges: Ranges | None, largest: int, transfer_syntax_uid: str
) -> bytes:
    """Frame `number` as the content of a fragment in one of the syntaxes that can be made."""
    samples, image = _samples(stored, number, ranges, largest)
    return encode(samples, image, transfer_syntax_uid)


def transcoded(
    stored: StoredImage | None, path: Path, largest: int, transfer_syntax_uid: str
) -> tuple[dict[str, Any], bytes]:
    """What surrounds the pixels of an instance in another syntax: `before` and `after` as one body."""
    image = None
    if stored is not None and not (_is_native(stored) and transfer_syntax_uid == EXPLICIT_VR_LITTLE_ENDIAN):
        image = _as_far_as_used(*_samples(stored, 1, None, largest), stored.image)
    found = asdict(surroundings(path, stored, image, transfer_syntax_uid))
    before, after = found.pop("before"), found.pop("after")
    return found | {"before": len(before)}, before + after


def _samples(stored: StoredImage, number: int, ranges: Ranges | None, largest: int) -> tuple[Samples, ImagePixels]:
    image = stored.image
    if image.samples * max(image.bits_allocated // 8, 1) > largest:
        raise Undecodable("The frame is larger than the memory set aside for decoding.")
    return decode(stored.encoded_frame(number, ranges), image, stored.transfer_syntax_uid)


def _as_far_as_used(samples: Samples, decoded: ImagePixels, announced: ImagePixels) -> ImagePixels:
    """`decoded`, with more Bits Stored than announced only where samples need them."""
    low, high = -(1 << announced.bits_stored - 1), 1 << announced.bits_stored - announced.pixel_representation
    if samples.max() >= high or (announced.pixel_representation and samples.min() < low):
        return decoded
    return replace(decoded, bits_stored=announced.bits_stored, high_bit=announced.high_bit)


def _is_native(stored: StoredImage) -> bool:
    """Whether the value of Pixel Data already is what Explicit VR Little Endian would hold, but for byte order."""
    native = syntax(stored.transfer_syntax_uid).is_native
    if stored.is_native and not native:
        raise Undecodable("The pixels are not encapsulated, although the transfer syntax says so.")
    return stored.is_native


def _described(image: ImagePixels) -> dict[str, Any]:
    described = asdict(image)
    for name in ("number_of_frames", "kind"):
        del described[name]
    return described
