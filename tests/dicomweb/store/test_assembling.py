"""Storing metadata and bulk data (PS3.18 10.5.1): what is put together, what is refused, what is left behind."""

import json
from base64 import b64encode
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames
from pydicom.uid import (
    JPEG2000,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from starlette.testclient import TestClient

from dicomweb import multipart
from dicomweb.store import assembling, spool
from storage.data_set import json_reader
from storage.errors import OutOfResources
from storage.incoming import Incoming
from storage.storage import Storage
from tests.dicomweb.replies import problem_of
from tests.dicomweb.store.test_stow import left_over, reasons, stored_uids
from tests.dicomweb.store_bodies import JSON, XML, Parts, body, bulk, content_type, metadata
from tests.storage.imaging.test_codestream import segment, sof
from tests.storage.imaging.test_codestream_syntax import scan
from tests.support.synthetic import ct

FORMS = [JSON, XML]
AS_STORED = {"Accept": "application/dicom; transfer-syntax=*"}
PIXELS = np.arange(256, dtype="<u2").tobytes()


def described(**more: Any) -> dict[str, Any]:
    """The metadata of a CT whose pixels are at the relative address "pixels"."""
    data_set: dict[str, Any] = json.loads(ct(**more).to_json())
    return data_set | {"7FE00010": {"vr": "OW", "BulkDataURI": "pixels"}}


def post(client: TestClient, parts: Parts, form: str = JSON, path: str = "/studies", **headers: str) -> Any:
    return client.post(path, content=body(parts), headers={"Content-Type": content_type(form)} | headers)


def kept(client: TestClient, response: Any) -> pydicom.Dataset:
    """The only instance that was stored, as it is kept."""
    assert response.status_code == 200, response.text
    (reference,) = response.json()["00081199"]["Value"]
    file = client.get(reference["00081190"]["Value"][0], headers=AS_STORED).content
    return pydicom.dcmread(BytesIO(file))


@pytest.mark.parametrize("form", FORMS)
def test_metadata_and_native_pixels(client: TestClient, storage: Storage, form: str) -> None:
    source = described(PatientName="Müster^Erika=山田^太郎")
    found = kept(client, post(client, metadata([source], form) + bulk("pixels", PIXELS), form))
    assert found.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert found.PixelData == PIXELS
    assert found.SpecificCharacterSet == "ISO_IR 192"
    assert str(found.PatientName) == "Müster^Erika=山田^太郎"
    expected = pydicom.Dataset.from_json({tag: one for tag, one in source.items() if tag != "7FE00010"})
    del found.PixelData
    assert found == expected
    assert not left_over(storage)


@pytest.mark.parametrize("form", FORMS)
def test_several_instances_and_all_of_them_again(client: TestClient, form: str) -> None:
    """The very same again is success and changes nothing (identical bytes are put together)."""
    sources = [described(number=number) | {"7FE00010": {"vr": "OW", "BulkDataURI": f"p{number}"}} for number in (1, 2)]
    parts = metadata(sources, form) + bulk("p1", PIXELS) + bulk("p2", PIXELS[::-1])
    for _ in range(2):
        response = post(client, parts, form)
        assert response.status_code == 200
        assert stored_uids(response.json()) == [one["00080018"]["Value"][0] for one in sources]
    assert len(client.get("/instances").json()) == 2


def test_bulk_data_may_come_first_and_serve_twice(client: TestClient) -> None:
    """The order of the parts is free (RFC 2387 3.2), and two instances may refer to the same value."""
    parts = bulk("pixels", PIXELS) + metadata([described(), described()])
    response = post(client, parts)
    assert (response.status_code, len(stored_uids(response.json()))) == (200, 2)


@pytest.mark.parametrize(
    ("uri", "location"),
    [
        ("http://testserver/dicom-web/studies/1/bulkdata/7FE00010", "studies/1/bulkdata/7FE00010"),
        ("/x/y", "http://testserver/x/y"),
        ("cid:1", "cid:1"),
        ("any old text", "any old text"),
        ("//[", "//["),
    ],
)
def test_addresses_match_absolute_or_relative(client: TestClient, uri: str, location: str) -> None:
    source = described() | {"7FE00010": {"vr": "OW", "BulkDataURI": uri}}
    assert post(client, metadata([source]) + bulk(location, PIXELS)).status_code == 200


def test_values_of_all_kinds_at_any_depth(client: TestClient) -> None:
    """PS3.18 F.2.6: any attribute may be referred to, in items too; odd lengths are padded by VR."""
    source = described() | {
        "00090010": {"vr": "LO", "Value": ["TESTS"]},
        "00091001": {"vr": "UN", "BulkDataURI": "private"},
        "00420011": {"vr": "OB", "BulkDataURI": "document"},
        "0040A160": {"vr": "UT", "BulkDataURI": "text"},
        "00282000": {"vr": "OB", "InlineBinary": b64encode(b"abc").decode()},
        "54000100": {
            "vr": "SQ",
            "Value": [{"54001010": {"vr": "OW", "BulkDataURI": "wave"}, "00081030": {"vr": "LO", "Value": ["ä"]}}, {}],
        },
    }
    parts = metadata([source]) + bulk("pixels", PIXELS) + bulk("private", b"\1\2\3") + bulk("text", "tä!".encode())
    parts += bulk("document", b"%PDF", "application/pdf") + bulk("wave", bytes(3000))
    found = kept(client, post(client, parts))
    assert (found[0x00091001].value, found.EncapsulatedDocument, found.ICCProfile) == (b"\1\2\3\0", b"%PDF", b"abc\0")
    assert found.TextValue == "tä!"
    assert (found.WaveformSequence[0].WaveformData, found.WaveformSequence[0].StudyDescription) == (bytes(3000), "ä")
    assert len(found.WaveformSequence) == 2


COMPRESSED = [
    ("image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50", JPEGBaseline8Bit),
    ("image/jpeg", JPEGLosslessSV1),
    ("image/jls", JPEGLSLossless),
    ("image/x-jls", JPEGLSLossless),
    ("image/jp2", JPEG2000Lossless),
    ('image/jp2; transfer-syntax="1.2.840.10008.1.2.4.91"', JPEG2000),
    ("image/jphc", HTJ2KLossless),
    ("image/dicom-rle", RLELossless),
    ("application/octet-stream; transfer-syntax=1.2.840.10008.1.2.5", RLELossless),
    ("video/mp4", "1.2.840.10008.1.2.4.102"),
    ("video/H265", "1.2.840.10008.1.2.4.107"),
]


@pytest.mark.parametrize(("media_type", "syntax"), COMPRESSED)
def test_compressed_frames_are_encapsulated_as_they_are(client: TestClient, media_type: str, syntax: str) -> None:
    """PS3.18 8.7.3.3 and 10.5.2: several parts of one Content-Location are the frames of one instance."""
    frames = [b"first", b"second", b"3rd"] if not media_type.startswith("video") else [b"stream"]
    source = described(NumberOfFrames=len(frames))
    parts = metadata([source])
    for frame in frames:
        parts += bulk("pixels", frame, media_type)
    found = kept(client, post(client, parts))
    assert found.file_meta.TransferSyntaxUID == syntax
    assert [one.rstrip(b"\0") for one in generate_frames(found.PixelData, number_of_frames=len(frames))] == frames


def test_frames_that_are_not_compressed_follow_one_another(client: TestClient) -> None:
    parts = metadata([described(NumberOfFrames=2)]) + bulk("pixels", PIXELS) + bulk("pixels", PIXELS[::-1])
    assert kept(client, post(client, parts)).PixelData == PIXELS + PIXELS[::-1]


def test_metadata_may_say_the_transfer_syntax(client: TestClient) -> None:
    """Retrieved metadata bear it as Available Transfer Syntax UID (PS3.18 10.4.1.1.2), which is of no data set."""
    source = described() | {"00083002": {"vr": "UI", "Value": [JPEG2000]}, "00020010": {"vr": "UI", "Value": ["1.2"]}}
    found = kept(client, post(client, metadata([source]) + bulk("pixels", b"?", "image/jp2")))
    assert (found.file_meta.TransferSyntaxUID, 0x00083002 in found) == (JPEG2000, False)
    again = source | {"00080018": {"vr": "UI", "Value": ["1.2.3"]}}
    native = kept(client, post(client, metadata([again]) + bulk("pixels", PIXELS)))
    assert native.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"


def test_a_frame_describes_itself(client: TestClient) -> None:
    """PS3.18 10.5.1: the Image Pixel Description may be left out with these media types."""
    pixel_tags = {tag for tag in described() if tag.startswith("0028")}
    source = {tag: one for tag, one in described().items() if tag not in pixel_tags}
    frame = b"\xff\xd8" + segment(0xE0, b"JFIF\0") + sof(0xC0, 7, 9, b"\1\2\3") + scan(0, 3)
    found = kept(client, post(client, metadata([source]) + bulk("pixels", frame, "image/jpeg")))
    assert found.file_meta.TransferSyntaxUID == JPEGBaseline8Bit
    assert (found.Rows, found.Columns, found.SamplesPerPixel, found.BitsAllocated) == (7, 9, 3, 8)
    assert (found.PhotometricInterpretation, found.PlanarConfiguration) == ("YBR_FULL_422", 0)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (metadata([described() | {"7FE00010": {"vr": "OW", "InlineBinary": "AAAA"}}])[0][1], JSON),
        (
            json.dumps(
                {"00080016": {"vr": "UI", "Value": ["1.2"]}, "00080018": {"vr": "UI", "Value": ["9.8"]}}
            ).encode(),
            JSON,
        ),
        (metadata([{**described(), "7FE00010": {"vr": "OW"}}], XML)[0][1], XML),
    ],
)
def test_metadata_alone(client: TestClient, content: bytes, media_type: str) -> None:
    """Single part, without bulk data; JSON may be one object instead of an array of one."""
    response = client.post("/studies", content=content, headers={"Content-Type": media_type})
    assert response.status_code in (200, 202)
    assert len(stored_uids(response.json())) == 1


