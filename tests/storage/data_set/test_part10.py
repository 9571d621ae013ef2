import zlib
from io import BytesIO
from pathlib import Path
from struct import pack

import pytest
from pydicom import dcmread
from pydicom.uid import ImplicitVRLittleEndian

from storage.data_set import part10
from storage.data_set.part10 import FileMeta
from storage.errors import CannotUnderstand
from tests.storage.encodings import DEFLATED, NATIVE, explicit, file_of, implicit, read, small_file, with_meta
from tests.support.corpus import bundled, needs_shared, shared
from tests.support.synthetic import ct

SOP_INSTANCE = explicit(0x00080018, "UI", b"2.25.1")


def test_file_meta_is_what_pydicom_reads() -> None:
    head = FileMeta("1.2.840.10008.5.1.4.1.1.2", "2.25.123", "1.2.840.10008.1.2.1", "SENDER").encode()
    meta = dcmread(BytesIO(head + SOP_INSTANCE)).file_meta
    assert len(head) == 144 + meta.FileMetaInformationGroupLength
    assert meta.FileMetaInformationVersion == b"\0\1"
    assert meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
    assert meta.MediaStorageSOPInstanceUID == "2.25.123"
    assert meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert meta.ImplementationClassUID == part10.IMPLEMENTATION_CLASS_UID
    assert meta.ImplementationVersionName == "DURCHBLICK_0.1"
    assert meta.SourceApplicationEntityTitle == "SENDER"


def test_file_meta_comes_back() -> None:
    meta = FileMeta("1.2.840.10008.5.1.4.1.1.2", "2.25.123", "1.2.840.10008.1.2.1", "SENDER")
    found = part10.read(BytesIO(meta.encode() + SOP_INSTANCE))
    assert found.meta == meta
    assert found.data_set_offset == len(meta.encode())
    assert found.in_file


@pytest.mark.parametrize("transfer_syntax", [*NATIVE, DEFLATED])
def test_elements_lie_where_their_values_are(transfer_syntax: str) -> None:
    found = read(small_file(transfer_syntax))
    assert found.in_file is (transfer_syntax != DEFLATED)
    name = found.find(0x00100010)
    assert name is not None
    assert found.value(name).rstrip() == b"Muster^Erika"
    assert found.number(0x00280010) == 4
    assert [element.tag for element in found.elements] == sorted(element.tag for element in found.elements)


def test_numbers() -> None:
    elements = explicit(0x00280008, "IS", b"12\\13 ") + explicit(0x00280010, "US", b"\1\2")
    found = read(with_meta(elements + explicit(0x00280011, "US", b"") + explicit(0x00280100, "LO", b"none")))
    assert found.number(0x00280008) == 12
    assert found.number(0x00280010) == 0x0201
    assert found.number(0x00280011, 7) == 7
    assert found.number(0x00280100, 7) == 7
    assert found.number(0x00280101, 7) == 7
    assert found.find(0x00000000) is None


@pytest.mark.parametrize("transfer_syntax", NATIVE)
def test_without_preamble_and_meta_the_encoding_is_told_from_the_first_element(transfer_syntax: str) -> None:
    whole = file_of(ct(), transfer_syntax)
    data_set = whole[read(whole).data_set_offset :]
    found = read(data_set)
    assert found.meta == FileMeta("", "", transfer_syntax)
    assert found.number(0x00280010) == 16


def test_meta_without_preamble() -> None:
    whole = file_of(ct())
    for beginning in (whole[128:], whole[132:]):
        assert read(beginning).number(0x00280010) == 16


def test_meta_without_group_length_or_transfer_syntax() -> None:
    head = bytes(128) + b"DICM" + explicit(0x00020003, "UI", b"2.25.1")
    found = read(head + implicit(0x00080018, b"2.25.1"))
    assert found.meta == FileMeta("", "2.25.1", ImplicitVRLittleEndian)


def test_the_letters_dicm_in_the_data_of_a_bare_data_set_are_no_prefix() -> None:
    padding = b"x" * (128 - len(SOP_INSTANCE) - 8)
    found = read(SOP_INSTANCE + explicit(0x00081030, "LO", padding + b"DICM on the monitor"))
    assert [element.tag for element in found.elements] == [0x00080018, 0x00081030]


