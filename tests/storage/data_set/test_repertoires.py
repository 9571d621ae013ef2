"""Character sets both ways, with pydicom as the other side."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from storage.data_set.encoder import encode
from storage.data_set.identifier import decode
from tests.storage.data_set.test_encoder import EXPLICIT, read, written

NAMES = {
    "ISO_IR 100": "Müller^Jörg",
    "ISO_IR 101": "Dvořák^Jiří",
    "ISO_IR 144": "Люкceмбypг",
    "ISO_IR 126": "Διονυσιος",
    "ISO_IR 127": "قباني^لنزار",
    "ISO_IR 138": "שרון^דבורה",
    "ISO_IR 148": "Çavuşoğlu",
    "ISO_IR 166": "นามสกุล",
    "ISO_IR 13": "ﾔﾏﾀﾞ^ﾀﾛｳ",
    "ISO_IR 192": "Wang^XiaoDong=王^小东=😀",
    "GB18030": "Wang^XiaoDong=王^小东",
    "\\ISO 2022 IR 87": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "ISO 2022 IR 13\\ISO 2022 IR 87": "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    "\\ISO 2022 IR 149": "Hong^Gildong=洪^吉洞=홍^길동",
    "\\ISO 2022 IR 58": "Zhang^XiaoDong=张^小东",
    "ISO 2022 IR 100\\ISO 2022 IR 126": "Müller^Διονυσιος",
    "ISO 2022 IR 6\\ISO 2022 IR 100\\ISO 2022 IR 144": "Äneas^Люк",
}


PYDICOM_CANNOT = {"\\ISO 2022 IR 58"}  # It neither writes nor follows this escape sequence.


def _data_set(terms: str, name: str) -> dict[str, Any]:
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), name.split("="), strict=False)
    return {
        "00080005": {"vr": "CS", "Value": [term or None for term in terms.split("\\")]},
        "00081030": {"vr": "LO", "Value": [name.replace("=", "^")]},
        "00100010": {"vr": "PN", "Value": [dict(groups)]},
    }


@pytest.mark.parametrize(("terms", "name"), NAMES.items())
def test_a_name_in_the_character_set_of_its_peer(terms: str, name: str) -> None:
    json = _data_set(terms, name)
    data = encode(json, EXPLICIT)
    assert decode(data, EXPLICIT) == json
    if terms not in PYDICOM_CANNOT:
        peer = read(data, EXPLICIT)
        assert str(peer.PatientName) == name
        assert peer.StudyDescription == name.replace("=", "^")


def test_the_example_of_annex_k() -> None:
    """PS3.5 K.2: each component calls the Chinese set anew."""
    data = encode(_data_set("\\ISO 2022 IR 58", "Zhang^XiaoDong=张^小东"), EXPLICIT)
    assert data.endswith(b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab ".rstrip())


@pytest.mark.parametrize(("terms", "name"), [pair for pair in NAMES.items() if pair[0] not in PYDICOM_CANNOT])
def test_a_name_as_pydicom_writes_it(terms: str, name: str) -> None:
    peer = Dataset()
    peer.SpecificCharacterSet = terms.split("\\")
    peer.PatientName = name
    json = decode(written(peer, EXPLICIT), EXPLICIT)
    assert {**_data_set(terms, name), **json} == _data_set(terms, name)


@pytest.mark.parametrize("terms", ["ISO_IR 100", "", "ISO_IR 6", "\\ISO 2022 IR 87", "ISO 2022 IR 159", "unknown"])
def test_what_the_peers_set_lacks_is_sent_in_unicode(terms: str) -> None:
    json = _data_set(terms, "Αθηνά=😀")
    data = encode(json, EXPLICIT)
    assert decode(data, EXPLICIT) == {**json, "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]}}
    assert str(read(data, EXPLICIT).PatientName) == "Αθηνά=😀"


def test_ascii_needs_no_statement() -> None:
    json = {"00081030": {"vr": "LO", "Value": ["Thorax"]}}
    assert decode(encode(json, EXPLICIT), EXPLICIT) == json
    assert b"ISO_IR 192" in encode({"00081030": {"vr": "LO", "Value": ["Schädel"]}}, EXPLICIT)


def test_text_in_items_has_the_same_set() -> None:
    json: dict[str, Any] = {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 100"]},
        "00400275": {"vr": "SQ", "Value": [{"00400007": {"vr": "LO", "Value": ["Schädel"]}}]},
    }
    assert b"Sch\xe4del" in encode(json, EXPLICIT)
    json["00400275"]["Value"] = [{"00400007": {"vr": "LO", "Value": ["Αθηνά"]}}]
    assert decode(encode(json, EXPLICIT), EXPLICIT)["00400275"] == json["00400275"]


@settings(max_examples=200, deadline=None)
@given(text=st.text("aä山ﾔ홍Я ^", min_size=1, max_size=8), terms=st.sampled_from(list(NAMES)))
def test_any_text_comes_back(text: str, terms: str) -> None:
    text = text.strip() or "a"
    json = {
        "00080005": {"vr": "CS", "Value": [term or None for term in terms.split("\\")]},
        "00081030": {"vr": "LO", "Value": [text]},
    }
    data = encode(json, EXPLICIT)
    assert decode(data, EXPLICIT)["00081030"] == json["00081030"]
    if terms not in PYDICOM_CANNOT:
        assert read(data, EXPLICIT).StudyDescription == text
