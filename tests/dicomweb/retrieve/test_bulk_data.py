"""Retrieving bulk data and pixel data."""

from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless, generate_uid
from starlette.testclient import TestClient

from storage.ingest import Stored
from tests.dicomweb.conftest import BASE, Keep
from tests.dicomweb.instances import damaged, encapsulated, frame, movie, rle, with_binaries
from tests.dicomweb.replies import (
    BIG,
    DEFLATED,
    EXPLICIT,
    OCTETS,
    instance_path,
    parts_of,
    problem_of,
    series_path,
    study_path,
)
from tests.support.synthetic import ct

SINGLE = "application/octet-stream"


@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED, BIG])
def test_every_bulk_data_uri_of_the_metadata_can_be_read(client: TestClient, keep: Keep, syntax: str) -> None:
    image = with_binaries()
    expected = {
        "7FE00010": image.PixelData,
        "00091002": image[0x00091002].value,
        "54000100/0/54001010": image[0x54000100].value[0][0x54001010].value,
    }
    if syntax == BIG:
        for element in (image["PixelData"], image[0x00091002], image[0x54000100].value[0][0x54001010]):
            element.value = np.frombuffer(element.value, "<u2").astype(">u2").tobytes()
    path = instance_path(keep(image, transfer_syntax=syntax))
    (data_set,) = client.get(f"{path}/metadata").json()
    uris = [
        data_set["7FE00010"]["BulkDataURI"],
        data_set["00091002"]["BulkDataURI"],
        data_set["54000100"]["Value"][0]["54001010"]["BulkDataURI"],
    ]
    for uri, value in zip(uris, expected.values(), strict=True):
        single = client.get(uri, headers={"Accept": SINGLE})
        assert single.content == value
        assert int(single.headers["content-length"]) == len(value)
        ((head, content),) = parts_of(client.get(uri))
        assert (content, head["Content-Location"]) == (value, uri)
    assert {uri.removeprefix(f"{BASE}{path}/bulkdata/") for uri in uris} == set(expected)


def test_compressed_pixels_as_bulk_data(client: TestClient, keep: Keep) -> None:
    """As one value, decoded (8.7.3.3.1), or as codestreams, one for each frame (8.7.3.3.2)."""
    path = f"{instance_path(keep(rle(movie())))}/bulkdata/7FE00010"
    whole = frame(1) + frame(2) + frame(3)
    ((head, content),) = parts_of(client.get(path))
    assert (content, head["Content-Location"]) == (whole, BASE + path)
    assert client.get(path, headers={"Accept": SINGLE}).content == whole
    stored = parts_of(client.get(path, headers={"Accept": 'multipart/related; type="image/dicom-rle"'}))
    locations = [head["Content-Location"] for head, _ in stored]
    assert locations == [f"{BASE}{path.removesuffix('/bulkdata/7FE00010')}/frames/{number}" for number in (1, 2, 3)]
    frames = [client.get(location, headers={"Accept": "image/dicom-rle"}).content for location in locations]
    assert [content for _, content in stored] == frames
    encoded = parts_of(client.get(path, headers={"Accept": 'multipart/related; type="image/jls"'}))
    assert len(encoded) == 3
    assert encoded[0][0]["Content-Type"] == f"image/jls; transfer-syntax={JPEGLSLossless}"


@pytest.mark.parametrize("path", ["00100010", "7FE00010/0", "54000100/1/54001010", "..", "../../x", "x" * 500])
def test_bulk_data_that_are_not_there(client: TestClient, keep: Keep, path: str) -> None:
    problem_of(client.get(f"{instance_path(keep(with_binaries()))}/bulkdata/{path}".replace("..", "%2E%2E")), 404)


@pytest.fixture
def mixed(keep: Keep) -> list[Stored]:
    """A study of three instances in two series: one with several values, one compressed, one without any."""
    study, series = generate_uid(), generate_uid()
    binaries = with_binaries()
    binaries.StudyInstanceUID, binaries.SeriesInstanceUID = study, series
    return [
        keep(binaries),
        keep(rle(movie(StudyInstanceUID=study, SeriesInstanceUID=series, number=2))),
        keep(ct(StudyInstanceUID=study, SeriesNumber=2, PixelData=None)),
    ]


