"""Retrieving metadata and instances."""

import gzip
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    JPEG2000MC,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)
from starlette.testclient import TestClient

from storage.errors import NotRenderable
from storage.ingest import Stored
from storage.pixels import Pixels
from storage.scope import WholeArchive
from storage.storage import Storage
from tests.dicomweb.conftest import BASE, Keep
from tests.dicomweb.instances import damaged, rle
from tests.dicomweb.replies import (
    BIG,
    DEFLATED,
    DICOM,
    EXPLICIT,
    IMPLICIT,
    instance_path,
    parts_of,
    problem_of,
    series_path,
    study_path,
)
from tests.support.synthetic import ct, part10


@pytest.fixture
def two_series(keep: Keep) -> list[Stored]:
    study = generate_uid()
    other = generate_uid()
    return [
        keep(ct(StudyInstanceUID=study, number=1)),
        keep(ct(StudyInstanceUID=study, SeriesInstanceUID=other, SeriesNumber=2, number=1)),
        keep(ct(StudyInstanceUID=study, SeriesInstanceUID=other, SeriesNumber=2, number=2)),
    ]


def test_metadata_of_each_level(client: TestClient, two_series: list[Stored]) -> None:
    last = two_series[-1]
    for path, expected in {
        study_path(last): two_series,
        series_path(last): two_series[1:],
        instance_path(last): [last],
    }.items():
        response = client.get(f"{path}/metadata")
        assert response.headers["content-type"] == "application/dicom+json"
        found = [data_set["00080018"]["Value"][0] for data_set in response.json()]
        assert found == [stored.sop_instance_uid for stored in expected]


def test_metadata_are_complete_and_without_file_meta(client: TestClient, keep: Keep) -> None:
    stored = keep(ct())
    (data_set,) = client.get(f"{instance_path(stored)}/metadata").json()
    assert not [tag for tag in data_set if tag.startswith("0002")]
    assert data_set["00083002"]["Value"] == [EXPLICIT]
    assert data_set["00080005"]["Value"] == ["ISO_IR 192"]
    assert data_set["7FE00010"]["BulkDataURI"] == f"{BASE}{instance_path(stored)}/bulkdata/7FE00010"


def test_metadata_compressed_or_not(client: TestClient, keep: Keep) -> None:
    path = f"{series_path(keep(ct()))}/metadata"
    plain = client.get(path)
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert packed.headers["vary"] == "Accept, Accept-Encoding"
    assert int(packed.headers["content-length"]) == len(gzip.compress(plain.content, 5, mtime=0))


def test_metadata_that_the_client_has_are_not_sent_again(client: TestClient, keep: Keep) -> None:
    study = generate_uid()
    path = f"{study_path(keep(ct(StudyInstanceUID=study)))}/metadata"
    etag = client.get(path).headers["etag"]
    for known in (etag, etag.removeprefix("W/"), f'"x", {etag}', "*"):
        response = client.get(path, headers={"If-None-Match": known})
        assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", etag)
    assert client.get(path, headers={"If-None-Match": '"x"'}).status_code == 200
    keep(ct(StudyInstanceUID=study))
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 200


def test_instances_straight_from_the_disk(client: TestClient, keep: Keep) -> None:
    files = [part10(ct(number=number)) for number in (1, 2)]
    for file in files:
        stored = keep(file)
        response = client.get(study_path(stored), headers={"Accept": DICOM})
        ((head, content),) = parts_of(response)
        assert content == file
        assert head["Content-Type"] == f"application/dicom; transfer-syntax={EXPLICIT}"
        assert head["Content-Location"] == BASE + instance_path(stored)
        assert int(response.headers["content-length"]) == len(response.content)


def test_instances_of_each_level(client: TestClient, two_series: list[Stored]) -> None:
    last = two_series[-1]
    for path, expected in {
        study_path(last): two_series,
        series_path(last): two_series[1:],
        instance_path(last): [last],
    }.items():
        locations = [head["Content-Location"] for head, _ in parts_of(client.get(path))]
        assert locations == [BASE + instance_path(stored) for stored in expected]


def test_one_instance_as_a_single_part(client: TestClient, keep: Keep) -> None:
    file = part10(ct())
    path = instance_path(keep(file))
    response = client.get(path, headers={"Accept": "application/dicom"})
    assert response.content == file
    assert response.headers["content-type"] == f"application/dicom; transfer-syntax={EXPLICIT}"
    assert response.headers["content-disposition"].startswith("attachment; filename=")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert int(response.headers["content-length"]) == len(file)
    unchanged = client.get(path, headers={"Accept": "application/dicom", "If-None-Match": response.headers["etag"]})
    assert unchanged.status_code == 304


