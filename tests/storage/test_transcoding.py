"""Whole instances in other transfer syntaxes, read back by pydicom and DCMTK (PS3.5 8.2 and annex A.4)."""

import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames, parse_basic_offsets
from pydicom.pixels.utils import pixel_array
from pydicom.sequence import Sequence

from storage.data_set import part10
from storage.errors import NotRenderable, Refusal
from storage.imaging import assembly
from storage.imaging.encoders import HTJ2K, JPEG_2000, JPEG_BASELINE, JPEG_LOSSLESS, JPEG_LS, RLE, encode
from storage.imaging.image_pixels import ImagePixels
from storage.pixels import Pixels
from storage.records import InstanceRecord
from tests.support import dcmtk
from tests.support.corpus import bundled, needs_shared, shared
from tests.support.pixel_sources import encapsulated, kept, plain_files, written
from tests.support.synthetic import ct

Array = NDArray[Any]

EXPLICIT, IMPLICIT, BIG_ENDIAN = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
LOSSLESS = (EXPLICIT, JPEG_LS, JPEG_2000, HTJ2K, JPEG_LOSSLESS, RLE)
_DCMTK = {JPEG_LS: "dcmdjpls", JPEG_LOSSLESS: "dcmdjpeg"}


@pytest.fixture(scope="module")
def pixels() -> Iterator[Pixels]:
    service = Pixels(plain_files())
    yield service
    service.close()


def transcoded(pixels: Pixels, record: InstanceRecord, uid: str, folder: Path) -> Path:
    path = folder / f"{uid}.dcm"
    with pixels.transcoded(record, uid) as file:
        path.write_bytes(file.read())
    return path


def samples_of(path: Path, uid: str) -> Array:
    """All frames, decoded by somebody else: pydicom where it has a decoder here, DCMTK for the two others."""
    if uid in _DCMTK:
        decoded = path.with_suffix(".decoded")
        subprocess.run([dcmtk.program(_DCMTK[uid]), str(path), str(decoded)], check=True, capture_output=True)
        path = decoded
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pixel_array(path, raw=True)


def volume(frames: int, **attributes: Any) -> tuple[Dataset, Array]:
    samples = np.random.default_rng(frames).integers(-1000, 3000, (frames, 40, 33)).astype("<i2")
    source = ct(40, 33, NumberOfFrames=frames, **attributes)
    source.PixelData = samples.tobytes()
    return source, samples


def as_stored(folder: Path, source: Dataset, samples: Array, syntax: str) -> InstanceRecord:
    """The instance kept in `syntax`, native or encoded by our own encoders."""
    if syntax in (EXPLICIT, IMPLICIT, DEFLATED):
        return kept(written(folder, source, syntax))[0]
    if syntax == BIG_ENDIAN:
        source.PixelData = samples.byteswap().tobytes()
        return kept(written(folder, source, syntax))[0]
    described = ImagePixels(40, 33, 1, 16, 16, 15, 1, "MONOCHROME2", 0, len(samples))
    frames = [encode(frame, described, syntax) for frame in samples]
    return kept(written(folder, encapsulated(source, *frames), syntax))[0]


@pytest.mark.parametrize("target", LOSSLESS)
@pytest.mark.parametrize("stored", [IMPLICIT, BIG_ENDIAN, DEFLATED, *LOSSLESS])
def test_every_syntax_becomes_every_other(pixels: Pixels, tmp_path: Path, stored: str, target: str) -> None:
    source, samples = volume(3)
    record = as_stored(tmp_path, source, samples, stored)
    path = transcoded(pixels, record, target, tmp_path)
    assert np.array_equal(samples_of(path, target), samples)
    found = pydicom.dcmread(path)
    assert found.file_meta.TransferSyntaxUID == target
    assert found.file_meta.MediaStorageSOPInstanceUID == found.SOPInstanceUID == source.SOPInstanceUID
    assert [element for element in found if element.tag != 0x7FE00010] == [
        element for element in source if element.tag != 0x7FE00010
    ]


