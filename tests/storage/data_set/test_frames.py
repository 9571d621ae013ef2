import warnings
from io import BytesIO
from itertools import accumulate
from pathlib import Path
from struct import pack
from typing import Any

import numpy as np
import orjson
import pytest
from pydicom import dcmread
from pydicom.encaps import generate_frames

from storage.data_set import part10
from storage.data_set.frames import FrameTable, locate
from storage.errors import CannotUnderstand, NoSuchInstance
from tests.storage.encodings import (
    DEFLATED,
    ITEM_END,
    NATIVE,
    encapsulated,
    explicit,
    file_of,
    item,
    read,
    with_meta,
)
from tests.support.corpus import bundled, needs_shared, shared
from tests.support.synthetic import ct

RLE = "1.2.840.10008.1.2.5"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
A, B, C = (b"\xff\xd8" + bytes([letter]) * 8 for letter in b"ABC")
END = b"\xff\xd9"
HALVES = [A, b"aa" + END, B, b"bb" + END]
WHOLE = [A + b"aa" + END, B + b"bb" + END]


def frames_of(whole: bytes) -> list[bytes] | None:
    """The bytes of every frame as the table says; the table must survive JSON."""
    table = locate(read(whole))
    if table is None:
        return None
    assert FrameTable.from_json(orjson.loads(orjson.dumps(table.to_json()))) == table
    ranges = [table.ranges(number) for number in range(1, table.count + 1)]
    return [b"".join(whole[offset : offset + length] for offset, length in pieces) for pieces in ranges]


def native(pixels: bytes, attributes: dict[str, Any], tag: int = 0x7FE00010) -> bytes:
    image = ct(4, 4, **{"PixelData": None, **attributes})
    image.add_new(tag, {0x7FE00010: "OW", 0x7FE00008: "OF", 0x7FE00009: "OD"}[tag], pixels)
    return file_of(image)


def basic(*lengths: int) -> bytes:
    """Basic offset table of frames whose fragments with headers are so long."""
    return pack(f"<{len(lengths)}L", *accumulate((0, *lengths[:-1])))


@pytest.mark.parametrize("transfer_syntax", NATIVE)
def test_native_frames_are_slices_of_pixel_data(transfer_syntax: str) -> None:
    pixels = np.arange(3 * 16, dtype="u2").tobytes()
    assert frames_of(file_of(ct(4, 4, NumberOfFrames=3, PixelData=pixels), transfer_syntax)) == [
        dcmread(BytesIO(file_of(ct(4, 4, PixelData=pixels), transfer_syntax))).PixelData[start : start + 32]
        for start in (0, 32, 64)
    ]


@pytest.mark.parametrize(("tag", "size"), [(0x7FE00008, 4), (0x7FE00009, 8)])
def test_float_pixel_data(tag: int, size: int) -> None:
    pixels = bytes(range(32 * size))
    assert frames_of(native(pixels, {"NumberOfFrames": 2}, tag)) == [pixels[: 16 * size], pixels[16 * size :]]


def test_subsampled_colour_takes_two_bytes_a_pixel() -> None:
    attributes = {
        "NumberOfFrames": 2,
        "SamplesPerPixel": 3,
        "BitsAllocated": 8,
        "PhotometricInterpretation": "YBR_FULL_422",
    }
    assert frames_of(native(bytes(range(64)), attributes)) == [
        bytes(range(32)),
        bytes(range(32, 64)),
    ]


@pytest.mark.parametrize(
    ("rows", "columns", "frames", "lengths"),
    [(4, 4, 3, [2, 2, 2]), (3, 5, 1, [2]), (3, 5, 2, None), (1, 8, 2, [1, 1])],
)
def test_single_bit_frames(rows: int, columns: int, frames: int, lengths: list[int] | None) -> None:
    """Cut out only where each begins on a byte (PS3.5 8.1.1)."""
    pixels = bytes(range(8))
    attributes = {"Rows": rows, "Columns": columns, "BitsAllocated": 1, "NumberOfFrames": frames}
    found = frames_of(native(pixels, attributes))
    if lengths is None:
        assert found is None
        return
    starts = [0, *accumulate(lengths)]
    assert found == [pixels[start : start + length] for start, length in zip(starts, lengths, strict=False)]


