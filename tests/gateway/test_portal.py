"""What a signed-in patient gets: overview, study, series, account; and what is never given."""

from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from pydicom.config import disable_value_validation
from starlette.testclient import TestClient

from auth.records import Share
from auth.sessions import Sessions
from storage.scope import PatientIdentity
from tests.gateway.portal_house import (
    BIRTH_DATE,
    SIGN_IN,
    Portal,
    attribute,
    keep,
    opened,
    series_path,
    sign_in,
    without_pixels,
)
from tests.support.synthetic import ct

SCRIPT = "<script>alert(1)</script>"
QUOTE = '" onload="alert(1)'
OVERRIDE = "\u202etxet neddih\u202c"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with opened(tmp_path_factory.mktemp("portal")) as portal:
        yield portal


@pytest.fixture
def patient(portal: Portal) -> Iterator[TestClient]:
    with portal.patient() as client:
        yield client


def test_overview_names_the_patient_the_studies_and_the_end(portal: Portal, patient: TestClient) -> None:
    page = patient.get("/").text
    assert "Erika Muster" in page
    assert page.index("Computertomographie") < page.index("1. Juni 2025"), "newest first"
    assert "12. Januar 2026" in page
    assert "Brustkorb · CT Thorax" in page
    assert "3 Bilder" in page
    assert "Nicht zur Befundung geeignet!" in page
    expires = portal.issued.share.expires
    assert f"{expires.day}. " in page and str(expires.year) in page
    assert "Beispiel" not in page and "Geheim" not in page


def test_overview_brings_the_first_image_without_script(patient: TestClient) -> None:
    page = patient.get("/").text
    before_scripts = page.split("<main")[1].split("<img", 2)[1]
    source = before_scripts.split('src="')[1].split('"')[0].replace("&amp;", "&")
    picture = patient.get(source, headers={"accept": "image/avif,image/webp,*/*"})
    assert picture.status_code == 200
    assert picture.headers["content-type"] == "image/jpeg"


def test_english(portal: Portal) -> None:
    with portal.patient(language="en-GB,en;q=0.9") as client:
        page = client.get("/").text
        assert '<html lang="en"' in page
        assert "Computed tomography" in page and "12 January 2026" in page
        assert "Not for diagnostic use" in page


def test_study_page(portal: Portal, patient: TestClient) -> None:
    page = patient.get(f"/studies/{portal.chest[0].study_instance_uid}")
    assert page.status_code == 200
    assert series_path(portal.chest[0]) in page.text


def test_series_begins_in_the_middle(portal: Portal, patient: TestClient) -> None:
    page = patient.get(series_path(portal.chest[0])).text
    assert "Bild 2 von 3" in page
    assert f"/instances/{portal.chest[1].sop_instance_uid}/frames/1/rendered" in (
        attribute(page, "picture", "src") or ""
    )
    assert attribute(page, "previous", "href") == "?i=1"
    assert attribute(page, "next", "href") == "?i=3"
    listed = " ".join(stored.sop_instance_uid for stored in portal.chest)
    assert attribute(page, "viewer", "data-instances") == listed


@pytest.mark.parametrize(("asked", "shown"), [("1", 1), ("3", 3), ("0", 1), ("99", 3), ("x", 2), ("-1", 2), ("²", 2)])
def test_series_shows_the_image_asked_for(portal: Portal, patient: TestClient, asked: str, shown: int) -> None:
    page = patient.get(series_path(portal.chest[0]), params={"i": asked})
    assert page.status_code == 200
    assert f"Bild {shown} von 3" in page.text
    assert (attribute(page.text, "previous", "href") is None) == (shown == 1)
    assert (attribute(page.text, "next", "href") is None) == (shown == 3)


def test_multi_frame_instances_count_each_frame(portal: Portal) -> None:
    frames = ct(rows=4, columns=4, NumberOfFrames=5, PatientID="TEST-5")
    frames.PixelData = frames.PixelData * 5
    stored = keep(portal.house, frames)
    with portal.patient(issued=portal.share_of(stored)) as client:
        page = client.get(series_path(stored), params={"i": "4"}).text
        assert "Bild 4 von 5" in page
        assert "/frames/4/rendered" in (attribute(page, "picture", "src") or "")
        assert attribute(page, "viewer", "data-instances") == f"{stored.sop_instance_uid}:5"


