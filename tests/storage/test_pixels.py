import warnings
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array
from pydicom.sequence import Sequence

from storage.data_set import part10
from storage.errors import NoSuchInstance, NotRenderable, OutOfResources, Refusal
from storage.imaging.decoder_pool import DecoderBusy, DecoderFailed
from storage.pixels import Pixels, Rendering
from storage.records import Layout
from tests.support.corpus import SHARED, bundled, needs_shared
from tests.support.pixel_sources import encapsulated, kept, plain_files, written
from tests.support.synthetic import ct

Array = NDArray[Any]

EXPLICIT, IMPLICIT, BIG_ENDIAN = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
DEFLATED, DEFLATED_FRAME, RLE = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.8.1", "1.2.840.10008.1.2.5"
BASELINE, JPEG_2000, JPEG_LS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.80"
MPEG4 = "1.2.840.10008.1.2.4.102"


@pytest.fixture(scope="module")
def pixels() -> Iterator[Pixels]:
    service = Pixels(plain_files())
    yield service
    service.close()


def stack(frames: int, bits: int = 16) -> Array:
    top = {1: 2, 8: 256, 16: 4096}[bits]
    return (np.arange(frames * 5 * 7) * 37 % top).astype("<u2" if bits == 16 else "u1").reshape(frames, 5, 7)


def cine(samples: Array, bits: int = 16) -> Dataset:
    """An image of several frames, native."""
    source = ct(5, 7, NumberOfFrames=len(samples), BitsAllocated=bits, BitsStored=min(bits, 12))
    source.HighBit, source.PixelRepresentation = source.BitsStored - 1, 0
    source.PixelData = np.packbits(samples, bitorder="little").tobytes() if bits == 1 else samples.tobytes()
    source.PixelData += b"\0" * (len(source.PixelData) % 2)
    source["PixelData"].VR = "OW" if bits > 8 else "OB"
    return source


def colour(frames: int = 1) -> tuple[Dataset, Array]:
    smooth = np.full((frames, 16, 24, 3), (200, 100, 50), np.uint8)
    source = ct(16, 24, SamplesPerPixel=3, PhotometricInterpretation="YBR_FULL_422", PlanarConfiguration=0)
    source.BitsAllocated, source.BitsStored, source.HighBit, source.PixelRepresentation = 8, 8, 7, 0
    source.NumberOfFrames = frames
    return source, smooth


def jpegs(samples: Array) -> list[bytes]:
    return [bytes(imagecodecs.jpeg8_encode(frame, level=95)) for frame in samples]


def unpacked(frame: bytes, bits: int) -> Array:
    if bits == 1:
        return np.unpackbits(np.frombuffer(frame, np.uint8), bitorder="little")[:35].reshape(5, 7)
    return np.frombuffer(frame, "<u2" if bits == 16 else "u1", 35).reshape(5, 7)


@pytest.mark.parametrize("bits", [1, 8, 16])
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN, DEFLATED])
def test_every_native_frame(pixels: Pixels, tmp_path: Path, syntax: str, bits: int) -> None:
    samples = stack(5, bits)
    source = cine(samples, bits)
    if syntax == BIG_ENDIAN and bits == 16:
        source.PixelData = samples.astype(">u2").tobytes()
    record, layout = kept(written(tmp_path, source, syntax))
    for number in range(1, 6):
        frame = pixels.decoded_frame(record, layout, number)
        assert np.array_equal(unpacked(frame, bits), samples[number - 1]), number
        if syntax in (EXPLICIT, IMPLICIT):
            assert pixels.stored_frame(record, layout, number)[: len(frame)] == frame
    for number in (0, 6):
        with pytest.raises(Refusal):
            pixels.decoded_frame(record, layout, number)


