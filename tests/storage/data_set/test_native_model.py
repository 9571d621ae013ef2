"""The Native DICOM Model (PS3.19 A.1) both ways, beside DCMTK's, and from strangers."""

import subprocess
from base64 import b64encode
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.data_set import dicom_json, native_model, part10
from storage.data_set import native_model_reader as reader
from storage.data_set.native_model import NAMESPACE, encode
from storage.data_set.native_model_reader import decode
from storage.errors import CannotUnderstand
from tests.storage.data_set.test_encoder import DATA_SETS, sorted_tags
from tests.support.corpus import bundled, needs_shared, shared
from tests.support.dcmtk import program
from tests.support.patience import PATIENCE

ATTRIBUTE = f"{{{NAMESPACE}}}DicomAttribute"

# DCMTK 3.6.7 makes a third group of a name in this one, which has two.
BESIDE_DCMTK = [path for path in shared("charset")[:12] + shared("objects")[:6] if path.name != "chrGB2312.dcm"]
# Everything that XML 1.0 can hold, line ends of all kinds and markup included.
TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="".join(map(chr, [*range(32), 0xFFFE, 0xFFFF])))
    | st.sampled_from("\t\n\r<>&'\"^= "),
    min_size=1,
)
NAMES = st.dictionaries(st.sampled_from(["Alphabetic", "Ideographic", "Phonetic"]), TEXT, min_size=1)
ODD = st.fixed_dictionaries(
    {},
    optional={
        "00081030": st.lists(TEXT | st.none(), min_size=1, max_size=3).map(lambda some: {"vr": "LO", "Value": some}),
        "00100010": st.lists(NAMES | st.none(), min_size=1, max_size=3).map(lambda some: {"vr": "PN", "Value": some}),
        "00104000": TEXT.map(lambda text: {"vr": "LT", "Value": [text]}),
        "00282000": st.binary(min_size=1).map(lambda data: {"vr": "OB", "InlineBinary": b64encode(data).decode()}),
        "00400275": st.lists(st.just({}), max_size=2).map(lambda items: {"vr": "SQ", "Value": items}),
        "00186028": st.just({"vr": "FD", "Value": [0.1, "NaN", "Infinity", "-Infinity", 5.0, None]}),
        "7FE00010": TEXT.map(lambda uri: {"vr": "OW", "BulkDataURI": uri}),
    },
)
PRIVATE = {
    "00090010": {"vr": "LO", "Value": ['A "<&>" vendor']},
    "00090011": {"vr": "LO", "Value": ["another"]},
    "00090012": {"vr": "LO", "Value": ["another"]},
    "00091001": {"vr": "LO", "Value": ["x"]},
    "00091101": {"vr": "SH", "Value": ["in the first block"]},
    "00091201": {"vr": "SH", "Value": ["in the second"]},
    "00091399": {"vr": "UN", "InlineBinary": "AAA="},
    "000B0010": {"vr": "LO"},
    "000B1001": {"vr": "LO", "Value": ["no creator"]},
}


def document(content: str, *, head: str = "") -> bytes:
    return f'{head}<NativeDicomModel xmlns="{NAMESPACE}">{content}</NativeDicomModel>'.encode()


def without_empties(json: dict[str, Any]) -> dict[str, Any]:
    """An empty sequence has no `Value` here and an empty one elsewhere."""
    return {tag: {key: value for key, value in one.items() if value != []} for tag, one in json.items()}


@settings(max_examples=150, deadline=None)
@given(DATA_SETS.map(sorted_tags), ODD)
def test_nothing_is_lost(usual: dict[str, Any], odd: dict[str, Any]) -> None:
    json = dict(sorted({**usual, **odd, **PRIVATE}.items()))
    assert decode(encode(json)) == without_empties(json)
    ElementTree.fromstring(encode(json))


def test_private_attributes_name_their_creator() -> None:
    """Table A.1.5-2: gggg00ee and privateCreator; the second block of one creator can only be told by its number."""
    root = ElementTree.fromstring(encode(PRIVATE))
    found = [(one.get("tag"), one.get("privateCreator")) for one in root]
    assert found == [
        *(("00090010", None), ("00090011", None), ("00090012", None)),
        *(("00090001", 'A "<&>" vendor'), ("00090001", "another"), ("00091201", "another"), ("00091399", None)),
        *(("000B0010", None), ("000B1001", None)),
    ]


