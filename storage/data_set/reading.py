"""What the index wants to know of one file, read the plain way: all of its elements, one after the other."""

from typing import Any, Final, NamedTuple

from storage.data_set import dicom_json, frames
from storage.data_set.frames import FrameTable
from storage.data_set.part10 import FileMeta, Part10
from storage.data_set.scanner import PIXELS

_NUMBER_OF_FRAMES: Final = 0x00280008
_ROWS: Final = 0x00280010
_COLUMNS: Final = 0x00280011
_BITS_ALLOCATED: Final = 0x00280100


class Image(NamedTuple):
    """The shape of an image, zeros where there is none; `number_of_frames` is at least 1 when there is Pixel Data."""

    frames: FrameTable | None
    number_of_frames: int
    rows: int
    columns: int
    bits_allocated: int

    def with_frames(self, table: FrameTable | None) -> "Image":
        """An image of the same shape whose frames lie elsewhere."""
        number = self.number_of_frames if table is None else table.count
        return Image(table, number, self.rows, self.columns, self.bits_allocated)


class Reading(NamedTuple):
    """A data set as DICOM JSON, and where the bytes of it lie that are not in there (see `dicom_json.model`)."""

    meta: FileMeta
    data_set_offset: int
    in_file: bool
    """Whether `bulk_data` count in the file, and not in the inflated data set."""
    json: dict[str, Any]
    bulk_data: dict[str, tuple[int, int]]
    image: Image
    changed: frozenset[str] | None = None
    """The attributes that the predecessor had not, or not with this value; None where there was no predecessor."""


def plain(found: Part10) -> Reading:
    """The reading of a file whose elements have been found."""
    json, bulk_data = dicom_json.model(found)
    return Reading(found.meta, found.data_set_offset, found.in_file, json, bulk_data, _image(found))


def _image(found: Part10) -> Image:
    table = frames.locate(found)
    shape = (found.number(_ROWS), found.number(_COLUMNS), found.number(_BITS_ALLOCATED))
    if table is not None:
        return Image(table, table.count, *shape)
    has_pixels = any(found.find(tag) for tag in PIXELS)
    return Image(None, max(1, found.number(_NUMBER_OF_FRAMES, 1)) if has_pixels else 0, *shape)