@pytest.mark.parametrize(("declared", "count"), [(2**31 - 1, 2), (-1, 1), (0, 1), (1, 1), (2, 2), (3, 2)])
def test_only_frames_that_are_there_count(declared: int, count: int) -> None:
    table = locate(read(native(bytes(2 * 32 + 30), {"NumberOfFrames": declared})))
    assert table is not None
    assert table.count == count


def test_pixel_data_shorter_than_one_frame_hold_no_frame() -> None:
    assert frames_of(native(bytes(30), {})) == []


@pytest.mark.parametrize("missing", ["Rows", "BitsAllocated"])
def test_without_the_size_of_a_frame_nothing_is_located(missing: str) -> None:
    assert frames_of(native(bytes(32), {missing: None})) is None
    assert frames_of(native(bytes(32), {missing: 0})) is None


def test_no_pixel_data() -> None:
    assert frames_of(file_of(ct(PixelData=None))) is None


def test_deflated_frames_are_not_in_the_file() -> None:
    assert locate(read(file_of(ct(), DEFLATED))) is None


@pytest.mark.parametrize("number", [0, -1, 3])
def test_frame_numbers_beyond_the_count(number: int) -> None:
    table = locate(read(native(bytes(64), {"NumberOfFrames": 2})))
    assert table is not None
    with pytest.raises(NoSuchInstance, match="the image has 2"):
        table.ranges(number)


@pytest.mark.parametrize(
    ("fragments", "table", "frames", "expected"),
    [
        pytest.param([A, B], b"", 2, [A, B], id="one fragment a frame, no table"),
        pytest.param([A, B], basic(18, 18), 2, [A, B], id="one fragment a frame, basic table"),
        pytest.param([A, B, C], b"", 1, [A + B + C], id="one frame"),
        pytest.param([A, B, C], b"\0\0\0\0", 1, [A + B + C], id="one frame, basic table"),
        pytest.param(HALVES, basic(18 + 12, 18 + 12), 2, WHOLE, id="basic table"),
        pytest.param(HALVES, b"", 2, WHOLE, id="codestreams"),
        pytest.param([A, END + b"\0", B, END], b"", 2, [A + END + b"\0", B + END], id="padded end"),
        pytest.param([A, b"aa", B, b"bb"], b"", 2, [A + b"aa", B + b"bb"], id="beginnings only"),
        pytest.param([b"A", b"a" + END, b"B", b"b" + END], b"", 2, [b"Aa" + END, b"Bb" + END], id="ends only"),
        pytest.param([b"A", END + b"\0", b"B", END], b"", 2, [b"A" + END + b"\0", b"B" + END], id="padded ends only"),
        pytest.param([A, B + END, C, END], b"", 2, [A + B + END, C + END], id="a beginning inside a frame"),
        pytest.param([A, END, b"y", B, END, C], b"", 2, [A + END + b"y" + B + END, C], id="marks inside a frame"),
        pytest.param(HALVES, basic(1, 2), 2, WHOLE, id="table that points nowhere"),
        pytest.param(HALVES, bytes(4), 2, WHOLE, id="table of one entry"),
        pytest.param([A, B, C], b"", 2, None, id="cannot be told"),
        pytest.param([A, B], b"", 3, [A, B], id="fewer than declared"),
        pytest.param([A, B, C], basic(18, 36), 2**31 - 1, [A, B + C], id="absurd number, basic table"),
        pytest.param([A, B, C], b"", -1, [A + B + C], id="negative number"),
        pytest.param([], b"", 1, [], id="no fragments"),
        pytest.param([A + ITEM_END + b"x", B], b"", 2, [A + ITEM_END + b"x", B], id="delimiter inside a fragment"),
    ],
)  # fmt: skip
def test_encapsulated_frames(fragments: list[bytes], table: bytes, frames: int, expected: list[bytes] | None) -> None:
    assert frames_of(encapsulated(fragments, table, frames=frames)) == expected


