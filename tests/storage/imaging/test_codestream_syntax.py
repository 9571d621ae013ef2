"""Transfer syntaxes told from codestreams, by hand-made headers and by every file there is."""

import struct
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.encaps import generate_frames

from storage.imaging.codestream_syntax import jpeg, jpeg_2000
from storage.imaging.pixel_description import description
from tests.storage.imaging.test_codestream import segment, sof
from tests.support.corpus import bundled, needs_shared, shared

PREFIX = "1.2.840.10008.1.2.4."
MAY_BE = {
    f"{PREFIX}53": f"{PREFIX}55",
    f"{PREFIX}91": f"{PREFIX}90",
    f"{PREFIX}203": f"{PREFIX}201",
    f"{PREFIX}202": f"{PREFIX}201",
}


def scan(parameter: int, components: int = 1) -> bytes:
    return segment(0xDA, bytes((components, *(1, 0) * components, parameter, 0, 0)))


@pytest.mark.parametrize(
    ("marker", "parameter", "arc"),
    [(0xC0, 0, 50), (0xC1, 0, 51), (0xC2, 0, 55), (0xC3, 1, 70), (0xC3, 6, 57), (0xF7, 0, 80), (0xF7, 3, 81)],
)
def test_jpeg_and_jpeg_ls(marker: int, parameter: int, arc: int) -> None:
    whole = b"\xff\xd8" + segment(0xE0, b"JFIF\0") + sof(marker, 4, 4, b"\1") + scan(parameter)
    assert jpeg(whole) == f"{PREFIX}{arc}"
    assert all(jpeg(whole[:length]) in (None, f"{PREFIX}{arc}") for length in range(len(whole)))


@pytest.mark.parametrize(
    ("high", "transformation", "arc"), [(False, 1, 90), (False, 0, 91), (True, 1, 201), (True, 0, 203)]
)
def test_jpeg_2000_and_high_throughput(high: bool, transformation: int, arc: int) -> None:
    capabilities = segment(0x50, bytes(6)) if high else b""
    style = segment(0x52, bytes((0, 0, 0, 1, 0, 5, 4, 4, 0, transformation)))
    whole = b"\xff\x4f" + segment(0x51, bytes(38)) + capabilities + style + segment(0x90, bytes(8))
    assert jpeg_2000(whole) == jpeg_2000(b"\0\0\0\x0cjP  \r\n" + whole) == f"{PREFIX}{arc}"
    assert all(jpeg_2000(whole[:length]) in (None, f"{PREFIX}{arc}") for length in range(len(whole)))


@pytest.mark.parametrize("other", [b"", b"\x89PNG", bytes(100), b"\xff\xd8\xff\xda\0\0", b"\xff\xd8" + b"\xff" * 99])
def test_what_is_something_else(other: bytes) -> None:
    assert jpeg(other) is None
    assert jpeg_2000(other) is None


def _files() -> list[Path]:
    return [path for path in [*bundled(), *shared("transfer_syntax", "encapsulation")] if path.stat().st_size < 1 << 21]


@needs_shared
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_real_files_are_in_the_transfer_syntax_that_they_say() -> None:
    """But lossless JPEG 2000 may go under the UID of lossy, and the geometry is that of the data set."""
    told, otherwise = 0, []
    for path in _files():
        data_set = pydicom.dcmread(BytesIO(path.read_bytes()), force=True)
        syntax = str(data_set.file_meta.get("TransferSyntaxUID", ""))
        if (
            not syntax.startswith(PREFIX)
            or "PixelData" not in data_set
            or int(syntax[len(PREFIX) :].split(".")[0]) == 100
        ):
            continue
        count = int(data_set.get("NumberOfFrames") or 1)
        try:
            frame = next(generate_frames(data_set.PixelData, number_of_frames=count))
        except (ValueError, StopIteration, struct.error):
            continue
        found = jpeg(frame) or jpeg_2000(frame)
        if found is None:
            continue
        told += 1
        if found not in (syntax, MAY_BE.get(syntax)):
            otherwise.append((path.name, syntax, found))
        pixels = description(frame, syntax, 1)
        if pixels and "Rows" in data_set:
            size = (pixels["00280010"]["Value"], pixels["00280011"]["Value"], pixels["00280002"]["Value"])
            assert size == ([data_set.Rows], [data_set.Columns], [data_set.SamplesPerPixel]), path.name
    assert told > 20
    assert otherwise == []
