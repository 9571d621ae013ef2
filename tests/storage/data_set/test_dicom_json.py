import json
import math
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from struct import pack
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset

from storage.data_set import dicom_json, part10
from storage.data_set.dicom_json import BULK_DATA_MARK, model
from storage.errors import CannotUnderstand
from tests.storage.encodings import (
    NATIVE,
    SEQUENCE_END,
    UNDEFINED,
    expected,
    explicit,
    file_of,
    implicit,
    inlined,
    item,
    levelled,
    read,
    small_file,
    with_meta,
)
from tests.support.corpus import bundled, needs_shared, shared
from tests.support.synthetic import ct

SOP_INSTANCE = explicit(0x00080018, "UI", b"2.25.1")
BIG = NATIVE[2]
NAMES = {"Alphabetic": "A", "Ideographic": "B", "Phonetic": "C"}


def attribute(tag: int, vr: str, value: bytes, character_set: bytes = b"") -> Any:
    """The model of one element."""
    head = explicit(0x00080005, "CS", character_set) if character_set else b""
    return model(read(with_meta(head + SOP_INSTANCE + explicit(tag, vr, value))))[0][f"{tag:08X}"]


@pytest.mark.parametrize(
    ("tag", "vr", "value", "json"),
    [
        (0x00080060, "CS", b"CT", ["CT"]),
        (0x00080008, "CS", b"ORIGINAL \\\\AXIAL ", ["ORIGINAL", None, "AXIAL"]),
        (0x00080020, "DA", b"20260102", ["20260102"]),
        (0x00080018, "UI", b"1.2.3\0", ["1.2.3"]),
        (0x00100010, "PN", b"Muster^Erika ", [{"Alphabetic": "Muster^Erika"}]),
        (0x00100010, "PN", b"A=B=C\\\\D==E", [NAMES, None, {"Alphabetic": "D", "Phonetic": "E"}]),
        (0x00081030, "LO", b"a\\b ", ["a", "b"]),
        (0x00204000, "LT", b" a\\b ", [" a\\b"]),
        (0x0008010C, "UR", b"http://localhost/a%5Cb ", ["http://localhost/a%5Cb"]),
        (0x00280030, "DS", b"0.5\\ 1e-2 ", [0.5, 0.01]),
        (0x00200013, "IS", b" 12 \\-3\\+4", [12, -3, 4]),
        (0x00200013, "IS", b"3.0\\3.5", [3.0, 3.5]),
        (0x00280010, "US", b"\1\0\0\x80", [1, 32768]),
        (0x00280106, "SS", b"\xff\xff", [-1]),
        (0x00720050, "UL", b"\xff\xff\xff\xff", [0xFFFFFFFF]),
        (0x00720082, "SV", bytes(7) + b"\x80", [-(1 << 63)]),
        (0x00720083, "UV", b"\xff" * 8, [(1 << 64) - 1]),
        (0x00189307, "FD", pack("<2d", 0.1, -2.0), [0.1, -2.0]),
        (0x00280009, "AT", pack("<4H", 0x18, 0x1063, 0x5400, 0xABCD), ["00181063", "5400ABCD"]),
    ],
)  # fmt: skip
def test_values(tag: int, vr: str, value: bytes, json: list[Any]) -> None:
    assert attribute(tag, vr, value) == {"vr": vr, "Value": json}


@pytest.mark.parametrize(
    ("vr", "value", "json"),
    [
        ("IS", b"1A", ["1A"]),
        ("IS", b"99999999999999999999", ["99999999999999999999"]),
        ("IS", b"1_000 ", ["1_000 ".strip()]),
        ("DS", b"1,5 ", ["1,5"]),
        ("DS", b"1_0.5 ", ["1_0.5"]),
        ("DS", b"nan", ["nan"]),
        ("DS", b"1e999 ", ["1e999"]),
        ("FD", pack("<3d", math.nan, math.inf, -math.inf), ["NaN", "Infinity", "-Infinity"]),
        ("FL", pack("<2f", math.nan, 1.0), ["NaN", 1.0]),
    ],
)
def test_numbers_that_json_cannot_hold_are_strings(vr: str, value: bytes, json: list[Any]) -> None:
    assert attribute(0x00091001, vr, value)["Value"] == json