def test_frames_are_fragments_told_by_the_offset_table(pixels: Pixels, tmp_path: Path) -> None:
    source, samples = volume(5)
    found = pydicom.dcmread(transcoded(pixels, kept(written(tmp_path, source))[0], JPEG_LS, tmp_path))
    offsets = parse_basic_offsets(found.PixelData)
    frames = list(generate_frames(found.PixelData, number_of_frames=5))
    lengths = np.cumsum([0, *(len(frame) + 8 for frame in frames)])
    assert offsets == lengths[:-1].tolist()
    assert np.array_equal([imagecodecs.jpegls_decode(frame).view("<i2") for frame in frames], samples)
    with (tmp_path / f"{JPEG_LS}.dcm").open("rb") as file:
        fragments = part10.read(file).fragments
    assert fragments is not None and len(fragments) == 7


def test_offsets_beyond_their_words_are_not_told_wrongly(
    pixels: Pixels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, _ = volume(3)
    record = kept(written(tmp_path, source))[0]
    monkeypatch.setattr(assembly, "_LARGEST_OFFSET", 100)
    with pytest.raises(NotRenderable, match="too long"):
        pixels.transcoded(record, RLE)


def colour(photometric: str = "RGB", planar: int = 0) -> tuple[Dataset, Array]:
    down, across = np.mgrid[:48, :64]
    samples = np.stack([down * 5, across * 3, 255 - down - across], axis=-1).astype(np.uint8)
    source = ct(48, 64, SamplesPerPixel=3, PhotometricInterpretation=photometric, PlanarConfiguration=planar)
    source.BitsAllocated, source.BitsStored, source.HighBit, source.PixelRepresentation = 8, 8, 7, 0
    source.PixelData = (samples.transpose(2, 0, 1) if planar else samples).tobytes()
    source["PixelData"].VR = "OB"
    return source, samples


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("target", [JPEG_LS, JPEG_2000, HTJ2K, JPEG_LOSSLESS, RLE])
def test_colour_is_described_as_it_is_encoded(
    pixels: Pixels, tmp_path: Path, target: str, photometric: str, planar: int
) -> None:
    """Photometric Interpretation and Planar Configuration of tables 8.2.1-1 to 8.2.4-1 of PS3.5."""
    source, samples = colour(photometric, planar)
    path = transcoded(pixels, kept(written(tmp_path, source))[0], target, tmp_path)
    found = pydicom.dcmread(path)
    transformed = target in (JPEG_2000, HTJ2K) and photometric == "RGB"
    assert found.PhotometricInterpretation == ("YBR_RCT" if transformed else photometric)
    assert found.PlanarConfiguration == (1 if target == RLE else 0)
    if target != JPEG_LOSSLESS or photometric == "RGB":
        assert np.array_equal(samples_of(path, target), samples)
    assert "LossyImageCompression" not in found


def test_jpeg_baseline_is_a_derived_image(pixels: Pixels, tmp_path: Path) -> None:
    """PS3.3 C.7.6.1.1.5: marked as lossy and derived, under a new SOP Instance UID that always is the same."""
    source, samples = colour()
    source.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    source.DerivationDescription = "cropped"
    earlier = Dataset()
    earlier.ReferencedSOPClassUID, earlier.ReferencedSOPInstanceUID = "1.2", "1.2.3"
    source.SourceImageSequence = Sequence([earlier])
    record = kept(written(tmp_path, source))[0]
    found = pydicom.dcmread(transcoded(pixels, record, JPEG_BASELINE, tmp_path))
    again = pydicom.dcmread(transcoded(pixels, record, JPEG_BASELINE, tmp_path))
    assert found.SOPInstanceUID == found.file_meta.MediaStorageSOPInstanceUID == again.SOPInstanceUID
    assert found.SOPInstanceUID != source.SOPInstanceUID
    assert list(found.ImageType) == ["DERIVED", "PRIMARY", "AXIAL"]
    assert (found.LossyImageCompression, found.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
    size = sum(map(len, generate_frames(found.PixelData, number_of_frames=1)))
    assert float(found.LossyImageCompressionRatio) == pytest.approx(samples.size / size, rel=0.01)
    assert found.DerivationDescription == "cropped; Lossy compression by ISO_10918_1"
    references = [item.ReferencedSOPInstanceUID for item in found.SourceImageSequence]
    assert references == ["1.2.3", source.SOPInstanceUID]
    assert found.DerivationCodeSequence[0].CodeValue == "113040"
    assert (found.PhotometricInterpretation, found.BitsStored) == ("YBR_FULL_422", 8)
    assert np.abs(pixel_array(found, raw=False).astype(int) - samples).max() < 30


def test_earlier_losses_stay_on_record(pixels: Pixels, tmp_path: Path) -> None:
    source, samples = colour()
    source.LossyImageCompression, source.LossyImageCompressionRatio = "01", "12"
    source.LossyImageCompressionMethod = "ISO_15444_1"
    found = pydicom.dcmread(transcoded(pixels, kept(written(tmp_path, source))[0], JPEG_BASELINE, tmp_path))
    assert found.LossyImageCompressionRatio[0] == 12
    assert list(found.LossyImageCompressionMethod) == ["ISO_15444_1", "ISO_10918_1"]
    jpeg = bytes(imagecodecs.jpeg8_encode(samples, level=90))
    lossy = colour("YBR_FULL_422")[0]
    record = kept(written(tmp_path, encapsulated(lossy, jpeg), JPEG_BASELINE))[0]
    found = pydicom.dcmread(transcoded(pixels, record, JPEG_LS, tmp_path))
    assert (found.LossyImageCompression, found.SOPInstanceUID) == ("01", lossy.SOPInstanceUID)


def test_what_cannot_be_encoded_is_refused(pixels: Pixels, tmp_path: Path) -> None:
    palette = colour()[0]
    palette.SamplesPerPixel, palette.PhotometricInterpretation = 1, "PALETTE COLOR"
    with pytest.raises(NotRenderable, match="cannot be encoded"):
        pixels.transcoded(kept(written(tmp_path, palette))[0], JPEG_BASELINE)
    bits = ct(8, 8, BitsAllocated=1, BitsStored=1, HighBit=0, PixelRepresentation=0, PixelData=bytes(8))
    with pytest.raises(NotRenderable, match="or in one of"):
        pixels.transcoded(kept(written(tmp_path, bits))[0], RLE)
    with pytest.raises(NotRenderable, match="no image"):
        pixels.transcoded(kept(written(tmp_path, ct(PixelData=None)))[0], RLE)


def test_real_files_keep_every_sample(pixels: Pixels, tmp_path: Path) -> None:
    """Whatever is kept, in whatever syntax: what a target gives is what Explicit VR Little Endian gives."""
    targets = (JPEG_LS, JPEG_2000, HTJ2K, JPEG_LOSSLESS, RLE)
    compared = dict.fromkeys(targets, 0)
    for number, path in enumerate([*bundled(), *shared("transfer_syntax", "colour")]):
        if path.stat().st_size > 200_000:
            continue
        for target in (targets[number % 5], targets[(number + 2) % 5]):
            compared[target] += keeps_every_sample(pixels, path, target, tmp_path)
    assert min(compared.values()) >= 15, compared


def keeps_every_sample(pixels: Pixels, path: Path, target: str, folder: Path) -> bool:
    """False for what cannot be encoded, or not be read by others even when it is decoded."""
    try:
        record = kept(path)[0]
        plain = transcoded(pixels, record, EXPLICIT, folder)
        encoded = transcoded(pixels, record, target, folder)
        described = pydicom.dcmread(plain)
        expected = samples_of(plain, EXPLICIT)
    except (Refusal, OSError, ValueError, AttributeError):
        return False
    if target == JPEG_LOSSLESS and described.PhotometricInterpretation.startswith("YBR"):
        # DCMTK's decoder makes RGB of it.
        return False
    assert np.array_equal(samples_of(encoded, target), expected), (path.name, target)
    return True


@needs_shared
def test_hostile_files_are_encoded_or_refused(pixels: Pixels, tmp_path: Path) -> None:
    """Whatever they claim, it is a file or a refusal, and the decoders live on."""
    outcomes = {"made": 0, "refused": 0}
    for number, path in enumerate(shared("broken", "encapsulation")):
        try:
            transcoded(pixels, kept(path)[0], (JPEG_LS, RLE, HTJ2K)[number % 3], tmp_path)
            outcomes["made"] += 1
        except Refusal:
            outcomes["refused"] += 1
    assert min(outcomes.values()) >= 10, outcomes
    source, samples = volume(2)
    again = transcoded(pixels, kept(written(tmp_path, source))[0], JPEG_2000, tmp_path)
    assert np.array_equal(samples_of(again, JPEG_2000), samples)
