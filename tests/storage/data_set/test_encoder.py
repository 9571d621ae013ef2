"""Data sets as pydicom writes and reads them, and through our codec, in every native transfer syntax."""

from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from storage.data_set.encoder import encode
from storage.data_set.identifier import decode
from storage.errors import CannotUnderstand

IMPLICIT, EXPLICIT, BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
SYNTAXES = [IMPLICIT, EXPLICIT, BIG_ENDIAN]

# One standard attribute of each value representation, with values that a data set can hold.
LETTERS = st.characters(codec="latin-1", exclude_characters='\\^=*?"', exclude_categories=["C", "Z"])
WORDS = st.text(LETTERS, min_size=1, max_size=12)
NUMBERED = {
    "00280010": ("US", st.integers(0, 2**16 - 1)),
    "00189219": ("SS", st.integers(-(2**15), 2**15 - 1)),
    "00081161": ("UL", st.integers(0, 2**32 - 1)),
    "00186020": ("SL", st.integers(-(2**31), 2**31 - 1)),
    "0008040C": ("UV", st.integers(0, 2**64 - 1)),
    "00720082": ("SV", st.integers(-(2**63), 2**63 - 1)),
    "00089459": ("FL", st.floats(width=32, allow_nan=False, allow_infinity=False)),
    "00186028": ("FD", st.floats(allow_nan=False, allow_infinity=False)),
    "00280009": ("AT", st.integers(0, 2**32 - 1).map("{:08X}".format)),
    "00200013": ("IS", st.integers(-(2**31), 2**31 - 1)),
    "00101030": ("DS", st.integers(-999_999, 999_999).map(lambda number: number / 64)),
}
TEXTS = {
    "00080054": ("AE", st.text("ABC_1", min_size=1, max_size=8)),
    "00101010": ("AS", st.just("075Y")),
    "00080060": ("CS", st.text("ABC_1", min_size=1, max_size=8)),
    "00080020": ("DA", st.dates().map("{:%Y%m%d}".format).filter(lambda day: len(day) == 8)),
    "0008002A": ("DT", st.just("20260102101530.5+0100")),
    "00080030": ("TM", st.times().map("{:%H%M%S.%f}".format)),
    "0020000D": ("UI", st.just("1.2.840.99")),
    "00081030": ("LO", WORDS),
    "00080050": ("SH", WORDS),
    "00104000": ("LT", WORDS),
    "00080081": ("ST", WORDS),
    "00080119": ("UC", WORDS),
    "0040A160": ("UT", WORDS),
    "00081190": ("UR", st.just("https://pacs.example/dicom-web")),
    "00100010": ("PN", st.builds(lambda a, b: {"Alphabetic": f"{a}^{b}"}, WORDS, WORDS)),
}
BINARY = {
    **{"00282000": "OB", "00281201": "OW", "00660016": "OF", "00660022": "OD", "00660040": "OL", "00720081": "OV"},
}
SEVERAL = {"00280009", "00186028", "00080060", "00101030"}


def _elements() -> st.SearchStrategy[dict[str, Any]]:
    known = {**NUMBERED, **TEXTS}
    many = {tag: _element(vr, value, 3 if tag in SEVERAL else 1) for tag, (vr, value) in known.items()}
    return st.fixed_dictionaries({}, optional=many)


