"""The answer to a Store request (PS3.18 10.5.3, annex I): in JSON or XML, with warnings, an outcome for each part."""

from starlette.testclient import TestClient

from storage.data_set import native_model_reader
from storage.storage import Storage
from tests.dicomweb.store.test_stow import body, left_over, post, reasons, stored_uids
from tests.support.corpus import needs_shared, shared
from tests.support.synthetic import ct, part10


def test_the_answer_is_json_unless_xml_is_accepted(client: TestClient) -> None:
    """PS3.18 10.5.3.3; who accepts neither has his instance stored all the same."""
    file = part10(ct())
    as_json = post(client, body(file), Accept="text/html")
    assert (as_json.status_code, as_json.headers["content-type"]) == (200, "application/dicom+json")
    as_xml = post(client, body(file), Accept="application/dicom+xml")
    assert (as_xml.status_code, as_xml.headers["content-type"]) == (200, "application/dicom+xml")
    assert native_model_reader.decode(as_xml.content) == as_json.json()
    refused = post(client, body(b"not DICOM"), Accept="application/dicom+xml")
    assert refused.status_code == 409
    assert reasons(native_model_reader.decode(refused.content), "0008119A") == [0xC000]


def test_what_has_no_study_is_kept_with_a_warning(client: TestClient) -> None:
    """PS3.18 table I.2-1: B007H, and 202 as there is a warning (table 10.5.3-1)."""
    response = post(client, body(part10(ct(StudyInstanceUID=None)), part10(ct(PatientID="", PatientName=""))))
    assert response.status_code == 202
    odd, empty = response.json()["00081199"]["Value"]
    assert odd["00081196"] == {"vr": "US", "Value": [0xB007]}
    assert "00081196" not in empty
    usual = part10(ct(SeriesInstanceUID="1." * 31 + "2"))
    long = usual.replace(b"\x20\0\x0e\0UI\x40\0", b"\x20\0\x0e\0UI\x50\0").replace(b"1." * 31, b"1." * 39)
    assert post(client, body(long)).json()["00081199"]["Value"][0]["00081196"]["Value"] == [0xB007]


@needs_shared
def test_every_broken_file_has_its_outcome(client: TestClient, storage: Storage) -> None:
    """Damaged DICOM and other things altogether, in one request: each is stored or has a Failure Reason."""
    files = [path.read_bytes() for path in shared("broken", "not_dicom") if path.stat().st_size < 1 << 22]
    response = post(client, body(*files))
    module = response.json()
    failures = reasons(module) + reasons(module, "0008119A")
    assert response.status_code == 202
    assert len(stored_uids(module)) + len(failures) == len(files)
    assert set(failures) <= {0xC000, 0xA900, 0x0117, 0x0111}
    assert not left_over(storage)
