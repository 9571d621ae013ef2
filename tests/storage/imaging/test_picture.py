import warnings
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut

from storage.errors import Refusal
from storage.imaging.greyscale import grey, stored_values
from storage.imaging.header import Header, Value
from storage.imaging.image_pixels import Undecodable, describe
from storage.imaging.picture import picture
from storage.imaging.presentation import Presentation, presentation
from storage.imaging.rendering import Rendering
from storage.imaging.voi import Window
from storage.pixels import Pixels
from tests.storage.imaging.image_headers import cs, ds, image, overlay_plane, us
from tests.support.corpus import bundled, shared
from tests.support.pixel_sources import kept, oracle, plain_files

Array = NDArray[Any]
FLOATING = {"kind": "float", "bits_allocated": 32}


def shown(samples: Array, header: Header | None = None, number: int = 1, **options: Any) -> Image.Image:
    """What `picture` makes, as PNG."""
    described = image(samples, **options.pop("image", {}))
    rendering = Rendering("image/png", **options)
    return Image.open(BytesIO(picture(samples, described, header or Header({}), number, rendering)))


ROW = np.array([[0, 64, 128, 255]], np.uint8)


@pytest.fixture(scope="module")
def pixels() -> Iterator[Pixels]:
    service = Pixels(plain_files(), processes=1)
    yield service
    service.close()


def test_grey_is_within_one_of_pydicom(pixels: Pixels) -> None:
    compared = 0
    for path in (*bundled(), *shared("transfer_syntax", "odd_legal", "modality", "objects", "colour")):
        try:
            record, layout = kept(path)
            png = pixels.rendered(record, layout, 1, Rendering("image/png"))
        except Refusal:
            continue
        expected = _by_pydicom(path)
        found = np.asarray(Image.open(BytesIO(png))).astype(np.float64)
        if expected is None or expected.shape != found.shape:
            continue
        assert np.abs(found - expected).max() <= 1, path.name
        compared += 1
    assert compared >= 20