@pytest.mark.parametrize("vr", ["US", "SS", "UL", "SL", "FL", "FD", "SV", "UV", "AT"])
def test_numbers_of_impossible_length_are_unknown(vr: str) -> None:
    assert attribute(0x00091001, vr, b"abc") == {"vr": "UN", "InlineBinary": "YWJj"}


@pytest.mark.parametrize("vr", ["LO", "PN", "DS", "US", "OB", "UN", "SQ", "UT", "AT", "UI"])
@pytest.mark.parametrize("value", [b"", b"  ", b"\0\0"])
def test_empty_values_are_left_out(vr: str, value: bytes) -> None:
    if value and vr in ("US", "OB", "UN", "SQ", "AT"):
        value = b""
    assert attribute(0x00091001, vr, value) == {"vr": vr}


def test_binary_values_are_inline_up_to_1_kib() -> None:
    found = read(
        with_meta(SOP_INSTANCE + explicit(0x00091001, "OB", b"a" * 1024) + explicit(0x00091002, "OB", b"b" * 1026))
    )
    json, bulk_data = model(found)
    assert b64decode(json["00091001"]["InlineBinary"]) == b"a" * 1024
    assert json["00091002"] == {"vr": "OB", "BulkDataURI": f"{BULK_DATA_MARK}00091002"}
    (offset, length) = bulk_data.pop("00091002")
    assert found.buffer[offset : offset + length] == b"b" * 1026
    assert not bulk_data


@pytest.mark.parametrize("tag", [0x7FE00008, 0x7FE00009, 0x7FE00010])
def test_pixel_data_are_bulk_data_however_short(tag: int) -> None:
    assert "BulkDataURI" in attribute(tag, "OW", bytes(8))


def test_encapsulated_pixel_data_are_ob_and_refer_to_all_fragments() -> None:
    fragments = item(b"") + item(b"abcd")
    found = read(with_meta(SOP_INSTANCE + explicit(0x7FE00010, "OW", fragments + SEQUENCE_END, UNDEFINED)))
    json, bulk_data = model(found)
    assert json["7FE00010"]["vr"] == "OB"
    offset, length = bulk_data["7FE00010"]
    assert found.buffer[offset : offset + length] == fragments


def test_paths_lead_into_sequences() -> None:
    waveform = item(b"") + item(explicit(0x54001010, "OW", bytes(2000)))
    found = read(with_meta(SOP_INSTANCE + explicit(0x54000100, "SQ", waveform)))
    json, bulk_data = model(found)
    assert list(bulk_data) == ["54000100/1/54001010"]
    items = json["54000100"]["Value"]
    assert items == [{}, {"54001010": {"vr": "OW", "BulkDataURI": "bulkdata:54000100/1/54001010"}}]


def test_long_text_becomes_bulk_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_json, "_LARGEST_INLINE_TEXT", 4000)
    assert "Value" in attribute(0x00091001, "UT", b"t" * 4000)
    assert attribute(0x00091001, "UT", b"t" * 4002) == {"vr": "UT", "BulkDataURI": "bulkdata:00091001"}
    monkeypatch.setattr(dicom_json, "_LARGEST_INLINE_ALTOGETHER", 3000)
    assert "BulkDataURI" in attribute(0x00091001, "UT", b"t" * 3900)


def test_character_sets_are_those_of_the_item() -> None:
    name = explicit(0x00100010, "PN", b"M\xf6ller")
    russian = item(explicit(0x00080005, "CS", b"ISO_IR 144") + explicit(0x00081030, "LO", b"\xbb"))
    inherited = item(explicit(0x00081030, "LO", b"\xf6"))
    sequence = explicit(0x00081140, "SQ", russian + inherited)
    json, _ = model(read(with_meta(explicit(0x00080005, "CS", b"ISO_IR 100") + SOP_INSTANCE + sequence + name)))
    first, second = json["00081140"]["Value"]
    assert first == {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00081030": {"vr": "LO", "Value": ["Л"]},
    }
    assert second["00081030"]["Value"] == ["ö"]
    assert json["00100010"]["Value"] == [{"Alphabetic": "Möller"}]
    assert json["00080005"]["Value"] == ["ISO_IR 192"]


def test_backslash_in_a_second_byte_is_no_delimiter() -> None:
    """0x5C is the second byte of some characters in GB18030, GBK and ISO 2022 IR 87."""
    assert attribute(0x00081030, "LO", "乗".encode("gb18030"), b"GB18030")["Value"] == ["乗"]
    assert attribute(0x00081030, "LO", b"\x1b$B!\\\x1b(B", b"\\ISO 2022 IR 87")["Value"] == ["＋"]


