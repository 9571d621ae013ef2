"""Instances that are compressed, moving, or odd."""

from io import BytesIO
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, RLELossless

from tests.support.synthetic import ct, part10


def rle(data_set: Dataset) -> bytes:
    """`data_set` as a Part 10 file in RLE Lossless."""
    data_set.file_meta = pydicom.dcmread(BytesIO(part10(data_set))).file_meta
    data_set.compress(RLELossless, generate_instance_uid=False)
    target = BytesIO()
    data_set.save_as(target, enforce_file_format=True)
    return target.getvalue()


def damaged(**attributes: Any) -> bytes:
    """An instance that says its pixels are JPEG 2000, which they are not."""
    whole = rle(ct(**attributes))
    assert whole.count(RLELossless.encode()) == 1
    changed = pydicom.dcmread(BytesIO(whole))
    changed.file_meta.TransferSyntaxUID = JPEG2000Lossless
    target = BytesIO()
    changed.save_as(target, enforce_file_format=True)
    return target.getvalue()


def movie(frames: int = 3, **attributes: Any) -> Dataset:
    """A multi-frame image; frame n (from 1) is filled with the value n."""
    image = ct(**attributes)
    image.NumberOfFrames = frames
    values = np.repeat(np.arange(1, frames + 1, dtype="<i2"), 256)
    image.PixelData = values.tobytes()
    return image


def frame(number: int) -> bytes:
    return np.full(256, number, "<i2").tobytes()


def encapsulated(fragments: list[bytes], syntax: str) -> bytes:
    """An instance whose Pixel Data are these bytes, whatever they are."""
    image = ct()
    image.NumberOfFrames = len(fragments)
    image.PixelData = encapsulate(fragments)
    image["PixelData"].VR = "OB"
    image["PixelData"].is_undefined_length = True
    return part10(image, syntax)


def with_binaries() -> Dataset:
    """An instance with long binary values at the top and inside a sequence."""
    image = ct()
    image.add_new(0x00091001, "OB", b"")
    image.add_new(0x00090010, "LO", "TESTS")
    image.add_new(0x00091002, "OW", np.arange(2000, dtype="<u2").tobytes())
    item = Dataset()
    item.add_new(0x54001010, "OW", np.arange(3000, dtype="<u2").tobytes())
    image.add_new(0x54000100, "SQ", [item])
    return image
