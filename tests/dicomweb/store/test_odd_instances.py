"""Instances that break a rule of PS3.3 or PS3.5 and are images all the same: stored, found, given back unchanged."""

from typing import Any, Final

import pytest
from pydicom.uid import CTImageStorage, generate_uid
from starlette.testclient import TestClient

from tests.dicomweb.replies import DICOM, IMPLICIT, parts_of
from tests.dicomweb.store.test_stow import body, post, stored_uids
from tests.support.synthetic import ct, part10

ONE: Final = generate_uid()
PADDED: Final = "1.2.826.0.1.3680043.8.498.10"
PAGE: Final = b"<html><script>alert(1)</script></html><!--"
EMPTY: Final = {"PatientID": "", "PatientName": "", "PatientBirthDate": "", "StudyDate": "", "AccessionNumber": ""}
KANJI: Final = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"


def replaced(file: bytes, old: bytes, new: bytes) -> bytes:
    """`file` with other bytes of the same length in one place."""
    assert (file.count(old), len(old)) == (1, len(new))
    return file.replace(old, new)


FAULTS: Final = {
    "type 2 without value": part10(ct(16, 16, 1, **EMPTY)),
    "Implicit VR": part10(ct(), IMPLICIT),
    "VR of another kind": replaced(part10(ct()), b"\x08\0\x3e\x10LO", b"\x08\0\x3e\x10IS"),
    "VR that does not exist": replaced(part10(ct()), b"\x10\0\x40\0CS\x02\0", b"\x10\0\x40\0XX\x02\0"),
    "date that is none": replaced(part10(ct()), b"DA\x08\x0020260102", b"DA\x08\x00tomorrow"),
    "blank behind a UID": replaced(
        part10(ct(StudyInstanceUID=f"{PADDED}12", SeriesInstanceUID="1.2.3", SOPInstanceUID=ONE)),
        f"{PADDED}12".encode(),
        f"{PADDED}1 ".encode(),
    ),
    "equal UIDs": part10(ct(StudyInstanceUID=ONE, SeriesInstanceUID=ONE, SOPInstanceUID=ONE)),
    "a page in the preamble": PAGE.ljust(128, b" ") + part10(ct())[128:],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_in_it_keeps_no_image_out(client: TestClient, fault: str) -> None:
    """PS3.4 B.4.1, level 2: nothing is discarded and nothing is coerced, so that nothing has to be reported as such."""
    file = FAULTS[fault]
    response = post(client, body(file))
    assert (response.status_code, len(stored_uids(response.json()))) == (200, 1)
    (item,) = response.json()["00081199"]["Value"]
    assert "04000561" not in response.json() and "00081196" not in item
    (found,) = client.get("/instances").json()
    assert (found["00080016"]["Value"], found["00080018"]["Value"]) == ([CTImageStorage], stored_uids(response.json()))
    assert found["00081190"]["Value"] == item["00081190"]["Value"]
    for path in ("", "/metadata", "/frames/1", "/rendered"):
        assert client.get(item["00081190"]["Value"][0] + path).status_code == 200, path
    if fault != "Implicit VR":
        kept = client.get(item["00081190"]["Value"][0], headers={"Accept": "application/dicom; transfer-syntax=*"})
        assert kept.content == file


def test_a_preamble_is_nothing_that_a_browser_would_run(client: TestClient) -> None:
    """PS3.10 7.1: the preamble may begin a file of another kind; it is kept, and not taken for what it claims."""
    post(client, body(FAULTS["a page in the preamble"]))
    url = client.get("/instances").json()[0]["00081190"]["Value"][0]
    alone = client.get(url, headers={"Accept": "application/dicom"})
    assert alone.content.startswith(PAGE)
    assert alone.headers["content-type"].startswith("application/dicom;")
    assert alone.headers["content-disposition"].startswith("attachment")
    assert alone.headers["x-content-type-options"] == "nosniff"
    several = client.get(url, headers={"Accept": DICOM})
    assert several.headers["x-content-type-options"] == "nosniff"
    assert parts_of(several)[0][0]["Content-Type"].startswith("application/dicom;")
    assert client.get(url, headers={"Accept": "text/html"}).status_code == 406


@pytest.mark.parametrize(
    ("terms", "encoded", "text"),
    [
        (b"ISO_IR 100", "Müller^Jörg".encode("latin-1"), ["Müller^Jörg"]),
        (b"\\ISO 2022 IR 87", KANJI, ["Yamada^Tarou", "山田^太郎", "やまだ^たろう"]),
        (b"GB18030", "Wang^XiaoDong=王^小东".encode("gb18030"), ["Wang^XiaoDong", "王^小东"]),
        (b"no such set", "Müller^Jörg".encode("latin-1"), ["Müller^Jörg"]),
    ],
)
def test_every_character_set_is_sent_as_utf_8(
    client: TestClient, terms: bytes, encoded: bytes, text: list[str]
) -> None:
    """PS3.18 F.2.1.1 and F.2.2: all groups of a name, in search and metadata, and the character set that it now is."""
    value, declared = encoded + b" " * (len(encoded) % 2), terms + b" " * (len(terms) % 2)
    file = replaced(part10(ct(PatientName="N" * len(value))), b"N" * len(value), value)
    file = file.replace(b"CS\x0a\0ISO_IR 192", b"CS" + len(declared).to_bytes(2, "little") + declared)
    assert post(client, body(file)).status_code == 200
    groups: dict[str, Any] = dict(zip(("Alphabetic", "Ideographic", "Phonetic"), text, strict=False))
    (found,) = client.get("/studies", params={"PatientName": text[-1]}).json()
    (data_set,) = client.get(f"/studies/{found['0020000D']['Value'][0]}/metadata").json()
    for one in (found, data_set):
        assert one["00100010"]["Value"] == [groups]
        assert one["00080005"]["Value"] == ["ISO_IR 192"]