def test_all_bulk_data_of_each_level(client: TestClient, mixed: list[Stored]) -> None:
    """PS3.18 10.4.3.3.5: all the bulk data, each under the URI that the metadata name for it."""
    first, second, report = mixed
    for path, expected in ((instance_path(first), 3), (series_path(first), 4), (study_path(first), 4)):
        parts = parts_of(client.get(f"{path}/bulkdata"))
        assert len(parts) == expected
        for head, content in parts:
            assert client.get(head["Content-Location"], headers={"Accept": SINGLE}).content == content
    problem_of(client.get(f"{instance_path(report)}/bulkdata"), 404)
    problem_of(client.get(f"{series_path(second)}/bulkdata", headers={"Accept": SINGLE}), 406)


def test_pixel_data_of_each_level(client: TestClient, mixed: list[Stored]) -> None:
    first, second, report = mixed
    for path, expected in ((instance_path(first), [first]), (study_path(first), [first, second])):
        parts = parts_of(client.get(f"{path}/pixeldata", headers={"Accept": OCTETS}))
        locations = [head["Content-Location"] for head, _ in parts]
        assert locations == [f"{BASE}{instance_path(stored)}/bulkdata/7FE00010" for stored in expected]
    assert parts[1][1] == frame(1) + frame(2) + frame(3)
    as_stored = {"Accept": f"{OCTETS}; transfer-syntax=*"}
    parts = parts_of(client.get(f"{series_path(first)}/pixeldata", headers=as_stored))
    syntaxes = [head["Content-Type"].rpartition("=")[2] for head, _ in parts]
    assert syntaxes == [EXPLICIT, RLELossless, RLELossless, RLELossless]
    encoded = client.get(f"{series_path(first)}/pixeldata", headers={"Accept": 'multipart/related; type="image/jls"'})
    assert [head["Content-Type"] for head, _ in parts_of(encoded)] == [
        f"image/jls; transfer-syntax={JPEGLSLossless}"
    ] * 4
    problem_of(client.get(f"{series_path(report)}/pixeldata"), 404)


def test_bulk_data_that_cannot_all_be_had_as_asked_for(client: TestClient, mixed: list[Stored]) -> None:
    path = f"{series_path(mixed[0])}/bulkdata"
    response = client.get(path, headers={"Accept": 'multipart/related; type="image/dicom-rle"'})
    assert response.status_code == 206
    assert len(parts_of(response)) == 4
    problem = problem_of(client.get(path, headers={"Accept": "image/gif"}), 406)
    assert OCTETS in problem["acceptable"]


def test_damaged_pixels_do_not_withhold_the_others(client: TestClient, keep: Keep) -> None:
    study = generate_uid()
    sound = keep(ct(StudyInstanceUID=study))
    broken = keep(damaged(StudyInstanceUID=study, SeriesNumber=2))
    parts = parts_of(client.get(f"{study_path(sound)}/pixeldata"))
    assert [head["Content-Type"].rpartition("=")[2] for head, _ in parts] == [EXPLICIT, JPEG2000Lossless]
    problem = problem_of(client.get(f"{instance_path(broken)}/pixeldata"), 406)
    assert f'multipart/related; type="image/jp2"; transfer-syntax={JPEG2000Lossless}' in problem["acceptable"]
    alone = instance_path(keep(encapsulated([b"nothing at all", b"of the kind"], JPEG2000Lossless)))
    problem_of(client.get(f"{alone}/bulkdata/7FE00010"), 406)


@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED, BIG])
def test_a_range_of_a_value(client: TestClient, keep: Keep, syntax: str) -> None:
    """PS3.18 10.4.1.1.5 with RFC 9110 14: the same bytes, wherever they come from."""
    path = f"{instance_path(keep(with_binaries(), transfer_syntax=syntax))}/bulkdata/00091002"
    whole = client.get(path, headers={"Accept": SINGLE})
    assert whole.headers["accept-ranges"] == "bytes"
    for field, begin, end in (("10-19", 10, 20), ("3990-", 3990, 4000), ("-5", 3995, 4000), ("0-99999", 0, 4000)):
        part = client.get(path, headers={"Accept": SINGLE, "Range": f"bytes={field}"})
        assert (part.status_code, part.content) == (206, whole.content[begin:end])
        assert part.headers["content-range"] == f"bytes {begin}-{end - 1}/4000"
    refused = client.get(path, headers={"Accept": SINGLE, "Range": "bytes=4000-"})
    problem_of(refused, 416)
    assert refused.headers["content-range"] == "bytes */4000"