def test_stored_frames_are_the_joined_fragments(pixels: Pixels, tmp_path: Path) -> None:
    samples = stack(3)
    codestreams = [bytes(imagecodecs.jpegls_encode(frame)) for frame in samples]
    padded = [stream + b"\0" * (len(stream) % 2) for stream in codestreams]
    record, layout = kept(written(tmp_path, encapsulated(cine(samples), *codestreams), JPEG_LS))
    assert [pixels.stored_frame(record, layout, number) for number in (1, 2, 3)] == padded
    assert [pixels.decoded_frame(record, layout, number) for number in (3, 1)] == [
        samples[2].tobytes(),
        samples[0].tobytes(),
    ]
    # The slow way, when nobody knows where the frames lie.
    nowhere = Layout(None, {})
    assert pixels.stored_frame(record, nowhere, 2) == padded[1]
    assert pixels.decoded_frame(record, nowhere, 2) == samples[1].tobytes()
    with pytest.raises(NoSuchInstance):
        pixels.decoded_frame(record, nowhere, 4)


def test_a_decoded_frame_says_what_it_has_become(pixels: Pixels, tmp_path: Path) -> None:
    source, samples = colour()
    record, layout = kept(written(tmp_path, encapsulated(source, *jpegs(samples)), BASELINE))
    frame = pixels.decoded(record, layout, 1)
    assert (frame.rows, frame.columns, frame.samples_per_pixel, frame.bits_allocated) == (16, 24, 3, 8)
    assert (frame.photometric_interpretation, frame.planar_configuration) == ("RGB", 0)
    assert len(frame.pixels) == 16 * 24 * 3


def test_one_frame_of_a_large_file_costs_one_frame(pixels: Pixels, tmp_path: Path) -> None:
    path = written(tmp_path, cine(stack(1)))
    frames = 100_000_000
    source = cine(stack(1))
    source.NumberOfFrames = frames
    head = written(tmp_path, source).read_bytes()
    size = frames * 70
    announced = head.rindex(b"\xe0\x7f\x10\0OW\0\0")
    head = head[: announced + 8] + (size & 0xFFFFFFFF).to_bytes(4, "little") + head[announced + 12 :]
    path.write_bytes(head)
    with path.open("r+b") as file:
        file.truncate(announced + 12 + (size & 0xFFFFFFFF))
    assert path.stat().st_size > 2 << 30
    record, layout = kept(path)
    assert pixels.decoded_frame(record, layout, 1) == stack(1).tobytes()
    assert pixels.decoded_frame(record, layout, 10_000_000) == bytes(70)


def test_a_picture(pixels: Pixels, tmp_path: Path) -> None:
    record, layout = kept(written(tmp_path, ct(32, 64)))
    jpeg = Image.open(BytesIO(pixels.rendered(record, layout, 1, Rendering(viewport=(16, 16)))))
    assert (jpeg.format, jpeg.size, jpeg.mode) == ("JPEG", (16, 8), "L")
    png = Image.open(BytesIO(pixels.rendered(record, layout, 1, Rendering("image/png", (-900.0, 600.0, "LINEAR")))))
    assert (png.format, png.size) == ("PNG", (64, 32))
    assert np.asarray(png).min() < np.asarray(png).max()


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN, DEFLATED])
@pytest.mark.parametrize("bits", [1, 8, 16])
def test_native_instances_become_explicit_little_endian(pixels: Pixels, tmp_path: Path, syntax: str, bits: int) -> None:
    samples = stack(3, bits)
    source = cine(samples, bits)
    expected = source.PixelData
    if syntax == BIG_ENDIAN and bits == 16:
        source.PixelData = samples.astype(">u2").tobytes()
    record, _ = kept(written(tmp_path, source, syntax))
    with pixels.transcoded(record, EXPLICIT) as file:
        found = pydicom.dcmread(file)
    assert found.PixelData == expected
    assert found.file_meta.TransferSyntaxUID == EXPLICIT
    source.PixelData = expected
    assert found == source


