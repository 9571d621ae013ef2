"""Every route of the whole application against every kind of caller and every kind of object.

The routes are taken from the application itself: a route that has no row in `POLICY` fails the test. The verdicts
come from a small table that is independent of the code (threat model rows 4 and 11).
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest
from pydicom.uid import generate_uid
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from auth.middleware import Gatekeeper
from gateway.app import application
from gateway.config import Config
from gateway.house import House, build
from storage.scope import ListedStudies, PatientIdentity, StudyScope, WholeArchive
from tests.scenarios.desk_policy import POLICY as DESK
from tests.support.synthetic import ct, part10

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
UNKNOWN: Final = "1.2.3.4.5.6"

# What a route is about: "object" ones name a study, "search" ones answer with what the caller may see, "public" ones
# hold nothing of a patient, "page" ones are the portal's for signed-in patients, "commitment" ones need the right
# to write, "uri" names an instance by query parameters, "description" ones tell what the service can do, "worklist"
# ones are for those who see the whole archive, a "channel" is opened as WebSocket. An "own list" names the studies of
# the share, a "transfer" is a file that somebody is sending by an upload link, an "order" and a "download" belong to
# the share (tests/gateway/test_portal_downloads.py asks those of others).
DICOMWEB: Final = {
    "/studies": "search",
    "/series": "search",
    "/instances": "search",
    "/studies/{study}/series": "search",
    "/studies/{study}/instances": "search",
    "/studies/{study}/series/{series}/instances": "search",
    "/studies/{study}": "object",
    "/studies/{study}/metadata": "object",
    "/studies/{study}/rendered": "object",
    "/studies/{study}/thumbnail": "object",
    "/studies/{study}/series/{series}": "object",
    "/studies/{study}/series/{series}/metadata": "object",
    "/studies/{study}/series/{series}/rendered": "object",
    "/studies/{study}/series/{series}/thumbnail": "object",
    "/studies/{study}/series/{series}/instances/{instance}": "object",
    "/studies/{study}/series/{series}/instances/{instance}/metadata": "object",
    "/studies/{study}/series/{series}/instances/{instance}/rendered": "object",
    "/studies/{study}/series/{series}/instances/{instance}/thumbnail": "object",
    "/studies/{study}/series/{series}/instances/{instance}/bulkdata/{path:path}": "object",
    "/studies/{study}/series/{series}/instances/{instance}/bulkdata": "object",
    "/studies/{study}/series/{series}/instances/{instance}/pixeldata": "object",
    "/studies/{study}/series/{series}/bulkdata": "object",
    "/studies/{study}/series/{series}/pixeldata": "object",
    "/studies/{study}/bulkdata": "object",
    "/studies/{study}/pixeldata": "object",
    "/studies/{study}/series/{series}/instances/{instance}/frames/{frames}": "object",
    "/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/rendered": "object",
    "/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/thumbnail": "object",
    "/commitment-requests/{transaction}": "commitment",
    "/wado": "uri",
    "/": "description",
    "/capabilities": "description",
    "/openapi.json": "description",
    "/workitems": "worklist",
    "/workitems/{workitem}": "worklist",
    "/workitems/{workitem}/state": "worklist",
    "/workitems/{workitem}/cancelrequest": "worklist",
    "/workitems/{workitem}/subscribers/{aetitle}": "worklist",
    "/workitems/{workitem}/subscribers/{aetitle}/suspend": "worklist",
    "/subscribers/{aetitle}": "channel",
    "/{path:path}": "nothing",
}
# What DELETE is for.
DELETED: Final = (
    "/studies/{study}",
    "/studies/{study}/series/{series}",
    "/studies/{study}/series/{series}/instances/{instance}",
)
POLICY: Final = {f"/dicom-web{path}": kind for path, kind in DICOMWEB.items()} | {
    "/healthz": "public",
    "/readyz": "public",
    "/metrics": "metrics",
    "/static/{name:path}": "public",
    "/": "start",
    "/z": "public",
    "/login": "public",
    "/logout": "public",
    "/logout/elsewhere": "public",
    "/studies/{study}": "page",
    "/studies/{study}/series/{series}": "page",
    "/studies/{study}/series/{series}/compare": "page",
    "/studies/{study}/series/{series}/compare/{other}/{beside}": "page",
    "/studies/{study}/series/{series}/regions": "page",
    "/studies/{study}/series/{series}/regions/{beside}/{instance}": "document",
    "/dictionary": "public",
    "/glossary": "public",
    "/studies/{study}/series/{series}/film.webp": "page",
    "/studies/{study}/series/{series}/film.mp4": "page",
    "/studies/{study}/series/{series}/contact-sheet.pdf": "page",
    "/verify": "public",
    "/signing-key.pem": "public",
    "/logo": "public",
    "/logo/{site}": "public",
    "/studies/{study}/series/{series}/documents/{instance}": "document",
    "/account": "own page",
    "/account/ask": "own form",
    "/account/delete": "own page",
    "/account/onward": "own page",
    "/account/onward/end": "own form",
    "/terms": "own form",
    "/downloads": "own list",
    "/downloads/progress": "own page",
    "/downloads/prepare": "own form",
    "/downloads/{download}/{name}": "download",
    "/u": "public",
    "/u/sending": "public",
    "/u/form": "public",
    "/u/begin": "public",
    "/u/finish": "public",
    "/u/files": "public",
    "/u/transfers": "nothing to get",
    "/u/transfers/{file}": "transfer",
    "/studies/{study}/open/{viewer}": "order",
    "/open/token": "nothing to get",
    "/open/weasis/{ticket}.xml": "nothing to get",
    "/session": "own page",
    "/{path:path}": "nothing",
}


@dataclass(frozen=True)
class Names:
    """The path parameters that name one image."""

    study: str
    series: str
    instance: str
    frames: str = "1"
    transaction: str = "1.2.3"
    workitem: str = "1.2.4"
    aetitle: str = "WATCHER"
    download: str = "0123456789abcdef"
    name: str = "images.zip"
    site: str = "north"
    viewer: str = "ohif"
    ticket: str = "x" * 43
    share: str = "0123456789ab"
    file: str = "0123456789abcdef"
    path: str = "7FE00010"

    @property
    def other(self) -> str:
        """Compared with itself."""
        return self.study

    @property
    def beside(self) -> str:
        return self.series

    def fill(self, template: str) -> str:
        return re.sub(r"{(\w+)(?::path)?}", lambda found: str(getattr(self, found[1])), template)


@dataclass(frozen=True)
class Neighbourhood:
    """Two patients in one house, and ways to ask."""

    house: House
    app: ASGIApp
    own: Names
    foreign: Names

    def client(self, caller: str) -> TestClient:
        client = TestClient(self.app, base_url="http://127.0.0.1:8080", follow_redirects=False)
        cookie = self.house.gatekeeper.cookie.name
        match caller:
            case "bad cookie":
                client.cookies.set(cookie, "x" * 43)
            case "bad token":
                client.headers["authorization"] = "Bearer dbk_nothing"
            case "share":
                client.cookies.set(cookie, self.sign_in(PatientIdentity("TEST-1", "", "19500131")))
            case "listed share":
                client.cookies.set(cookie, self.sign_in(ListedStudies(frozenset({self.own.study}))))
            case "revoked share":
                issued = self.house.shares.create(ListedStudies(frozenset({self.own.study})), "19500131", 90)
                client.cookies.set(cookie, self.house.sessions.begin(issued.share))
                self.house.shares.revoke(issued.share.id)
            case "re-issued share":
                issued = self.house.shares.create(ListedStudies(frozenset({self.own.study})), "19500131", 90)
                client.cookies.set(cookie, self.house.sessions.begin(issued.share))
                self.house.shares.reissue(issued.share.id)
            case "study token":
                token = self.house.tokens.create(secrets.token_hex(4), frozenset({"read"}), frozenset({self.own.study}))
                client.headers["authorization"] = f"Bearer {token}"
        return client

    def sign_in(self, scope: StudyScope) -> str:
        issued = self.house.shares.create(scope, "19500131", 90)
        return self.house.sessions.begin(issued.share)


STRANGERS: Final = ("nobody", "bad cookie", "bad token", "revoked share", "re-issued share")
KNOWN: Final = ("share", "listed share", "study token")


@pytest.fixture(scope="module")
def neighbourhood(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbourhood]:
    folder: Path = tmp_path_factory.mktemp("house")
    house = build(Config(base=folder))
    app = application(house)
    own = _store(house, PatientID="TEST-1")
    foreign = _store(house, PatientID="TEST-2", PatientName="Beispiel^Jan")
    yield Neighbourhood(house, app, own, foreign)
    house.close()


def _store(house: House, **attributes: Any) -> Names:
    image = ct(**attributes)
    incoming = house.storage.ingest.receive()
    incoming.write(part10(image))
    stored = house.storage.ingest.store(incoming, source="test")
    return Names(stored.study_instance_uid, stored.series_instance_uid, stored.sop_instance_uid)


def _templates(routes: list[BaseRoute], prefix: str = "") -> Iterator[str]:
    for route in routes:
        if isinstance(route, Mount):
            yield from _templates(list(route.routes), prefix + route.path)
        elif isinstance(route, Route):
            yield prefix + route.path


def test_every_route_has_a_policy(neighbourhood: Neighbourhood) -> None:
    assert isinstance(neighbourhood.app, Starlette)
    assert set(_templates(neighbourhood.app.routes)) == set(POLICY) | set(DESK)


def _kinds(*kinds: str) -> list[str]:
    return [template for template, kind in POLICY.items() if kind in kinds]


@pytest.mark.parametrize("caller", STRANGERS)
def test_strangers_learn_nothing(neighbourhood: Neighbourhood, caller: str) -> None:
    with neighbourhood.client(caller) as client:
        for template in _kinds(
            "object", "search", "metrics", "commitment", "uri", "description", "worklist", "channel"
        ):
            answers = set()
            for names in (neighbourhood.own, neighbourhood.foreign, Names(UNKNOWN, UNKNOWN, UNKNOWN)):
                for method in METHODS:
                    response = client.request(method, names.fill(template))
                    if method in ("GET", "POST") and template != "/metrics":
                        assert response.status_code == 401, (method, template)
                    assert response.status_code in (401, 405), (method, template)
                    answers.add((method, response.status_code, response.text))
            assert len(answers) == len(METHODS), template
        for template in _kinds("page", "document", "own page", "own list", "download"):
            for names in (neighbourhood.own, neighbourhood.foreign):
                response = client.get(names.fill(template))
                assert (response.status_code, response.headers.get("location")) == (303, "/?ended"), template


@pytest.mark.parametrize("caller", KNOWN)
def test_what_is_shared_is_shown(neighbourhood: Neighbourhood, caller: str) -> None:
    with neighbourhood.client(caller) as client:
        for template in _kinds("object", "search"):
            response = client.get(neighbourhood.own.fill(template))
            assert response.status_code == 200, template


@pytest.mark.parametrize("caller", KNOWN)
def test_foreign_and_unknown_are_the_same_404(neighbourhood: Neighbourhood, caller: str) -> None:
    own, foreign = neighbourhood.own, neighbourhood.foreign
    mixed = [
        replace(own, study=foreign.study),
        replace(own, series=foreign.series),
        replace(own, instance=foreign.instance),
        replace(foreign, study=own.study),
        replace(foreign, series=own.series, study=own.study),
    ]
    with neighbourhood.client(caller) as client:
        for template in _kinds("object"):
            unknown = client.get(Names(UNKNOWN, UNKNOWN, UNKNOWN).fill(template))
            assert unknown.status_code == 404, template
            for names in [foreign, *mixed]:
                path = names.fill(template)
                if path == own.fill(template):
                    continue
                response = client.get(path)
                assert response.status_code == 404, path
                assert _without_uids(response.text) == _without_uids(unknown.text), path


@pytest.mark.parametrize("caller", KNOWN)
def test_searches_are_filtered(neighbourhood: Neighbourhood, caller: str) -> None:
    with neighbourhood.client(caller) as client:
        for template in _kinds("search"):
            for query in ("", "?includefield=all", "?PatientID=TEST-2", "?PatientName=*", "?limit=50&offset=0"):
                for names in (neighbourhood.own, neighbourhood.foreign):
                    response = client.get(names.fill(template) + query)
                    assert response.status_code == 200
                    body = response.text
                    assert neighbourhood.foreign.study not in body and "Beispiel" not in body and "TEST-2" not in body
                    if "{" in template and names is neighbourhood.foreign:
                        assert response.json() == []


@pytest.mark.parametrize("caller", ["share", "listed share", "study token"])
def test_readers_change_nothing(neighbourhood: Neighbourhood, caller: str) -> None:
    image = part10(ct(StudyInstanceUID=neighbourhood.own.study, SOPInstanceUID=generate_uid()))
    headers = {"content-type": "application/dicom"}
    with neighbourhood.client(caller) as client:
        before = client.get("/dicom-web/instances").json()
        for target in ("/dicom-web/studies", neighbourhood.own.fill("/dicom-web/studies/{study}")):
            assert client.post(target, content=image, headers=headers).status_code == 403
        for template in _kinds("object", "search"):
            for method in ("PUT", "PATCH", "DELETE"):
                can_go = method == "DELETE" and template.removeprefix("/dicom-web") in DELETED
                expected = 403 if can_go else 405
                assert client.request(method, neighbourhood.own.fill(template)).status_code == expected, template
        for template in _kinds("commitment"):
            for method in ("GET", "POST"):
                assert client.request(method, neighbourhood.own.fill(template)).status_code == 403
        assert client.get("/dicom-web/instances").json() == before


@pytest.mark.parametrize("caller", KNOWN)
def test_the_worklist_is_for_those_who_see_everything(neighbourhood: Neighbourhood, caller: str) -> None:
    with neighbourhood.client(caller) as client:
        for template in _kinds("worklist"):
            for method in METHODS:
                response = client.request(method, neighbourhood.own.fill(template))
                nothing = method in ("GET", "HEAD") and template == "/dicom-web/workitems"
                expected = {200} if nothing else {204} if method == "OPTIONS" else {403, 404, 405}
                assert response.status_code in expected, (method, template)
                assert not nothing or response.text in ("", "[]")


@pytest.mark.parametrize("caller", KNOWN)
def test_descriptions_name_nobody(neighbourhood: Neighbourhood, caller: str) -> None:
    own, foreign = neighbourhood.own, neighbourhood.foreign
    with neighbourhood.client(caller) as client:
        for template in _kinds("description"):
            response = client.get(template)
            assert response.status_code == 200, template
            named = (own.study, own.instance, foreign.study, foreign.instance, "TEST-1", "TEST-2")
            assert not [name for name in named if name in response.text]


def test_pages_of_foreign_studies_do_not_exist(neighbourhood: Neighbourhood) -> None:
    own, foreign = neighbourhood.own, neighbourhood.foreign
    with neighbourhood.client("share") as client:
        for template in _kinds("page", "document"):
            # Of the documents, the own one is an image.
            assert client.get(own.fill(template)).status_code == (200 if template in _kinds("page") else 404), template
            unknown = client.get(Names(UNKNOWN, UNKNOWN, UNKNOWN).fill(template))
            for names in (foreign, replace(foreign, study=own.study)):
                response = client.get(names.fill(template))
                if names.fill(template) != own.fill(template):
                    assert response.status_code == 404, template
                    assert _without_uids(response.text) == _without_uids(unknown.text), template


def test_a_writer_of_one_study_writes_only_there(neighbourhood: Neighbourhood) -> None:
    own, foreign = neighbourhood.own, neighbourhood.foreign
    rights = frozenset({"write"})
    token = neighbourhood.house.tokens.create("sender", rights, frozenset({own.study}))
    headers = {"content-type": "application/dicom", "authorization": f"Bearer {token}"}
    with neighbourhood.client("nobody") as client:
        smuggled = part10(ct(StudyInstanceUID=foreign.study))
        for target in ("/dicom-web/studies", own.fill("/dicom-web/studies/{study}")):
            response = client.post(target, content=smuggled, headers=headers)
            assert response.status_code in (403, 404, 409), target
        assert client.get("/dicom-web/studies", headers=headers).status_code == 403
    kept = neighbourhood.house.storage.index
    assert len(kept.instances(ListedStudies(frozenset({foreign.study})), foreign.study)) == 1


def test_one_missing_check_turns_the_matrix_red(neighbourhood: Neighbourhood, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with a gatekeeper that lets everybody see everything the tests above must fail."""
    monkeypatch.setattr(Gatekeeper, "scope_of", lambda *_: WholeArchive())
    rebuilt = replace(neighbourhood, app=application(neighbourhood.house))
    with pytest.raises(AssertionError):
        test_foreign_and_unknown_are_the_same_404(rebuilt, "share")
    with pytest.raises(AssertionError):
        test_strangers_learn_nothing(rebuilt, "nobody")
    with pytest.raises(AssertionError):
        test_searches_are_filtered(rebuilt, "share")


def _without_uids(text: str) -> str:
    """Nor what time is left."""
    return re.sub(r'data-(idle-)?seconds="[0-9]+"', "", re.sub(r"[0-9]+(\.[0-9]+)+", "UID", text))
