"""Retrieving frames."""

import gzip
from io import BytesIO

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    MPEG4HP41,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from starlette.testclient import TestClient

from storage.imaging.decoders import decode
from storage.imaging.image_pixels import ImagePixels
from storage.ingest import Stored
from storage.pixels import Pixels
from tests.dicomweb.conftest import BASE, Keep
from tests.dicomweb.instances import encapsulated, frame, movie, rle
from tests.dicomweb.replies import BIG, DEFLATED, EXPLICIT, IMPLICIT, OCTETS, instance_path, parts_of, problem_of
from tests.support.synthetic import ct

SINGLE = "application/octet-stream"


@pytest.fixture
def moving(keep: Keep) -> Stored:
    return keep(movie())


def test_frames_in_the_order_of_the_list(client: TestClient, moving: Stored) -> None:
    path = f"{instance_path(moving)}/frames"
    for numbers in ([1], [3, 1], [2, 2]):
        listed = ",".join(str(number) for number in numbers)
        parts = parts_of(client.get(f"{path}/{listed}", headers={"Accept": OCTETS}))
        assert [content for _, content in parts] == [frame(number) for number in numbers]
        assert [head["Content-Location"] for head, _ in parts] == [f"{BASE}{path}/{number}" for number in numbers]
        assert {head["Content-Type"] for head, _ in parts} == {f"{SINGLE}; transfer-syntax={EXPLICIT}"}
        assert all("Content-Length" in head for head, _ in parts)


def test_an_encoded_list_and_a_slash_at_the_end(client: TestClient, moving: Stored) -> None:
    assert len(parts_of(client.get(f"{instance_path(moving)}/frames/1%2C2/"))) == 2