def test_compressed_cine_becomes_native(pixels: Pixels, tmp_path: Path) -> None:
    source, samples = colour(3)
    block = source.private_block(0x0011, "Muster", create=True)
    block.add_new(1, "LO", "kept")
    record, layout = kept(written(tmp_path, encapsulated(source, *jpegs(samples)), BASELINE))
    with pixels.transcoded(record, EXPLICIT) as file:
        found = pydicom.dcmread(file)
        file.seek(0)
        assert part10.read(file).meta.transfer_syntax_uid == EXPLICIT
    assert (found.PhotometricInterpretation, found.PlanarConfiguration, found.LossyImageCompression) == ("RGB", 0, "01")
    assert found.PixelData == b"".join(pixels.decoded_frame(record, layout, number) for number in (1, 2, 3))
    assert np.abs(pixel_array(found, raw=True).astype(int) - samples).max() <= 3
    changed = {0x00280004, 0x00282110, 0x7FE00010}
    assert [e for e in found if e.tag not in changed] == [e for e in source if e.tag not in changed]


@pytest.mark.parametrize("frames", [1, 3])
def test_single_bit_frames_lie_behind_one_another_without_gaps(pixels: Pixels, tmp_path: Path, frames: int) -> None:
    samples = stack(frames, 1)
    packed = [np.packbits(frame, bitorder="little").tobytes() for frame in samples]
    streams = [zlib.compress(frame, wbits=-15) for frame in packed]
    record, _ = kept(written(tmp_path, encapsulated(cine(samples, 1), *streams), DEFLATED_FRAME))
    with pixels.transcoded(record, EXPLICIT) as file:
        found = pydicom.dcmread(file)
    native = np.packbits(samples, bitorder="little").tobytes()
    assert found.PixelData == native + b"\0" * (len(native) % 2)


def test_bits_beyond_bits_stored_are_announced(pixels: Pixels, tmp_path: Path) -> None:
    for top, stored in ((4000, 12), (5000, 16)):
        samples = np.linspace(0, top, 35).astype("<u2").reshape(1, 5, 7)
        stream = bytes(imagecodecs.jpeg2k_encode(samples[0], level=0, codecformat="j2k"))
        record, _ = kept(written(tmp_path, encapsulated(cine(samples), stream), JPEG_2000))
        with pixels.transcoded(record, EXPLICIT) as file:
            found = pydicom.dcmread(file)
        assert (found.BitsStored, found.HighBit) == (stored, stored - 1)
        assert np.array_equal(pixel_array(found), samples[0])


def test_a_compressed_icon_is_decoded_too(pixels: Pixels, tmp_path: Path) -> None:
    source, samples = colour()
    icon, icon_samples = colour()
    icon = Dataset()
    for keyword in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit"):
        setattr(icon, keyword, source[keyword].value)
    icon.PixelRepresentation, icon.PhotometricInterpretation, icon.PlanarConfiguration = 0, "YBR_FULL_422", 0
    source.IconImageSequence = Sequence([encapsulated(icon, *jpegs(icon_samples))])
    record, _ = kept(written(tmp_path, encapsulated(source, *jpegs(samples)), BASELINE))
    with pixels.transcoded(record, EXPLICIT) as file:
        found = pydicom.dcmread(file)
    assert found.IconImageSequence[0].PixelData == found.PixelData
    assert found.IconImageSequence[0].PhotometricInterpretation == "RGB"


def test_an_instance_without_pixels_is_rewritten(pixels: Pixels, tmp_path: Path) -> None:
    source = ct(PixelData=None)
    record, layout = kept(written(tmp_path, source, IMPLICIT))
    with pixels.transcoded(record, EXPLICIT) as file:
        assert pydicom.dcmread(file) == source
    with pytest.raises(NotRenderable, match="no image") as refused:
        pixels.rendered(record, layout, 1, Rendering())
    assert refused.value.sop_instance_uid == record.sop_instance_uid


