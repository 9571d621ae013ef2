"""The copy without names: images and their directory, nothing that tells whose they are, and a warning."""

from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless

from gateway.downloads.contents import content_of, images_of, records_of
from gateway.downloads.downloads import Wish
from gateway.downloads.layout import Prepared
from gateway.house import House
from tests.gateway.downloads.conftest import work
from tests.gateway.portal_house import SIGN_IN, Portal, keep
from tests.support.gateway import command
from tests.support.synthetic import ct, part10


def without_names(house: House, portal: Portal) -> dict[str, bytes]:
    """The files of the copy of all that the patient's share shows."""
    records = records_of(house.storage.index, portal.issued.share.scope)
    wish = Wish(portal.issued.share.id, form="anonymised")
    ordered = house.downloads.order(wish, content_of(records), images_of(records))
    assert work(house) == 1
    prepared = Prepared(house.downloads_folder / ordered.id, house.storage.files)
    with ZipFile(BytesIO(b"".join(prepared.archive()))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_images_and_a_directory_without_names(portal: Portal, house: House) -> None:
    files = without_names(house, portal)
    assert [name for name in files if not name.startswith("DICOM/")] == [
        "README.TXT",
        "DICOMDIR",
        "MANIFEST.JSN",
        "MANIFEST.SIG",
    ]
    content = b"".join(files.values())
    secrets = (b"Muster", b"TEST-1", b"19500131", b"20260112", portal.chest[0].study_instance_uid.encode() + b".1")
    assert [one for one in secrets if one in content.replace(b"Musterklinikum", b"")] == []
    images = [pydicom.dcmread(BytesIO(one)) for name, one in files.items() if name.startswith("DICOM/")]
    assert len(images) == 3, "the report is left out"
    assert len({one.StudyInstanceUID for one in images}) == 1
    directory = pydicom.dcmread(BytesIO(files["DICOMDIR"])).DirectoryRecordSequence
    assert [one.DirectoryRecordType for one in directory] == ["PATIENT", "STUDY", "SERIES", "IMAGE", "IMAGE", "IMAGE"]
    assert {one.ReferencedSOPInstanceUIDInFile for one in directory[3:]} == {one.SOPInstanceUID for one in images}
    assert "Nicht enthalten sind 1 Objekte" in files["README.TXT"].decode()


def test_compressed_images_are_unpacked_and_what_has_words_in_it_is_told(portal: Portal, house: House) -> None:
    image = ct(rows=32, columns=32, Modality="US", StudyDate="20260301")
    image.file_meta = pydicom.dcmread(BytesIO(part10(image))).file_meta
    pixels = bytes(image.PixelData)
    image.compress(JPEG2000Lossless, generate_instance_uid=False)
    target = BytesIO()
    image.save_as(target, enforce_file_format=True)
    incoming = house.storage.ingest.receive()
    incoming.write(target.getvalue())
    house.storage.ingest.store(incoming, source="test")
    keep(house, ct(BurnedInAnnotation="YES", StudyDate="20260302"))
    files = without_names(house, portal)
    images = [pydicom.dcmread(BytesIO(one)) for name, one in files.items() if name.startswith("DICOM/")]
    assert len(images) == 4
    assert [bytes(one.PixelData) for one in images if one.Modality == "US"] == [pixels]
    readme = files["README.TXT"].decode()
    assert "Bei 1 Bildern" in readme and "Nicht enthalten sind 2 Objekte" in readme


def test_patients_order_it_where_they_are_warned(portal: Portal, house: House) -> None:
    with portal.patient() as client:
        page = client.get("/downloads").text
        assert "können wir nicht entfernen" in page
        client.post("/downloads/prepare", data={"study": "all", "form": "anonymised"}, headers=SIGN_IN)
        assert "Wird vorbereitet" in client.get("/downloads").text
        work(house)
        page = client.get("/downloads").text
        url = page.split('href="/downloads/')[1].split('"')[0]
        assert url.endswith("/Bilder-ohne-Namen.zip")
        answer = client.get(f"/downloads/{url}")
        assert answer.headers["content-disposition"] == 'attachment; filename="Bilder-ohne-Namen.zip"'


@pytest.mark.parametrize("anonymise", [False, True], ids=["with-names", "without-names"])
def test_the_command_line_exports_the_same(portal: Portal, tmp_path: Path, anonymise: bool) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[storage]\nfolder = "data"\nfree_space_floor_mb = 1\n', encoding="utf-8")
    target, study = tmp_path / "export.zip", portal.chest[0].study_instance_uid
    options = ["--anonymise"] if anonymise else []
    done = command("export", str(target), "--study", study, *options, "--config", str(config))
    assert done.returncode == 0, done.stderr
    with ZipFile(target) as archive:
        assert ("INDEX.HTM" in archive.namelist()) is not anonymise
        names = {
            str(pydicom.dcmread(BytesIO(archive.read(one))).PatientName)
            for one in archive.namelist()
            if one.startswith("DICOM/")
        }
    assert names == ({"ANONYM"} if anonymise else {"Muster^Erika"})
    again = command("export", str(target), "--study", study, "--config", str(config))
    assert again.returncode == 1 and "is there already" in again.stderr
    absent = command("export", str(tmp_path / "no.zip"), "--study", "1.2.3", "--config", str(config))
    assert absent.returncode == 1 and not (tmp_path / "no.zip").exists()
