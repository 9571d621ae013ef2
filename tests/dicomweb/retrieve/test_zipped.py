"""Instances as ZIP archives (PS3.18 8.6.1.3, PS3.12 annex V)."""

import zipfile
from io import BytesIO
from typing import Any

import pydicom
import pytest
from httpx2 import Response
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from starlette.testclient import TestClient

from storage.ingest import Stored
from storage.scope import ListedStudies
from storage.storage import Storage
from tests.dicomweb.conftest import Callers, Keep
from tests.dicomweb.instances import damaged, rle
from tests.dicomweb.replies import EXPLICIT, IMPLICIT, instance_path, problem_of, series_path, study_path
from tests.support.synthetic import ct, part10

ZIP = {"Accept": "application/zip"}
STUDY = generate_uid()


def image(series: int = 1, **attributes: Any) -> Dataset:
    return ct(StudyInstanceUID=STUDY, SeriesInstanceUID=f"1.2.{series}", SeriesNumber=series, **attributes)


def opened(response: Response) -> zipfile.ZipFile:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(BytesIO(response.content))
    assert archive.testzip() is None
    return archive


def files_of(archive: zipfile.ZipFile) -> list[bytes]:
    """What is in it beside the DICOMDIR, in the order of its names."""
    return [archive.read(name) for name in sorted(archive.namelist()) if name != "DICOMDIR"]


def directory_of(archive: zipfile.ZipFile) -> dict[str, str]:
    """SOP Instance UID to transfer syntax, as the DICOMDIR has them; each must be that of its file."""
    found = {}
    for record in pydicom.dcmread(BytesIO(archive.read("DICOMDIR"))).DirectoryRecordSequence:
        if "ReferencedFileID" in record:
            file = pydicom.dcmread(BytesIO(archive.read("/".join(record.ReferencedFileID))))
            assert file.SOPInstanceUID == record.ReferencedSOPInstanceUIDInFile
            assert file.file_meta.TransferSyntaxUID == record.ReferencedTransferSyntaxUIDInFile
            found[file.SOPInstanceUID] = str(file.file_meta.TransferSyntaxUID)
    return found


@pytest.fixture
def study(keep: Keep) -> Stored:
    """Two series, of two instances and of one."""
    first = keep(image(number=1))
    keep(image(number=2))
    keep(image(series=2))
    return first


def test_study_series_and_instance_come_as_they_are_kept(client: TestClient, keep: Keep) -> None:
    kept = [part10(image(series, number=number)) for series, number in ((1, 1), (1, 2), (2, 1))]
    first, *_ = [keep(content) for content in kept]
    for path, expected in ((study_path(first), kept), (series_path(first), kept[:2]), (instance_path(first), kept[:1])):
        response = client.get(path, headers=ZIP)
        archive = opened(response)
        assert files_of(archive) == expected
        assert len(directory_of(archive)) == len(expected)
        assert int(response.headers["content-length"]) == len(response.content)
        assert response.headers["content-disposition"].startswith('attachment; filename="')


def test_the_archive_begins_with_its_directory(client: TestClient, study: Stored) -> None:
    assert opened(client.get(study_path(study), headers=ZIP)).namelist()[0] == "DICOMDIR"


def test_no_name_in_it_tells_a_patient(client: TestClient, study: Stored) -> None:
    names = opened(client.get(study_path(study), headers=ZIP)).namelist()
    assert not [name for name in names if "Muster" in name or "TEST-1" in name or STUDY in name]