def test_one_frame_as_a_single_part(client: TestClient, moving: Stored) -> None:
    path = f"{instance_path(moving)}/frames/2"
    response = client.get(path, headers={"Accept": SINGLE})
    assert response.content == frame(2)
    assert response.headers["content-type"] == f"{SINGLE}; transfer-syntax={EXPLICIT}"
    assert int(response.headers["content-length"]) == 512
    unchanged = client.get(path, headers={"Accept": SINGLE, "If-None-Match": response.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    problem_of(client.get(f"{instance_path(moving)}/frames/1,2", headers={"Accept": SINGLE}), 406)


def test_a_frame_is_compressed_where_that_helps(client: TestClient, keep: Keep) -> None:
    smooth = keep(ct(100, 100))
    noise = ct(100, 100)
    noise.PixelData = np.random.default_rng(1).bytes(20_000)
    small = keep(ct(8, 8))
    headers = {"Accept": SINGLE, "Accept-Encoding": "gzip"}
    packed = client.get(f"{instance_path(smooth)}/frames/1", headers=headers)
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < 18_000
    assert len(packed.content) == 20_000
    for stored in (keep(noise), small):
        plain = client.get(f"{instance_path(stored)}/frames/1", headers=headers)
        assert "content-encoding" not in plain.headers
        assert "Accept-Encoding" in plain.headers["vary"]


@pytest.mark.parametrize("listed", ["0", "-1", "a", "1,,2", "1;2", "", "1.5", "²", "9" * 12, "1,0"])
def test_lists_that_are_none(client: TestClient, moving: Stored, listed: str) -> None:
    problem_of(client.get(f"{instance_path(moving)}/frames/{listed}"), 404 if listed == "" else 400)


def test_frames_that_are_not_there(client: TestClient, moving: Stored, keep: Keep) -> None:
    for listed in ("4", "1,4", "999999999"):
        detail = problem_of(client.get(f"{instance_path(moving)}/frames/{listed}"), 404)["detail"]
        assert detail.endswith("the instance has 3.")
    report = ct()
    del report.PixelData
    problem_of(client.get(f"{instance_path(keep(report))}/frames/1"), 404)


@pytest.mark.parametrize("syntax", [IMPLICIT, BIG, DEFLATED])
@pytest.mark.parametrize("wanted", ["", "; transfer-syntax=*"])
def test_native_frames_are_little_endian(client: TestClient, keep: Keep, syntax: str, wanted: str) -> None:
    image = movie()
    if syntax == BIG:
        image.PixelData = np.frombuffer(image.PixelData, "<u2").astype(">u2").tobytes()
    path = f"{instance_path(keep(image, transfer_syntax=syntax))}/frames/2,3"
    parts = parts_of(client.get(path, headers={"Accept": OCTETS + wanted}))
    assert [content for _, content in parts] == [frame(2), frame(3)]
    assert parts[0][0]["Content-Type"] == f"{SINGLE}; transfer-syntax={EXPLICIT}"


def test_frames_of_single_bits(client: TestClient, keep: Keep) -> None:
    """Frames that do not begin with a byte are shifted to the beginning of one (PS3.5 8.1.1)."""
    mask = ct(3, 3, BitsAllocated=1, BitsStored=1, HighBit=0, PixelRepresentation=0)
    mask.NumberOfFrames = 2
    bits = np.array([1, 0, 1, 0, 0, 0, 1, 0, 0] + [0, 1, 0, 0, 0, 0, 0, 1, 1], np.uint8)
    mask.PixelData = np.packbits(bits, bitorder="little").tobytes() + b"\0"
    path = instance_path(keep(mask))
    second = client.get(f"{path}/frames/2", headers={"Accept": SINGLE}).content
    assert np.unpackbits(np.frombuffer(second, np.uint8), bitorder="little")[:9].tolist() == bits[9:].tolist()


def test_compressed_frames_decoded_and_as_stored(client: TestClient, keep: Keep) -> None:
    image = movie()
    file = rle(image)
    path = f"{instance_path(keep(file))}/frames"
    stored = list(pydicom.encaps.generate_frames(pydicom.dcmread(BytesIO(file)).PixelData, number_of_frames=3))
    assert [content for _, content in parts_of(client.get(f"{path}/1,2"))] == [frame(1), frame(2)]
    for accept, media_type in {
        'multipart/related; type="image/dicom-rle"': "image/dicom-rle",
        f'multipart/related; type="image/dicom-rle"; transfer-syntax={RLELossless}': "image/dicom-rle",
        "*/*; transfer-syntax=*": "image/dicom-rle",
        f"{OCTETS}; transfer-syntax=*": SINGLE,
        f"{OCTETS}; transfer-syntax={RLELossless}": SINGLE,
    }.items():
        parts = parts_of(client.get(f"{path}/3,1", headers={"Accept": accept}))
        assert [content for _, content in parts] == [stored[2], stored[0]]
        assert {head["Content-Type"] for head, _ in parts} == {f"{media_type}; transfer-syntax={RLELossless}"}
    single = client.get(f"{path}/2", headers={"Accept": "image/dicom-rle", "Accept-Encoding": "gzip"})
    assert single.content == stored[1]
    assert "content-encoding" not in single.headers
    problem = problem_of(client.get(f"{path}/1", headers={"Accept": "image/jpx"}), 406)
    assert f"image/dicom-rle; transfer-syntax={RLELossless}" in problem["acceptable"]


def test_frames_of_several_fragments_come_joined(client: TestClient, keep: Keep) -> None:
    """PS3.18 8.7.3.3.2 with PS3.5 A.4: a frame without the items it is kept in, with every kind of offset table."""
    frames = [b"\xff\xd8" + bytes([number]) * size + b"\xff\xd9" for number, size in ((1, 40), (2, 61), (3, 8))]
    accept = f"{OCTETS}; transfer-syntax=*"
    for has_bot in (True, False):
        image = movie()
        image.PixelData = pydicom.encaps.encapsulate(frames, fragments_per_frame=2, has_bot=has_bot)
        image["PixelData"].VR, image["PixelData"].is_undefined_length = "OB", True
        path = instance_path(keep(image, transfer_syntax=JPEGLosslessSV1))
        got = [content for _, content in parts_of(client.get(f"{path}/frames/1,2,3", headers={"Accept": accept}))]
        assert [content.removesuffix(b"\0") for content in got] == frames
    image = movie()
    image.PixelData, offsets, lengths = pydicom.encaps.encapsulate_extended(frames)
    image["PixelData"].VR, image["PixelData"].is_undefined_length = "OB", True
    image.ExtendedOffsetTable, image.ExtendedOffsetTableLengths = offsets, lengths
    path = instance_path(keep(image, transfer_syntax=JPEGLosslessSV1))
    (second,) = parts_of(client.get(f"{path}/frames/2", headers={"Accept": accept}))
    assert second[1].removesuffix(b"\0") == frames[1]


def test_a_frame_that_cannot_be_decoded_can_be_had_as_stored(client: TestClient, keep: Keep) -> None:
    path = f"{instance_path(keep(encapsulated([b'no codestream at all', b'neither'], JPEG2000Lossless)))}/frames/1"
    problem = problem_of(client.get(path), 406)
    assert f"image/jp2; transfer-syntax={JPEG2000Lossless}" in problem["acceptable"]
    assert not [offer for offer in problem["acceptable"] if offer.endswith(EXPLICIT)]
    assert client.get(path, headers={"Accept": "image/jp2"}).content == b"no codestream at all"


def test_video_is_one_frame_and_sent_as_it_is(client: TestClient, keep: Keep) -> None:
    path = f"{instance_path(keep(encapsulated([b'a stream'], MPEG4HP41)))}/frames"
    assert client.get(f"{path}/1", headers={"Accept": "video/mp4"}).content == b"a stream"
    ((head, content),) = parts_of(client.get(f"{path}/1"))
    assert (head["Content-Type"], content) == (f"video/mp4; transfer-syntax={MPEG4HP41}", b"a stream")
    problem_of(client.get(f"{path}/1", headers={"Accept": f"{OCTETS}; transfer-syntax={EXPLICIT}"}), 406)
    problem_of(client.get(f"{path}/2"), 404)


def test_a_frame_as_gzip_is_the_frame(client: TestClient, keep: Keep) -> None:
    image = ct(100, 100)
    path = f"{instance_path(keep(image))}/frames/1"
    with client.stream("GET", path, headers={"Accept": SINGLE, "Accept-Encoding": "gzip"}) as response:
        assert gzip.decompress(b"".join(response.iter_raw())) == image.PixelData


@pytest.mark.parametrize(
    ("accept", "syntax"),
    [
        ("image/jls", JPEGLSLossless),
        (f"image/jp2; transfer-syntax={JPEG2000Lossless}", JPEG2000Lossless),
        ("image/jphc", HTJ2KLossless),
        (f"image/jphc; transfer-syntax={HTJ2KLosslessRPCL}", HTJ2KLosslessRPCL),
        ("image/jpeg", JPEGLosslessSV1),
        ("image/dicom-rle", RLELossless),
        (f'application/octet-stream; transfer-syntax="{JPEGLSLossless}"', JPEGLSLossless),
    ],
)
def test_frames_are_encoded_as_asked_for(client: TestClient, keep: Keep, accept: str, syntax: str) -> None:
    """The defaults of table 8.7.3-5, from native and from other compressed frames."""
    for stored in (keep(movie()), keep(rle(movie()))):
        path = f"{instance_path(stored)}/frames"
        single = client.get(f"{path}/2", headers={"Accept": accept})
        assert single.headers["content-type"] == f"{accept.partition(';')[0]}; transfer-syntax={syntax}"
        described = ImagePixels(16, 16, 1, 16, 16, 15, 1, "MONOCHROME2", 0, 3)
        assert decode(single.content, described, syntax)[0].tobytes() == frame(2)
        media_type, _, parameter = accept.partition(";")
        several = f'multipart/related; type="{media_type}"' + (f";{parameter}" if parameter else "")
        parts = parts_of(client.get(f"{path}/3,2", headers={"Accept": several}))
        assert [head["Content-Location"].rpartition("/")[2] for head, _ in parts] == ["3", "2"]
        assert parts[1][1] == single.content


def test_what_cannot_be_encoded_is_refused_with_what_can(client: TestClient, keep: Keep) -> None:
    path = f"{instance_path(keep(encapsulated([b'no codestream'], JPEG2000Lossless)))}/frames/1"
    problem = problem_of(client.get(path, headers={"Accept": "image/jls"}), 406)
    assert f"image/jp2; transfer-syntax={JPEG2000Lossless}" in problem["acceptable"]
    bits = ct(8, 8, BitsAllocated=1, BitsStored=1, HighBit=0, PixelRepresentation=0, PixelData=bytes(8))
    problem_of(client.get(f"{instance_path(keep(bits))}/frames/1", headers={"Accept": "image/jls"}), 406)


def test_a_head_makes_no_frame(client: TestClient, keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"{instance_path(keep(rle(movie())))}/frames/1"

    def never(*_: object) -> bytes:
        raise AssertionError

    monkeypatch.setattr(Pixels, "decoded_frame", never)
    decoded = client.head(path, headers={"Accept": SINGLE})
    assert (decoded.status_code, "content-length" in decoded.headers) == (200, False)
    stored = client.get(path, headers={"Accept": "image/dicom-rle"})
    head = client.head(path, headers={"Accept": "image/dicom-rle"})
    assert int(head.headers["content-length"]) == len(stored.content)


@pytest.mark.parametrize(("taken", "coding"), [("gzip, deflate, br, zstd", "zstd"), ("zstd;q=0.1, gzip", "gzip")])
def test_a_frame_in_the_best_coding(client: TestClient, keep: Keep, taken: str, coding: str) -> None:
    image = ct(100, 100, PixelData=np.repeat(np.arange(100, dtype="<i2"), 100).tobytes())
    path = f"{instance_path(keep(image))}/frames/1"
    with client.stream("GET", path, headers={"Accept": SINGLE, "Accept-Encoding": taken}) as response:
        assert response.headers["content-encoding"] == coding
        packed = b"".join(response.iter_raw())
    unpack = imagecodecs.zstd_decode if coding == "zstd" else gzip.decompress
    assert bytes(unpack(packed)) == image.PixelData