def test_group_lengths_and_file_meta_are_left_out_and_the_transfer_syntax_is_said() -> None:
    command = explicit(0x00000002, "UI", b"1.2\0")
    whole = with_meta(
        command + explicit(0x00080000, "UL", bytes(4)) + SOP_INSTANCE + explicit(0x00090000, "UL", bytes(4))
    )
    json, _ = model(read(whole))
    assert list(json) == ["00080005", "00080018", "00083002"]
    assert json["00083002"] == {"vr": "UI", "Value": ["1.2.840.10008.1.2.1"]}


@pytest.mark.parametrize("transfer_syntax", NATIVE)
def test_keys_are_sorted(transfer_syntax: str) -> None:
    json, _ = model(read(small_file(transfer_syntax)))
    assert list(json) == sorted(json)


def test_binary_words_are_little_endian() -> None:
    """PS3.18 F.2.7."""
    data_set = Dataset()
    data_set.SOPInstanceUID = "2.25.1"
    data_set.add_new(0x00091001, "OW", b"\1\2\3\4")
    data_set.add_new(0x00091002, "OD", bytes(range(8)))
    json, _ = model(read(file_of(data_set, BIG)))
    assert b64decode(json["00091001"]["InlineBinary"]) == b"\2\1\4\3"
    assert b64decode(json["00091002"]["InlineBinary"]) == bytes(reversed(range(8)))


@pytest.mark.parametrize(("signed", "vr", "value"), [(0, "US", 0xFFFE), (1, "SS", -2)])
def test_implicit_vr_is_decided_by_pixel_representation(signed: int, vr: str, value: int) -> None:
    elements = implicit(0x00080018, b"2.25.1")
    elements += implicit(0x00189810, b"\xfe\xff")  # Before Pixel Representation.
    elements += implicit(0x00281050, item(implicit(0x00280106, b"\xfe\xff")))
    elements += implicit(0x00280103, bytes([signed, 0]))
    elements += implicit(0x00289145, item(implicit(0x00280106, b"\xfe\xff")))
    json, _ = model(read(with_meta(elements, NATIVE[0])))
    assert json["00189810"] == {"vr": vr, "Value": [value]}
    assert json["00289145"]["Value"][0]["00280106"] == {"vr": vr, "Value": [value]}


def test_unknown_values_of_known_attributes_are_understood() -> None:
    elements = explicit(0x00100010, "UN", b"Muster^Erika") + explicit(
        0x00081140, "UN", item(implicit(0x00081155, b"2.25.3"))
    )
    elements += explicit(0x00090010, "LO", b"GEMS_IDEN_01") + explicit(0x00091001, "UN", b"GE")
    elements += explicit(0x00091101, "UN", b"??")
    json, _ = model(read(with_meta(SOP_INSTANCE + elements)))
    assert json["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Muster^Erika"}]}
    assert json["00081140"]["Value"] == [{"00081155": {"vr": "UI", "Value": ["2.25.3"]}}]
    assert json["00091001"] == {"vr": "LO", "Value": ["GE"]}
    assert json["00091101"] == {"vr": "UN", "InlineBinary": "Pz8="}


TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\\^=", exclude_categories=("C", "Z")), min_size=1, max_size=12
)
LATIN = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789_", min_size=1, max_size=16).map(str.strip).filter(bool)
NUMBERS = st.integers(-(1 << 31), (1 << 31) - 1)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "AccessionNumber": TEXT,
    "ImageType": st.lists(LATIN, min_size=1, max_size=4),
    "PatientName": st.lists(TEXT, min_size=1, max_size=3).map(lambda groups: "=".join(groups)),
    "StudyDescription": TEXT,
    "TextValue": TEXT,
    "PatientComments": TEXT,
    "StudyDate": st.dates().map(lambda date: f"{date.year:04}{date.month:02}{date.day:02}"),
    "InstanceNumber": NUMBERS,
    "PixelSpacing": st.lists(st.floats(0.001, 1000).map(lambda number: f"{number:.6f}"), min_size=2, max_size=2),
    "Rows": st.integers(0, 65535),
    "SmallestImagePixelValue": st.integers(0, 32767),
    "ReferencePixelX0": NUMBERS,
    "SimpleFrameList": st.lists(st.integers(0, (1 << 32) - 1), min_size=1, max_size=4),
    "DiffusionBValue": st.floats(allow_nan=False, allow_infinity=False),
    "RecommendedDisplayFrameRateInFloat": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "FrameIncrementPointer": st.integers(0x00080000, 0x7FFFFFFF),
    "ReferencedSOPInstanceUID": st.integers(0, 1 << 127).map(lambda number: f"2.25.{number}"),
    "EncapsulatedDocument": st.binary(min_size=1, max_size=20).map(lambda value: value + b"\0" * (len(value) % 2)),
    "SelectorUVValue": st.integers(0, (1 << 64) - 1),
}