@pytest.mark.parametrize("form", FORMS)
def test_the_first_part_says_what_it_is(client: TestClient, form: str) -> None:
    """RFC 2387 3.1 demands a type, and not everybody gives one."""
    parts = body(metadata([described()], form) + bulk("pixels", PIXELS))
    headers = {"Content-Type": "multipart/related; boundary=b"}
    assert client.post("/studies", content=parts, headers=headers).status_code == 200


def test_one_bad_data_set_spoils_no_other(client: TestClient, storage: Storage) -> None:
    missing = described() | {"7FE00010": {"vr": "OW", "BulkDataURI": "elsewhere"}}
    wrong = described() | {"00280010": {"vr": "US", "Value": [70_000]}}
    nameless = {tag: one for tag, one in described().items() if tag != "00080018"}
    good = described()
    response = post(client, metadata([missing, wrong, nameless, good]) + bulk("pixels", PIXELS))
    assert response.status_code == 202
    assert stored_uids(response.json()) == [good["00080018"]["Value"][0]]
    assert reasons(response.json()) == [0xC000, 0xC000]
    assert reasons(response.json(), "0008119A") == [0xC000]
    failed = response.json()["00081198"]["Value"][0]
    assert failed["00081155"]["Value"] == missing["00080018"]["Value"]
    assert failed["00081150"]["Value"] == missing["00080016"]["Value"]
    assert not left_over(storage)


