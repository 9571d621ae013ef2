"""Finding patients and studies at the desk."""

import re

import pytest
from starlette.testclient import TestClient

from gateway.desk import finding
from storage.ingest import Stored
from storage.scope import SiteStudies, WholeArchive
from tests.gateway.desk.conftest import Desk, keep
from tests.gateway.portal_house import without_pixels
from tests.support.synthetic import part10

HERE = SiteStudies("")
IDENTIFIERS = re.compile(r"[0-9.]{30,}|(?<=/desk/shares/)[0-9a-f]{12}")
"""What is new in each run, and may hold any digits."""


def _found(desk: Desk, text: str) -> set[str]:
    found = finding.find(desk.house.storage.index, HERE, text)
    names = {stored.study_instance_uid: name for name, stored in _studies(desk).items()}
    return {names[study.study_instance_uid] for study in found.studies}


def _studies(desk: Desk) -> dict[str, Stored]:
    return {name: getattr(desk, name) for name in ("chest", "knee", "lookalike", "jan", "nameless", "north")}


ERIKAS = {"chest", "knee", "lookalike"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ACC100", {"chest"}),
        ("  ACC500 ", {"nameless"}),
        ("4711", ERIKAS),
        ("Müller", {*ERIKAS, "jan"}),
        ("mueller", {*ERIKAS, "jan"}),
        ("Muller Erika", ERIKAS),
        ("Erika Müller", ERIKAS),
        ("Müller, Erika", ERIKAS),
        ("Erika 31.01.1950", {"chest", "knee"}),
        ("31.1.1960", {"lookalike"}),
        ("19770505", {"jan"}),
        ("1.10.2026", {"jan"}),
        ("Mül", {*ERIKAS, "jan"}),
        ("Nord", set()),
        ("NACC1", set()),
        ("N1", set()),
        ("", set()),
        ("*", set()),
        ("?*?", set()),
        ("nobody at all", set()),
        ("x" * 5000, set()),
        ("\x00 \\ ' OR 1=1 --", set()),
    ],
    ids=lambda value: repr(value)[:24] if isinstance(value, str) else "",
)
def test_what_is_typed_is_understood(desk: Desk, text: str, expected: set[str]) -> None:
    assert _found(desk, text) == expected


def test_staff_of_all_sites_find_everybody(desk: Desk) -> None:
    assert finding.find(desk.house.storage.index, WholeArchive(), "NACC1").studies


def test_patients_without_an_id_stand_alone(desk: Desk) -> None:
    nobody = finding.find(desk.house.storage.index, HERE, "ACC500").studies[0]
    assert len(finding.of_patient(desk.house.storage.index, HERE, nobody).studies) == 1


def test_one_match_is_opened_at_once(desk: Desk, anna: TestClient) -> None:
    answer = anna.post("/desk", data={"q": "ACC007"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/desk/studies/{desk.knee.study_instance_uid}")
    page = anna.get(answer.headers["location"]).text
    assert "Müller, Erika" in page and "31.01.1950" in page and "19600131" not in page
    assert "1960" not in IDENTIFIERS.sub("", page)
    assert page.count('name="studies"') == 2
    assert f'value="{desk.knee.study_instance_uid}" checked' in page
    assert "1 Serie, 1 Objekt" in page and "gerade eben" in page


def test_several_matches_are_listed_and_no_name_is_in_an_address(desk: Desk, anna: TestClient) -> None:
    answer = anna.post("/desk", data={"q": "Mueller"})
    assert answer.headers["location"] == "/desk?found"
    page = anna.get("/desk?found").text
    assert page.count('class="line"') == 3
    assert "Müller, Jan" in page and "05.05.1977" in page
    assert 'value="Mueller"' in page
    assert "Müller" not in anna.get("/desk").text


def test_a_share_is_found_by_its_number(desk: Desk, anna: TestClient) -> None:
    share = desk.issued().share
    assert anna.post("/desk", data={"q": share.id.upper()}).headers["location"] == f"/desk/shares/{share.id}"


def test_nothing_found_says_what_to_try(desk: Desk, anna: TestClient) -> None:
    anna.post("/desk", data={"q": "nobody at all"})
    assert "Nichts gefunden" in anna.get("/desk?found").text


def test_names_cannot_become_markup(own_desk: Desk) -> None:
    keep(own_desk.house, "PACS", PatientName='<script>alert("x")</script>', PatientID="<b>", AccessionNumber="EVIL")
    with own_desk.browser("anna") as client:
        page = client.get(client.post("/desk", data={"q": "EVIL"}).headers["location"]).text
    assert "<script>alert" not in page and "<b>" not in page and "&lt;script&gt;" in page


def test_a_thumbnail_is_a_picture_that_nobody_keeps(desk: Desk, anna: TestClient) -> None:
    answer = anna.get(f"/desk/studies/{desk.chest.study_instance_uid}/thumbnail")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content.startswith(b"\xff\xd8")


def test_a_study_without_an_image_has_a_picture_that_says_so(desk: Desk, anna: TestClient) -> None:
    report = without_pixels(PatientID="R1", Modality="SR")
    incoming = desk.house.storage.ingest.receive()
    incoming.write(part10(report))
    desk.house.storage.ingest.store(incoming, source="PACS")
    answer = anna.get(f"/desk/studies/{report.StudyInstanceUID}/thumbnail")
    assert answer.headers["location"].startswith("/static/icons/no-image.svg?v=")
    assert anna.get(answer.headers["location"]).headers["content-type"] == "image/svg+xml"


def test_other_sites_do_not_exist(desk: Desk) -> None:
    north = desk.north.study_instance_uid
    with desk.browser("anna") as anna, desk.browser("nora") as nora, desk.browser("carla") as carla:
        for path in (f"/desk/studies/{north}", f"/desk/studies/{north}/thumbnail"):
            unknown = anna.get(path.replace(north, "1.2.3"))
            answer = anna.get(path)
            assert (answer.status_code, answer.text.replace(north, "")) == (404, unknown.text.replace("1.2.3", ""))
            assert nora.get(path).status_code == carla.get(path).status_code == 200
        for name in ("chest", "knee", "jan", "nameless"):
            assert nora.get(f"/desk/studies/{getattr(desk, name).study_instance_uid}").status_code == 404
        assert "Nordklinik" in nora.get("/desk").text