def test_every_value_representation_at_any_depth(client: TestClient, keep: Keep) -> None:
    """Each binary VR, at the top and two sequences down, is a BulkDataURI that can be read."""
    image = ct(PixelData=None)
    image.add_new(0x00090010, "LO", "TESTS")
    deeper, deepest = Dataset(), Dataset()
    values = {vr: bytes(range(256)) * 16 for vr in ("OB", "OW", "OF", "OD", "OL", "OV", "UN")}
    for number, (vr, value) in enumerate(values.items()):
        image.add_new(0x00091001 + number, vr, value)
        deepest.add_new(0x00091001 + number, vr, value)
    deepest.add_new(0x00090010, "LO", "TESTS")
    deeper.ReferencedImageSequence = Sequence([deepest])
    image.ReferencedSeriesSequence = Sequence([deeper])
    path = instance_path(keep(image))
    parts = parts_of(client.get(f"{path}/bulkdata"))
    assert len(parts) == 2 * len(values)
    for head, content in parts:
        assert content == bytes(range(256)) * 16
        assert client.get(head["Content-Location"], headers={"Accept": SINGLE}).content == content


@pytest.mark.parametrize(
    ("accept", "strong"),
    [(SINGLE, True), ("image/jls", False), ("image/dicom-rle", False)],
)
def test_only_what_lies_in_the_file_has_a_strong_validator(
    client: TestClient, keep: Keep, accept: str, strong: bool
) -> None:
    path = f"{instance_path(keep(ct()))}/bulkdata/7FE00010"
    response = client.get(path, headers={"Accept": accept})
    assert response.headers["etag"].startswith("W/") is not strong
    assert ("last-modified" in response.headers) is strong
    again = client.get(path, headers={"Accept": accept, "If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("taken", ["gzip", "zstd", "identity"])
def test_noise_that_is_not_worth_compressing_is_there_all_the_same(client: TestClient, keep: Keep, taken: str) -> None:
    noise = ct(PixelData=None)
    noise.add_new(0x00090010, "LO", "TESTS")
    noise.add_new(0x00091002, "OB", np.random.default_rng(1).bytes(100_000))
    for syntax in (EXPLICIT, DEFLATED):
        noise.SOPInstanceUID = generate_uid()
        path = f"{instance_path(keep(noise, transfer_syntax=syntax))}/bulkdata/00091002"
        response = client.get(path, headers={"Accept": SINGLE, "Accept-Encoding": taken})
        assert (response.content, "content-encoding" in response.headers) == (noise[0x00091002].value, False)


def test_native_frames_in_fragments_are_one_value(client: TestClient, keep: Keep) -> None:
    """Encapsulated Uncompressed Explicit VR Little Endian (PS3.5 A.4.11)."""
    path = f"{instance_path(keep(encapsulated([frame(1), frame(2)], '1.2.840.10008.1.2.1.98')))}/bulkdata/7FE00010"
    assert client.get(path, headers={"Accept": SINGLE}).content == frame(1) + frame(2)
    ((_, content),) = parts_of(client.get(path))
    assert content == frame(1) + frame(2)


def test_the_pixels_of_a_compressed_icon(client: TestClient, keep: Keep) -> None:
    """A value in a sequence, compressed like the image that it stands for."""
    image = pydicom.dcmread(BytesIO(rle(ct(32, 32))))
    icon = pydicom.dcmread(BytesIO(rle(ct(64, 64))))
    item = Dataset()
    for keyword in ("SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "BitsAllocated", "BitsStored"):
        setattr(item, keyword, icon[keyword].value)
    item.HighBit, item.PixelRepresentation, item.PixelData = 15, 1, icon.PixelData
    item["PixelData"].VR, item["PixelData"].is_undefined_length = "OB", True
    image.IconImageSequence = Sequence([item])
    target = BytesIO()
    image.save_as(target, enforce_file_format=True)
    path = f"{instance_path(keep(target.getvalue()))}/bulkdata/00880200/0/7FE00010"
    assert client.get(path, headers={"Accept": SINGLE}).content == ct(64, 64).PixelData
