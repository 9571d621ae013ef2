"""Data sets put together from JSON and runs of a file: what our reader and pydicom read is what went in."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from struct import unpack
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from pydicom import dcmread

from storage.data_set import dicom_json, frames, part10
from storage.data_set.assembly import Run, assemble
from storage.data_set.part10 import FileMeta
from storage.errors import CannotUnderstand
from tests.storage.data_set.test_encoder import DATA_SETS, sorted_tags

EXPLICIT, JPEG_2000 = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.90"
UNICODE = {"00080005": {"vr": "CS", "Value": ["ISO_IR 192"]}}


class Bulk:
    """Values in a file, found by name."""

    def __init__(self, path: Path, **values: bytes | list[bytes]) -> None:
        self._file = path.open("w+b", buffering=0)
        self._runs: dict[str, list[Run]] = {}
        for name, value in values.items():
            for one in [value] if isinstance(value, bytes) else value:
                self._runs.setdefault(name, []).append(Run(self._file, self._file.tell(), len(one)))
                self._file.write(one)

    def close(self) -> None:
        self._file.close()

    def find(self, uri: str) -> list[Run]:
        return self._runs[uri]


def file_of(data_set: dict[str, Any], bulk: Bulk, syntax: str = EXPLICIT) -> bytes:
    """The Part 10 file, whose pieces are as long as they say."""
    pieces = assemble(data_set, bulk.find, encapsulated=syntax != EXPLICIT)
    whole = [piece if isinstance(piece, bytes) else b"".join(piece.pieces()) for piece in pieces]
    return FileMeta("1.2", "1.3", syntax).encode() + b"".join(whole)


MakeBulk = Callable[..., Bulk]


@pytest.fixture
def bulk(tmp_path: Path) -> Iterator[MakeBulk]:
    made: list[Bulk] = []

    def make(**values: bytes | list[bytes]) -> Bulk:
        made.append(Bulk(tmp_path / f"bulk{len(made)}", **values))
        return made[-1]

    yield make
    for one in made:
        one.close()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(json=DATA_SETS.map(sorted_tags))
def test_what_went_in_comes_out(bulk: MakeBulk, json: dict[str, Any]) -> None:
    """An empty sequence has no `Value`."""
    json = dict(sorted({**json, "00081140": {"vr": "SQ"}}.items()))
    found, bulk_data = dicom_json.model(part10.read(BytesIO(file_of(json, bulk()))))
    assert not bulk_data
    expected = {**json, **UNICODE, "00083002": {"vr": "UI", "Value": [EXPLICIT]}}
    assert found == expected


def test_the_character_set_is_stated_where_it_matters(bulk: MakeBulk) -> None:
    """PS3.18 F.2.1.1: JSON is UTF-8, so what is made of it is, whatever was stated."""
    plain = {"00081030": {"vr": "LO", "Value": ["plain"]}}
    assert b"ISO_IR" not in file_of(plain, bulk())
    stated = {"00080005": {"vr": "CS", "Value": ["ISO_IR 100"]}, **plain}
    assert b"ISO_IR 192" in file_of(stated, bulk())
    found = dcmread(BytesIO(file_of({"00081030": {"vr": "LO", "Value": ["山田"]}}, bulk())))
    assert (found.SpecificCharacterSet, found.StudyDescription) == ("ISO_IR 192", "山田")


def test_frames_are_found_again(bulk: MakeBulk) -> None:
    """PS3.5 A.4: one fragment for each frame, even lengths, a basic offset table."""
    some = [b"a" * 5, b"", b"c" * 1000]
    data_set = {"00280008": {"vr": "IS", "Value": [3]}, "7FE00010": {"vr": "OW", "BulkDataURI": "p"}}
    file = file_of(data_set, bulk(p=some), JPEG_2000)
    found = part10.read(BytesIO(file))
    assert found.fragments is not None
    table = frames.locate(found)
    assert table is not None and table.count == 3
    pieces = [b"".join(file[at : at + size] for at, size in table.ranges(number)) for number in (1, 2, 3)]
    assert [piece.rstrip(b"\0") for piece in pieces] == some
    start = found.fragments[0] + 8
    assert unpack("<3L", file[start : start + 12]) == (0, 14, 22)


def test_an_extended_offset_table_is_made_anew(bulk: MakeBulk) -> None:
    """PS3.3 C.7.6.3.1.8: where there was one, for the frames as they lie now; the basic one is empty then."""
    stale = {tag: {"vr": "OV", "InlineBinary": b64encode(bytes(16)).decode()} for tag in ("7FE00001", "7FE00002")}
    data_set = {**stale, "7FE00010": {"vr": "OB", "BulkDataURI": "p"}}
    found = dcmread(BytesIO(file_of(data_set, bulk(p=[b"abc", b"de"]), JPEG_2000)))
    assert unpack("<2Q", found.ExtendedOffsetTable) == (0, 12)
    assert unpack("<2Q", found.ExtendedOffsetTableLengths) == (4, 2)
    assert found.PixelData.startswith(b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\4\0\0\0abc\0")


def test_what_follows_the_pixels_and_what_an_icon_has(bulk: MakeBulk) -> None:
    """Retrieval gives the encapsulated pixels of an icon with their items; they get their end back."""
    icon = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\2\0\0\0xy"
    data_set = {
        "00880200": {"vr": "SQ", "Value": [{"7FE00010": {"vr": "OB", "BulkDataURI": "icon"}}]},
        "7FE00010": {"vr": "OB", "BulkDataURI": "p"},
        "FFFCFFFC": {"vr": "OB", "InlineBinary": "AAA="},
    }
    found = dcmread(BytesIO(file_of(data_set, bulk(p=b"ab", icon=icon), JPEG_2000)))
    assert found.IconImageSequence[0].PixelData.endswith(b"xy")
    assert found[0xFFFCFFFC].value == b"\0\0"


def test_long_text_becomes_unknown(bulk: MakeBulk) -> None:
    """PS3.5 6.2.2: a value that is too long for the length field of its VR."""
    data_set = {"00281050": {"vr": "DS", "BulkDataURI": "p"}}
    found = part10.read(BytesIO(file_of(data_set, bulk(p=b"1\\" * 40_000))))
    assert [(one.vr, one.length) for one in found.elements] == [("UN", 80_000)]


@pytest.mark.parametrize(
    "element",
    [
        {"vr": "US", "Value": [-1]},
        {"vr": "FD", "Value": ["x"]},
        {"vr": "AT", "Value": ["x"]},
        {"vr": "SQ", "Value": [{"00280010": {"vr": "US", "Value": [1 << 16]}}]},
        {
            "vr": "SQ",
            "Value": [{"00280010": {"vr": "US", "Value": [1 << 16]}, "7FE00010": {"vr": "OB", "BulkDataURI": "p"}}],
        },
        {"vr": "OB", "InlineBinary": "A"},
    ],
)
def test_what_cannot_be_encoded(bulk: MakeBulk, element: dict[str, Any]) -> None:
    with pytest.raises(CannotUnderstand, match="00"):
        assemble({"00280009": element}, bulk(p=b"").find, encapsulated=False)


def test_lengths_beyond_32_bits(tmp_path: Path) -> None:
    """Native pixels cannot be so long (PS3.5 7.1.1); a video becomes several fragments (A.4.5), each of even length."""
    with (tmp_path / "empty").open("w+b") as file:
        run = Run(file, 0, (1 << 32) + 5)
        with pytest.raises(CannotUnderstand):
            assemble({"7FE00010": {"vr": "OB", "BulkDataURI": "p"}}, lambda _: [run], encapsulated=False)
        pieces = assemble({"7FE00010": {"vr": "OB", "BulkDataURI": "p"}}, lambda _: [run], encapsulated=True)
        runs = [piece for piece in pieces if isinstance(piece, Run)]
        assert [(one.offset, one.size) for one in runs] == [(0, 0xFFFFFFFE), (0xFFFFFFFE, 7)]
        # More than 4 GB of frames have no place in a basic offset table.
        many = assemble(
            {"7FE00010": {"vr": "OB", "BulkDataURI": "p"}}, lambda _: [Run(file, 0, 1 << 31)] * 3, encapsulated=True
        )
        (offsets,) = [piece for piece in many if isinstance(piece, bytes) and piece[:4] == b"\xe0\x7f\x01\x00"]
        assert unpack("<3Q", offsets[12:]) == (0, (1 << 31) + 8, 2 * ((1 << 31) + 8))


def test_a_file_that_is_too_short_is_noticed(tmp_path: Path) -> None:
    with (tmp_path / "short").open("w+b") as file, pytest.raises(EOFError):
        list(Run(file, 0, 5).pieces())
