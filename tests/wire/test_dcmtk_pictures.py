"""Our pictures beside DCMTK's (dcmj2pnm, dcmp2pgm): the same greys by PS3.3 C.11, within one level of rounding.

Where the two differ by intent:

* DCMTK shows padding like image; here it is background (C.7.5.1.1.2), so padding pixels are left out.
* Without a window DCMTK stretches what is possible, we what is there; so both are asked for the same window.
* dcmj2pnm does not make pixels square unless it scales, so images with other pixels are told apart by their size.
* From YBR DCMTK converts with tables of integers, whose error is up to two levels.
* It knows neither supplemental palettes (C.7.6.19) nor JPEG-LS, JPEG 2000, JPEG XL in the program at hand: what it
  cannot decode it gets decompressed by us, which other tests compare with other decoders.
"""

import subprocess
import warnings
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from storage.errors import Refusal
from storage.imaging.decoding import presentation_state as applied_state
from storage.imaging.decoding import rendered_frame
from storage.imaging.stored_image import open_image
from storage.pixels import Pixels, Rendering
from tests.support.corpus import bundled, shared
from tests.support.dcmtk import program
from tests.support.patience import PATIENCE
from tests.support.pixel_sources import kept, plain_files, written
from tests.support.presentation_states import presentation_state
from tests.support.synthetic import ct

Array = NDArray[Any]
Window = tuple[float, float, str]

EXPLICIT = "1.2.840.10008.1.2.1"
_FOLDERS = ("modality", "odd_legal", "colour", "objects", "transfer_syntax")


@pytest.fixture(scope="module")
def pixels() -> Iterator[Pixels]:
    service = Pixels(plain_files(), processes=1)
    yield service
    service.close()


def _ran(command: list[str], made: Path) -> Array | None:
    result = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
    return np.asarray(Image.open(made)).astype(int) if result.returncode == 0 else None


def dcmj2pnm(path: Path, folder: Path, *options: str) -> Array | None:
    made = folder / "theirs.pnm"
    return _ran([program("dcmj2pnm"), "-q", "+op", *options, str(path), str(made)], made)


def ours(pixels: Pixels, path: Path, **options: Any) -> Array:
    record, layout = kept(path)
    png = pixels.rendered(record, layout, options.pop("frame", 1), Rendering("image/png", **options))
    return np.asarray(Image.open(BytesIO(png))).astype(int)


def difference(one: Array, other: Array | None) -> int:
    assert other is not None and one.shape == other.shape
    return int(np.abs(one - other).max())


def test_real_files(pixels: Pixels, tmp_path: Path) -> None:
    compared = 0
    for path in (*bundled(), *shared(*_FOLDERS)):
        data_set = _image(path)
        if data_set is None:
            continue
        options, window = _asking(data_set)
        try:
            found = ours(pixels, path, window=window)
            expected = dcmj2pnm(path, tmp_path, *options)
            if expected is None:
                expected = dcmj2pnm(_decompressed(pixels, path, tmp_path), tmp_path, *options)
        except Refusal:
            continue
        if expected is None or (expected.shape != found.shape and _is_known_to_differ(data_set)):
            continue
        assert expected.shape == found.shape, path.name
        # What was JPEG is decoded by two libraries, and colour is then converted from what they rounded.
        lossy = data_set.file_meta.get("TransferSyntaxUID", "").startswith("1.2.840.10008.1.2.4.5")
        allowed = 3 if lossy and found.ndim == 3 else 1
        assert np.abs(found - expected)[~_padding(pixels, path, data_set)].max(initial=0) <= allowed, path.name
        compared += 1
    assert compared >= 60


