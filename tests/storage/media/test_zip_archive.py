"""ZIP archives, read back by Python's zipfile and by unzip."""

import random
import shutil
import subprocess
import zipfile
import zlib
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest

from storage.media.zip_archive import ORIGINAL, Entry, Limits, archive, archive_size

NARROW = Limits(size=1000, entries=5)


def entries(*sizes: int) -> list[Entry]:
    """Files of these sizes, each of them filled with another value."""
    contents = (bytes([number % 256]) * size for number, size in enumerate(sizes))
    return [
        Entry(f"DICOM/ST000001/IN{number:06d}", len(content), partial(BytesIO, content))
        for number, content in enumerate(contents)
    ]


def read_back(content: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(BytesIO(content)) as opened:
        assert opened.testzip() is None
        return [(name, opened.read(name)) for name in opened.namelist()]


@pytest.mark.parametrize("limits", [ORIGINAL, NARROW], ids=["original", "zip64"])
@pytest.mark.parametrize("sizes", [(), (0,), (10,), (1, 999, 1000, 1001), (5_000_000, 3), (1,) * 7])
def test_an_archive_is_read_back_and_as_long_as_said(limits: Limits, sizes: tuple[int, ...]) -> None:
    made = entries(*sizes)
    content = b"".join(archive(made, limits=limits))
    assert read_back(content) == [(entry.name, entry.open().read()) for entry in made]
    assert archive_size(made, limits) == len(content)


def test_entries_are_stored_and_tell_size_and_checksum_before_their_content() -> None:
    """ISO/IEC 21320-1 4.1: what reads a stream needs no data descriptor."""
    content = b"".join(archive(entries(70)))
    with zipfile.ZipFile(BytesIO(content)) as opened:
        (info,) = opened.infolist()
    assert (info.compress_type, info.flag_bits, info.date_time) == (zipfile.ZIP_STORED, 0, (1980, 1, 1, 0, 0, 0))
    assert content[14:18] == info.CRC.to_bytes(4, "little")


def test_more_than_65535_entries_take_zip64_fields() -> None:
    made = entries(*[0] * 70_000)
    content = b"".join(archive(made))
    assert len(content) == archive_size(made)
    with zipfile.ZipFile(BytesIO(content)) as opened:
        assert len(opened.infolist()) == 70_000
    # The classic record says that its counts do not hold.
    assert content[-22:][8:12] == b"\xff" * 4


def test_sizes_beyond_4_gigabytes_take_zip64_fields() -> None:
    huge = 6 << 30
    made = [Entry("A", huge, BytesIO), Entry("B", 1, BytesIO)]
    small = [Entry("A", 6, BytesIO), Entry("B", 1, BytesIO)]
    # Both sizes beside the content, both and nothing else in the directory, the offset of B, and the two end records.
    assert archive_size(made) - archive_size(small) == huge - 6 + (4 + 16) + (4 + 16) + (4 + 8) + 56 + 20


@pytest.mark.parametrize("limits", [ORIGINAL, NARROW], ids=["original", "zip64"])
def test_the_rest_from_any_place_is_the_same_bytes(limits: Limits) -> None:
    made = entries(300, 0, 1200, 40)
    content = b"".join(archive(made, limits=limits))
    for start in range(0, len(content) + 1, 7):
        assert b"".join(archive(made, start, limits)) == content[start:]


@pytest.mark.parametrize("limits", [ORIGINAL, NARROW], ids=["original", "zip64"])
def test_with_known_checksums_the_rest_is_the_same_and_what_lies_before_is_not_opened(limits: Limits) -> None:
    chance = random.Random(1)
    contents = [chance.randbytes(size) for size in (300, 0, 1200, 40)]
    made = [Entry(f"A{number}", len(one), partial(BytesIO, one)) for number, one in enumerate(contents)]
    content = b"".join(archive(made, limits=limits))
    opened: list[str] = []

    def noted(entry: Entry) -> BinaryIO:
        opened.append(entry.name)
        return entry.open()

    known = [replace(one, crc=zlib.crc32(one.open().read()), open=partial(noted, one)) for one in made]
    for start in range(0, len(content) + 1, 7):
        assert b"".join(archive(known, start, limits)) == content[start:]
    opened.clear()
    last = content.rindex(made[-1].name.encode(), 0, content.index(b"PK\1\2"))
    assert b"".join(archive(known, last, limits)) == content[last:]
    assert opened == [made[-1].name]


def test_a_large_file_is_given_out_in_bounded_pieces() -> None:
    largest = max(len(piece) for piece in archive(entries(20 << 20)))
    assert largest <= 4 << 20


def test_a_file_that_is_shorter_than_said_breaks_the_archive_off() -> None:
    for said in (10, 6 << 20):
        with pytest.raises(EOFError):
            list(archive([Entry("A", said, partial(BytesIO, b"12345"))]))


def test_unzip_finds_nothing_wrong(tmp_path: Path) -> None:
    unzip = shutil.which("unzip")
    if unzip is None:
        pytest.skip("unzip is not installed")
    for limits in (ORIGINAL, NARROW):
        path = tmp_path / f"{limits.size}.zip"
        path.write_bytes(b"".join(archive(entries(10, 2000, 0, 1, 1, 1), limits=limits)))
        tested = subprocess.run([unzip, "-t", path], capture_output=True, text=True, check=False)
        assert tested.returncode == 0, tested.stdout
        assert "No errors detected" in tested.stdout
