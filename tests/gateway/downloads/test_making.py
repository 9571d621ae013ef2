"""What is in an archive: a file-set of IHE PDI, pictures, documents, and a viewer that tells of all of them."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless, RLELossless

from gateway.downloads.previews import BUDGET
from gateway.house import House
from tests.gateway.downloads.conftest import Archive, prepare
from tests.gateway.portal_house import Portal, keep, opened
from tests.support.corpus import needs_shared, shared
from tests.support.synthetic import ct, part10

SHORT_NAME = re.compile(r"[A-Z0-9_]{1,8}(\.[A-Z0-9]{1,3})?")
STUDY = "1.2.826.5"


@pytest.fixture(scope="module")
def prepared_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Portal, Archive]]:
    """For tests that only look."""
    with opened(tmp_path_factory.mktemp("portal")) as portal:
        yield portal, prepare(portal.house, portal.issued)


@pytest.fixture
def archive(prepared_once: tuple[Portal, Archive]) -> Archive:
    return prepared_once[1]


def catalogue(archive: Archive) -> Any:
    """What the viewer is told."""
    page = archive.files["INDEX.HTM"].decode()
    return json.loads(page.split('id="data">')[1].split("</script>")[0])


def of_study(portal: Portal, *data_sets: Dataset) -> Archive:
    """The archive of a study that consists of these."""
    stored = [keep(portal.house, one) for one in data_sets]
    return prepare(portal.house, portal.share_of(stored[0]))


def placed(**attributes: Any) -> dict[str, Any]:
    return {"StudyInstanceUID": STUDY, "SeriesInstanceUID": f"{STUDY}.1", **attributes}


def test_it_holds_what_ihe_pdi_wants_under_short_names(archive: Archive) -> None:
    names = list(archive.files)
    assert names[:3] == ["README.TXT", "INDEX.HTM", "DICOMDIR"]
    assert names[-2:] == ["MANIFEST.JSN", "MANIFEST.SIG"]
    assert {name.split("/")[0] for name in names[3:-2]} == {"IHE_PDI", "DICOM"}
    assert all(SHORT_NAME.fullmatch(part) for name in names for part in name.split("/"))


def test_size_and_checksums_are_known_beforehand(archive: Archive) -> None:
    assert archive.download.size == archive.prepared.layout.size == len(archive.content)


def test_instances_are_as_they_were_and_the_dicomdir_lists_them(prepared_once: tuple[Portal, Archive]) -> None:
    portal, archive = prepared_once
    instances = [pydicom.dcmread(BytesIO(content)) for name, content in archive.files.items() if "DICOM/" in name]
    kept = [*portal.chest, portal.report]
    assert {one.SOPInstanceUID for one in instances} == {one.sop_instance_uid for one in kept}
    directory = pydicom.dcmread(BytesIO(archive.files["DICOMDIR"]))
    listed = ["/".join(one.ReferencedFileID) for one in directory.DirectoryRecordSequence if "ReferencedFileID" in one]
    assert sorted(listed) == sorted(name for name in archive.files if name.startswith("DICOM/"))


def test_every_image_has_a_picture(archive: Archive) -> None:
    pictures = [name for name in archive.files if name.startswith("IHE_PDI/")]
    assert [name.rpartition("/")[2] for name in pictures] == ["00000001.JPG", "00000002.JPG", "00000003.JPG"]
    assert Image.open(BytesIO(archive.files[pictures[0]])).size == (16, 16)
    (chest, report) = catalogue(archive)["studies"]
    assert (chest["series"][0]["total"], report["series"][0]["total"]) == (3, 0)


def test_the_viewer_is_told_in_every_language(archive: Archive) -> None:
    told = catalogue(archive)
    assert told["person"] == "Erika Muster"
    german, english = "Computertomographie Brustkorb", "Computed tomography (CT) of the chest"
    assert told["studies"][0]["title"] == {"de": german, "en": english}
    assert told["studies"][0]["date"]["de"] == "12. Januar 2026"
    assert set(told["texts"]) == {"de", "en"}


def test_the_readme_says_who_made_it_and_how_to_open_it(archive: Archive) -> None:
    readme = archive.files["README.TXT"].decode()
    assert readme.index("Ihre Bilder von Musterklinikum") < readme.index("Your images from Musterklinikum")
    assert "INDEX.HTM" in readme and "Telefon 0123" in readme
    assert readme.count("\r\n") == readme.count("\n")


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless], ids=["rle", "jpeg-2000"])
def test_compressed_instances_go_along_uncompressed(portal: Portal, syntax: str) -> None:
    """PS3.11 D.3: STD-GEN-CD has Explicit VR Little Endian and nothing else."""
    image = ct(rows=64, columns=64, **placed())
    native = bytes(image.PixelData)
    image.file_meta = pydicom.dcmread(BytesIO(part10(image))).file_meta
    image.compress(syntax, generate_instance_uid=False)
    target = BytesIO()
    image.save_as(target, enforce_file_format=True)
    incoming = portal.house.storage.ingest.receive()
    incoming.write(target.getvalue())
    stored = portal.house.storage.ingest.store(incoming, source="test")
    made = prepare(portal.house, portal.share_of(stored))
    (content,) = (content for name, content in made.files.items() if name.startswith("DICOM/"))
    unpacked = pydicom.dcmread(BytesIO(content))
    assert unpacked.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert bytes(unpacked.PixelData) == native
    directory = pydicom.dcmread(BytesIO(made.files["DICOMDIR"]))
    syntaxes = [one.get("ReferencedTransferSyntaxUIDInFile") for one in directory.DirectoryRecordSequence]
    assert [one for one in syntaxes if one] == ["1.2.840.10008.1.2.1"]


def test_what_cannot_be_decoded_goes_along_as_it_is_kept_and_is_told_missing(portal: Portal) -> None:
    image = ct(rows=64, columns=64, **placed())
    image.file_meta = pydicom.dcmread(BytesIO(part10(image))).file_meta
    image.compress(JPEG2000Lossless, generate_instance_uid=False)
    target = BytesIO()
    image.save_as(target, enforce_file_format=True)
    damaged = bytearray(target.getvalue())
    begin = damaged.rindex(b"\xff\x4f\xff\x51")
    damaged[begin + 60 : begin + 120] = b"\0" * 60
    incoming = portal.house.storage.ingest.receive()
    incoming.write(bytes(damaged))
    stored = portal.house.storage.ingest.store(incoming, source="test")
    made = prepare(portal.house, portal.share_of(stored))
    (content,) = (content for name, content in made.files.items() if name.startswith("DICOM/"))
    assert content == bytes(damaged)
    assert catalogue(made)["studies"][0]["series"][0]["missing"] == [1]


def test_each_frame_has_a_picture(portal: Portal) -> None:
    frames = ct(rows=16, columns=16, NumberOfFrames=3, PixelData=bytes(3 * 512), **placed())
    made = of_study(portal, frames, ct(number=2, SOPInstanceUID=f"{STUDY}.9", **placed()))
    assert sum(name.endswith(".JPG") for name in made.files) == 4
    (series,) = catalogue(made)["studies"][0]["series"]
    assert [frames for _, frames, _ in series["images"]] == [3, 1]


def test_a_report_becomes_text_and_a_pdf_a_file(portal: Portal) -> None:
    report, document = (_without_pixels(modality, number) for number, modality in enumerate(("SR", "DOC"), 1))
    item = Dataset()
    item.RelationshipType, item.ValueType, item.TextValue = "CONTAINS", "TEXT", "Kein <b>Befund</b>"
    report.ValueType, report.ContinuityOfContent, report.ContentSequence = "CONTAINER", "SEPARATE", [item]
    document.SOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
    document.EncapsulatedDocument, document.MIMETypeOfEncapsulatedDocument = b"%PDF-1.4 test", "application/pdf"
    made = of_study(portal, report, document)
    first, second = catalogue(made)["studies"][0]["series"]
    assert first["reports"][0]["items"] == [[1, False, "", "Kein <b>Befund</b>"]]
    (link,) = second["links"]
    assert link["kind"] == "pdf" and made.files[link["href"]].startswith(b"%PDF-1.4 test")


def _without_pixels(modality: str, number: int) -> Dataset:
    data_set = ct(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33",
        PixelData=None,
        StudyInstanceUID=STUDY,
        Modality=modality,
        SeriesNumber=number,
        SeriesInstanceUID=f"{STUDY}.{number}",
    )
    for keyword in ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "SamplesPerPixel"):
        delattr(data_set, keyword)
    return data_set


@needs_shared
@pytest.mark.parametrize("series", ["ct_ge_hispeed_head_28sl", "ct_philips_phantom_head_28sl_j2k"])
def test_pictures_and_viewer_cost_at_most_12_percent_of_a_real_ct(portal: Portal, series: str) -> None:
    made = _of_files(portal.house, portal, *shared(f"series/{series}"))
    originals = sum(len(content) for name, content in made.files.items() if name.startswith("DICOM/"))
    assert originals > 10_000_000
    assert len(made.content) <= 1.12 * originals
    assert BUDGET < 0.12


@needs_shared
def test_programs_of_others_accept_the_file_set(portal: Portal, tmp_path: Path) -> None:
    """DCMTK reads the DICOMDIR, and finds every file fit for STD-GEN-CD; dicom3tools finds no error in the records."""
    made = _of_files(portal.house, portal, *shared("portal_patient_a"))
    root = tmp_path / "unpacked"
    for name, content in made.files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    accepted = 0
    for command in (
        ("dcmdump", "-q", "DICOMDIR"),
        ("dcmmkdir", "--general-purpose", "--output-file", str(tmp_path / "again"), "--recurse", "DICOM"),
        ("dcdirdmp", "DICOMDIR"),
        ("dciodvfy", "DICOMDIR"),
    ):
        if shutil.which(command[0]):
            done = subprocess.run(command, cwd=root, capture_output=True, encoding="latin-1", check=False)
            assert done.returncode == 0 and "Error" not in done.stderr, (command, done.stderr)
            accepted += 1
    if accepted < 4:
        pytest.skip("dcmtk or dicom3tools is not installed")


def _of_files(house: House, portal: Portal, *paths: Path) -> Archive:
    stored = []
    for path in paths:
        incoming = house.storage.ingest.receive()
        incoming.write(path.read_bytes())
        stored.append(house.storage.ingest.store(incoming, source="test"))
    return prepare(house, portal.share_of(*stored))