def test_characters_that_xml_cannot_hold_are_replaced() -> None:
    """XML 1.0 section 2.2 has no way to write them; DICOM text may hold form feeds, and what is damaged anything."""
    json = {"00104000": {"vr": "LT", "Value": ["a\x0cb\0c\ufffe\r\n"]}, "7FE00010": {"vr": "OW", "BulkDataURI": "\1"}}
    back = decode(encode(json))
    assert back["00104000"]["Value"] == ["a\ufffdb\ufffdc\ufffd\r\n"]
    assert back["7FE00010"]["BulkDataURI"] == "\ufffd"


def _levelled(root: ElementTree.Element, *, ours: bool) -> list[Any]:
    """Attributes as nested tuples; values where both write them alike."""
    found: list[Any] = []
    for one in root:
        tag, vr = one.get("tag", ""), one.get("vr", "")
        if tag in ("00080005", "00083002") or (not ours and tag.endswith("0000") and vr == "UL"):
            continue
        values = [_value(child, vr, ours=ours) for child in one]
        # A name of delimiters only is none for DCMTK.
        found.append((tag, vr, one.get("privateCreator"), [value for value in values if vr != "PN" or value[1]]))
    return found


def _value(value: ElementTree.Element, vr: str, *, ours: bool) -> Any:
    name = value.tag.rpartition("}")[2]
    if name == "Item":
        return value.get("number"), _levelled(value, ours=ours)
    if name == "PersonName":
        names = [(part.tag.rpartition("}")[2], (part.text or "").strip()) for part in value.iter()]
        return value.get("number"), [one for one in names if one[1]]
    if name in ("InlineBinary", "BulkData"):
        return "binary"
    text = (value.text or "").strip()
    # DCMTK writes decimals with six digits behind the point, whatever is there.
    return value.get("number"), "decimal" if vr in ("DS", "FD", "FL") else text


def _beside_dcmtk(path: Path) -> None:
    command = [program("dcm2xml"), "--native-format", "--use-xml-namespace", "--convert-to-utf8", str(path)]
    theirs = subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE)
    if theirs.returncode:
        pytest.skip("DCMTK cannot read it")
    with path.open("rb") as file:
        json, _ = dicom_json.model(part10.read(file))
    ours, peer = ElementTree.fromstring(encode(json)), ElementTree.fromstring(theirs.stdout)
    assert _levelled(ours, ours=True) == _levelled(peer, ours=False)
    assert _keywords(peer).items() <= _keywords(ours).items()
    assert _without(decode(theirs.stdout)) == _without(decode(encode(json)))


def _keywords(root: ElementTree.Element) -> dict[str, str]:
    """DCMTK leaves out those of retired attributes, and has one of its own for creators."""
    named = ((one.get("tag", ""), one.get("keyword", "")) for one in root.iter(ATTRIBUTE))
    return {tag: keyword for tag, keyword in named if keyword not in ("", "PrivateCreator")}


def _without(json: dict[str, Any]) -> list[tuple[str, str]]:
    return [(tag, one["vr"]) for tag, one in json.items() if tag not in ("00080005", "00083002")]


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "reportsi.dcm", "nested_priv_SQ.dcm"])
def test_the_shape_is_that_of_dcmtk(name: str) -> None:
    _beside_dcmtk(next(path for path in bundled() if path.name == name))


@needs_shared
@pytest.mark.parametrize(
    "path",
    [path for path in shared("charset")[:12] if path.name != "chrGB2312.dcm"] + shared("objects")[:6],
    ids=lambda path: path.name,
)
def test_shared_files_beside_dcmtk(path: Path) -> None:
    _beside_dcmtk(path)


@needs_shared
@pytest.mark.parametrize("folder", ["modality", "charset", "objects", "colour"])
def test_everything_shared_comes_back(folder: str) -> None:
    for path in shared(folder):
        with path.open("rb") as file:
            json, _ = dicom_json.model(part10.read(file))
        assert decode(encode(json)) == json, path.name


