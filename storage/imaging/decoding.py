"""What a decoder process does with one frame: the cap on its size, the codec, and the shape of the answer."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from storage.data_set.part10 import EXPLICIT_VR_LITTLE_ENDIAN, read
from storage.imaging.decoders import decode, syntax
from storage.imaging.encoders import encode
from storage.imaging.framing import MOST_PIXELS
from storage.imaging.header import Header, header
from storage.imaging.image_pixels import ImagePixels, Samples, Undecodable
from storage.imaging.picture import drawn, picture
from storage.imaging.picture_files import encoded
from storage.imaging.presentation_state import PresentationState
from storage.imaging.rendering import Rendering
from storage.imaging.stored_image import Ranges, StoredImage
from storage.imaging.transcoding import surroundings

_FRAME_TIME: Final = 0x00181063
_CINE_RATE: Final = 0x00180040
_RECOMMENDED_RATE: Final = 0x00082144
_UNKNOWN_TIME: Final = 100.0
_SHORTEST_TIME: Final = 20.0
_LONGEST_TIME: Final = 10_000.0


def decoded_frame(
    stored: StoredImage, number: int, ranges: Ranges | None, largest: int
) -> tuple[dict[str, Any], bytes]:
    """Frame `number` as it would lie in Explicit VR Little Endian Pixel Data, and what is then true of it."""
    if _is_native(stored):
        return _described(stored.image), stored.encoded_frame(number, ranges)
    samples, image = _samples(stored, number, ranges, largest)
    native = np.packbits(samples, bitorder="little") if image.bits_allocated == 1 else samples
    return _described(image), native.tobytes()


def decoded_samples(stored: StoredImage, number: int, largest: int) -> Samples:
    """The samples of frame `number`, single bits as 0 and 1."""
    return _samples(stored, number, None, largest)[0]


def rendered_frame(
    stored: StoredImage,
    number: int,
    ranges: Ranges | None,
    largest: int,
    wanted: dict[str, Any],
    state: PresentationState | None = None,
) -> bytes:
    """The picture of frame `number`; `wanted` are the fields of a `Rendering`."""
    samples, image = _samples(stored, number, ranges, largest)
    return picture(samples, image, stored.header, number, Rendering(**wanted), state)


def moving_picture(stored: StoredImage, frames: int, largest: int, wanted: dict[str, Any]) -> bytes:
    """The first `frames` frames of a cine as one file that moves at the speed the data set names (C.7.6.5)."""
    rendering, pictures, pixels = Rendering(**wanted), [], 0
    for number in range(1, frames + 1):
        samples, image = _samples(stored, number, None, largest)
        made = drawn(samples, image, stored.header, number, rendering)
        pixels += made.width * made.height
        if pixels > MOST_PIXELS:
            raise Undecodable("The moving picture would be too large; ask for a smaller viewport, or for frames.")
        pictures.append(made)
    return encoded(pictures, rendering, _milliseconds(stored.header))


def presentation_state(path: Path, sop_instance_uid: str, number: int) -> PresentationState:
    """The presentation state in the file at `path` as it looks from this frame."""
    with path.open("rb") as file:
        part10 = read(file)
    return PresentationState(header(part10.buffer, part10.elements), sop_instance_uid, number)


def _milliseconds(found: Header) -> float:
    """How long a frame is shown: Frame Time, or by Cine Rate, within what browsers do (C.7.6.5)."""
    rate = found.number(_RECOMMENDED_RATE) or found.number(_CINE_RATE) or 0.0
    time = 1000.0 / rate if rate > 0 else found.number(_FRAME_TIME) or _UNKNOWN_TIME
    return min(max(time, _SHORTEST_TIME), _LONGEST_TIME)


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