def _by_pydicom(path: Any) -> Array | None:
    samples = oracle(path, raw=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data_set = pydicom.dcmread(path, force=True)
        if samples is None or data_set.BitsAllocated > 16:
            return None
        if data_set.PhotometricInterpretation == "PALETTE COLOR":
            colours = apply_color_lut(samples, data_set)
            return np.asarray(colours >> 8 if colours.max() > 255 else colours)
        if samples.ndim == 3:
            return samples if samples.dtype.itemsize == 1 else None
        # What lies over the image, or beside it, pydicom does not know.
        if "PixelPaddingValue" in data_set or 0x60000010 in data_set or data_set.get("PixelPresentation") == "COLOR":
            return None
        if "WindowCenter" not in data_set and "VOILUTSequence" not in data_set:
            return None
        windowed = apply_voi_lut(apply_modality_lut(samples, data_set), data_set).astype(np.float64)
    low, high = _output_range(data_set)
    grey = (windowed - low) / (high - low) * 255
    return 255 - grey if data_set.PhotometricInterpretation == "MONOCHROME1" else grey


def _output_range(data_set: pydicom.Dataset) -> tuple[float, float]:
    """The range that pydicom's window function fills."""
    if "VOILUTSequence" in data_set:
        return 0.0, 2.0 ** data_set.VOILUTSequence[0].LUTDescriptor[2] - 1
    if "ModalityLUTSequence" in data_set:
        return 0.0, 2.0 ** data_set.ModalityLUTSequence[0].LUTDescriptor[2] - 1
    half = 2.0 ** (data_set.BitsStored - 1)
    low, high = (-half, half - 1) if data_set.PixelRepresentation else (0.0, 2 * half - 1)
    slope, intercept = float(data_set.get("RescaleSlope", 1)), float(data_set.get("RescaleIntercept", 0))
    return low * slope + intercept, high * slope + intercept


def test_the_window_comes_after_the_rescaling() -> None:
    header = Header({0x00281053: ds(2), 0x00281052: ds(-100), 0x00281050: ds(28, 999), 0x00281051: ds(256, 1)})
    # 0 -> -100 is the lower end of 28 - 0.5 +- 127.5, 64 -> 28, 128 -> 156 is beyond 155.
    assert np.asarray(shown(ROW, header)).tolist() == [[0, 128, 255, 255]]


def test_a_window_that_is_asked_for_replaces_the_stored_one() -> None:
    header = Header({0x00281050: ds(1), 0x00281051: ds(1)})
    assert np.asarray(shown(ROW, header, window=(128, 256, "LINEAR"))).tolist() == [[0, 64, 128, 255]]
    assert np.asarray(shown(ROW, header, window=(127.5, 255, "LINEAR_EXACT"))).tolist() == [[0, 64, 128, 255]]
    assert np.asarray(shown(ROW, header, window=(64, 1, "SIGMOID"))).tolist() == [[0, 128, 255, 255]]


def test_monochrome1_and_inverse_shape_turn_grey_round_once() -> None:
    inverse = Header({0x20500020: Value("CS", b"INVERSE ", False)})
    one = {"photometric_interpretation": "MONOCHROME1"}
    turned = [[255, 191, 127, 0]]
    assert np.asarray(shown(ROW, image=one)).tolist() == turned
    assert np.asarray(shown(ROW, inverse)).tolist() == turned
    assert np.asarray(shown(ROW, inverse, image=one)).tolist() == turned


def test_functional_groups_of_the_frame_count_before_the_shared_ones() -> None:
    def group(center: int) -> Header:
        return Header({}, {0x00289132: (Header({0x00281050: ds(center), 0x00281051: ds(2)}),)})

    rescaled = Header({}, {0x00289145: (Header({0x00281053: ds(1), 0x00281052: ds(10)}),)})
    both = Header({}, dict(rescaled.sequences) | dict(group(7).sequences))
    header = Header({}, {0x52009230: (group(1), Header({}), group(3)), 0x52009229: (both,)})
    found = [presentation(header, image(ROW), number) for number in (1, 2, 3, 4)]
    assert [one.window for one in found] == [Window(center, 2) for center in (1, 7, 3, 7)]
    assert {one.intercept for one in found} == {10.0}


def test_without_window_eight_bits_are_shown_as_they_are() -> None:
    dim = np.array([[10, 20]], np.uint8)
    assert np.asarray(shown(dim)).tolist() == [[10, 20]]


def test_without_window_percentiles_are_found_beside_the_padding() -> None:
    samples = np.linspace(1000, 2000, 10000).astype("<i2").reshape(100, 100)
    samples[:40] = -2000
    header = Header({0x00280120: us(63536)})
    made = np.asarray(shown(samples, header))
    assert made[50:].min() < made[50:].max() == 255
    assert np.count_nonzero(made[40:] == 0) < 100
    assert len(np.unique(made[40:])) > 200


def test_dose_and_floats_span_their_range() -> None:
    dose = np.arange(1000, dtype="<u4").reshape(20, 50) * 1_000_000
    header = Header({0x00080060: Value("CS", b"RTDOSE", False)})
    assert np.asarray(shown(dose, header)).flatten()[[0, 500, -1]].tolist() == [0, 128, 255]
    floats = np.array([[-1.0, 0.0, np.nan, 1.0, np.inf]], "<f4")
    assert np.asarray(shown(floats, image=FLOATING)).tolist() == [[0, 128, 0, 255, 255]]


def test_single_bits_and_fractions_of_a_segmentation() -> None:
    bits = np.array([[0, 1]], np.uint8)
    one_bit = {"bits_allocated": 1, "bits_stored": 1, "high_bit": 0}
    assert np.asarray(shown(bits, image=one_bit)).tolist() == [[0, 255]]
    fraction = Header({0x0062000E: us(100)})
    assert np.asarray(shown(np.array([[0, 50, 100]], np.uint8), fraction)).tolist() == [[0, 128, 255]]


def test_a_flat_image_is_shown() -> None:
    assert np.asarray(shown(np.full((3, 3), 700, "<u2"))).max() == 0


@pytest.mark.parametrize(
    ("stored", "high_bit", "kind", "raw", "value"),
    [(12, 11, "<u2", 0xF123, 0x123), (12, 15, "<u2", 0x1230, 0x123), (12, 11, "<i2", 0x0FFF, -1), (8, 7, "u1", 9, 9)],
)
def test_what_lies_beside_bits_stored_is_ignored(stored: int, high_bit: int, kind: str, raw: int, value: int) -> None:
    samples = np.array([[raw]], kind)
    assert stored_values(samples, image(samples, bits_stored=stored, high_bit=high_bit)).tolist() == [[value]]


def test_colour_knows_no_window() -> None:
    colours = np.array([[[10, 20, 30], [200, 210, 220]]], np.uint8)
    header = Header({0x00281050: ds(1), 0x00281051: ds(1)})
    assert np.asarray(shown(colours, header)).tolist() == colours.tolist()


def test_wide_colour_keeps_its_upper_bits() -> None:
    colours = np.array([[[0, 0x8000, 0xFFFF]]], "<u2")
    assert np.asarray(shown(colours)).tolist() == [[[0, 0x80, 0xFF]]]


@pytest.mark.parametrize(
    ("photometric", "samples", "expected"),
    [
        ("YBR_FULL", (76, 85, 255), (254, 0, 0)),
        ("YBR_FULL", (128, 128, 128), (128, 128, 128)),
        ("YBR_PARTIAL", (16, 128, 128), (0, 0, 0)),
        ("YBR_PARTIAL", (235, 128, 128), (255, 255, 255)),
    ],
)
def test_ybr_becomes_rgb(photometric: str, samples: tuple[int, ...], expected: tuple[int, ...]) -> None:
    one = np.array([[samples]], np.uint8)
    made = np.asarray(shown(one, image={"photometric_interpretation": photometric})).astype(int)
    assert np.abs(made - np.array([[expected]])).max() <= 1


def test_palette_with_first_value_and_eight_bits_in_sixteen() -> None:
    words = [Value("OW", np.array(entries, "<u2").tobytes(), False) for entries in ([1, 2], [3, 4], [5, 65280])]
    header = Header({0x00281101 + i: us(2, 10, 16) for i in range(3)} | {0x00281201 + i: words[i] for i in range(3)})
    made = shown(np.array([[0, 10, 11, 99]], np.uint8), header, image={"photometric_interpretation": "PALETTE COLOR"})
    assert np.asarray(made).tolist() == [[[1, 3, 0], [1, 3, 0], [2, 4, 255], [2, 4, 255]]]


def test_a_palette_whose_tables_differ_in_length() -> None:
    tables = [np.arange(length, dtype="<u2").tobytes() for length in (2, 3, 4)]
    header = Header(
        {0x00281101 + i: us(2 + i, 0, 8) for i in range(3)}
        | {0x00281201 + i: Value("OW", tables[i], False) for i in range(3)}
    )
    made = shown(np.array([[0, 9]], np.uint8), header, image={"photometric_interpretation": "PALETTE COLOR"})
    assert np.asarray(made).tolist() == [[[0, 0, 0], [1, 2, 3]]]


def test_a_supplemental_palette_colours_the_upper_values_only() -> None:
    """C.7.6.19: values below the first that is mapped stay grey."""
    tables = {0x00281101 + i: us(2, 200, 8) for i in range(3)}
    tables |= {0x00281201 + i: Value("OW", bytes((i, 9 + i)), False) for i in range(3)}
    header = Header(tables | {0x00089205: cs("COLOR")})
    made = np.asarray(shown(np.array([[50, 199, 200, 201]], np.uint8), header))
    assert made.tolist() == [[[50, 50, 50], [199, 199, 199], [0, 1, 2], [9, 10, 11]]]
    assert np.asarray(shown(np.array([[50, 200]], np.uint8), Header(tables))).tolist() == [[50, 200]]


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_background(photometric: str) -> None:
    """Pixel Padding Value and Range Limit are no image (C.7.5.1.1.2): black, also where low values are white."""
    header = Header({0x00280120: us(0), 0x00280121: us(9), 0x00280050: ds(1)})
    samples = np.array([[0, 9, 10, 255]], np.uint8)
    made = np.asarray(shown(samples, header, image={"photometric_interpretation": photometric}))
    assert made.tolist() == [[0, 0, 10, 255] if photometric == "MONOCHROME2" else [0, 0, 245, 0]]


def test_overlays_are_white_and_shutters_cover_them() -> None:
    shutter = {
        0x00181602: us(1),
        0x00181604: us(3),
        0x00181606: us(1),
        0x00181608: us(1),
        0x00181600: cs("RECTANGULAR"),
    }
    plane = overlay_plane(0x6000, np.array([[1, 0, 0, 1]], bool))
    assert np.asarray(shown(ROW, Header(plane))).tolist() == [[255, 64, 128, 255]]
    assert np.asarray(shown(ROW, Header(plane | shutter))).tolist() == [[255, 64, 128, 0]]
    colours = np.full((1, 4, 3), 7, np.uint8)
    assert np.asarray(shown(colours, Header(plane | shutter)))[0, :, 0].tolist() == [255, 7, 7, 0]


def test_a_lookup_table_maps_negative_values_although_its_descriptor_says_us() -> None:
    """C.11.2.1.1: the first value that is mapped has the sign of what the step before yields."""
    item = Header({0x00283002: us(3, 65535, 8), 0x00283006: Value("OW", bytes((10, 20, 30, 0)), False)})
    header = Header({}, {0x00283010: (item,)})
    assert np.asarray(shown(np.array([[-1, 0, 1]], "<i2"), header)).tolist() == [[10, 20, 30]]


def test_a_palette_image_without_palette_is_refused() -> None:
    with pytest.raises(Undecodable, match="palette"):
        shown(ROW, image={"photometric_interpretation": "PALETTE COLOR"})


@pytest.mark.parametrize(
    ("tag", "value", "size"),
    [
        (0x00280030, ds(1, 0.5), (40, 40)),
        (0x00280030, ds(0.5, 1), (80, 20)),
        (0x00280034, Value("IS", b"1\\2", False), (80, 20)),
        (0x00181164, ds(1.0, 1.001), (40, 20)),
        (0x00280030, ds(0, 1), (40, 20)),
        (0x00280030, ds(1, 1000), (40, 20)),
    ],
)
def test_pixels_become_square(tag: int, value: Value, size: tuple[int, int]) -> None:
    assert shown(np.zeros((20, 40), np.uint8), Header({tag: value})).size == size


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"viewport": (20, 20)}, (20, 10)),
        ({"viewport": (400, 5)}, (10, 5)),
        ({"viewport": (400, 400)}, (40, 20)),
        ({"viewport": (400, 400), "enlarge": True}, (400, 200)),
        ({"viewport": (1, 1)}, (1, 1)),
    ],
)
def test_the_picture_fits_inside_the_viewport(options: dict[str, Any], size: tuple[int, int]) -> None:
    assert shown(np.zeros((20, 40), np.uint8), **options).size == size


