"""What every request goes through: who asks, with which method, for which path."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import Mount
from starlette.testclient import TestClient

from dicomweb.routes import routes
from storage.errors import OutOfResources
from storage.index import Index
from storage.ingest import Stored
from storage.pixels import Pixels
from storage.scope import WholeArchive
from storage.storage import Storage
from storage.waiting import may_wait
from tests.dicomweb.conftest import BASE, Callers, Keep
from tests.dicomweb.replies import instance_path, problem_of, series_path, study_path
from tests.support.synthetic import ct


@pytest.fixture
def stored(keep: Keep) -> Stored:
    return keep(ct())


def paths(stored: Stored) -> Iterator[str]:
    """A path for each kind of resource."""
    yield from ("/studies", "/series", "/instances")
    yield from (f"{study_path(stored)}/{name}" for name in ("series", "instances", "metadata", "thumbnail"))
    yield from (f"{series_path(stored)}/{name}" for name in ("instances", "metadata", "thumbnail"))
    yield from (study_path(stored), series_path(stored), instance_path(stored))
    yield from (
        f"{path}/{name}" for path in (study_path(stored), series_path(stored)) for name in ("bulkdata", "pixeldata")
    )
    names = (
        "metadata",
        "frames/1",
        "rendered",
        "thumbnail",
        "frames/1/rendered",
        "bulkdata/7FE00010",
        "bulkdata",
        "pixeldata",
    )
    yield from (f"{instance_path(stored)}/{name}" for name in names)


def without_boundary(headers: Any) -> dict[str, str]:
    return {name: value.partition("; boundary=")[0] for name, value in headers.items()}


def test_head_is_get_without_its_body(client: TestClient, stored: Stored) -> None:
    for path in paths(stored):
        get, head = client.get(path), client.head(path)
        assert (head.status_code, head.content) == (200, b""), path
        assert without_boundary(head.headers) == without_boundary(get.headers), path
    assert client.head("/studies/9.9").status_code == 404
    assert client.head("/studies/x").headers["content-type"] == "application/problem+json"


def test_a_slash_at_the_end_changes_nothing(client: TestClient, stored: Stored) -> None:
    for path in paths(stored):
        plain, slashed = client.get(path), client.get(f"{path}/", follow_redirects=False)
        assert (slashed.status_code, slashed.headers.get("etag")) == (200, plain.headers.get("etag")), path


def test_uids_may_be_percent_encoded(client: TestClient, stored: Stored) -> None:
    encoded = study_path(stored).replace(".", "%2E")
    assert client.get(f"{encoded}/metadata").content == client.get(f"{study_path(stored)}/metadata").content


def test_a_series_uid_that_two_studies_have(client: TestClient, keep: Keep) -> None:
    """PS3.18 10.1: a series is that of the study in the path, also where a UID was given twice."""
    first = keep(ct())
    second = keep(ct(SeriesInstanceUID=first.series_instance_uid))
    for stored, other in ((first, second), (second, first)):
        (found,) = client.get(f"{series_path(stored)}/instances").json()
        assert found["00080018"]["Value"] == [stored.sop_instance_uid]
        (data_set,) = client.get(f"{series_path(stored)}/metadata").json()
        assert data_set["00080018"]["Value"] == [stored.sop_instance_uid]
        foreign = f"{series_path(stored)}/instances/{other.sop_instance_uid}"
        for path in (foreign, f"{foreign}/metadata", f"{foreign}/frames/1", f"{foreign}/rendered"):
            problem_of(client.get(path), 404)
    assert len(client.get("/series").json()) == 2


@pytest.mark.parametrize("uid", ["x", "1.2.x", "1..2", ".1", "1.", "%2e%2e", "1." + "2" * 128, "é", "1%00.2"])
def test_malformed_uids(client: TestClient, stored: Stored, uid: str) -> None:
    for path in (f"/studies/{uid}", f"{study_path(stored)}/series/{uid}", f"{series_path(stored)}/instances/{uid}"):
        for resource in ("", "/metadata", "/thumbnail", "/rendered"):
            problem_of(client.get(path + resource), 400)


@pytest.mark.parametrize(
    "path",
    [
        "/patients",
        "/studies/1.2/frames",
        "/studies//series",
        "/..",
        "/metadata",
        "/a%0ab",
        "/studies/1/series/2/x",
    ],
)
def test_unknown_paths(client: TestClient, path: str) -> None:
    problem_of(client.get(path), 404)


def test_methods(client: TestClient, stored: Stored) -> None:
    for path in paths(stored):
        post = path == "/studies" or path == study_path(stored)
        delete = path in (study_path(stored), series_path(stored), instance_path(stored))
        known = ["GET", "HEAD", *["POST"] * post, *["DELETE"] * delete, "OPTIONS"]
        allowed = ", ".join(known)
        for method in sorted({"PUT", "PATCH", "DELETE", "BREW", "POST"} - set(known)):
            response = client.request(method, path)
            problem_of(response, 405)
            assert response.headers["allow"] == allowed
        options = client.options(path)
        assert (options.status_code, options.headers["allow"]) == (204, allowed)


@pytest.mark.parametrize("headers", [{"Authorization": ""}, {"Authorization": "Bearer wrong"}])
def test_a_stranger_learns_nothing(client: TestClient, stored: Stored, headers: dict[str, str]) -> None:
    """Whether a path, a method, a UID or a study exists: the answer to strangers is the same."""
    answers = set()
    strange = ["/studies/9.9", "/studies/x", "/nonsense", "/studies?limit=x", f"{instance_path(stored)}/frames/0"]
    for path in [*paths(stored), *strange]:
        for method in ("GET", "POST", "DELETE", "OPTIONS"):
            response = client.request(method, path, headers=headers | {"Accept": "x/y", "If-None-Match": "*"})
            problem_of(response, 401)
            assert response.headers["www-authenticate"] == 'Bearer realm="dicomweb"'
            answers.add((response.content, tuple(sorted(response.headers.items()))))
    assert len(answers) == 1


def test_patient_data_are_private(client: TestClient, stored: Stored) -> None:
    for path in paths(stored):
        headers = client.get(path).headers
        assert headers["cache-control"] == "private, no-store", path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["vary"].startswith("Accept"), path


def test_rights(client: TestClient, callers: Callers, stored: Stored) -> None:
    reader = callers.add("reader", WholeArchive(), "read")
    writer = callers.add("writer", WholeArchive(), "write")
    problem_of(client.post("/studies", headers=reader), 403)
    for path in paths(stored):
        assert client.get(path, headers=reader).status_code == 200
        problem_of(client.get(path, headers=writer), 403)


def test_the_unexpected_is_a_problem_too(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("Muster^Erika")

    monkeypatch.setattr(Index, "search", fail)
    response = client.get("/studies")
    problem_of(response, 500)
    assert "Muster" not in response.text + caplog.text


def test_busy_decoders_ask_for_patience(client: TestClient, stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: Any) -> Any:
        raise OutOfResources("All decoders are busy; try again in a moment.")

    monkeypatch.setattr(Pixels, "rendered", busy)
    response = client.get(f"{instance_path(stored)}/rendered")
    problem_of(response, 503)
    assert response.headers["retry-after"] == "1"


def test_the_same_below_any_mount(storage: Storage, callers: Callers, stored: Stored) -> None:
    headers = callers.add("staff", WholeArchive(), "read")
    for mount in ("/dicom-web", "/a/b", ""):
        own = routes(storage, callers.scope_of, partial(_url, mount))
        client = TestClient(Starlette(routes=[Mount(mount or "/", routes=own)]), headers=headers)
        found = client.get(f"{mount}/studies").json()
        assert found[0]["00081190"]["Value"] == [f"https://images.example{mount}{study_path(stored)}"]
        problem_of(client.get(f"{mount}/studies/x"), 400)


def _url(mount: str, _: HTTPConnection) -> str:
    return f"https://images.example{mount}"


def test_urls_begin_as_we_are_told(client: TestClient, stored: Stored) -> None:
    response = client.get(f"{instance_path(stored)}/metadata")
    assert f"{BASE}{instance_path(stored)}/bulkdata/7FE00010" in response.text


def test_a_warm_frame_needs_no_thread(client: TestClient, stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    """And whatever would wait is done in one: a cold file, a decoder, an index at work."""
    path, asked = f"{instance_path(stored)}/frames/1", {"Accept": "application/octet-stream"}
    waited: list[bool] = []
    located = Index.located

    def noted(self: Index, *arguments: Any) -> Any:
        waited.append(may_wait())
        return located(self, *arguments)

    monkeypatch.setattr(Index, "located", noted)
    client.get(path, headers=asked)
    waited.clear()
    warm = client.get(path, headers=asked)
    assert waited == [False]
    waited.clear()
    monkeypatch.setattr("storage.files._NO_WAIT", 1 << 30)
    cold = client.get(path, headers=asked)
    assert (cold.status_code, cold.content, waited) == (200, warm.content, [False, True])
    waited.clear()
    assert client.get(path, headers={"Accept": "image/jls"}).status_code == 200
    assert waited == [False, True]
    problem_of(client.get(f"{path}/", headers={"Accept": "x/y"}), 406)
