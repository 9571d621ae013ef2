"""PNG and GIF as the Pixel Data of what is stored (PS3.18 10.5.2): what they become, and what is no Pixel Data."""

import zlib
from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.datadict import tag_for_keyword
from pydicom.uid import ExplicitVRLittleEndian
from starlette.testclient import TestClient

from dicomweb.store import pictures
from storage.imaging.profiles import matrix_profile
from storage.storage import Storage
from tests.dicomweb.store.test_assembling import FORMS, described, kept, post
from tests.dicomweb.store.test_stow import left_over, reasons
from tests.dicomweb.store_bodies import bulk, metadata

GREY = np.arange(12, dtype="u1").reshape(3, 4) * 20
WIDE = np.arange(12, dtype="u2").reshape(3, 4) * 300
COLOUR = np.arange(36, dtype="u1").reshape(3, 4, 3) * 7
ADOBE = matrix_profile("adobergb")
DESCRIPTION = ("00280002", "00280004", "00280010", "00280011", "00280100", "00280101", "00280102", "00280103")
PNG, GIF = "image/png", "image/gif"


def undescribed(**more: Any) -> dict[str, Any]:
    """Metadata without the Image Pixel Description, but for `more` of it by keyword."""
    stated = {f"{tag_for_keyword(keyword):08X}" for keyword in more}
    return {tag: one for tag, one in described(**more).items() if tag not in DESCRIPTION or tag in stated}


def file(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    target = BytesIO()
    picture.save(target, form, **options)
    return target.getvalue()


def picture(samples: np.ndarray[Any, Any], form: str = "PNG", **options: Any) -> bytes:
    return file(Image.fromarray(samples), form, **options)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("samples", "sent", "media_type", "meaning"),
    [
        pytest.param(GREY, picture(GREY), PNG, (1, "MONOCHROME2", 8), id="grey-png"),
        pytest.param(WIDE, picture(WIDE), PNG, (1, "MONOCHROME2", 16), id="wide-png"),
        pytest.param(COLOUR, picture(COLOUR), PNG, (3, "RGB", 8), id="colour-png"),
        pytest.param(GREY, picture(GREY, "GIF"), GIF, (1, "MONOCHROME2", 8), id="grey-gif"),
        pytest.param(COLOUR, file(Image.fromarray(COLOUR).quantize(12), "GIF"), GIF, (3, "RGB", 8), id="colour-gif"),
        pytest.param(
            COLOUR,
            file(Image.fromarray(np.dstack([COLOUR, np.full((3, 4), 255, "u1")]))),
            PNG,
            (3, "RGB", 8),
            id="opaque-png",
        ),
    ],
)
def test_pictures_become_native_pixels(
    client: TestClient,
    form: str,
    samples: np.ndarray[Any, Any],
    sent: bytes,
    media_type: str,
    meaning: tuple[int, str, int],
) -> None:
    """What the metadata leave out of the Image Pixel Description comes from the picture."""
    data_set = undescribed()
    stored = kept(client, post(client, metadata([data_set], form) + bulk("pixels", sent, media_type), form))
    assert stored.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert (stored.SamplesPerPixel, stored.PhotometricInterpretation, stored.BitsAllocated) == meaning
    assert (stored.Rows, stored.Columns, stored.PixelRepresentation) == (3, 4, 0)
    assert (stored.BitsStored, stored.HighBit) == (meaning[2], meaning[2] - 1)
    assert np.array_equal(stored.pixel_array, samples)
    again = post(client, metadata([data_set], form) + bulk("pixels", sent, media_type), form)
    assert again.status_code == 200


def test_the_colour_profile_of_a_picture_is_that_of_the_image(client: TestClient) -> None:
    sent = picture(COLOUR, icc_profile=ADOBE)
    stored = kept(client, post(client, metadata([undescribed()]) + bulk("pixels", sent, PNG)))
    assert stored.ICCProfile[: len(ADOBE)] == ADOBE
    assert np.array_equal(stored.pixel_array, COLOUR), "nothing is converted"


def test_frames_of_several_colour_profiles_are_no_image_together(client: TestClient) -> None:
    parts = bulk("pixels", picture(COLOUR, icc_profile=ADOBE), PNG) + bulk("pixels", picture(COLOUR), PNG)
    response = post(client, metadata([undescribed()]) + parts)
    assert (response.status_code, reasons(response.json())) == (409, [0xA900])


def test_a_colour_profile_of_the_metadata_counts_more(client: TestClient) -> None:
    named = undescribed() | {"00282000": {"vr": "OB", "InlineBinary": b64encode(b"mine").decode()}}
    sent = picture(COLOUR, icc_profile=ADOBE)
    stored = kept(client, post(client, metadata([named]) + bulk("pixels", sent, PNG)))
    assert stored.ICCProfile == b"mine"


def test_grey_has_no_colour_profile(client: TestClient) -> None:
    sent = picture(GREY, icc_profile=ADOBE)
    stored = kept(client, post(client, metadata([undescribed()]) + bulk("pixels", sent, PNG)))
    assert "ICCProfile" not in stored