def test_a_bad_document_spoils_no_other(client: TestClient) -> None:
    parts = [({"Content-Type": XML}, b"<NativeDicomModel>"), *metadata([described()], XML), *bulk("pixels", PIXELS)]
    response = post(client, parts, XML)
    assert (response.status_code, reasons(response.json(), "0008119A")) == (202, [0xC000])


@pytest.mark.parametrize(
    ("media_type", "reason"),
    [
        ("image/webp", 0xC122),
        ("image/png", 0xC000),
        ("image/png; transfer-syntax=1.2.840.10008.1.2.4.50", 0xA900),
        ("text/plain", 0xC122),
        ("application/octet-stream; transfer-syntax=1.2.3", 0xC122),
        ("image/jp2; transfer-syntax=1.2.840.10008.1.2.4.50", 0xA900),
    ],
)
def test_pixels_that_cannot_be_taken(client: TestClient, media_type: str, reason: int) -> None:
    """PS3.18 table I.2-2."""
    response = post(client, metadata([described()]) + bulk("pixels", b"?", media_type))
    assert (response.status_code, reasons(response.json())) == (409, [reason])


def test_frames_of_several_kinds_are_no_image(client: TestClient) -> None:
    parts = metadata([described()]) + bulk("pixels", b"?", "image/jp2") + bulk("pixels", b"?", "image/jpeg")
    assert reasons(post(client, parts).json()) == [0xA900]