def test_several_instances_are_never_a_single_part(client: TestClient, keep: Keep) -> None:
    path = series_path(keep(ct()))
    problem = problem_of(client.get(path, headers={"Accept": "application/dicom"}), 406)
    assert problem["acceptable"][0] == f"{DICOM}; transfer-syntax={EXPLICIT}"
    assert problem["acceptable"][-1] == "application/zip"
    assert all(offer.startswith(DICOM) for offer in problem["acceptable"][:-1])


@pytest.mark.parametrize("syntax", [IMPLICIT, BIG, DEFLATED])
@pytest.mark.parametrize("wanted", ["", f"; transfer-syntax={EXPLICIT}"])
def test_other_native_syntaxes_become_explicit_little_endian(
    client: TestClient, keep: Keep, syntax: str, wanted: str
) -> None:
    image = ct()
    pixels = image.PixelData
    if syntax == BIG:
        # pydicom writes the value as it is, whatever the byte order.
        image.PixelData = np.frombuffer(pixels, "<u2").astype(">u2").tobytes()
    stored = keep(image, transfer_syntax=syntax)
    for content in (
        parts_of(client.get(study_path(stored), headers={"Accept": DICOM + wanted}))[0][1],
        client.get(instance_path(stored), headers={"Accept": f"application/dicom{wanted}"}).content,
    ):
        found = pydicom.dcmread(BytesIO(content))
        assert found.file_meta.TransferSyntaxUID == EXPLICIT
        assert found.PixelData == pixels
        assert found.SOPInstanceUID == stored.sop_instance_uid


def test_compressed_instances_are_decoded_unless_asked_for_as_stored(client: TestClient, keep: Keep) -> None:
    image = ct()
    pixels = image.PixelData
    file = rle(image)
    stored = keep(file)
    ((_, content),) = parts_of(client.get(study_path(stored)))
    assert pydicom.dcmread(BytesIO(content)).PixelData == pixels
    for syntax in ("*", RLELossless):
        ((head, content),) = parts_of(
            client.get(study_path(stored), headers={"Accept": f"{DICOM}; transfer-syntax={syntax}"})
        )
        assert content == file
        assert head["Content-Type"] == f"application/dicom; transfer-syntax={RLELossless}"


def test_each_instance_is_negotiated_by_itself(client: TestClient, keep: Keep) -> None:
    """PS3.18 8.7.8.1: a report has no pixels that could be encoded."""
    study = generate_uid()
    keep(ct(StudyInstanceUID=study, PixelData=None, SeriesNumber=2))
    stored = keep(rle(ct(StudyInstanceUID=study)))
    path = study_path(stored)
    response = client.get(path, headers={"Accept": f"{DICOM}; transfer-syntax={RLELossless}"})
    assert response.status_code == 206
    assert [head["Content-Location"] for head, _ in parts_of(response)] == [BASE + instance_path(stored)]
    response = client.get(path, headers={"Accept": f"{DICOM}; transfer-syntax={RLELossless}, {DICOM}"})
    assert response.status_code == 200
    types = {head["Content-Type"].partition("=")[2] for head, _ in parts_of(response)}
    assert types == {EXPLICIT, RLELossless}
    problem = problem_of(client.get(path, headers={"Accept": f"{DICOM}; transfer-syntax={JPEG2000MC}"}), 406)
    assert {f"{DICOM}; transfer-syntax={one}" for one in (EXPLICIT, RLELossless)} <= set(problem["acceptable"])


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless, HTJ2KLossless, JPEGLosslessSV1, RLELossless])
def test_instances_are_encoded_as_asked_for(client: TestClient, keep: Keep, syntax: str) -> None:
    image = ct(40, 40)
    native, packed = keep(image), keep(rle(ct(40, 40)))
    for stored in (native, packed):
        ((head, content),) = parts_of(
            client.get(instance_path(stored), headers={"Accept": f"{DICOM}; transfer-syntax={syntax}"})
        )
        assert head["Content-Type"] == f"application/dicom; transfer-syntax={syntax}"
        assert pydicom.dcmread(BytesIO(content)).file_meta.TransferSyntaxUID == syntax
        single = client.get(instance_path(stored), headers={"Accept": f"application/dicom; transfer-syntax={syntax}"})
        assert single.content == content
        assert int(single.headers["content-length"]) == len(content)


