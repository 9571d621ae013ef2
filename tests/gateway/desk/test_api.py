"""The desk for machines."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pypdf import PdfReader
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from auth.errors import Denied
from auth.records import Wait
from gateway.app import application
from gateway.desk import api
from gateway.desk.api import Change, Images, NewShare, ShareIssued, ShareSeen, ShareTold
from storage.scope import ListedStudies, PatientIdentity
from tests.gateway.desk.conftest import Desk, until

HOME = "192.0.2.10"
WANTED = {"patient_id": "4711", "birth_date": "19500131"}
MODELS = (Images, ShareTold, ShareSeen, ShareIssued, NewShare, Change)
DOCUMENT = Path(__file__).parents[3] / "docs" / "desk-api.json"


def _client(desk: Desk, client: TestClient, *, rights: str = "share", site: str = "") -> TestClient:
    token = desk.house.tokens.create("ris", {rights}, site=site)
    client.headers["authorization"] = f"Bearer {token}"
    return client


@pytest.fixture
def ris(desk: Desk) -> Any:
    with desk.browser() as client:
        yield _client(desk, client)


def test_a_ris_opens_a_share(desk: Desk, ris: TestClient) -> None:
    answer = ris.post("/desk/api/shares", json={**WANTED, "days": 30, "label": "order 1"})
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    told = answer.json()
    share = desk.house.identification.by_code(told["code"], "19500131", HOME)
    assert (share.id, share.label, f"{share.expires:%Y-%m-%d}") == (told["id"], "order 1", until(30))
    assert share.scope == PatientIdentity("4711", "", "19500131", "", patient_name="Müller^Erika")
    token = told["url"].partition("#")[2]
    assert desk.house.identification.by_token(token, "19500131", HOME).id == share.id
    assert answer.headers["location"].endswith(f"/desk/api/shares/{share.id}")


def test_it_gets_the_sheet_where_it_asks_for_pdf(ris: TestClient) -> None:
    answer = ris.post(
        "/desk/api/shares",
        json={**WANTED, "language": "en", "paper": "Letter"},
        headers={"accept": "application/pdf, application/json;q=0.5"},
    )
    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/pdf")
    (page,) = PdfReader(BytesIO(answer.content)).pages
    assert "Your images online" in page.extract_text()
    assert round(page.mediabox.height) == 792


def test_it_shares_studies_that_are_there(desk: Desk, ris: TestClient) -> None:
    uids = [desk.chest.study_instance_uid, desk.knee.study_instance_uid]
    told = ris.post("/desk/api/shares", json={"studies": uids, "birth_date": "19500131"}).json()
    assert desk.house.shares.get(told["id"]).scope == ListedStudies(frozenset(uids))


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        ({}, None),
        ({"wait_minutes": 5}, Wait(5)),
        ({"wait_for_archive": True}, Wait(10, True)),
        ({"wait_minutes": 3, "wait_for_archive": True}, Wait(3, True)),
    ],
    ids=["at once", "minutes", "archive", "both"],
)
def test_a_share_may_wait_until_all_is_here(
    desk: Desk, ris: TestClient, asked: dict[str, Any], wait: Wait | None
) -> None:
    told = ris.post("/desk/api/shares", json={**WANTED, **asked}).json()
    share = desk.house.shares.get(told["id"])
    assert (share.wait, told["waits"]) == (wait, wait is not None)
    assert share.scope == (share.rule if wait is None else ListedStudies(frozenset()))


def test_the_list_goes_on_behind_its_last_share(own_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "_PAGE", 2)
    made = {own_desk.issued().share.id for _ in range(3)}
    with own_desk.browser() as client:
        first = _client(own_desk, client).get("/desk/api/shares")
        second = client.get(first.links["next"]["url"])
    assert [len(page.json()) for page in (first, second)] == [2, 1] and "link" not in second.headers
    assert {share["id"] for page in (first, second) for share in page.json()} == made


@pytest.mark.parametrize("other", ["north", "jan"])
def test_it_shares_neither_other_sites_nor_two_patients(desk: Desk, ris: TestClient, other: str) -> None:
    uids = [desk.chest.study_instance_uid, getattr(desk, other).study_instance_uid]
    answer = ris.post("/desk/api/shares", json={"studies": uids, "birth_date": "19500131"})
    assert answer.status_code == {"north": 404, "jan": 400}[other]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"birth_date": "19500131"},
        {**WANTED, "studies": ["1.2.3"]},
        {**WANTED, "birth_date": "31.01.1950"},
        {**WANTED, "days": 0},
        {**WANTED, "days": 4000},
        {**WANTED, "more": 1},
        {**WANTED, "language": "xx"},
        {"studies": ["../../etc"], "birth_date": "19500131"},
        {"studies": "1.2.3", "birth_date": "19500131"},
        [],
    ],
    ids=lambda body: ",".join(body) + str(len(str(body))) if isinstance(body, dict) else "list",
)
def test_unusable_bodies_are_refused_without_repeating_them(desk: Desk, ris: TestClient, body: Any) -> None:
    before = len(desk.house.shares.list())
    answer = ris.post("/desk/api/shares", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert "1950" not in answer.text and "4711" not in answer.text and "etc" not in answer.text
    assert len(desk.house.shares.list()) == before


def test_bodies_and_answers_have_their_media_types(ris: TestClient) -> None:
    assert ris.post("/desk/api/shares", content="x", headers={"content-type": "text/plain"}).status_code == 415
    assert ris.post("/desk/api/shares", content="{", headers={"content-type": "application/json"}).status_code == 400
    assert ris.post("/desk/api/shares", json=WANTED, headers={"accept": "image/png"}).status_code == 406
    big = json.dumps({**WANTED, "label": "x" * 300_000})
    assert ris.post("/desk/api/shares", content=big, headers={"content-type": "application/json"}).status_code == 413


def test_it_lists_extends_reissues_and_revokes(desk: Desk, ris: TestClient) -> None:
    told = ris.post("/desk/api/shares", json={**WANTED, "days": 5}).json()
    path = f"/desk/api/shares/{told['id']}"
    assert told["id"] in {one["id"] for one in ris.get("/desk/api/shares").json()}
    assert ris.get(path).json()["state"] == "live"
    assert "code" not in ris.get(path).json()
    desk.house.requests.ask(told["id"], "extend")
    assert ris.patch(path, json={"days": 60}).json()["expires"].startswith(until(60))
    assert not desk.house.requests.of(told["id"])
    fresh = ris.post(f"{path}/code").json()
    with pytest.raises(Denied):
        desk.house.identification.by_code(told["code"], "19500131", HOME)
    assert desk.house.identification.by_code(fresh["code"], "19500131", HOME).id == told["id"]
    assert ris.delete(path).json()["state"] == "revoked"
    assert ris.post(f"{path}/code").status_code == 409
    assert ris.patch(path, json={"days": 0}).status_code == 400


def test_only_the_right_to_share_counts_and_no_session_does(desk: Desk) -> None:
    share = desk.issued().share
    calls = [("GET", "/desk/api/shares"), ("POST", "/desk/api/shares")]
    calls += [(method, f"/desk/api/shares/{share.id}") for method in ("GET", "PATCH", "DELETE")]
    calls += [("POST", f"/desk/api/shares/{share.id}/code")]
    with desk.browser("carla") as client:
        for method, path in calls:
            assert client.request(method, path, json={}).status_code == 401
        for rights in ("read", "write", "delete"):
            _client(desk, client, rights=rights)
            for method, path in calls:
                assert client.request(method, path, json={}).status_code == 403
        _client(desk, client, site="north")
        for method, path in calls[2:]:
            answer = client.request(method, path, json={"days": 3})
            unknown = client.request(method, path.replace(share.id, "nobody"), json={"days": 3})
            assert (answer.status_code, answer.text) == (unknown.status_code, unknown.text) == (404, answer.text)
        assert share.id not in client.get("/desk/api/shares").text
        assert client.get("/dicom-web/studies").status_code == 403
    assert desk.house.shares.get(share.id) == share


def test_the_document_describes_exactly_the_routes(desk: Desk) -> None:
    document = json.loads(DOCUMENT.read_text("utf-8"))
    items = document["paths"].items()
    described = {(path, method.upper()) for path, item in items for method in item if method != "parameters"}
    assert document["components"]["schemas"] == {model.__name__: _schema(model) for model in MODELS}
    app = application(desk.house)
    assert isinstance(app, Starlette)
    api = [one for one in app.routes if isinstance(one, Route) and one.path.startswith("/desk/api/")]
    assert described == {(one.path, method) for one in api for method in (one.methods or set()) - {"HEAD"}}


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    return {key: value for key, value in schema.items() if key != "$defs"}
