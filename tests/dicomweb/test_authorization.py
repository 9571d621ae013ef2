"""Who gets which answer: every route against every caller, held to a table that knows nothing of the implementation."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from pydicom.uid import generate_uid
from starlette.routing import Route
from starlette.testclient import TestClient

from dicomweb.routes import routes
from storage.ingest import Stored
from storage.scope import ListedStudies, PatientIdentity, StudyScope, WholeArchive
from storage.storage import Storage
from tests.dicomweb.conftest import BASE, Callers, Keep
from tests.dicomweb.replies import instance_path
from tests.support.synthetic import ct, part10

# What a route is, as far as permission goes: a search is narrowed, a thing is there or not, a store is allowed or not.
SEARCH, THING, UNKNOWN = "search", "thing", "unknown"
DESCRIPTION = "tells whoever is known what the service can do"
# Of the worklist only those see anything who see the whole archive.
CHANNEL = "a WebSocket"
WORKLIST, WORKITEM, NO_GET = "the worklist", "a workitem", "known, but not by GET"
_STUDY, _SERIES = "/studies/{study}", "/studies/{study}/series/{series}"
_INSTANCE = _SERIES + "/instances/{instance}"
KINDS = {
    "/studies": SEARCH,
    "/series": SEARCH,
    "/instances": SEARCH,
    _STUDY + "/series": SEARCH,
    _STUDY + "/instances": SEARCH,
    _SERIES + "/instances": SEARCH,
    _STUDY: THING,
    _SERIES: THING,
    _INSTANCE: THING,
    _STUDY + "/metadata": THING,
    _SERIES + "/metadata": THING,
    _INSTANCE + "/metadata": THING,
    _STUDY + "/thumbnail": THING,
    _SERIES + "/thumbnail": THING,
    _INSTANCE + "/thumbnail": THING,
    _STUDY + "/rendered": THING,
    _SERIES + "/rendered": THING,
    _INSTANCE + "/rendered": THING,
    _INSTANCE + "/frames/{frames}": THING,
    _INSTANCE + "/frames/{frames}/rendered": THING,
    _INSTANCE + "/frames/{frames}/thumbnail": THING,
    _INSTANCE + "/bulkdata/{path:path}": THING,
    "/workitems": WORKLIST,
    "/workitems/{workitem}": WORKITEM,
    "/workitems/{workitem}/state": NO_GET,
    "/workitems/{workitem}/cancelrequest": NO_GET,
    "/workitems/{workitem}/subscribers/{aetitle}": NO_GET,
    "/workitems/{workitem}/subscribers/{aetitle}/suspend": NO_GET,
    "/subscribers/{aetitle}": CHANNEL,
    "/": DESCRIPTION,
    "/capabilities": DESCRIPTION,
    "/openapi.json": DESCRIPTION,
    **{level + name: THING for level in (_STUDY, _SERIES, _INSTANCE) for name in ("/bulkdata", "/pixeldata")},
    "/{path:path}": UNKNOWN,
}
# These name what they are about otherwise, and have such a table in their own tests.
OTHERS = {"/wado", "/commitment-requests/{transaction}"}
# Which of the three studies each caller sees. Anna has two, Bert one.
SEES = {
    "staff": {"anna 1", "anna 2", "bert"},
    "anna": {"anna 1", "anna 2"},
    "anna 1": {"anna 1"},
    "bert": {"bert"},
    "nobody": set(),
    "other birth date": set(),
    "stranger": None,
}


@dataclass
class House:
    client: TestClient
    studies: dict[str, Stored]
    headers: dict[str, dict[str, str]]


@pytest.fixture
def house(client: TestClient, callers: Callers, keep: Keep) -> House:
    anna: dict[str, Any] = {"PatientID": "A", "PatientName": "Beispiel^Anna", "PatientBirthDate": "19600101"}
    bert: dict[str, Any] = {"PatientID": "B", "PatientName": "Beispiel^Bert", "PatientBirthDate": "19700101"}
    studies = {"anna 1": keep(ct(**anna)), "anna 2": keep(ct(**anna)), "bert": keep(ct(**bert))}
    scopes: dict[str, StudyScope] = {
        "staff": WholeArchive(),
        "anna": PatientIdentity("A", "", "19600101"),
        "anna 1": ListedStudies(frozenset({studies["anna 1"].study_instance_uid})),
        "bert": PatientIdentity("B", "", "19700101"),
        "nobody": ListedStudies(frozenset()),
        "other birth date": PatientIdentity("A", "", "19600102"),
    }
    headers = {name: callers.add(name, scope, "read") for name, scope in scopes.items()}
    return House(client, studies, headers | {"stranger": {"Authorization": "Bearer wrong"}})


def expected(kind: str, seen: set[str] | None, study: str) -> int:
    """The policy: strangers 401; searches are narrowed, never refused; what is not seen is not there."""
    if seen is None:
        return 401
    if kind in (SEARCH, DESCRIPTION, WORKLIST):
        return 200
    if kind in (WORKITEM, NO_GET, CHANNEL):
        return {NO_GET: 405, CHANNEL: 426}.get(kind, 404)
    if kind == UNKNOWN or study not in seen:
        return 404
    return 200


def filled(path: str, stored: Stored) -> str:
    return path.replace("{path:path}", "7FE00010").format(
        study=stored.study_instance_uid,
        series=stored.series_instance_uid,
        instance=stored.sop_instance_uid,
        frames=1,
        workitem=stored.study_instance_uid,
        aetitle="X",
    )


def test_every_route_is_in_the_table(storage: Storage, callers: Callers) -> None:
    known = [route for route in routes(storage, callers.scope_of, lambda _: BASE) if isinstance(route, Route)]
    assert {route.path for route in known} == set(KINDS) | OTHERS


def test_every_route_against_every_caller(house: House) -> None:
    for (path, kind), caller, study, method in product(KINDS.items(), SEES, house.studies, ("GET", "HEAD")):
        if method == "HEAD" and caller not in ("anna 1", "stranger"):
            continue
        response = house.client.request(method, filled(path, house.studies[study]), headers=house.headers[caller])
        cell = (path, caller, study, method)
        assert response.status_code == expected(kind, SEES[caller], study), cell


def test_searches_show_what_is_seen_and_no_more(house: House) -> None:
    names = {stored.study_instance_uid: name for name, stored in house.studies.items()}
    for (path, kind), (caller, seen), study in product(KINDS.items(), SEES.items(), house.studies):
        if kind != SEARCH or seen is None:
            continue
        response = house.client.get(filled(path, house.studies[study]), headers=house.headers[caller])
        found = {names[data_set["0020000D"]["Value"][0]] for data_set in response.json()}
        assert found == (seen & {study} if "{study}" in path else seen), (path, caller, study)


@pytest.mark.parametrize(
    "query",
    [
        "includefield=all",
        "limit=1",
        "offset=1",
        "PatientID=*",
        "PatientName=Beispiel*",
        "fuzzymatching=true&PatientID=B",
    ],
)
def test_no_parameter_widens_a_search(house: House, query: str) -> None:
    """Neither results nor counts of what remains tell of anything outside."""
    for path, kind in KINDS.items():
        if kind == SEARCH and "{" not in path:
            response = house.client.get(f"{path}?{query}", headers=house.headers["anna 1"])
            own = house.studies["anna 1"].study_instance_uid
            assert {found["0020000D"]["Value"][0] for found in response.json()} <= {own}
            assert "additional results" not in response.headers.get("warning", "")


def test_not_seen_is_not_told_from_not_there(house: House) -> None:
    """Same status, same header fields, same words, with any condition and any parameter of the request."""
    ours, foreign = house.studies["anna 1"], house.studies["bert"]
    nowhere = Stored(generate_uid(), generate_uid(), generate_uid(), "1.2", True)
    half = Stored(ours.study_instance_uid, foreign.series_instance_uid, foreign.sop_instance_uid, "1.2", True)
    conditions = [{}, {"If-None-Match": "*"}, {"Accept": "x/y"}, {"Range": "bytes=0-1"}]
    for (path, kind), condition in product(KINDS.items(), conditions):
        if kind == SEARCH or "{study}" not in path:
            continue
        answers = set()
        for stored in (foreign, nowhere, *([half] if "{series}" in path else [])):
            response = house.client.get(filled(path, stored), headers=house.headers["anna 1"] | condition)
            assert response.status_code == 404, (path, condition)
            answers.add((response.content, tuple(sorted(response.headers.items()))))
        assert len(answers) == 1, (path, condition)


def mixed(ours: Stored, foreign: Stored) -> Iterator[Stored]:
    """Every mixture of the UIDs of two instances."""
    for study, series, instance in product((ours, foreign), repeat=3):
        if not study is series is instance:
            yield Stored(study.study_instance_uid, series.series_instance_uid, instance.sop_instance_uid, "1.2", True)


def test_mixed_parents_lead_nowhere(house: House) -> None:
    for stored in mixed(house.studies["anna 1"], house.studies["anna 2"]):
        for caller in ("staff", "anna"):
            for resource in (
                "",
                "/metadata",
                "/frames/1",
                "/bulkdata",
                "/bulkdata/7FE00010",
                "/pixeldata",
                "/rendered",
                "/thumbnail",
            ):
                path = instance_path(stored) + resource
                assert house.client.get(path, headers=house.headers[caller]).status_code == 404, (path, caller)


def test_bulk_data_uris_stay_inside(house: House) -> None:
    """A URI from one's own metadata does not open another's instance by exchanging its UIDs."""
    own, foreign = house.studies["anna 1"], house.studies["bert"]
    (data_set,) = house.client.get(f"{instance_path(own)}/metadata", headers=house.headers["anna 1"]).json()
    uri: str = data_set["7FE00010"]["BulkDataURI"]
    assert house.client.get(uri, headers=house.headers["anna 1"]).status_code == 200
    moved = uri.replace(own.sop_instance_uid, foreign.sop_instance_uid)
    assert house.client.get(moved, headers=house.headers["anna 1"]).status_code == 404


STORES: dict[str, Callable[[Stored], str]] = {
    "/studies": lambda _: "/studies",
    "/studies/{study}": lambda stored: f"/studies/{stored.study_instance_uid}",
}


def test_readers_never_store(house: House) -> None:
    content = b"--b\r\n\r\n" + part10(ct()) + b"\r\n--b--"
    content_type = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}
    for (_, path), caller, study in product(STORES.items(), SEES, house.studies):
        response = house.client.post(
            path(house.studies[study]), content=content, headers=house.headers[caller] | content_type
        )
        assert response.status_code == (401 if caller == "stranger" else 403)
    assert len(house.client.get("/studies").json()) == len(house.studies)