def test_lossy_compression_makes_another_instance(client: TestClient, keep: Keep) -> None:
    """PS3.3 C.7.6.1.1.5; for 8 bits only, and never unless it is asked for by name."""
    grey = ct(BitsAllocated=8, BitsStored=8, HighBit=7, PixelRepresentation=0, PixelData=bytes(256))
    path = instance_path(keep(grey))
    wanted = {"Accept": f"application/dicom; transfer-syntax={JPEGBaseline8Bit}"}
    found = pydicom.dcmread(BytesIO(client.get(path, headers=wanted).content))
    assert (found.ImageType[0], found.LossyImageCompression) == ("DERIVED", "01")
    assert found.SOPInstanceUID != grey.SOPInstanceUID
    problem_of(client.get(instance_path(keep(ct())), headers=wanted), 406)


def test_pixels_that_cannot_be_decoded(client: TestClient, keep: Keep) -> None:
    file = damaged()
    path = instance_path(keep(file))
    for accept in (DICOM, "application/dicom"):
        problem = problem_of(client.get(path, headers={"Accept": accept}), 406)
        assert f"application/dicom; transfer-syntax={JPEG2000Lossless}" in problem["acceptable"]
    as_stored = {"Accept": "application/dicom; transfer-syntax=*"}
    assert client.get(path, headers=as_stored).content == file


def test_one_damaged_instance_does_not_withhold_the_others(client: TestClient, keep: Keep) -> None:
    study = generate_uid()
    files = [
        part10(ct(StudyInstanceUID=study, number=1)),
        damaged(StudyInstanceUID=study, number=2, SeriesNumber=2),
        part10(ct(StudyInstanceUID=study, number=3, SeriesNumber=3)),
    ]
    stored = [keep(file) for file in files]
    parts = parts_of(client.get(study_path(stored[0])))
    assert [content for _, content in parts] == files
    assert parts[1][0]["Content-Type"] == f"application/dicom; transfer-syntax={JPEG2000Lossless}"


def test_large_bodies_are_sent_in_pieces(client: TestClient, keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is transcoded, or read whole, before it is wanted."""
    study = generate_uid()
    files = [rle(ct(200, 1000, StudyInstanceUID=study, number=number)) for number in range(4)]
    stored = [keep(file) for file in files]
    begun: list[str] = []
    transcoded = Pixels.transcoded

    def counted(self: Pixels, record: Any, syntax: str) -> Any:
        begun.append(record.sop_instance_uid)
        return transcoded(self, record, syntax)

    monkeypatch.setattr(Pixels, "transcoded", counted)
    assert client.head(study_path(stored[0])).status_code == 200
    assert begun == []
    with client.stream("GET", study_path(stored[0])) as response:
        assert (response.status_code, "content-length" in response.headers) == (200, False)
    assert len(parts_of(client.get(study_path(stored[0])))) == 4


def test_a_stream_that_breaks_off_is_not_taken_for_whole(
    client: TestClient, keep: Keep, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    study = generate_uid()
    stored = [keep(ct(600, 1000, StudyInstanceUID=study, SeriesNumber=number)) for number in (1, 2)]
    key = storage.index.instance(
        WholeArchive(), stored[1].study_instance_uid, stored[1].series_instance_uid, stored[1].sop_instance_uid
    ).blob_key
    storage.files.remove(key)
    response = client.get(study_path(stored[0]))
    assert not response.content.endswith(b"--\r\n")
    assert len(response.content) < int(response.headers["content-length"])
    assert "event=unexpected" in caplog.text and "Muster" not in caplog.text


def test_refusals_do_not_depend_on_what_is_kept(client: TestClient, keep: Keep) -> None:
    stored, other = keep(ct()), keep(ct(PatientID="TEST-2"))
    wrong_parents = [
        f"/studies/{other.study_instance_uid}/series/{stored.series_instance_uid}",
        f"{series_path(other)}/instances/{stored.sop_instance_uid}",
        f"/studies/{other.study_instance_uid}/series/{stored.series_instance_uid}/instances/{stored.sop_instance_uid}",
        "/studies/9.9",
    ]
    for path in wrong_parents:
        for resource in ("", "/metadata", "/thumbnail", "/rendered"):
            problem_of(client.get(path + resource), 404)


def test_a_refused_decoder_is_not_blamed_on_the_request(
    client: TestClient, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise NotRenderable("Decoding takes longer than is allowed.")

    monkeypatch.setattr(Pixels, "transcoded", refuse)
    path = instance_path(keep(rle(ct())))
    assert problem_of(client.get(path), 406)["detail"] == "Decoding takes longer than is allowed."