def test_the_same_archive_is_the_same_bytes_and_known_by_its_tag(client: TestClient, study: Stored, keep: Keep) -> None:
    first, second = (client.get(study_path(study), headers=ZIP) for _ in range(2))
    assert (first.content, first.headers["etag"]) == (second.content, second.headers["etag"])
    unchanged = client.get(study_path(study), headers=ZIP | {"If-None-Match": first.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    keep(image(number=3))
    assert client.get(study_path(study), headers=ZIP).headers["etag"] != first.headers["etag"]


def test_the_rest_can_be_had_when_a_connection_broke(client: TestClient, study: Stored) -> None:
    """RFC 9110 14.2 and 13.1.5."""
    whole = client.get(study_path(study), headers=ZIP)
    size, tag = len(whole.content), whole.headers["etag"]
    assert whole.headers["accept-ranges"] == "bytes"
    for asked, begin, end in (
        (f"bytes={size // 2}-", size // 2, size),
        ("bytes=0-0", 0, 1),
        ("bytes=-22", size - 22, size),
    ):
        part = client.get(study_path(study), headers=ZIP | {"Range": asked, "If-Range": tag})
        assert part.status_code == 206
        assert part.content == whole.content[begin:end]
        assert part.headers["content-range"] == f"bytes {begin}-{end - 1}/{size}"
        assert int(part.headers["content-length"]) == end - begin
    other = client.get(study_path(study), headers=ZIP | {"Range": "bytes=5-", "If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, whole.content)
    problem_of(client.get(study_path(study), headers=ZIP | {"Range": f"bytes={size}-"}), 416)


def test_head_tells_the_length(client: TestClient, study: Stored) -> None:
    head = client.head(study_path(study), headers=ZIP)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(client.get(study_path(study), headers=ZIP).content)


def test_compressed_instances_stay_so_unless_asked_otherwise(client: TestClient, keep: Keep) -> None:
    native, compressed = keep(image()), keep(rle(image(series=2)))
    kept = directory_of(opened(client.get(study_path(native), headers=ZIP)))
    assert kept == {native.sop_instance_uid: EXPLICIT, compressed.sop_instance_uid: "1.2.840.10008.1.2.5"}
    starred = client.get(study_path(native), headers={"Accept": "application/zip; transfer-syntax=*"})
    assert directory_of(opened(starred)) == kept
    asked = client.get(study_path(native), headers={"Accept": f"application/zip; transfer-syntax={EXPLICIT}"})
    assert set(directory_of(opened(asked)).values()) == {EXPLICIT}
    assert "content-length" not in asked.headers


def test_implicit_vr_leaves_as_explicit_vr(client: TestClient, keep: Keep) -> None:
    """PS3.18 8.7.3: Implicit VR Little Endian "shall not be used with Web Services"."""
    stored = keep(image(), transfer_syntax=IMPLICIT)
    assert set(directory_of(opened(client.get(study_path(stored), headers=ZIP))).values()) == {EXPLICIT}


def test_damaged_pixels_of_one_cost_no_other(client: TestClient, keep: Keep) -> None:
    """It is in the archive as it is kept, and the DICOMDIR says so."""
    broken, fine = keep(damaged(StudyInstanceUID=STUDY)), keep(rle(image(series=2)))
    response = client.get(study_path(broken), headers={"Accept": f"application/zip; transfer-syntax={EXPLICIT}"})
    found = directory_of(opened(response))
    assert found == {broken.sop_instance_uid: "1.2.840.10008.1.2.4.90", fine.sop_instance_uid: EXPLICIT}


def test_a_syntax_that_nothing_can_have_is_406_with_what_can(client: TestClient, study: Stored) -> None:
    """PS3.18 8.7.8.1."""
    headers = {"Accept": "application/zip; transfer-syntax=1.2.840.10008.1.2.4.100"}
    problem = problem_of(client.get(study_path(study), headers=headers), 406)
    assert "application/zip" in problem["acceptable"]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", "multipart/related"),
        ("application/zip;q=0.5, multipart/related;type=application/dicom", "multipart/related"),
        ("application/zip, multipart/related;type=application/dicom;q=0.5", "application/zip"),
        ("application/*", "application/zip"),
        ("image/png, application/zip", "application/zip"),
    ],
)
def test_an_archive_comes_when_it_is_wanted_most(
    client: TestClient, study: Stored, accept: str, content_type: str
) -> None:
    """RFC 9110 12.5.1."""
    assert client.get(study_path(study), headers={"Accept": accept}).headers["content-type"].startswith(content_type)


def test_browsers_ask_by_query_parameter(client: TestClient, study: Stored) -> None:
    """PS3.18 8.3.3.1."""
    opened(client.get(f"{study_path(study)}?accept=application/zip", headers={"Accept": "text/html"}))


def test_what_is_not_visible_is_404(client: TestClient, study: Stored, callers: Callers) -> None:
    headers = callers.add("other", ListedStudies(frozenset({generate_uid()})), "read")
    problem_of(client.get(study_path(study), headers=headers | ZIP), 404)


def test_a_blob_that_is_gone_breaks_the_archive_off(client: TestClient, keep: Keep, storage: Storage) -> None:
    """Whoever receives it must see that it is not whole."""
    study, _ = keep(image(rows=300, columns=300, number=1)), keep(image(number=2))
    *_, last = storage.index.instances(ListedStudies(frozenset({STUDY})), STUDY)
    storage.files.remove(last.blob_key)
    response = client.get(study_path(study), headers=ZIP)
    assert len(response.content) < int(response.headers["content-length"])