def _element(vr: str, value: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[dict[str, Any]]:
    return st.lists(value, min_size=1, max_size=most).map(lambda values: {"vr": vr, "Value": values})


DATA_SETS = st.recursive(
    _elements(),
    lambda inner: st.builds(
        lambda outer, items: {**outer, "00400275": {"vr": "SQ", "Value": items}},
        _elements(),
        st.lists(inner, min_size=1, max_size=2),
    ),
    max_leaves=4,
)


def sorted_tags(data_set: dict[str, Any]) -> dict[str, Any]:
    ordered = dict(sorted(data_set.items()))
    for element in ordered.values():
        if element["vr"] == "SQ":
            element["Value"] = [sorted_tags(item) for item in element.get("Value", [])]
    return ordered


def written(data_set: Dataset, syntax: str) -> bytes:
    target = DicomBytesIO()
    target.is_implicit_VR, target.is_little_endian = syntax == IMPLICIT, syntax != BIG_ENDIAN
    write_dataset(target, data_set)
    return target.getvalue()


def read(data: bytes, syntax: str) -> Dataset:
    found = Dataset()
    found.update(dcmread(BytesIO(_file(data, syntax)), force=True))
    return found


def _file(data: bytes, syntax: str) -> bytes:
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    meta = b"\2\0\x10\0UI" + len(uid).to_bytes(2, "little") + uid
    length = b"\2\0\0\0UL\4\0" + len(meta).to_bytes(4, "little")
    return bytes(128) + b"DICM" + length + meta + data


@settings(max_examples=150, deadline=None)
@given(json=DATA_SETS, syntax=st.sampled_from(SYNTAXES), terms=st.sampled_from(["ISO_IR 100", "ISO_IR 192"]))
def test_what_is_encoded_is_what_pydicom_reads_and_writes(json: dict[str, Any], syntax: str, terms: str) -> None:
    json = sorted_tags({**json, "00080005": {"vr": "CS", "Value": [terms]}})
    data = encode(json, syntax)
    peer = Dataset.from_json(json)
    assert read(data, syntax) == peer
    assert decode(data, syntax) == json
    assert decode(written(peer, syntax), syntax) == json


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("size", [8, 4096])
def test_binary_values_keep_their_bytes(syntax: str, size: int) -> None:
    peer = Dataset()
    for tag, vr in BINARY.items():
        peer.add_new(int(tag, 16), vr, bytes(range(8)) * (size // 8))
    data = written(peer, syntax)
    json = decode(data, syntax)
    assert encode(json, syntax) == data
    if syntax != BIG_ENDIAN:
        assert read(data, syntax) == peer


def test_words_are_turned_round_for_big_endian_peers() -> None:
    json = {tag: {"vr": vr, "InlineBinary": "AAECAwQFBgc="} for tag, vr in sorted(BINARY.items())}
    data = encode(json, BIG_ENDIAN)
    assert decode(data, BIG_ENDIAN) == json
    values = {
        int.from_bytes(data[at : at + 2], "big") << 16 | int.from_bytes(data[at + 2 : at + 4], "big"): at
        for at in range(0, len(data), 20)
    }
    assert data[values[0x00281201] + 12 :][:8] == bytes([1, 0, 3, 2, 5, 4, 7, 6])
    assert data[values[0x00282000] + 12 :][:8] == bytes(range(8))


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_empty_values_and_sequences_stay_empty(syntax: str) -> None:
    json = {"00080020": {"vr": "DA"}, "00100010": {"vr": "PN"}, "00280010": {"vr": "US"}, "00400275": {"vr": "SQ"}}
    assert decode(encode(json, syntax), syntax) == json
    item = {"00400275": {"vr": "SQ", "Value": [{}]}}
    assert decode(encode(item, syntax), syntax) == item


def test_values_of_several_and_absent_ones() -> None:
    json: dict[str, Any] = {
        "00080008": {"vr": "CS", "Value": ["ORIGINAL", None, "AXIAL"]},
        "00101001": {"vr": "PN", "Value": [{"Alphabetic": "A^B"}, {"Ideographic": "C"}]},
    }
    assert b"ORIGINAL\\\\AXIAL " in encode(json, EXPLICIT)
    assert b"A^B\\=C" in encode(json, EXPLICIT)
    assert decode(encode(json, EXPLICIT), EXPLICIT) == json


def test_a_long_text_in_a_short_element_becomes_unknown() -> None:
    data = encode({"00104000": {"vr": "LT", "Value": ["x" * 70_000]}}, EXPLICIT)
    assert data[4:8] == b"UN\0\0" and len(data) == 12 + 70_000


def test_decimals_fit_into_sixteen_characters() -> None:
    data = encode({"00101030": {"vr": "DS", "Value": [-1 / 3 * 1e-9, 1 / 3]}}, EXPLICIT)
    assert all(len(part.strip()) <= 16 for part in data[8:].split(b"\\"))
    assert [float(part) for part in data[8:].split(b"\\")] == pytest.approx([-1 / 3 * 1e-9, 1 / 3])


def test_infinity_and_its_like() -> None:
    json = {"00186028": {"vr": "FD", "Value": ["Infinity", "-Infinity", "NaN"]}}
    assert decode(encode(json, EXPLICIT), EXPLICIT) == json


def test_bulk_data_elsewhere_cannot_be_encoded() -> None:
    with pytest.raises(ValueError, match="elsewhere"):
        encode({"7FE00010": {"vr": "OW", "BulkDataURI": "https://pacs.example"}}, EXPLICIT)


@pytest.mark.parametrize("cut", [1, 5, 9])
def test_a_cut_data_set_is_refused(cut: int) -> None:
    data = encode({"00081030": {"vr": "LO", "Value": ["Thorax"]}}, EXPLICIT)
    with pytest.raises(CannotUnderstand):
        decode(data[:-cut], EXPLICIT)


def test_nothing_is_an_empty_data_set() -> None:
    assert decode(b"", EXPLICIT) == {} and encode({}, EXPLICIT) == b""
