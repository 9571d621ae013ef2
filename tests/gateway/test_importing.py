"""Import of files, folders and archives: what is stored, what is passed over, what is refused."""

import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import MediaStorageDirectoryStorage

from gateway import importing
from gateway.importing import Importer, Result
from storage.scope import WholeArchive
from storage.storage import Storage
from tests.support.synthetic import ct, part10


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    kept = Storage.open(tmp_path / "kept")
    yield kept
    kept.close()


def _outcomes(storage: Storage, *paths: Path) -> list[tuple[str, str]]:
    return [(Path(result.path).name, result.outcome) for result in _results(storage, *paths)]


def _results(storage: Storage, *paths: Path) -> list[Result]:
    return list(Importer(storage.ingest).run(list(paths)))


def _zip(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_a_folder_is_read_through_and_what_is_no_image_passed_over(storage: Storage, tmp_path: Path) -> None:
    disc = tmp_path / "disc"
    (disc / "IMAGES" / "A").mkdir(parents=True)
    (disc / "IMAGES" / "A" / "I1").write_bytes(part10(ct()))
    (disc / "IMAGES" / "I2.dcm").write_bytes(part10(ct(number=2)))
    (disc / "DICOMDIR").write_bytes(part10(ct(SOPClassUID=MediaStorageDirectoryStorage)))
    (disc / "autorun.inf").write_text("[autorun]")
    (disc / "empty").touch()
    expected = [("DICOMDIR", "skipped"), ("I1", "stored"), ("I2.dcm", "stored")]
    expected += [("autorun.inf", "skipped"), ("empty", "skipped")]
    assert _outcomes(storage, disc) == expected
    assert _outcomes(storage, disc / "IMAGES") == [("I1", "already"), ("I2.dcm", "already")]


def test_a_file_named_by_hand_must_be_dicom(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    whole = part10(ct())
    (tmp_path / "cut.dcm").write_bytes(whole[:-10])
    results = _results(storage, tmp_path / "notes.txt", tmp_path / "cut.dcm")
    assert [(result.outcome, result.dicom_status) for result in results] == [("refused", 0xC000)] * 2
    assert storage.index.studies(WholeArchive()) == []


def test_an_archive_is_read_without_touching_a_path_of_its_own(storage: Storage, tmp_path: Path) -> None:
    inner = _zip(tmp_path / "inner.zip", {"a.dcm": part10(ct())}).read_bytes()
    image = ct()
    archive = _zip(
        tmp_path / "a.zip",
        {"../../escape.dcm": part10(image), "/abs.dcm": part10(ct()), "inner.zip": inner, "readme": b"hello"},
    )
    before = {path for path in tmp_path.rglob("*") if "kept" not in path.parts}
    results = _results(storage, archive)
    assert [result.outcome for result in results] == ["stored", "stored", "skipped", "skipped"]
    assert {path for path in tmp_path.rglob("*") if "kept" not in path.parts} == before
    assert not (tmp_path.parent.parent / "escape.dcm").exists()
    (record,) = storage.index.instances(WholeArchive(), str(image.StudyInstanceUID))
    assert storage.files.path(record.blob_key).read_bytes() == part10(image)


def test_an_archive_that_inflates_beyond_belief_is_refused(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "FREE_BYTES", 1_000_000)
    bomb = part10(ct(rows=2048, columns=1024, PixelData=bytes(2048 * 1024 * 2)))
    archive = _zip(tmp_path / "bomb.zip", {"bomb.dcm": bomb, "zeros": bytes(10_000_000), "good.dcm": part10(ct())})
    results = _results(storage, archive)
    assert [result.outcome for result in results] == ["refused", "skipped", "stored"]
    assert "inflates" in results[0].detail
    assert list((storage.folder / "incoming").rglob("*.part")) == []


def test_the_whole_archive_has_a_budget(storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "LONGEST_ARCHIVE", 5_000)
    content = {f"{number}.dcm": part10(ct(number=number)) for number in range(1, 8)}
    outcomes = [result.outcome for result in _results(storage, _zip(tmp_path / "a.zip", content))]
    assert outcomes[0] == "stored"
    assert outcomes[-1] == "refused"


def test_archives_together_have_one_where_it_is_given(storage: Storage, tmp_path: Path) -> None:
    importer = Importer(storage.ingest, "upload", inflated=5_000)
    for name, outcome in (("a", "stored"), ("b", "refused")):
        archive = _zip(tmp_path / f"{name}.zip", {f"{n}.dcm": part10(ct(number=n)) for n in range(1, 8)})
        assert list(importer.any_file(archive))[0].outcome == outcome


def test_too_many_entries_are_refused(storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "MOST_ENTRIES", 2)
    archive = _zip(tmp_path / "a.zip", {str(number): b"x" for number in range(3)})
    (result,) = _results(storage, archive)
    assert (result.outcome, "more than 2 entries" in result.detail) == ("refused", True)


def test_damaged_and_encrypted_archives_are_refused(storage: Storage, tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.zip", {"a.dcm": part10(ct(rows=64, columns=64))})
    whole = archive.read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    spoilt = bytearray(whole)
    spoilt[60:90] = bytes(30)
    (tmp_path / "spoilt.zip").write_bytes(spoilt)
    (tmp_path / "locked.zip").write_bytes(_encrypted(whole))
    results = _results(storage, tmp_path / "cut.zip", tmp_path / "spoilt.zip", tmp_path / "locked.zip")
    assert [result.outcome for result in results] == ["refused"] * 3
    assert "encrypted" in results[2].detail


def _encrypted(whole: bytes) -> bytes:
    """The archive with the encryption flag (bit 0) set in the central directory of its only entry."""
    at = whole.index(b"PK\x01\x02") + 8
    (flags,) = struct.unpack_from("<H", whole, at)
    return whole[:at] + struct.pack("<H", flags | 1) + whole[at + 2 :]