def test_rle_frames_are_fragments() -> None:
    """PS3.5 annex A.4.2: each frame is one fragment, whatever the bytes look like."""
    assert frames_of(encapsulated([A, B, C], b"", RLE, frames=2)) == [A, B]


def test_jpeg_2000_marks() -> None:
    begin = b"\xff\x4f\xff\x51"
    fragments = [begin + b"a", b"a" + END, begin + b"b", b"b" + END + b"\0"]
    assert frames_of(encapsulated(fragments, b"", JPEG_2000, frames=2)) == [
        fragments[0] + fragments[1],
        fragments[2] + fragments[3],
    ]


def test_video_is_one_stream() -> None:
    assert frames_of(encapsulated([A, B], b"", "1.2.840.10008.1.2.4.102", frames=50)) == [A + B]


def with_extended_table(offsets: list[int], fragments: list[bytes]) -> bytes:
    whole = explicit(0x00080018, "UI", b"2.25.1") + explicit(0x00280008, "IS", str(len(offsets)).encode())
    whole += explicit(0x7FE00001, "OV", pack(f"<{len(offsets)}Q", *offsets))
    pixels = item(b"") + b"".join(item(fragment) for fragment in fragments) + encapsulated([])[-8:]
    return with_meta(whole + explicit(0x7FE00010, "OB", pixels, 0xFFFFFFFF), "1.2.840.10008.1.2.4.50")


def test_extended_offset_table() -> None:
    """PS3.5 annex A.4: 64-bit offsets in (7FE0,0001), the basic table empty."""
    assert frames_of(with_extended_table([0, 36], [A, B, C])) == [A + B, C]
    assert frames_of(with_extended_table([0, 18], [A, B, C])) == [A, B + C]
    assert frames_of(with_extended_table([0, 1 << 40], [A, B])) == [A, B]


def test_many_frames_are_little_to_keep() -> None:
    count = 100_000
    table = locate(read(encapsulated([b"ab"] * count, frames=count)))
    assert table is not None
    assert len(orjson.dumps(table.to_json())) < 6 * count
    (piece,) = table.ranges(count)
    assert piece == (table.offset + (count - 1) * 10 + 8, 2)


def test_offsets_beyond_4_gib() -> None:
    offsets = pack("<3Q", 0, 5 << 30, 6 << 30)
    table = FrameTable(2, 1000, 0, offsets, wide=True)
    assert table.ranges(2) == ((1000 + (5 << 30) + 8, (1 << 30) - 8),)
    assert FrameTable.from_json(orjson.loads(orjson.dumps(table.to_json()))) == table


def same_as_pydicom(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            table = locate(part10.read(file))
        except CannotUnderstand:
            return False
    if table is None:
        return False
    whole = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data_set = dcmread(path, force=True)
        declared = int(data_set.get("NumberOfFrames") or 1)
        if table.count != declared:
            return False
        ours = [b"".join(whole[at : at + size] for at, size in table.ranges(n + 1)) for n in range(table.count)]
        if not data_set["PixelData"].is_undefined_length:
            assert b"".join(ours) == data_set.PixelData[: sum(map(len, ours))]
            return True
        extended = None
        if "ExtendedOffsetTable" in data_set:
            extended = (data_set.ExtendedOffsetTable, data_set.ExtendedOffsetTableLengths)
        assert ours == list(
            generate_frames(data_set.PixelData, number_of_frames=declared, extended_offsets=extended)
        ), path.name
    return True


def with_pixels(paths: list[Path]) -> list[Path]:
    return [path for path in paths if "float" not in path.name and path.name not in ("badVR.dcm", "MR_truncated.dcm")]


def test_bundled_files_have_the_frames_that_pydicom_finds() -> None:
    assert sum(same_as_pydicom(path) for path in with_pixels(bundled())) > 40


@needs_shared
def test_shared_files_have_the_frames_that_pydicom_finds() -> None:
    folders = ("encapsulation", "transfer_syntax", "modality", "colour", "objects", "odd_legal")
    assert sum(same_as_pydicom(path) for path in with_pixels(shared(*folders))) > 150