def test_bundled_files_survive_transcoding(pixels: Pixels) -> None:
    compared = 0
    for path in bundled():
        try:
            with pixels.transcoded(kept(path)[0], EXPLICIT) as file, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = pydicom.dcmread(file, force=True)
                before = pydicom.dcmread(path)
                samples = pixel_array(before)
                assert np.abs(pixel_array(found).astype(float) - samples.astype(float)).max() <= 1, path.name
        except (Refusal, AttributeError, ValueError, RuntimeError, pydicom.errors.InvalidDicomError):
            continue
        compared += 1
    assert compared >= 60


def test_no_file_is_left_where_temporary_files_are_made(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    service = Pixels(plain_files(), processes=1, folder=folder)
    try:
        with service.transcoded(kept(written(tmp_path, ct()))[0], EXPLICIT) as file:
            assert file.tell() == 0
            assert list(folder.iterdir()) == []
    finally:
        service.close()


def test_other_syntaxes_are_not_made(pixels: Pixels, tmp_path: Path) -> None:
    record, _ = kept(written(tmp_path, ct()))
    with pytest.raises(NotRenderable, match=f"stored, in {EXPLICIT}, or in one of {EXPLICIT}, {JPEG_LS}, "):
        pixels.transcoded(record, "1.2.840.10008.1.2.4.91")


def test_video_is_told_by_its_name(pixels: Pixels, tmp_path: Path) -> None:
    record, layout = kept(written(tmp_path, encapsulated(colour()[0], b"\0\0\0\x20ftypmp42"), MPEG4))
    for attempt in (
        lambda: pixels.rendered(record, layout, 1, Rendering()),
        lambda: pixels.decoded_frame(record, layout, 1),
        lambda: pixels.transcoded(record, EXPLICIT),
    ):
        with pytest.raises(NotRenderable, match=f"Video.*{MPEG4}"):
            attempt()
    assert pixels.stored_frame(record, layout, 1) == b"\0\0\0\x20ftypmp42"


def test_native_pixels_under_a_compressed_syntax_are_no_decoded_frame(pixels: Pixels, tmp_path: Path) -> None:
    record, layout = kept(written(tmp_path, ct(), EXPLICIT))
    path = Path(record.blob_key)
    path.write_bytes(path.read_bytes().replace(b"UI\x14\x001.2.840.10008.1.2.1\0", b"UI\x16\x001.2.840.10008.1.2.4.80"))
    record, layout = kept(path)
    assert record.transfer_syntax_uid == JPEG_LS
    with pytest.raises(NotRenderable, match="not encapsulated"):
        pixels.decoded_frame(record, layout, 1)


@pytest.mark.parametrize(
    ("failure", "refusal"),
    [
        (DecoderFailed("died"), NotRenderable),
        (DecoderFailed("too_slow"), NotRenderable),
        (DecoderFailed("nonsense"), NotRenderable),
        (DecoderBusy(), OutOfResources),
    ],
)
def test_what_happens_to_a_child_is_a_refusal(
    pixels: Pixels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception, refusal: type[Refusal]
) -> None:
    def fail(*_: object) -> None:
        raise failure

    record, layout = kept(written(tmp_path, ct()))
    monkeypatch.setattr("storage.imaging.decoder_pool.DecoderPool.ask", fail)
    with pytest.raises(refusal):
        pixels.decoded_frame(record, layout, 1)


@needs_shared
@pytest.mark.parametrize(
    "name", ["gen_j2k_siz_60000x60000", "gen_jpeg_sof_65535x65535", "claims_65535x65535", "gen_rle_255_segments"]
)
def test_bombs_of_the_shared_data_are_refused(pixels: Pixels, name: str) -> None:
    try:
        record, layout = kept(SHARED / "broken" / f"{name}.dcm")
    except Refusal:
        return
    with pytest.raises((NotRenderable, NoSuchInstance)):
        pixels.rendered(record, layout, 1, Rendering())