def test_what_nobody_refers_to_is_told(client: TestClient) -> None:
    parts = metadata([described()]) + bulk("pixels", PIXELS) + bulk("lost", b"?") + bulk("", b"?")
    response = post(client, parts)
    assert (response.status_code, len(reasons(response.json(), "0008119A"))) == (202, 1)


def test_another_study_than_that_of_the_path(client: TestClient) -> None:
    response = post(client, metadata([described()]) + bulk("pixels", PIXELS), path="/studies/1.2.3")
    assert (response.status_code, reasons(response.json())) == (409, [0xA900])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("at", [5, 300, -40, -3])
def test_nothing_is_stored_of_a_body_that_breaks_off(client: TestClient, storage: Storage, form: str, at: int) -> None:
    whole = body(metadata([described()], form) + bulk("pixels", PIXELS))
    problem_of(client.post("/studies", content=whole[:at], headers={"Content-Type": content_type(form)}), 400)
    assert client.get("/instances").json() == []
    assert not left_over(storage)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("boundary", ["", "; boundary=", f"; boundary={'x' * 71}", "; boundary=other"])
def test_boundaries_that_are_none(client: TestClient, storage: Storage, form: str, boundary: str) -> None:
    headers = {"Content-Type": f'multipart/related; type="{form}"{boundary}'}
    problem_of(client.post("/studies", content=body(metadata([described()], form)), headers=headers), 400)
    assert not left_over(storage)


@pytest.mark.parametrize(
    "parts",
    [
        [],
        bulk("pixels", PIXELS),
        [({"Content-Type": JSON}, b"")],
        [({"Content-Type": JSON}, b"[{]")],
        [({"Content-Type": JSON}, b"[1]")],
        [({"Content-Type": JSON}, b"[" * 2000)],
        [({"Content-Type": XML}, b"<!DOCTYPE x><NativeDicomModel/>")],
    ],
)
def test_bodies_without_metadata_that_can_be_read(client: TestClient, storage: Storage, parts: Parts) -> None:
    """PS3.18 table 10.5.3-1: 400 for bad syntax."""
    problem_of(post(client, parts), 400)
    assert not left_over(storage)


def test_too_large_metadata_and_too_many_parts(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembling, "LARGEST_METADATA", 100)
    problem_of(post(client, metadata([described()])), 413)
    monkeypatch.setattr(multipart, "MAXIMUM_PARTS", 3)
    problem_of(post(client, bulk("pixels", b"") * 4), 413)


