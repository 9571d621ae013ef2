"""From the portal into OHIF and Weasis: who is led there, with what in which address, and what it may then do."""

import html
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_plus

import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from gateway.app import application
from gateway.sections import ViewersConfig
from tests.gateway.portal_house import ORIGIN, SIGN_IN, Portal, opened, series_path, sign_in

OHIF = "https://viewer.example.org"
NAMESPACE = {"w": "http://www.weasis.org/xsd/2.5"}
# What Weasis asks WADO-URI for: a thumbnail, an instance, and the same once more where it could not read the first.
WEASIS_ASKS = (
    ({"contentType": "image/jpeg", "imageQuality": "70", "rows": "160", "columns": "160"}, b"\xff\xd8"),
    ({"contentType": "application/dicom"}, b"DICM"),
    ({"contentType": "application/dicom", "transferSyntax": "1.2.840.10008.1.2.1"}, b"DICM"),
)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with opened(tmp_path_factory.mktemp("opening")) as made:
        config = made.house.config.model_copy(update={"viewers": ViewersConfig(ohif_url=f"{OHIF}/ohif/", weasis=True)})
        yield replace(made, house=replace(made.house, config=config))


@pytest.fixture(scope="module")
def patient(portal: Portal) -> Iterator[TestClient]:
    with portal.patient() as client:
        yield client


@pytest.fixture(scope="module")
def viewer(portal: Portal) -> Iterator[TestClient]:
    """A page of OHIF's origin, or Weasis: without any cookie."""
    with TestClient(application(portal.house), ORIGIN, headers={"origin": OHIF}) as client:
        yield client


def open_study(client: TestClient, portal: Portal, viewer: str) -> str:
    """Where the button leads."""
    answer = client.post(f"/studies/{portal.chest[0].study_instance_uid}/open/{viewer}", headers=SIGN_IN)
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    found = re.search(r'id="onward" href="([^"]*)"', answer.text)
    assert found
    return html.unescape(found[1])


def exchange(viewer: TestClient, ticket: str, **headers: str) -> Any:
    return viewer.post("/open/token", data={"ticket": ticket}, headers=headers)


def manifest_path(link: str) -> str:
    found = re.fullmatch(rf'weasis://\$dicom:get -w "{ORIGIN}(/open/weasis/[\w-]+\.xml)"', unquote_plus(link))
    assert found, link
    return found[1]


def studies_seen(viewer: TestClient, token: str) -> set[str]:
    answer = viewer.get("/dicom-web/studies", headers={"authorization": f"Bearer {token}"})
    return {one["0020000D"]["Value"][0] for one in answer.json()} if answer.status_code == 200 else set()


def test_ohif_gets_a_ticket_in_the_fragment_and_a_token_for_it(
    portal: Portal, patient: TestClient, viewer: TestClient
) -> None:
    address, _, fragment = open_study(patient, portal, "ohif").partition("#")
    assert address == f"{OHIF}/ohif/viewer", "nothing of the patient, and no secret, where a server could log it"
    answer = exchange(viewer, fragment.removeprefix("ticket="))
    assert answer.status_code == 200 and answer.headers["access-control-allow-origin"] == OHIF
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert told["token_type"] == "Bearer" and 3590 <= told["expires_in"] <= 3600
    assert told["study"] == portal.chest[0].study_instance_uid
    assert studies_seen(viewer, told["access_token"]) == {told["study"], portal.report.study_instance_uid}
    foreign = viewer.get(
        f"/dicom-web/studies/{portal.foreign.study_instance_uid}/metadata",
        headers={"authorization": f"Bearer {told['access_token']}"},
    )
    assert foreign.status_code == 404 and foreign.headers["access-control-allow-origin"] == OHIF


def test_a_used_ticket_is_refused_so_that_the_page_can_read_why(
    portal: Portal, patient: TestClient, viewer: TestClient
) -> None:
    ticket = open_study(patient, portal, "ohif").partition("#ticket=")[2]
    token = exchange(viewer, ticket).json()["access_token"]
    again = exchange(viewer, ticket)
    assert again.status_code == 404 and again.headers["access-control-allow-origin"] == OHIF
    assert studies_seen(viewer, token) == set()


@pytest.mark.parametrize("origin", ["https://other.example.org", "null", ORIGIN, ""])
def test_pages_of_other_origins_get_nothing(
    portal: Portal, patient: TestClient, viewer: TestClient, origin: str
) -> None:
    ticket = open_study(patient, portal, "ohif").partition("#ticket=")[2]
    answer = exchange(viewer, ticket, origin=origin)
    assert answer.status_code == 403 and "access-control-allow-origin" not in answer.headers
    assert exchange(viewer, ticket).status_code == 200, "and have used up nothing"