def test_a_series_of_objects_that_nobody_can_look_at_says_so(portal: Portal) -> None:
    plan = keep(
        portal.house, without_pixels(PatientID="TEST-6", Modality="RTPLAN", SOPClassUID="1.2.840.10008.5.1.4.1.1.481.5")
    )
    with portal.patient(issued=portal.share_of(plan)) as client:
        page = client.get(series_path(plan))
        assert page.status_code == 200
        assert "Angaben für eine Bestrahlung" in page.text
        assert "<img" not in page.text


def test_account_lists_the_share(patient: TestClient) -> None:
    page = patient.get("/account").text
    assert "Erika Muster" in page
    assert "2 Untersuchungen, 3 Bilder" in page
    assert "Telefon 0123" in page
    assert 'action="/logout"' in page


def test_what_breaks_is_told_in_plain_words(portal: Portal) -> None:
    class Broken(Sessions):
        def __init__(self) -> None:
            pass

        def begin(self, share: Share, device: str = "") -> str:
            raise RuntimeError("Muster^Erika")

    with portal.visitor(house=replace(portal.house, sessions=Broken())) as client:
        answer = sign_in(client, code=portal.issued.code)
    assert answer.status_code == 500
    assert "Das liegt an uns" in answer.text and "Erika" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_an_empty_share_is_explained(portal: Portal) -> None:
    issued = portal.house.shares.create(PatientIdentity("NOBODY", "", BIRTH_DATE), BIRTH_DATE, 30)
    with portal.patient(issued=issued) as client:
        assert "noch keine Bilder" in client.get("/").text


def test_foreign_and_unknown_studies_are_not_found(portal: Portal, patient: TestClient) -> None:
    own, foreign = portal.chest[0], portal.foreign
    paths = [
        f"/studies/{foreign.study_instance_uid}",
        series_path(foreign),
        f"/studies/{own.study_instance_uid}/series/{foreign.series_instance_uid}",
        f"/studies/{foreign.study_instance_uid}/series/{own.series_instance_uid}",
        "/studies/1.2.3",
        "/studies/..%2f..%2fetc/series/1",
        "/nowhere",
    ]
    answers = [patient.get(path) for path in paths]
    assert [answer.status_code for answer in answers] == [404] * len(paths)
    bodies = {answer.text.split("<main")[1] for answer in answers}
    assert len(bodies) == 1, "a foreign study answers as one that is not there"


def test_a_share_by_study_shows_no_other_study_of_the_patient(portal: Portal) -> None:
    with portal.patient(issued=portal.share_of(portal.report)) as client:
        assert client.get(series_path(portal.chest[0])).status_code == 404
        assert client.get(series_path(portal.report)).status_code == 200


@pytest.mark.parametrize("path", ["/account", "/session", "/studies/1.2.3", "/studies/1.2.3/series/1"])
def test_without_a_session_pages_lead_to_the_start(portal: Portal, path: str) -> None:
    with portal.visitor() as client:
        answer = client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/?ended")


def test_an_ended_session_is_told(portal: Portal) -> None:
    issued = portal.share_of(*portal.chest)
    with portal.patient(issued=issued) as client:
        assert client.get("/account").status_code == 200
        portal.house.shares.revoke(issued.share.id)
        answer = client.get("/")
        assert (answer.status_code, answer.headers["location"]) == (303, "/?ended")
        page = client.get("/?ended").text
        assert "Sie wurden abgemeldet" in page
        assert attribute(page, "code", "name") == "code"