def data_sets(depth: int) -> st.SearchStrategy[Dataset]:
    flat = st.fixed_dictionaries({}, optional=VALUES)
    if not depth:
        return flat.map(data_set_of)
    nested = st.fixed_dictionaries(
        {},
        optional={
            "ReferencedImageSequence": st.lists(data_sets(depth - 1), max_size=2),
            "ContentSequence": st.lists(data_sets(depth - 1), max_size=2),
        },
    )
    return st.tuples(flat, nested).map(lambda both: data_set_of({**both[0], **both[1]}))


def data_set_of(values: dict[str, Any]) -> Dataset:
    data_set = Dataset()
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    return data_set


@given(data_sets(2), st.sampled_from(NATIVE), st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_pydicom_writes_is_what_pydicom_reads(data_set: Dataset, transfer_syntax: str, undefined: bool) -> None:
    data_set.SpecificCharacterSet = "ISO_IR 192"
    data_set.SOPInstanceUID = "2.25.1"
    for element in data_set:
        if element.VR == "SQ":
            element.is_undefined_length = undefined
    whole = file_of(data_set, transfer_syntax)
    json, bulk_data = model(read(whole))
    assert not bulk_data
    assert levelled(json) == expected(dcmread(BytesIO(whole)))
    assert orjson.loads(orjson.dumps(json)) == json


def same_as_pydicom(path: Path) -> bool:
    """Compare one real file; False if it is refused. Big endian files differ where pydicom keeps UN as it is."""
    with path.open("rb") as file:
        try:
            found = part10.read(file)
        except CannotUnderstand:
            return False
    ours, bulk_data = model(found)
    orjson.dumps(ours)
    json.dumps(ours, allow_nan=False)
    data_set = dcmread(path, force=True)
    theirs = expected(data_set)
    mine = levelled(inlined(ours, bulk_data, found.buffer))
    if found.fragments is not None:
        mine.pop("7FE00010")
        theirs.pop("7FE00010")
    if found.meta.transfer_syntax_uid == BIG:
        theirs = {
            tag: value
            for tag, value in theirs.items()
            if value["vr"] not in ("OW", "UN") and not int(tag, 16) >> 16 & 1
        }
    for tag, value in theirs.items():
        assert mine[tag] == value, (path.name, tag)
    return True


READ_OTHERWISE = {
    "no_meta.dcm",  # One stray byte before the data set: refused by us.
    "no_preamble_dicm_in_data.dcm",  # pydicom takes the letters DICM in the data for the prefix.
    "gen_trailing_garbage.dcm",  # pydicom takes the garbage for an element.
    "chrGB2312.dcm",  # pydicom leaves the escape sequences in the names.
    "MR_truncated.dcm",
}


@pytest.mark.parametrize(
    "path", [path for path in bundled() if path.name not in READ_OTHERWISE], ids=lambda path: path.name
)
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_bundled_files_say_the_same_as_in_pydicom(path: Path) -> None:
    refused = {"rtplan_truncated.dcm", "emri_small_jpeg_2k_lossless_too_short.dcm"}
    assert same_as_pydicom(path) is (path.name not in refused)


@needs_shared
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_shared_files_say_the_same_as_in_pydicom() -> None:
    folders = ("charset", "objects", "odd_legal", "modality", "encapsulation", "transfer_syntax")
    paths = [path for path in shared(*folders) if path.name not in READ_OTHERWISE]
    assert all(same_as_pydicom(path) for path in paths)


def test_a_whole_image() -> None:
    json, bulk_data = model(read(file_of(ct())))
    assert json["00100010"]["Value"] == [{"Alphabetic": "Muster^Erika"}]
    assert json["00281053"] == {"vr": "DS", "Value": [1.0]}
    assert list(bulk_data) == ["7FE00010"]
