"""Files on disk as `Pixels` wants them, without an index in between."""

import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, cast

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID

from storage.data_set import frames, part10
from storage.files import Files
from storage.records import InstanceRecord, Layout
from tests.storage.encodings import file_of

# pydicom does not write every syntax that exists; the header of this one is as long as any we test.
_LIKE_ANY_ENCAPSULATED: Final = "1.2.840.10008.1.2.4.90"


class _PlainFiles:
    """Blob keys are paths."""

    def path(self, key: str) -> Path:
        return Path(key)

    def pieces(self, key: str, ranges: Iterable[tuple[int, int]], at_once: int) -> Iterator[bytes]:
        with Path(key).open("rb") as file:
            for offset, length in ranges:
                file.seek(offset)
                yield file.read(length)


def plain_files() -> Files:
    """What stands in for the store: any file on disk is a blob."""
    return cast(Files, _PlainFiles())


def kept(path: Path) -> tuple[InstanceRecord, Layout]:
    """The record and layout that the index would hold for the file at `path`."""
    with path.open("rb") as file:
        read = part10.read(file)
    table = frames.locate(read)
    record = InstanceRecord(
        study_instance_uid="1.2",
        series_instance_uid="1.2.3",
        sop_instance_uid="1.2.3.4",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.7",
        transfer_syntax_uid=read.meta.transfer_syntax_uid,
        blob_key=str(path),
        size=path.stat().st_size,
        data_set_offset=read.data_set_offset,
        digest="",
        modality="",
        instance_number=1,
        number_of_frames=table.count if table else 1,
        image_rows=0,
        image_columns=0,
        bits_allocated=read.number(0x00280100),
    )
    return record, Layout(table, {})


def written(folder: Path, data_set: Dataset, transfer_syntax: str = "1.2.840.10008.1.2.1") -> Path:
    """`data_set` as a file in `folder`; its Pixel Data are already encoded as `transfer_syntax` wants."""
    path = folder / f"{data_set.get('SOPInstanceUID', 'image')}.dcm"
    known = UID(transfer_syntax).is_transfer_syntax
    content = file_of(data_set, transfer_syntax if known else _LIKE_ANY_ENCAPSULATED)
    if not known:
        content = content.replace(_LIKE_ANY_ENCAPSULATED.encode(), transfer_syntax.encode().ljust(22, b"\0"), 1)
    path.write_bytes(content)
    return path


def encapsulated(data_set: Dataset, *encoded_frames: bytes) -> Dataset:
    """`data_set` with these frames as encapsulated Pixel Data."""
    data_set.PixelData = encapsulate(list(encoded_frames))
    data_set["PixelData"].VR = "OB"
    data_set["PixelData"].is_undefined_length = True
    return data_set


def oracle(path: Path, *, raw: bool = True) -> NDArray[np.generic] | None:
    """What pydicom makes of the first frame, with any of its plugins; None where it cannot."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data_set = pydicom.dcmread(path, force=True)
        if "TransferSyntaxUID" not in data_set.file_meta:
            data_set.file_meta.TransferSyntaxUID = UID(kept(path)[0].transfer_syntax_uid)
        try:
            return pixel_array(data_set, index=0, raw=raw)
        except Exception:
            return None