def test_a_region_may_be_mirrored() -> None:
    samples = np.arange(20, dtype=np.uint8).reshape(4, 5)
    assert np.array_equal(np.asarray(shown(samples, region=(1, 2, 3, 2))), samples[2:4, 1:4])
    assert np.array_equal(np.asarray(shown(samples, region=(1, 2, -3, -2))), samples[2:4, 1:4][::-1, ::-1])
    assert np.array_equal(np.asarray(shown(samples, region=(3, 3, 100, 100))), samples[3:, 3:])
    with pytest.raises(Undecodable, match="outside"):
        shown(samples, region=(5, 0, 2, 2))


def test_a_picture_beyond_all_measure_is_refused() -> None:
    with pytest.raises(Undecodable, match="larger"):
        shown(ROW, viewport=(1 << 20, 1 << 20), enlarge=True)


def test_jpeg_is_baseline_with_whole_chrominance() -> None:
    colours = np.zeros((16, 16, 3), np.uint8)
    colours[:, ::2] = (255, 0, 0)
    made = Image.open(BytesIO(picture(colours, image(colours), Header({}), 1, Rendering("image/jpeg"))))
    assert (made.format, made.mode, made.info.get("progressive")) == ("JPEG", "RGB", None)
    assert np.abs(np.asarray(made).astype(int) - colours).max() < 40


def test_large_images_are_made_in_slabs() -> None:
    samples = np.arange(1200 * 1000, dtype="<u4").reshape(1200, 1000)
    whole = grey(samples, image(samples), Presentation(window=Window(600_000, 1_200_000)))
    assert np.array_equal(whole[:10], grey(samples[:10], image(samples[:10]), Presentation(window=Window(6e5, 1.2e6))))
    assert (whole[0, 0], whole[-1, -1]) == (0, 255)


@pytest.mark.parametrize(
    ("tag", "value", "reason"),
    [(0x00280010, 0, "Rows"), (0x00280002, 7, "Samples"), (0x00280100, 13, "Bits"), (0x00280103, 2, "Representation")],
)
def test_what_makes_no_sense_is_named(tag: int, value: int, reason: str) -> None:
    good = {0x00280010: us(2), 0x00280011: us(2), 0x00280100: us(8)}
    assert describe(Header(good)).shape == (2, 2)
    with pytest.raises(Undecodable, match=reason):
        describe(Header(good | {tag: us(value)}))
