"""The samples of the shared data's images by decoders that are not the gateway's, as far as there are any.

Those are pydicom's with Pillow and OpenJPEG, DCMTK's for JPEG and JPEG-LS, and zlib. For JPEG XL, and JPEG-LS that
DCMTK refuses, there is none: the decoder is the gateway's, and what comes after it is measured.
"""

import subprocess
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from subprocess import CalledProcessError
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import pydicom
from imagecodecs import jpegls_decode, jpegxl_decode
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.utils import pixel_array

from tests.support.dcmtk import program
from tests.support.patience import PATIENCE

Samples = NDArray[Any]

_PROGRAMS: Final = {
    **{f"1.2.840.10008.1.2.4.{last}": "dcmdjpeg" for last in ("51", "53", "55", "57", "70")},
    **{f"1.2.840.10008.1.2.4.{last}": "dcmdjpls" for last in ("80", "81")},
}


def samples(path: Path, data_set: Dataset, frame: int) -> Samples:
    """Rows x columns of a frame (from 0), with red, green, blue of colour that is no palette's.

    Raises RuntimeError for what no decoder reads.
    """
    syntax = data_set.file_meta.TransferSyntaxUID
    if syntax in _PROGRAMS:
        with suppress(CalledProcessError):
            return pixel_array(_decompressed(_PROGRAMS[syntax], path), index=frame)
    count = int(data_set.get("NumberOfFrames") or 1)
    if alone := _ALONE.get(syntax):
        return alone(get_frame(data_set.PixelData, frame, number_of_frames=count), data_set)
    if "PixelData" in data_set and data_set.HighBit >= data_set.BitsStored:
        # What pydicom takes are the lowest bits (PS3.5 8.1.1).
        values = _native(data_set.PixelData[frame * len(data_set.PixelData) // count :], data_set)
        return np.asarray(values >> data_set.HighBit + 1 - data_set.BitsStored & (1 << data_set.BitsStored) - 1)
    return pixel_array(data_set, index=frame)


@lru_cache(maxsize=1)
def _decompressed(name: str, path: Path) -> Dataset:
    with TemporaryDirectory() as folder:
        made = Path(folder) / "made.dcm"
        subprocess.run([program(name), "-q", str(path), str(made)], check=True, timeout=PATIENCE, capture_output=True)
        return pydicom.dcmread(BytesIO(made.read_bytes()))


def _native(frame: bytes, data_set: Dataset) -> Samples:
    shape = (data_set.Rows, data_set.Columns, data_set.SamplesPerPixel)[: 3 if data_set.SamplesPerPixel > 1 else 2]
    count = int(np.prod(shape))
    if data_set.BitsAllocated == 1:
        return np.unpackbits(np.frombuffer(frame, np.uint8), count=count, bitorder="little").reshape(shape)
    dtype = f"<{'i' if data_set.PixelRepresentation else 'u'}{data_set.BitsAllocated // 8}"
    return np.frombuffer(frame, dtype, count).reshape(shape)


def _deflated(frame: bytes, data_set: Dataset) -> Samples:
    return _native(zlib.decompressobj(-zlib.MAX_WBITS).decompress(frame), data_set)


def _jpeg_ls(frame: bytes, _: Dataset) -> Samples:
    return np.asarray(jpegls_decode(frame))


def _jpeg_xl(frame: bytes, _: Dataset) -> Samples:
    return np.asarray(jpegxl_decode(frame))


# Encapsulated Uncompressed, Deflated Image Frame Compression, JPEG-LS and JPEG XL.
_ALONE: Final[dict[str, Callable[[bytes, Dataset], Samples]]] = {
    "1.2.840.10008.1.2.1.98": _native,
    "1.2.840.10008.1.2.8.1": _deflated,
    **{f"1.2.840.10008.1.2.4.{last}": _jpeg_ls for last in ("80", "81")},
    **{f"1.2.840.10008.1.2.4.{last}": _jpeg_xl for last in ("110", "111", "112")},
}