def test_what_other_writers_do() -> None:
    """No namespace, indentation, no VR, a creator without block, values out of order, vendors' extensions."""
    found = decode(
        b"""<?xml version="1.0" encoding="ISO-8859-1"?>
        <NativeDicomModel>
          <DicomAttribute tag="0020000d" keyword="StudyInstanceUID">
            <Value number="1">
              1.2.3</Value>
          </DicomAttribute>
          <DicomAttribute tag="00080008" vr="CS"><Value number="2">B</Value><Value number="1">A</Value></DicomAttribute>
          <DicomAttribute tag="00090001" vr="LO" privateCreator="OTHER"><Value number="1">y</Value></DicomAttribute>
          <DicomAttribute tag="00091101" vr="LO" privateCreator="BLOCK"><Value number="1">z</Value></DicomAttribute>
          <DicomAttribute tag="00280106" keyword="SmallestImagePixelValue"><Value number="1">-5</Value></DicomAttribute>
          <DicomAttribute tag="00100000" vr="UL"><Value number="1">8</Value></DicomAttribute>
          <DicomAttribute tag="00081030" vr="LO"><Value number="1">\xe4<x:b xmlns:x="x"/></Value></DicomAttribute>
          <DicomAttribute tag="7FE00010" vr="OW"><BulkData uuid="1-2"/></DicomAttribute>
          <Vendor><DicomAttribute tag="00100020"/></Vendor>
        </NativeDicomModel>"""
    )
    assert found == {
        "00080008": {"vr": "CS", "Value": ["A", "B"]},
        "00081030": {"vr": "LO", "Value": ["\xe4"]},
        "00090010": {"vr": "LO", "Value": ["OTHER"]},
        "00090011": {"vr": "LO", "Value": ["BLOCK"]},
        "00091001": {"vr": "LO", "Value": ["y"]},
        "00091101": {"vr": "LO", "Value": ["z"]},
        "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
        "00280106": {"vr": "SS", "Value": [-5]},
        "7FE00010": {"vr": "OW", "BulkDataURI": "1-2"},
    }


ONE = '<DicomAttribute tag="00081030" vr="LO">{}</DicomAttribute>'
LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"{}",
        b"<NativeDicomModel>",
        b"<html/>",
        document("&b;", head=LAUGHS),
        document("", head='<!DOCTYPE NativeDicomModel SYSTEM "file:///etc/passwd">'),
        document("&unknown;"),
        b'<?xml version="1.0" encoding="utf-7"?><NativeDicomModel/>',
        document('<DicomAttribute vr="LO"/>'),
        document('<DicomAttribute tag="0008103" vr="LO"/>'),
        document('<DicomAttribute tag="GGGG1030" vr="LO"/>'),
        document('<DicomAttribute tag="00081030" vr="lo"/>'),
        document('<DicomAttribute tag="00081030" vr="LONG"/>'),
        document(ONE.format("") * 2),
        document(ONE.format('<Value number="1">a</Value><Value number="1">b</Value>')),
        document(ONE.format('<Value number="1">a</Value><Item number="2"/>')),
        document(ONE.format('<PersonName number="1"/>')),
        document('<DicomAttribute tag="00400275" vr="SQ"><Value number="1">a</Value></DicomAttribute>'),
        document('<DicomAttribute tag="00400275" vr="SQ"><Item number="1">' * 100),
    ],
)
def test_hostile_documents_are_refused(hostile: bytes) -> None:
    with pytest.raises(CannotUnderstand):
        decode(hostile)


def test_too_many_elements_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MOST_ELEMENTS", 100)
    decode(document(ONE.format("<Value/>" * 98)))
    with pytest.raises(CannotUnderstand):
        decode(document(ONE.format("<Value/>" * 99)))


def test_more_creators_than_a_group_has_blocks() -> None:
    attributes = [f'<DicomAttribute tag="00090001" vr="LO" privateCreator="C{number}"/>' for number in range(241)]
    assert len(decode(document("".join(attributes[:240])))) == 480
    with pytest.raises(CannotUnderstand):
        decode(document("".join(attributes)))


def test_the_root_is_that_of_the_standard() -> None:
    """PS3.19 table A.1.5-1: the namespace, and xml:space="preserve"."""
    assert native_model.encode({}) == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b'<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM" xml:space="preserve">'
        b"</NativeDicomModel>"
    )
