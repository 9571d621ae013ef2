"""Searching: every resource, what comes back of each level, paging, and warnings."""

import pytest
from pydicom.uid import generate_uid
from starlette.testclient import TestClient

from dicomweb.search import search_parameters
from tests.dicomweb.conftest import BASE, Keep
from tests.dicomweb.replies import instance_path, problem_of, series_path, study_path
from tests.support.synthetic import ct

RETRIEVE_URL, STUDY, SERIES, INSTANCE = "00081190", "0020000D", "0020000E", "00080018"


def value(found: dict[str, dict[str, list[object]]], tag: str) -> object:
    return found[tag]["Value"][0]


def test_nothing_matches_is_an_empty_array(client: TestClient, keep: Keep) -> None:
    keep(ct())
    for path in ("/studies", "/series", "/instances", "/studies/9.9/series", "/studies/9.9/series/9.9/instances"):
        response = client.get(path, params={"PatientID": "nobody"})
        assert (response.status_code, response.content) == (200, b"[]")
        assert response.headers["content-type"] == "application/dicom+json"


def test_every_resource_finds_the_instance(client: TestClient, keep: Keep) -> None:
    stored = keep(ct())
    keep(ct(PatientID="TEST-2"))
    expected = {
        "/studies": study_path(stored),
        "/series": series_path(stored),
        "/instances": instance_path(stored),
        f"{study_path(stored)}/series": series_path(stored),
        f"{study_path(stored)}/instances": instance_path(stored),
        f"{series_path(stored)}/instances": instance_path(stored),
    }
    for path, retrieve in expected.items():
        (found,) = client.get(path, params={"PatientID": "TEST-1"}).json()
        assert value(found, RETRIEVE_URL) == BASE + retrieve
        assert list(found) == sorted(found)


def test_levels_above_are_told_unless_the_path_names_them(client: TestClient, keep: Keep) -> None:
    stored = keep(ct())
    (of_all,) = client.get("/instances").json()
    assert value(of_all, "00081030") == "CT Thorax" and value(of_all, "0008103E") == "axial"
    (of_study,) = client.get(f"{study_path(stored)}/instances").json()
    assert "00081030" not in of_study and value(of_study, "0008103E") == "axial"
    (of_series,) = client.get(f"{series_path(stored)}/instances").json()
    assert "0008103E" not in of_series
    assert (value(of_series, "00280010"), value(of_series, "00280011")) == (16, 16)


def test_a_study_tells_its_counts_and_modalities(client: TestClient, keep: Keep) -> None:
    study = generate_uid()
    keep(ct(StudyInstanceUID=study))
    keep(ct(StudyInstanceUID=study, Modality="SEG"))
    (found,) = client.get("/studies").json()
    assert (value(found, "00201206"), value(found, "00201208")) == (2, 2)
    assert sorted(found["00080061"]["Value"]) == ["CT", "SEG"]
    assert len(client.get("/studies", params={"ModalitiesInStudy": "SEG"}).json()) == 1
    assert client.get("/studies", params={"ModalitiesInStudy": "MR"}).json() == []


def test_required_attributes_are_there_even_if_unknown(client: TestClient, keep: Keep) -> None:
    stored = keep(ct(PatientSex=None, InstanceNumber=None, SeriesNumber=None))
    (study,) = client.get("/studies").json()
    assert study["00100040"] == {"vr": "CS"} and study["00080090"] == {"vr": "PN"} and study["00200010"] == {"vr": "SH"}
    (of_all,) = client.get("/instances").json()
    assert {tag for tag in of_all if "Value" not in of_all[tag]} >= {"00100040", "00200011", "00200013"}
    (of_series,) = client.get(f"{series_path(stored)}/instances").json()
    assert [tag for tag in of_series if "Value" not in of_series[tag]] == ["00200013"]


def test_matching_by_keyword_tag_wildcard_range_and_list(client: TestClient, keep: Keep) -> None:
    one = keep(ct(StudyDate="20250101"))
    two = keep(ct(StudyDate="20260101", PatientName="Beispiel^Jan"))
    both = f"{one.study_instance_uid},{two.study_instance_uid}"
    for query, count in {
        "PatientName=Muster*": 1,
        "00100010=beispiel%5Ejan": 1,
        "StudyDate=20250601-": 1,
        "StudyDate=20240101-20261231": 2,
        f"StudyInstanceUID={both}": 2,
        f"StudyInstanceUID={one.study_instance_uid}&StudyInstanceUID={two.study_instance_uid}": 2,
        "PatientName=Muster, Erika": 0,
    }.items():
        assert len(client.get(f"/studies?{query}").json()) == count, query


