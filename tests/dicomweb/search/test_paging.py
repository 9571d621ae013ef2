"""Pages of searches while others store and delete (PS3.18 8.3.4.4)."""

from typing import Any

import pytest
from pydicom.uid import generate_uid
from starlette.requests import Request
from starlette.testclient import TestClient

from dicomweb.search.paging import Pages
from storage.query import Place
from storage.scope import ListedStudies
from storage.storage import Storage
from tests.dicomweb.conftest import BASE, Callers, Keep
from tests.support.synthetic import ct

STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"
PLACE = Place(("20260101", "", "1.2"))


def uids(found: list[dict[str, Any]], tag: str) -> list[str]:
    return [one[tag]["Value"][0] for one in found]


@pytest.mark.parametrize(("resource", "tag"), [("studies", STUDY), ("series", SERIES), ("instances", INSTANCE)])
def test_what_arrives_between_two_pages_shifts_and_repeats_nothing(
    client: TestClient, keep: Keep, resource: str, tag: str
) -> None:
    for number in range(6):
        keep(ct(PatientID="P", StudyDate=f"2025010{number + 1}"))
    expected = uids(client.get(f"/{resource}").json(), tag)
    found: list[str] = []
    for offset in range(0, 6, 2):
        page = client.get(f"/{resource}?PatientID=P&limit=2&offset={offset}")
        found += uids(page.json(), tag)
        left = 4 - offset
        warning = f'299 {BASE} "There are {left} additional results that can be requested"' if left else None
        assert page.headers.get("warning") == warning
        # Newer than everything, and in the midst of what was already told.
        keep(ct(PatientID="P", StudyDate="20260101"))
        keep(ct(PatientID="P", StudyDate="20250106", StudyTime="235959"))
    assert found == expected


def test_what_is_deleted_between_two_pages_hides_nothing(client: TestClient, keep: Keep, storage: Storage) -> None:
    for number in range(6):
        keep(ct(StudyDate=f"2025010{number + 1}"))
    expected = uids(client.get("/studies").json(), STUDY)
    found = uids(client.get("/studies?limit=2").json(), STUDY)
    storage.database.write(
        lambda connection: connection.execute("DELETE FROM study WHERE study_instance_uid = ?", found[:1]).rowcount
    )
    found += uids(client.get("/studies?limit=2&offset=2").json(), STUDY)
    found += uids(client.get("/studies?limit=2&offset=4").json(), STUDY)
    assert found == expected


def test_the_first_page_is_always_new(client: TestClient, keep: Keep) -> None:
    keep(ct(StudyDate="20250101"))
    client.get("/studies?limit=1")
    newest = keep(ct(StudyDate="20260101"))
    assert uids(client.get("/studies?limit=1&offset=0").json(), STUDY) == [newest.study_instance_uid]


def test_an_offset_that_nobody_ended_at_is_counted(client: TestClient, keep: Keep) -> None:
    for number in range(5):
        keep(ct(StudyDate=f"2025010{number + 1}"))
    expected = uids(client.get("/studies").json(), STUDY)
    assert uids(client.get("/studies?limit=2&offset=3").json(), STUDY) == expected[3:]


def test_pages_of_a_series_with_equal_numbers(client: TestClient, keep: Keep) -> None:
    """Instances without a number, and with the same one, have places of their own."""
    study, series = generate_uid(), generate_uid()
    shared: dict[str, Any] = {"StudyInstanceUID": study, "SeriesInstanceUID": series}
    for number in (None, 1, 1, None, 2):
        keep(ct(**shared) if number == 2 else ct(**shared, InstanceNumber=number))
    path = f"/studies/{study}/series/{series}/instances"
    expected = uids(client.get(path).json(), INSTANCE)
    pages = [uids(client.get(f"{path}?limit=1&offset={offset}").json(), INSTANCE) for offset in range(6)]
    assert [one for page in pages for one in page] == expected and len(expected) == 5 and pages[5] == []


def test_a_page_of_nothing_says_what_remains(client: TestClient, keep: Keep) -> None:
    keep(ct())
    page = client.get("/studies?limit=0")
    assert (page.status_code, page.json()) == (200, [])
    assert "There are 1 additional results" in page.headers["warning"]


def test_a_scoped_caller_pages_through_what_is_his(client: TestClient, keep: Keep, callers: Callers) -> None:
    """He has places of his own, and what others see does not count."""
    stored = [keep(ct(StudyDate=f"2025010{number + 1}")) for number in range(4)]
    his = frozenset(one.study_instance_uid for one in stored[::2])
    headers = callers.add("guest", ListedStudies(his), "read")
    assert len(client.get("/studies?limit=1").json()) == 1
    pages = [client.get(f"/studies?limit=1&offset={offset}", headers=headers) for offset in range(3)]
    assert [len(page.json()) for page in pages] == [1, 1, 0]
    assert {one for page in pages for one in uids(page.json(), STUDY)} == his
    assert "There are 1 additional results" in pages[0].headers["warning"]


def request(query: str, path: str = "/studies", token: str = "A") -> Request:
    headers = [(b"authorization", token.encode())]
    return Request({"type": "http", "path": path, "query_string": query.encode(), "headers": headers})


def test_a_place_is_that_of_one_caller_and_one_question(storage: Storage) -> None:
    ends = storage.page_ends
    Pages.of(ends, request("PatientID=1&limit=5&offset=0")).end(5, PLACE)
    assert Pages.of(ends, request("offset=5&limit=9&PatientID=1")).begin(5) == PLACE
    for other in (request("PatientID=1", token="B"), request("PatientID=2"), request("PatientID=1", "/series")):
        assert Pages.of(ends, other).begin(5) is None
    assert Pages.of(ends, request("PatientID=1")).begin(6) is None


@pytest.mark.parametrize(("query", "kept"), [("", False), ("?limit=9", True), ("?limit=1", True)])
def test_who_asks_for_everything_leaves_no_place(
    client: TestClient, keep: Keep, storage: Storage, monkeypatch: pytest.MonkeyPatch, query: str, kept: bool
) -> None:
    for number in range(2):
        keep(ct(StudyDate=f"2025010{number + 1}"))
    put: list[object] = []
    monkeypatch.setattr(type(storage.page_ends), "put", lambda *given: put.append(given))
    client.get(f"/studies{query}")
    assert bool(put) is kept