def _image(path: Path) -> Dataset | None:
    """The data set, of images that both sides can show."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data_set = pydicom.dcmread(path, force=True)
        if "PixelData" not in data_set or data_set.get("Rows", 0) * data_set.get("Columns", 0) > 1 << 20:
            return None
        return data_set if data_set.get("BitsAllocated", 0) in (1, 8, 16) else None


def _asking(data_set: Dataset) -> tuple[list[str], Window | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if data_set.get("SamplesPerPixel") != 1 or data_set.get("PhotometricInterpretation") == "PALETTE COLOR":
            return [], None
        if "VOILUTSequence" in data_set:
            return ["+Wl", "1"], None
        if "WindowCenter" in data_set:
            return ["+Wi", "1"], None
        center, width = (1000, 2000) if data_set.get("BitsStored", 16) > 8 else (120, 200)
        return ["+Ww", str(center), str(width)], (float(center), float(width), "LINEAR")


def _is_known_to_differ(data_set: Dataset) -> bool:
    return data_set.get("PixelPresentation") == "COLOR" or any(
        len(set(data_set[keyword].value)) > 1
        for keyword in ("PixelSpacing", "PixelAspectRatio", "ImagerPixelSpacing")
        if keyword in data_set
    )


def _decompressed(pixels: Pixels, path: Path, folder: Path) -> Path:
    made = folder / "native.dcm"
    with pixels.transcoded(kept(path)[0], EXPLICIT) as file:
        made.write_bytes(file.read())
    return made


def _padding(pixels: Pixels, path: Path, data_set: Dataset) -> Array:
    record, layout = kept(path)
    frame = pixels.decoded(record, layout, 1)
    shape = (frame.rows, frame.columns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if "PixelPaddingValue" not in data_set or frame.samples_per_pixel != 1:
            return np.zeros(shape if frame.samples_per_pixel == 1 else (*shape, 3), bool)
        value = data_set.PixelPaddingValue
        ends = [int.from_bytes(value[:2], "little") if isinstance(value, bytes) else int(value)]
        ends += [int(data_set.PixelPaddingRangeLimit)] if "PixelPaddingRangeLimit" in data_set else []
    kind = ("<i" if frame.pixel_representation else "<u") + str(frame.bits_allocated // 8)
    values = np.frombuffer(frame.pixels, kind).reshape(shape)
    ends = [int(np.array(end).astype(kind)) for end in ends]
    return (values >= min(ends)) & (values <= max(ends))


def _lut(*entries: int, first: int = 0, bits: int = 16) -> Sequence:
    item = Dataset()
    item.add_new(0x00283002, "US", [len(entries), first % 65536, bits])
    item.add_new(0x00283006, "US", list(entries))
    return Sequence([item])


def _overlaid(image: Dataset, group: int, mask: Array, origin: tuple[int, int] = (1, 1)) -> None:
    block = group << 16
    image.add_new(block | 0x0010, "US", mask.shape[0])
    image.add_new(block | 0x0011, "US", mask.shape[1])
    image.add_new(block | 0x0040, "CS", "G")
    image.add_new(block | 0x0050, "SS", list(origin))
    image.add_new(block | 0x0100, "US", 1)
    image.add_new(block | 0x0102, "US", 0)
    packed = np.packbits(mask, bitorder="little").tobytes()
    image.add_new(block | 0x3000, "OW", packed + b"\0" * (len(packed) % 2))


def _with_overlay(image: Dataset) -> None:
    mask = np.zeros((20, 31), bool)
    mask[::3, 2::5] = True
    _overlaid(image, 0x6000, mask)
    _overlaid(image, 0x6002, mask[:9, :13], (30, 40))
    _overlaid(image, 0x6004, mask[:9, :13], (-2, -3))


def _with_embedded_overlay(image: Dataset) -> None:
    values = np.frombuffer(image.PixelData, "<u2").copy() & 0x0FFF
    values[::7] |= 0x4000
    image.PixelData = values.tobytes()
    block = 0x60000000
    for element, vr, value in ((0x10, "US", 48), (0x11, "US", 64), (0x40, "CS", "G"), (0x50, "SS", [1, 1])):
        image.add_new(block | element, vr, value)
    image.add_new(block | 0x0100, "US", 16)
    image.add_new(block | 0x0102, "US", 14)


def _grey(**attributes: Any) -> Dataset:
    """All of 12 bits, unsigned."""
    whole = {"RescaleIntercept": "0", "WindowCenter": "2048", "WindowWidth": "4096"}
    image = ct(48, 64, **(whole | attributes))
    image.BitsStored, image.HighBit, image.PixelRepresentation = 12, 11, 0
    image.PixelData = (np.arange(48 * 64) * 1.333).astype("<u2").tobytes()
    return image


def _signed() -> Dataset:
    image = _grey(WindowCenter="-200", WindowWidth="900", RescaleSlope="0.7")
    image.PixelRepresentation = 1
    image.PixelData = (np.arange(48 * 64) - 1500).astype("<i2").tobytes()
    return image


def _high_bit() -> Dataset:
    image = _grey(HighBit=13)
    image.HighBit = 13
    image.PixelData = (np.frombuffer(image.PixelData, "<u2") << 2).astype("<u2").tobytes()
    return image


def _changed(change: Callable[[Dataset], None]) -> Callable[[], Dataset]:
    def make() -> Dataset:
        image = _grey()
        change(image)
        return image

    return make


def _add(keyword: str, value: Any) -> Callable[[], Dataset]:
    return _changed(lambda image: setattr(image, keyword, value))


_CURVE = [int(65535 * (at / 255) ** 2) for at in range(256)]
VARIANTS: dict[str, tuple[Callable[[], Dataset], list[str]]] = {
    "linear": (_grey, ["+Wi", "1"]),
    "signed, rescaled": (_signed, ["+Wi", "1"]),
    "high bit above": (_high_bit, ["+Wi", "1"]),
    "first of two windows": (lambda: _grey(WindowCenter=["700", "3000"], WindowWidth=["500", "90"]), ["+Wi", "1"]),
    "sigmoid": (_add("VOILUTFunction", "SIGMOID"), ["+Wi", "1"]),
    "monochrome1": (_add("PhotometricInterpretation", "MONOCHROME1"), ["+Wi", "1"]),
    "voi lut": (_add("VOILUTSequence", _lut(*_CURVE, first=900)), ["+Wl", "1"]),
    "voi lut of 10 bits": (_add("VOILUTSequence", _lut(*(at * 4 for at in range(256)), bits=10)), ["+Wl", "1"]),
    "modality lut": (
        _changed(lambda image: image.add(_modality_lut(image))),
        ["+Wi", "1"],
    ),
    "overlays": (_changed(_with_overlay), ["+Wi", "1"]),
    "overlay beside the pixels": (_changed(_with_embedded_overlay), ["+Wi", "1"]),
}


def _modality_lut(image: Dataset) -> Any:
    del image.RescaleSlope, image.RescaleIntercept
    sequence = _lut(*(4095 - at for at in range(4096)), bits=12)
    sequence[0].add_new(0x00283004, "LO", "US")
    return pydicom.DataElement(0x00283000, "SQ", sequence)


@pytest.mark.parametrize("variant", VARIANTS)
def test_greyscale_variants(pixels: Pixels, tmp_path: Path, variant: str) -> None:
    make, options = VARIANTS[variant]
    path = written(tmp_path, make())
    found = ours(pixels, path)
    assert found.max() > found.min()
    assert difference(found, dcmj2pnm(path, tmp_path, *options)) <= 1


@pytest.mark.parametrize("window", [(100, 1), (2000, 2), (1000.5, 333.25), (4000, 8000)])
@pytest.mark.parametrize("function", ["LINEAR", "SIGMOID"])
def test_windows_that_are_asked_for(pixels: Pixels, tmp_path: Path, window: tuple[float, float], function: str) -> None:
    path = written(tmp_path, _grey())
    option = {"LINEAR": "+Wfl", "SIGMOID": "+Wfs"}[function]
    expected = dcmj2pnm(path, tmp_path, option, "+Ww", *map(str, window))
    assert difference(ours(pixels, path, window=(*window, function)), expected) <= 1


def _colour(photometric: str, planar: int = 0) -> Dataset:
    image = ct(16, 32, SamplesPerPixel=3, PhotometricInterpretation=photometric, PlanarConfiguration=planar)
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 8, 8, 7, 0
    size = 16 * 32 * (2 if photometric.endswith("422") else 3)
    image.PixelData = np.random.default_rng(4).integers(0, 256, size, np.uint8).tobytes()
    image["PixelData"].VR = "OB"
    return image


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_colour_variants(pixels: Pixels, tmp_path: Path, photometric: str, planar: int) -> None:
    path = written(tmp_path, _colour(photometric, planar))
    assert difference(ours(pixels, path), dcmj2pnm(path, tmp_path)) <= (0 if photometric == "RGB" else 2)


def test_subsampled_colour(pixels: Pixels, tmp_path: Path) -> None:
    path = written(tmp_path, _colour("YBR_FULL_422"))
    assert difference(ours(pixels, path), dcmj2pnm(path, tmp_path)) <= 2


@pytest.mark.parametrize("first", [0, 20])
@pytest.mark.parametrize("bits", [8, 16])
def test_palettes(pixels: Pixels, tmp_path: Path, bits: int, first: int) -> None:
    image = ct(16, 16, PhotometricInterpretation="PALETTE COLOR")
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 8, 8, 7, 0
    image.PixelData = np.arange(256, dtype=np.uint8).tobytes()
    image["PixelData"].VR = "OB"
    draw = np.random.default_rng(bits)
    for at in range(3):
        image.add_new(0x00281101 + at, "US", [200, first, bits])
        entries = draw.integers(0, 1 << bits, 200).astype("<u2" if bits == 16 else "u1")
        image.add_new(0x00281201 + at, "OW", entries.tobytes())
    path = written(tmp_path, image)
    assert difference(ours(pixels, path), dcmj2pnm(path, tmp_path)) <= 1


def _softcopy_window(state: Dataset) -> None:
    item = Dataset()
    item.WindowCenter, item.WindowWidth = "900", "700"
    state.SoftcopyVOILUTSequence = [item]


def _softcopy_lut(state: Dataset) -> None:
    item = Dataset()
    item.VOILUTSequence = _lut(*_CURVE, first=900)
    state.SoftcopyVOILUTSequence = [item]


def _presentation_lut(state: Dataset) -> None:
    del state.PresentationLUTShape
    state.PresentationLUTSequence = _lut(*(int(65535 * (1 - (at / 4095) ** 2)) for at in range(4096)))


def _rescaled(state: Dataset) -> None:
    state.RescaleSlope, state.RescaleIntercept, state.RescaleType = "0.5", "10", "US"


def _turned(rotation: int, flip: str) -> Callable[[Dataset], None]:
    def change(state: Dataset) -> None:
        state.ImageRotation, state.ImageHorizontalFlip = rotation, flip

    return change


# dcmp2pgm shows the whole image whatever the displayed area is, and neither shutters nor graphics.
STATES: dict[str, Callable[[Dataset], None]] = {
    "identity": lambda _: None,
    "window": _softcopy_window,
    "voi lut": _softcopy_lut,
    "presentation lut": _presentation_lut,
    "inverse": lambda state: setattr(state, "PresentationLUTShape", "INVERSE"),
    "rescaled": _rescaled,
    "turned right": _turned(90, "N"),
    "mirrored": _turned(0, "Y"),
    "turned left and mirrored": _turned(270, "Y"),
}


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
@pytest.mark.parametrize("name", STATES)
def test_presentation_states(tmp_path: Path, name: str, photometric: str) -> None:
    """The state counts, and nothing of what the image says of itself (PS3.4 N.2.1), not even its polarity."""
    image = _grey(PhotometricInterpretation=photometric)
    state = presentation_state(image)
    STATES[name](state)
    paths = [tmp_path / "image.dcm", tmp_path / "state.dcm"]
    for path, data_set in zip(paths, (image, state), strict=True):
        written(tmp_path, data_set).rename(path)
    made = tmp_path / "theirs.pgm"
    expected = _ran([program("dcmp2pgm"), "-q", "-p", str(paths[1]), str(paths[0]), str(made)], made)
    applied = applied_state(paths[1], image.SOPInstanceUID, 1)
    png = rendered_frame(open_image(paths[0]), 1, None, 1 << 28, {"media_type": "image/png"}, applied)
    found = np.asarray(Image.open(BytesIO(png))).astype(int)
    assert difference(found, expected) <= 1