def test_an_unknown_key_never_lists_everything(client: TestClient, keep: Keep) -> None:
    keep(ct())
    response = client.get("/studies?PatientNmae=Muster*")
    assert (response.status_code, response.json()) == (200, [])
    warning = f'299 {BASE} "The following search attributes are not supported: PatientNmae"'
    assert response.headers["warning"] == warning
    response = client.get("/studies?PatientNmae=Muster*&PatientID=TEST-1")
    assert len(response.json()) == 1
    assert response.headers["warning"] == warning


def test_a_warning_cannot_be_split(client: TestClient) -> None:
    response = client.get("/studies", params={'a"\r\nSet-Cookie: b=c, 299 -\x00ä': "1"})
    assert "set-cookie" not in response.headers
    assert response.headers["warning"].count('"') == 2
    assert len(client.get("/studies?" + "x" * 5000 + "=1").headers["warning"]) < 1500


def test_paging_says_what_remains(client: TestClient, keep: Keep) -> None:
    for number in range(5):
        keep(ct(PatientID=f"P{number}"))
    first = client.get("/studies?limit=2")
    assert first.headers["warning"] == f'299 {BASE} "There are 3 additional results that can be requested"'
    pages = [client.get(f"/studies?limit=2&offset={offset}") for offset in (0, 2, 4)]
    uids = [value(found, STUDY) for page in pages for found in page.json()]
    assert len(uids) == len(set(uids)) == 5
    assert "warning" not in pages[2].headers
    assert client.get("/studies?offset=99").json() == []
    assert "detail" in problem_of(client.get("/studies?limit=few"), 400)


def test_who_names_no_limit_is_told_when_there_is_one(
    client: TestClient, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PS3.18 8.3.4.4: an answer that is cut by the service says so, as one does that is cut by the request."""
    for number in range(5):
        keep(ct(PatientID=f"P{number}"))
    monkeypatch.setattr(search_parameters, "MAXIMUM_RESULTS", 2)
    for query in ("", "?limit=4"):
        response = client.get(f"/studies{query}")
        assert len(response.json()) == 2
        assert response.headers["warning"] == f'299 {BASE} "There are 3 additional results that can be requested"'


def test_further_attributes(client: TestClient, keep: Keep) -> None:
    keep(ct(StationName="CT1", PatientAge="075Y", Manufacturer="Hersteller"))
    (found,) = client.get("/instances").json()
    assert "00101010" not in found
    for query in ("PatientAge", "00101010", "PatientAge%2CStationName"):
        (found,) = client.get(f"/instances?includefield={query}").json()
        assert value(found, "00101010") == "075Y", query
    (everything,) = client.get("/instances?includefield=all").json()
    assert value(everything, "00080070") == "Hersteller"
    assert value(everything, "00281052") == -1024
    assert "7FE00010" not in everything


def test_names_keep_all_groups_as_utf_8(client: TestClient, keep: Keep) -> None:
    keep(ct(PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう"))
    (found,) = client.get("/studies", params={"PatientName": "*山田*"}).json()
    assert found["00100010"]["Value"] == [
        {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
    ]


def test_a_long_list_is_compressed_for_those_who_take_it(client: TestClient, keep: Keep) -> None:
    for number in range(8):
        keep(ct(PatientID=f"P{number}"))
    plain = client.get("/instances")
    packed = client.get("/instances", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json() == plain.json()
    assert "Accept-Encoding" in packed.headers["vary"]


def test_what_is_not_on_offer(client: TestClient) -> None:
    acceptable = problem_of(client.get("/studies", headers={"Accept": "text/html"}), 406)["acceptable"]
    assert acceptable[0] == "application/dicom+json"


def test_a_malformed_uid_in_the_path(client: TestClient) -> None:
    problem_of(client.get("/studies/..%2F..%2Fetc/series"), 404)
    problem_of(client.get("/studies/1.2.x/series"), 400)
    problem_of(client.get("/studies/1.2/series/-/instances"), 400)