def test_weasis_fetches_its_manifest_once_and_the_images_with_what_stands_in_it(
    portal: Portal, patient: TestClient, viewer: TestClient
) -> None:
    path = manifest_path(open_study(patient, portal, "weasis"))
    assert viewer.head(path).status_code == 405, "and uses up nothing"
    answer = viewer.get(path)
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    root = ElementTree.fromstring(answer.content)
    query = root.find("w:arcQuery", NAMESPACE)
    assert query is not None and query.get("baseUrl") == f"{ORIGIN}/dicom-web/wado"
    (tag,) = query.findall("w:httpTag", NAMESPACE)
    (study,) = query.findall("w:Patient/w:Study", NAMESPACE)
    assert study.get("StudyInstanceUID") == portal.chest[0].study_instance_uid
    (series,) = study
    uids = [one.get("SOPInstanceUID") for one in series]
    assert uids == [one.sop_instance_uid for one in portal.chest]
    asked = {"requestType": "WADO", "studyUID": str(study.get("StudyInstanceUID"))}
    asked |= {"seriesUID": str(series.get("SeriesInstanceUID")), "objectUID": str(uids[0])}
    for wanted, beginning in WEASIS_ASKS:
        header = {str(tag.get("key")): str(tag.get("value"))}
        answer = viewer.get("/dicom-web/wado", params=asked | wanted, headers=header)
        assert answer.status_code == 200 and answer.content.lstrip(b"\0").startswith(beginning), wanted
    assert viewer.get(path).status_code == 404


def test_the_buttons_stand_where_the_site_offers_them(portal: Portal, patient: TestClient) -> None:
    page = patient.get(series_path(portal.chest[0])).text
    assert re.findall(r'action="[^"]*/open/(\w+)"', page) == ["ohif", "weasis"]
    plain = replace(portal.house, config=portal.house.config.model_copy(update={"viewers": ViewersConfig()}))
    with portal.visitor(house=plain) as client:
        sign_in(client, code=portal.issued.code)
        assert "/open/" not in client.get(series_path(portal.chest[0])).text
        study = portal.chest[0].study_instance_uid
        assert client.post(f"/studies/{study}/open/ohif", headers=SIGN_IN).status_code == 404
        assert client.post("/open/token", headers={"origin": ""}).status_code == 403


def test_only_own_forms_and_own_studies_make_tickets(portal: Portal, patient: TestClient) -> None:
    own, foreign = portal.chest[0].study_instance_uid, portal.foreign.study_instance_uid
    assert patient.post(f"/studies/{own}/open/ohif", headers={"sec-fetch-site": "cross-site"}).status_code == 303
    assert patient.post(f"/studies/{foreign}/open/ohif", headers=SIGN_IN).status_code == 404
    assert patient.post(f"/studies/{own}/open/osirix", headers=SIGN_IN).status_code == 404
    assert patient.get(f"/studies/{own}/open/ohif").headers["location"] == "/"


def test_signing_out_ends_the_viewer_and_the_account_tells_of_it(portal: Portal, viewer: TestClient) -> None:
    with portal.patient() as client:
        ticket = open_study(client, portal, "ohif").partition("#ticket=")[2]
        token = exchange(viewer, ticket).json()["access_token"]
        assert "Bilder wurden in einem anderen Betrachter geöffnet" in client.get("/account").text
        assert studies_seen(viewer, token)
        client.post("/logout", headers=SIGN_IN)
    assert studies_seen(viewer, token) == set()


def test_no_secret_reaches_a_log(
    portal: Portal, patient: TestClient, viewer: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    caplog.clear()
    ticket = open_study(patient, portal, "ohif").partition("#ticket=")[2]
    token = exchange(viewer, ticket).json()["access_token"]
    path = manifest_path(open_study(patient, portal, "weasis"))
    viewer.get(path)
    own = "\n".join(one.getMessage() for one in caplog.records if not one.name.startswith("httpx"))
    said = own + "".join(str(tuple(row)) for row in portal.house.storage.database.read("SELECT * FROM audit"))
    assert not [secret for secret in (ticket, token, path.split("/")[-1][:-4]) if secret in said]


@pytest.mark.parametrize(
    "address",
    ["viewer.example.org", "ftp://viewer.example.org", "https://a.example/?x=1", "https:", "https://a@b.example"],
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="write where OHIF is"):
        ViewersConfig(ohif_url=address)


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://Viewer.Example.org:8443/ohif/", "https://viewer.example.org:8443"),
        ("https://viewer.example.org:443", "https://viewer.example.org"),
        ("http://[::1]:80/", "http://[::1]"),
        ("", ""),
    ],
)
def test_the_origin_is_written_as_browsers_send_it(address: str, origin: str) -> None:
    assert ViewersConfig(ohif_url=address).ohif_origin == origin
