"""Images of the shared data and what is to be seen of them, to compare a browser's canvases with.

The measure is pydicom. What it does not say (the window of images that name none, functional groups, lossy colour, the
syntaxes that it has no decoder for here) is measured by the server's rendered resource, which the tests of storage hold
to pydicom and to golden pictures.
"""

import hashlib
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Final

import httpx2
import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import DeflatedExplicitVRLittleEndian, MPEGTransferSyntaxes

from tests.browser.pictures import shown_by_pydicom
from tests.support.corpus import SHARED
from tests.support.gateway import Gateway

_LOSSY: Final = frozenset(f"1.2.840.10008.1.2.4.{last}" for last in ("50", "51", "81", "91", "93", "203", "112"))
_SHAPES: Final = ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing")
_PIXELS: Final = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
)
_MOST_PIXELS: Final = 1 << 21

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Picture:
    """An image of the shared data; `uid` is its own, or a stand-in where another file had it already."""

    path: Path
    data_set: Dataset
    uid: str

    @property
    def name(self) -> str:
        return self.path.relative_to(SHARED).as_posix()

    @property
    def series(self) -> str:
        """Its address below DICOMweb's."""
        return f"/studies/{self.data_set.StudyInstanceUID}/series/{self.data_set.SeriesInstanceUID}"

    @property
    def frames(self) -> int:
        return int(self.data_set.get("NumberOfFrames") or 1)

    @property
    def kind(self) -> tuple[str, ...]:
        """How its pixels are described, which is what a browser knows of them."""
        return (*(str(self.data_set.get(keyword)) for keyword in _PIXELS), str("VOILUTSequence" in self.data_set))

    @property
    def encoding(self) -> tuple[str, ...]:
        """How its pixels are described and encoded."""
        return (*self.kind, self.syntax)

    @property
    def syntax(self) -> str:
        return str(self.data_set.file_meta.get("TransferSyntaxUID", ""))

    @property
    def is_small(self) -> bool:
        return int(self.data_set.Rows * self.data_set.Columns) <= _MOST_PIXELS


def pictures(paths: list[Path]) -> list[Picture]:
    """The images among the files."""
    read = ((path, _read(path)) for path in paths)
    return [Picture(path, data_set, str(data_set.SOPInstanceUID)) for path, data_set in read if data_set is not None]


def written(found: list[Picture], folder: Path) -> Iterator[Picture]:
    """The images as they come to lie in `folder`, each under a UID that no other has.

    Many files of the shared data are one image in several encodings, of which a gateway keeps only the first. What is
    deflated comes first, since its UID cannot be replaced.
    """
    taken: set[str] = set()
    for picture in sorted(found, key=lambda one: one.syntax != DeflatedExplicitVRLittleEndian):
        uid, content = picture.uid, picture.path.read_bytes()
        if uid in taken:
            other = _stand_in(uid, content)
            content = re.sub(re.escape(uid.encode()) + rb"(?![0-9.])", other.encode(), content)
            uid = other
        taken.add(uid)
        (folder / f"{len(taken)}.dcm").write_bytes(content)
        yield replace(picture, uid=uid)


def _read(path: Path) -> Dataset | None:
    """What says that it is an image, and of which study; no video, which the browser plays by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data_set = pydicom.dcmread(path, force=True)
            if data_set.file_meta.get("TransferSyntaxUID") in MPEGTransferSyntaxes:
                return None
            named = data_set.StudyInstanceUID and data_set.SeriesInstanceUID and data_set.SOPInstanceUID
            return data_set if named and "PixelData" in data_set and data_set.Rows * data_set.Columns > 0 else None
        except Exception:
            return None


def _stand_in(uid: str, content: bytes) -> str:
    """A UID of the same length, so that nothing else in the file moves."""
    digits = str(int(hashlib.sha256(content).hexdigest(), 16))
    return f"2.25.{digits[: len(uid) - 5]}"


@dataclass(frozen=True)
class Oracle:
    """What is to be seen of each frame; asks the gateway where pydicom does not know."""

    gateway: Gateway
    client: httpx2.Client

    def keeps(self, picture: Picture) -> bool:
        """Whether the gateway has taken it."""
        address = f"{self.gateway.dicomweb}{picture.series}/instances/{picture.uid}/metadata"
        return self.client.get(address).status_code == 200

    def expected(self, picture: Picture, frame: int, *, named: bool) -> Pixels | str:
        """Rows x columns x red, green, blue of a frame (from 0); or why nobody is the measure.

        `named` says that the image names a window.
        """
        if "ICCProfile" in picture.data_set:
            return "colour profile"
        said: Pixels | str | None = _by_pydicom(picture.data_set, frame, named=named)
        if said is None:
            stretched = any(len({*picture.data_set.get(keyword, ())}) > 1 for keyword in _SHAPES)
            if stretched or 0x60000010 in picture.data_set:
                return "overlay or stretched by the server"
            said = self._rendered(picture, frame)
        if isinstance(said, str):
            return said
        return said if said.ndim == 3 else np.repeat(said[:, :, np.newaxis], 3, axis=2)

    def _rendered(self, picture: Picture, frame: int) -> Pixels | str:
        address = f"{self.gateway.dicomweb}{picture.series}/instances/{picture.uid}/frames/{frame + 1}/rendered"
        answer = self.client.get(f"{address}?accept=image/png")
        if answer.status_code != 200:
            return f"not rendered ({answer.status_code})"
        return np.asarray(Image.open(BytesIO(answer.content)).convert("RGB"))


def _by_pydicom(data_set: Dataset, frame: int, *, named: bool) -> Pixels | None:
    """None for what pydicom says nothing of, or what its decoders round differently."""
    if "SharedFunctionalGroupsSequence" in data_set or data_set.file_meta.get("TransferSyntaxUID") in _LOSSY:
        return None
    try:
        stored = pixel_array(data_set, index=frame)
    except Exception:
        return None
    if data_set.SamplesPerPixel == 3 and data_set.BitsStored == 8:
        return np.asarray(stored, np.uint8)
    if data_set.PhotometricInterpretation == "PALETTE COLOR" and "RedPaletteColorLookupTableData" in data_set:
        colours = apply_color_lut(stored, data_set)
        return (colours >> 8).astype(np.uint8) if colours.dtype.itemsize == 2 else np.asarray(colours, np.uint8)
    return shown_by_pydicom(stored, data_set) if named else None
