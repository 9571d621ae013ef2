"""The images of the shared data, and what is to be seen of them."""

import hashlib
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Final

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, MPEGTransferSyntaxes

from tests.browser.measure import Seen, seen
from tests.browser.samples import samples
from tests.support.corpus import SHARED

# The size in its codestream is overwritten with a delimiter: no decoder reads it, and the viewer says that it cannot be
# shown.
UNREADABLE: Final = {"odd_legal/JPEG2000-embedded-sequence-delimiter.dcm"}

_PIXELS: Final = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
)
# What is done with pixels after they are grey or coloured, or instead of a window.
_MORE: Final = ("VOILUTSequence", "ModalityLUTSequence", "PixelAspectRatio", "ICCProfile")
_VALUES: Final = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_OVERLAY: Final = 0x60000010
# What files of the shared data leave out, as the gateway reads it then.
_LEFT_OUT: Final = {"SamplesPerPixel": 1, "PixelRepresentation": 0}
_MOST_PIXELS: Final = 1 << 21


@dataclass(frozen=True)
class Picture:
    """An image of the shared data.

    `uid` is its own, or a stand-in where another file had it already; `series` the path of its series in DICOMweb.
    """

    path: Path
    data_set: Dataset
    uid: str
    series: str = ""

    @property
    def name(self) -> str:
        return self.path.relative_to(SHARED).as_posix()

    @property
    def study(self) -> str:
        return self.series.split("/")[-3]

    @property
    def frames(self) -> int:
        return int(self.data_set.get("NumberOfFrames") or 1)

    @property
    def kind(self) -> tuple[str, ...]:
        """How its pixels are described, which is what a browser knows of them."""
        described = (str(self.data_set.get(keyword)) for keyword in _PIXELS)
        more = (keyword for keyword in _MORE if keyword in self.data_set)
        return (*described, *more, str(self.is_marked), str(self.name in UNREADABLE))

    @property
    def encoding(self) -> tuple[str, ...]:
        """How its pixels are described and encoded."""
        return (*self.kind, self.syntax)

    @property
    def syntax(self) -> str:
        return str(self.data_set.file_meta.TransferSyntaxUID)

    @property
    def is_small(self) -> bool:
        return int(self.data_set.Rows * self.data_set.Columns) <= _MOST_PIXELS

    @property
    def is_marked(self) -> bool:
        """Whether an overlay lies on it."""
        return _OVERLAY in self.data_set

    def placed(self, url: str) -> "Picture":
        """The same, which the gateway keeps at `url`."""
        return replace(self, series=re.sub(r"https?://[^/]+|/instances/.*", "", url))

    def seen(self, frame: int) -> Seen | None:
        """A frame (from 0) as it is to be seen; None if no decoder reads it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                read = samples(self.path, self.data_set, frame)
            except RuntimeError:
                return None
            return seen(read, self.data_set, frame)


def pictures(paths: list[Path]) -> list[Picture]:
    """The images among the files."""
    return [picture for path in paths if (picture := _read(path))]


def written(found: list[Picture], folder: Path) -> Iterator[Picture]:
    """The images as they come to lie in `folder`, each under a UID that no other has.

    Many files of the shared data are one image in several encodings, of which a gateway keeps only the first, and some
    have no UID. What is deflated comes first, since its UID cannot be replaced.
    """
    taken: set[str] = set()
    for picture in sorted(found, key=lambda one: one.syntax != DeflatedExplicitVRLittleEndian):
        uid, content = str(picture.uid), picture.path.read_bytes()
        if not uid:
            uid = _stand_in(content)
            content = _named(picture.path, uid)
        elif uid in taken:
            other = _stand_in(content, len(uid))
            content = re.sub(re.escape(uid.encode()) + rb"(?![0-9.])", other.encode(), content)
            uid = other
        taken.add(uid)
        (folder / f"{len(taken)}.dcm").write_bytes(content)
        yield replace(picture, uid=uid)


def _read(path: Path) -> Picture | None:
    """What holds pixels and says how many; no video, which the browser plays by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data_set = pydicom.dcmread(path, force=True)
            holds = any(keyword in data_set for keyword in _VALUES) and data_set.Rows * data_set.Columns > 0
        except Exception:
            return None
        data_set.file_meta.setdefault("TransferSyntaxUID", ImplicitVRLittleEndian)
        if not holds or data_set.file_meta.TransferSyntaxUID in MPEGTransferSyntaxes:
            return None
        for keyword, value in _LEFT_OUT.items():
            data_set.setdefault(keyword, value)
        return Picture(path, data_set, str(data_set.get("SOPInstanceUID", "")))


def _stand_in(content: bytes, length: int = 40) -> str:
    """A UID; where it is of the same length as another, nothing else in the file moves."""
    digits = str(int(hashlib.sha256(content).hexdigest(), 16))
    return f"2.25.{digits[: length - 5]}"


def _named(path: Path, uid: str) -> bytes:
    """The file with a UID of its own."""
    data_set, made = pydicom.dcmread(path, force=True), BytesIO()
    data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = UID(uid)
    data_set.save_as(made)
    return made.getvalue()
