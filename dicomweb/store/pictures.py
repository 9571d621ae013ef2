"""PNG and GIF as Pixel Data (PS3.18 10.5.2): decoded, and compared with what the metadata say of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dicomweb.media_types import EXPLICIT_LITTLE
from dicomweb.store.spool import Spool, Spooled
from storage.data_set.assembly import Run
from storage.data_set.dicom_json import Json
from storage.data_set.json_values import written
from storage.errors import CannotUnderstand, DataSetMismatch, NotRenderable
from storage.pixels import RECEIVED_PICTURES, DecodedFrame, Pixels

PICTURES: Final = RECEIVED_PICTURES

# As for a gzip body: beyond both, decoding is what somebody wants to fill a disk with.
_FREELY: Final = 256 << 20
_MOST_LARGER: Final = 200
_SAMPLES_PER_PIXEL: Final = "00280002"
_BITS_STORED: Final = "00280101"
_ICC_PROFILE: Final = "00282000"
_PIXEL_DATA: Final = "7FE00010"
_NATIVE_PICTURE: Final = "PNG and GIF become native pixels."


@dataclass(frozen=True, slots=True)
class Native:
    """The frames of an image where they lie now; `frame` describes all of them."""

    runs: tuple[Run, ...]
    frame: DecodedFrame


class Pictures:
    """The pictures of one request, each decoded once. Used by one thread at a time."""

    def __init__(self, pixels: Pixels, spool: Spool) -> None:
        self._pixels = pixels
        self._spool = spool
        self._known: dict[tuple[Run, str], Native] = {}
        self._sent = self._decoded = 0

    def native(self, parts: Sequence[Spooled], data_set: Json) -> tuple[Json, list[Run]]:
        """`data_set` with all of the Image Pixel Description, and the native frames that `parts` are.

        Raises `DataSetMismatch` where the two or the frames contradict each other, `CannotUnderstand` for pictures
        that cannot be decoded, and for those that become more than `_MOST_LARGER` times larger beyond `_FREELY` bytes.
        """
        stated = {(part.media_type, part.transfer_syntax or EXPLICIT_LITTLE) for part in parts}
        if stated != {(parts[0].media_type, EXPLICIT_LITTLE)}:
            raise DataSetMismatch(
                f"The frames are of several kinds, or not of the one that they state. {_NATIVE_PICTURE}"
            )
        samples = written(data_set, _SAMPLES_PER_PIXEL)
        key = (parts[0].run, samples)
        if key not in self._known:
            self._known[key] = self._all(parts, 3 if samples == "3" else 1)
        found = self._known[key]
        return _described(data_set, found.frame, len(parts)), list(found.runs)

    def _all(self, parts: Sequence[Spooled], samples: int) -> Native:
        first, *others = [self._one(part, samples) for part in parts]
        if any(_kind(frame) != _kind(first[1]) for _, frame in others):
            raise DataSetMismatch(
                "The frames differ in their size or colour profile, or some are grey and some are not."
            )
        widest = max((frame for _, frame in (first, *others)), key=lambda frame: frame.bits_stored)
        return Native(tuple(run for run, _ in (first, *others)), widest)

    def _one(self, part: Spooled, samples: int) -> tuple[Run, DecodedFrame]:
        try:
            frame = self._pixels.received(part.run.head(part.run.size), part.media_type, samples)
        except NotRenderable as refusal:
            raise CannotUnderstand(refusal.detail) from None
        self._sent += part.run.size
        self._decoded += len(frame.pixels)
        if self._decoded > max(_FREELY, self._sent * _MOST_LARGER):
            raise CannotUnderstand(f"Pictures that become more than {_MOST_LARGER} times larger are not taken.")
        return self._spool.append(frame.pixels), frame.without_pixels()


def _described(data_set: Json, frame: DecodedFrame, frames: int) -> Json:
    """`data_set` with the attributes of PS3.3 table C.7-11c; those that it has must be true of the frames.

    An ICC profile that it names counts more than that of the pictures.
    """
    vr = "OW" if frame.bits_allocated > 8 else data_set[_PIXEL_DATA]["vr"]
    whole = {**data_set, _PIXEL_DATA: {**data_set[_PIXEL_DATA], "vr": vr}}
    stored = _bits_stored(data_set, frame)
    # The first of the values that may be stated is what is meant where nothing is.
    grey = frame.samples_per_pixel == 1
    told: dict[str, tuple[str, tuple[str | int, ...]]] = {
        _SAMPLES_PER_PIXEL: ("US", (frame.samples_per_pixel,)),
        "00280004": ("CS", ("MONOCHROME2", "MONOCHROME1") if grey else ("RGB",)),
        "00280010": ("US", (frame.rows,)),
        "00280011": ("US", (frame.columns,)),
        "00280100": ("US", (frame.bits_allocated,)),
        _BITS_STORED: ("US", (stored,)),
        "00280102": ("US", (stored - 1,)),
        "00280103": ("US", (0,)),
    }
    told |= {} if grey else {"00280006": ("US", (0,))}
    told |= {"00280008": ("IS", (frames,))} if frames > 1 or written(data_set, "00280008") else {}
    for tag, (vr, meant) in told.items():
        said = written(data_set, tag)
        if said and said not in map(str, meant):
            raise DataSetMismatch(f"Attribute {tag} is not true of the picture. {_NATIVE_PICTURE}")
        if not said:
            whole[tag] = {"vr": vr, "Value": [meant[0]]}
    if frame.icc_profile and not data_set.get(_ICC_PROFILE, {}).keys() - {"vr"}:
        whole[_ICC_PROFILE] = {"vr": "OB", "InlineBinary": frame.icc_profile}
    return dict(sorted(whole.items()))


def _bits_stored(data_set: Json, frame: DecodedFrame) -> int:
    """Bits Stored as stated, if the samples need no more, and all that there are where nothing is stated."""
    stated = written(data_set, _BITS_STORED)
    possible = range(frame.bits_stored, frame.bits_allocated + 1)
    return next((bits for bits in possible if str(bits) == stated), frame.bits_allocated)


def _kind(frame: DecodedFrame) -> tuple[int | str, ...]:
    return frame.rows, frame.columns, frame.samples_per_pixel, frame.bits_allocated, frame.icc_profile