def test_what_the_metadata_say_counts_where_it_is_true(client: TestClient) -> None:
    data_set = undescribed(BitsStored=12, HighBit=11, PhotometricInterpretation="MONOCHROME1")
    stored = kept(client, post(client, metadata([data_set]) + bulk("pixels", picture(WIDE), PNG)))
    assert (stored.BitsStored, stored.HighBit, stored.PhotometricInterpretation) == (12, 11, "MONOCHROME1")


@pytest.mark.parametrize(
    ("sent", "media_type"), [(picture(GREY), PNG), (picture(GREY, "GIF"), GIF)], ids=["png", "gif"]
)
def test_grey_is_colour_where_the_metadata_say_so(client: TestClient, sent: bytes, media_type: str) -> None:
    data_set = undescribed() | {"00280002": {"vr": "US", "Value": [3]}}
    stored = kept(client, post(client, metadata([data_set]) + bulk("pixels", sent, media_type)))
    assert np.array_equal(stored.pixel_array, np.repeat(GREY[..., np.newaxis], 3, axis=2))


def test_several_pictures_are_the_frames(client: TestClient) -> None:
    parts = bulk("pixels", picture(GREY), PNG) + bulk("pixels", picture(GREY[::-1]), PNG)
    stored = kept(client, post(client, metadata([undescribed()]) + parts))
    assert stored.NumberOfFrames == 2
    assert np.array_equal(stored.pixel_array, np.stack([GREY, GREY[::-1]]))


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        *(("00280010", 4), ("00280011", 3), ("00280002", 3), ("00280004", "YBR_FULL"), ("00280008", 2)),
        *(("00280100", 8), ("00280101", 11), ("00280101", 17), ("00280102", 11), ("00280103", 1)),
    ],
)
def test_a_picture_that_the_metadata_contradict(client: TestClient, storage: Storage, tag: str, value: Any) -> None:
    data_set = undescribed() | {tag: {"vr": "CS" if isinstance(value, str) else "US", "Value": [value]}}
    response = post(client, metadata([data_set]) + bulk("pixels", picture(WIDE), PNG))
    assert (response.status_code, reasons(response.json())) == (409, [0xA900])
    assert not left_over(storage)


@pytest.mark.parametrize(
    "others",
    [
        pytest.param(bulk("pixels", picture(GREY[:2]), PNG), id="size"),
        pytest.param(bulk("pixels", picture(COLOUR), PNG), id="colour"),
        pytest.param(bulk("pixels", picture(GREY, "GIF"), GIF), id="media-type"),
    ],
)
def test_frames_that_are_no_image_together(client: TestClient, others: Any) -> None:
    response = post(client, metadata([undescribed()]) + bulk("pixels", picture(GREY), PNG) + others)
    assert (response.status_code, reasons(response.json())) == (409, [0xA900])


def see_through() -> bytes:
    return file(Image.fromarray(np.dstack([COLOUR, np.full((3, 4), 254, "u1")])))


def deep_colour() -> bytes:
    """A whole PNG of 16 bits a channel of colour (ISO/IEC 15948), of which Pillow would keep the upper half."""
    header = (4).to_bytes(4, "big") + (3).to_bytes(4, "big") + bytes([16, 2, 0, 0, 0])
    pixels = zlib.compress((b"\0" + bytes(range(24))) * 3)
    chunks = [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
    sealed = [
        len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")
        for name, content in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(sealed)


def moving() -> bytes:
    return picture(GREY, "GIF", save_all=True, append_images=[Image.fromarray(GREY[::-1])])


@pytest.mark.parametrize(
    ("made", "media_type"),
    [
        pytest.param(lambda: picture(GREY)[:50], PNG, id="broken-off"),
        pytest.param(lambda: picture(GREY), GIF, id="another-kind"),
        pytest.param(see_through, PNG, id="transparent"),
        pytest.param(deep_colour, PNG, id="deep-colour"),
        pytest.param(moving, GIF, id="moving"),
        pytest.param(lambda: file(Image.new("1", (20_000, 20_000)), compress_level=1), PNG, id="bomb"),
        pytest.param(lambda: file(Image.new("1", (66_000, 1))), PNG, id="wider-than-columns-can-be"),
    ],
)
def test_pictures_that_are_no_pixel_data(
    client: TestClient, storage: Storage, made: Callable[[], bytes], media_type: str
) -> None:
    response = post(client, metadata([undescribed()]) + bulk("pixels", made(), media_type))
    assert (response.status_code, reasons(response.json())) == (409, [0xC000])
    assert not left_over(storage)


def test_many_small_bombs_are_one(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_FREELY", 400_000)
    sent = file(Image.new("1", (600, 600)))
    data_sets = [undescribed() | {"7FE00010": {"vr": "OB", "BulkDataURI": uri}} for uri in ("one", "two")]
    response = post(client, metadata(data_sets) + bulk("one", sent, PNG) + bulk("two", sent, PNG))
    assert (response.status_code, reasons(response.json())) == (202, [0xC000])


def test_two_instances_may_share_a_picture(client: TestClient) -> None:
    """It is decoded once."""
    parts = metadata([undescribed(), undescribed()]) + bulk("pixels", picture(COLOUR), PNG)
    response = post(client, parts)
    assert response.status_code == 200