def test_addresses_that_are_too_long(client: TestClient, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are what stays in memory of a part."""
    problem_of(post(client, metadata([described()]) + bulk("x" * 3000, PIXELS)), 400)
    monkeypatch.setattr(spool, "MOST_ADDRESSES", 100)
    problem_of(post(client, metadata([described()]) + bulk("pixels", b"?") * 9), 413)
    assert not left_over(storage)


def test_many_small_parts(client: TestClient, storage: Storage) -> None:
    """Thousands of parts are thousands of entries, but one file."""
    source = described() | {"7FE00010": {"vr": "OB", "BulkDataURI": "p"}}
    parts = metadata([source]) + bulk("p", b"\1\2") * 4000
    assert kept(client, post(client, parts)).PixelData == b"\1\2" * 4000
    assert not left_over(storage)


@pytest.mark.parametrize(
    "data_set",
    [
        {"0008": {"vr": "LO"}},
        {"00081030": []},
        {"00081030": {"vr": "XX"}},
        {"00081030": {"vr": "LO", "Value": [{}]}},
        {"00100010": {"vr": "PN", "Value": [5]}},
        {"00400275": {"vr": "SQ", "Value": ["x"]}},
        {"00282000": {"vr": "OB", "Value": ["x"]}},
        {"00282000": {"vr": "OB", "InlineBinary": "!"}},
        {"00186028": {"vr": "FD", "Value": ["x"]}},
        {"0008103e": {"vr": "LO"}, "0008103E": {"vr": "LO"}},
    ],
)
def test_json_that_is_no_data_set(client: TestClient, data_set: dict[str, Any]) -> None:
    problem_of(post(client, metadata([described() | data_set]) + bulk("pixels", PIXELS)), 400)


def test_json_of_other_writers(client: TestClient) -> None:
    """Whole numbers as floats, numbers as text (F.2.3), names as text, values without array, tags in lower case."""
    source = described() | {
        "0008009c": {"vr": "PN", "Value": "Muster^Max"},
        "00200013": {"Value": [7.0]},
        "00280010": {"vr": "US", "Value": ["16"]},
        "00281050": {"vr": "DS", "Value": ["40", 400]},
        "00100010": {"vr": "PN", "Value": ["Muster^Erika"]},
        "00100000": {"vr": "UL", "Value": [4]},
        "00104000": {"vr": "LT", "Value": []},
    }
    found = kept(client, post(client, metadata([source]) + bulk("pixels", PIXELS)))
    assert (found.InstanceNumber, found.Rows, found.WindowCenter) == (7, 16, [40, 400])
    assert (str(found.PatientName), found.PatientComments) == ("Muster^Erika", "")


def test_deep_and_wide_json_is_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"00400275": {"vr": "SQ", "Value": [deep]}}
    problem_of(post(client, metadata([described() | deep])), 400)
    monkeypatch.setattr(json_reader, "MOST_CONTAINERS", 10)
    problem_of(post(client, metadata([described()])), 400)


def test_a_disk_that_becomes_full(client: TestClient, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """While bulk data are set aside: 507, and nothing of the request is kept."""

    def full(*_: Any) -> None:
        raise OutOfResources("The store cannot be written at the moment.")

    monkeypatch.setattr(spool.Spool, "_write", full)
    problem_of(post(client, metadata([described()]) + bulk("pixels", PIXELS)), 507)
    monkeypatch.undo()
    monkeypatch.setattr(Incoming, "write_all", full)
    response = post(client, metadata([described()]) + bulk("pixels", PIXELS))
    assert (response.status_code, reasons(response.json())) == (507, [0xA700])
    assert not left_over(storage)


def test_a_hundred_thousand_parts(client: TestClient, storage: Storage) -> None:
    """Each has its header read and no more: 413, and nothing of it is kept."""
    whole = b"--b\r\nContent-Location: p\r\n\r\n\r\n" * 100_000
    problem_of(client.post("/studies", content=whole, headers={"Content-Type": content_type(JSON)}), 413)
    assert not left_over(storage)