def test_implicit_data_under_an_explicit_transfer_syntax_and_the_reverse() -> None:
    assert read(with_meta(implicit(0x00080018, b"2.25.1"))).elements[0].vr == "UI"
    assert read(with_meta(SOP_INSTANCE, ImplicitVRLittleEndian)).elements[0].length == 6


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        (b"", "no data set"),
        (b"\0", "no data set"),
        (bytes(4096), "not DICOM"),
        (b"<!DOCTYPE html><html></html>", "not DICOM"),
        (bytes(128) + b"DICM", "no data set"),
        (with_meta(b""), "no data set"),
        (b"DICM" + explicit(0x00020010, "UI", b"1.2") * 300, "file meta information"),
    ],
)
def test_what_is_not_dicom_is_refused(encoded: bytes, reason: str) -> None:
    with pytest.raises(CannotUnderstand, match=reason):
        read(encoded)


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    with path.open("rb") as file, pytest.raises(CannotUnderstand, match="empty"):
        part10.read(file)


def test_deflated_beyond_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = deflater.compress(SOP_INSTANCE + bytes(8 << 20)) + deflater.flush()
    assert len(bomb) < 10_000
    monkeypatch.setattr(part10, "LARGEST_INFLATED", 4 << 20)
    with pytest.raises(CannotUnderstand, match="inflates to more than"):
        read(with_meta(bomb, DEFLATED))


def test_deflated_in_many_pieces_is_inflated_whole() -> None:
    noise = b"".join(pack("<Q", pow(3, n, (1 << 61) - 1)) for n in range(1 << 16))
    deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
    data_set = SOP_INSTANCE + explicit(0x00091001, "OB", noise + bytes(3 << 20))
    found = read(with_meta(deflater.compress(data_set) + deflater.flush() + b"\0", DEFLATED))
    assert found.buffer == data_set


def test_what_still_is_to_be_inflated_after_the_last_byte_was_read_is_not_lost() -> None:
    for surplus in range(0, 250, 25):
        data_set = SOP_INSTANCE + explicit(0x00091001, "OB", bytes((1 << 20) - 20 + surplus))
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        assert read(with_meta(deflater.compress(data_set) + deflater.flush(), DEFLATED)).buffer == data_set


@pytest.mark.parametrize("damaged", [b"\xff" * 40, zlib.compress(SOP_INSTANCE)[2:-6]])
def test_what_does_not_inflate(damaged: bytes) -> None:
    with pytest.raises(CannotUnderstand, match="deflated"):
        read(with_meta(damaged, DEFLATED))


def test_a_large_file_is_not_read_into_memory(tmp_path: Path) -> None:
    import tracemalloc

    size = 500 << 20
    path = tmp_path / "large"
    path.write_bytes(with_meta(SOP_INSTANCE + explicit(0x7FE00010, "OW", b"", size)))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + size)
    tracemalloc.start()
    with path.open("rb") as file:
        found = part10.read(file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.elements[-1].length == size
    assert peak < 1 << 20


@pytest.mark.parametrize("path", bundled(), ids=lambda path: path.name)
def test_every_bundled_file_is_read_or_refused(path: Path) -> None:
    refused = {
        "MR_truncated.dcm": "ends inside Pixel Data: 8192 bytes announced, 8130 present",
        "emri_small_jpeg_2k_lossless_too_short.dcm": "before its closing delimiter",
        "rtplan_truncated.dcm": "ends inside",
        "no_meta.dcm": "not DICOM",
    }
    with path.open("rb") as file:
        if path.name not in refused:
            assert part10.read(file).elements
            return
        with pytest.raises(CannotUnderstand, match=refused[path.name]):
            part10.read(file)


@needs_shared
def test_every_legal_shared_file_is_read() -> None:
    folders = ("modality", "transfer_syntax", "charset", "colour", "objects", "odd_legal", "series", "encapsulation")
    for path in shared(*folders, "portal_patient_a", "portal_patient_a_arrives_later"):
        if path.name == "no_meta.dcm":  # One stray byte before the first element.
            continue
        with path.open("rb") as file:
            assert part10.read(file).elements, path


@needs_shared
def test_every_broken_shared_file_is_read_or_refused() -> None:
    refused = 0
    paths = shared("broken", "not_dicom")
    for path in paths:
        with path.open("rb") as file:
            try:
                part10.read(file)
            except CannotUnderstand:
                refused += 1
    assert refused >= 38