def test_sign_out_ends_the_session_here_and_there(portal: Portal, patient: TestClient) -> None:
    cookie = patient.cookies["s"]
    answer = patient.post("/logout", headers=SIGN_IN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/?signed_out")
    assert answer.headers["clear-site-data"] == '"cache", "storage"'
    assert "s" not in patient.cookies
    assert portal.house.sessions.session_of(cookie) is None
    assert "Sie sind abgemeldet" in patient.get("/?signed_out").text


def test_nobody_is_signed_out_from_elsewhere(portal: Portal, patient: TestClient) -> None:
    answer = patient.post("/logout", headers={"sec-fetch-site": "cross-site"})
    assert "clear-site-data" not in answer.headers
    assert patient.get("/account").status_code == 200


def test_other_places_are_shown_and_can_be_signed_out(portal: Portal, patient: TestClient) -> None:
    issued = portal.share_of(portal.report)
    with portal.patient(issued=issued) as here, portal.patient(issued=issued) as there:
        assert "an einer anderen Stelle offen" in here.get("/account").text
        answer = here.post("/logout/elsewhere", headers={"sec-fetch-site": "cross-site"})
        assert (answer.status_code, there.get("/account").status_code) == (303, 200), "only our own page may do that"
        answer = here.post("/logout/elsewhere", headers=SIGN_IN)
        assert (answer.status_code, answer.headers["location"]) == (303, "/account?ended_elsewhere")
        page = here.get(answer.headers["location"]).text
        assert "jetzt nur noch hier offen" in page and "anderen Stelle offen" not in page
        assert there.get("/account").headers["location"] == "/?ended"
        assert there.post("/logout/elsewhere", headers=SIGN_IN).headers["location"] == "/?ended"
    assert patient.get("/account").status_code == 200, "another share's sessions stay"


def test_session_tells_how_long_it_lasts(patient: TestClient) -> None:
    seconds = patient.get("/session").json()["seconds"]
    assert 1100 < seconds <= 1200
    assert int(patient.get("/").text.split('data-idle-seconds="')[1].split('"')[0]) > 1100


def test_nothing_is_kept_by_caches(portal: Portal, patient: TestClient) -> None:
    paths = ["/", "/account", "/session", "/z", series_path(portal.chest[0]), "/nowhere", "/login"]
    for path in paths:
        assert patient.get(path).headers["cache-control"] == "no-store", path
    assert patient.post("/logout", headers=SIGN_IN).headers["cache-control"] == "no-store"


def test_pages_are_compressed_for_those_who_take_it(patient: TestClient) -> None:
    assert patient.get("/", headers={"accept-encoding": "gzip"}).headers["content-encoding"] == "gzip"
    assert "content-encoding" not in patient.get("/", headers={"accept-encoding": "identity"}).headers


class Elements(HTMLParser):
    """Tags with their attributes, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("page", ["overview", "study", "series", "account"])
def test_hostile_names_stay_text(portal: Portal, page: str) -> None:
    hostile: dict[str, Any] = {
        "PatientName": f"Muster{SCRIPT}^Erika{OVERRIDE}",
        "StudyDescription": f"A{SCRIPT}{OVERRIDE}",
        "SeriesDescription": f"B{QUOTE}{SCRIPT}",
        "BodyPartExamined": "CHEST<B>",
        "PatientID": "TEST-6",
    }
    with disable_value_validation():
        stored = keep(portal.house, ct(**hostile))
    paths = {
        "overview": "/",
        "study": f"/studies/{stored.study_instance_uid}",
        "series": series_path(stored),
        "account": "/account",
    }
    with portal.patient(issued=portal.share_of(stored)) as client:
        html = client.get(paths[page]).text
    found = Elements(html)
    scripts = [attributes.get("src") for tag, attributes in found.tags if tag == "script"]
    assert all(source and source.startswith("/static/js/") for source in scripts)
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
    assert "alert(1)" in found.text, "it is shown as what it is"
    assert not set(html) & set("\u202a\u202b\u202c\u202d\u202e")


def test_series_with_images_come_first(portal: Portal) -> None:
    study: dict[str, Any] = {"StudyInstanceUID": "1.2.826.8", "PatientID": "TEST-8"}
    report = keep(portal.house, without_pixels(SeriesNumber=1, SeriesInstanceUID="1.2.826.8.1", **study))
    keep(portal.house, ct(SeriesNumber=2, SeriesInstanceUID="1.2.826.8.2", **study))
    with portal.patient(issued=portal.share_of(report)) as client:
        page = client.get("/studies/1.2.826.8").text
        assert 0 < page.index("1.2.826.8.2") < page.index("1.2.826.8.1")


def test_a_key_object_is_no_broken_picture_in_the_overview(portal: Portal) -> None:
    stored = keep(portal.house, without_pixels(Modality="KO", PatientID="TEST-7", SeriesDescription=""))
    with portal.patient(issued=portal.share_of(stored)) as client:
        page = client.get("/").text
        assert "Wichtige Bilder" in page and "ohne Bild" in page
        assert "<img" not in page
