"""Which pages of other origins may read answers (Fetch standard, "CORS protocol")."""

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.testclient import TestClient

from dicomweb.cors import EXPOSED_FIELDS, CrossOrigin
from dicomweb.routes import routes
from storage.scope import WholeArchive
from storage.storage import Storage
from tests.dicomweb.conftest import BASE, Callers
from tests.dicomweb.replies import problem_of

VIEWER, STRANGER = "https://viewer.example", "https://elsewhere.example"
PREFLIGHT = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}


def client_of(storage: Storage, callers: Callers, *origins: str) -> TestClient:
    own = routes(storage, callers.scope_of, lambda _: BASE)
    mount = Mount("/dicom-web", routes=own, middleware=[Middleware(CrossOrigin, origins=origins)])
    return TestClient(Starlette(routes=[mount]), BASE)


@pytest.fixture
def staff(callers: Callers) -> dict[str, str]:
    return callers.add("staff", WholeArchive(), "read")


@pytest.fixture
def client(storage: Storage, callers: Callers) -> Iterator[TestClient]:
    with client_of(storage, callers, VIEWER, "http://localhost:3000") as opened:
        yield opened


def allowed(headers: object) -> dict[str, str]:
    assert hasattr(headers, "items")
    return {name: value for name, value in headers.items() if name.startswith("access-control-")}


def test_preflights_need_nobody_to_sign_in_and_tell_nothing(client: TestClient) -> None:
    answers = set()
    for path in ("/studies", "/studies/1.2", "/studies/x", "/nonsense", "/"):
        response = client.options(path, headers=PREFLIGHT | {"Origin": VIEWER})
        assert (response.status_code, response.content) == (204, b"")
        answers.add(tuple(sorted(response.headers.items())))
    (headers,) = (dict(answer) for answer in answers)
    assert headers["access-control-allow-origin"] == VIEWER
    assert {"GET", "POST", "PUT", "DELETE"} <= set(headers["access-control-allow-methods"].split(", "))
    assert {"Authorization", "Content-Type", "Range"} <= set(headers["access-control-allow-headers"].split(", "))
    assert headers["vary"] == "Origin"


def test_answers_may_be_read_with_the_fields_that_viewers_need(client: TestClient, staff: dict[str, str]) -> None:
    response = client.get("/studies?NoSuchThing=1", headers=staff | {"Origin": VIEWER})
    assert response.headers["access-control-allow-origin"] == VIEWER
    assert response.headers["vary"] == "Accept, Accept-Encoding, Origin"
    exposed = set(response.headers["access-control-expose-headers"].split(", "))
    assert {"Warning", "Content-Location", "ETag", "Content-Range", "Retry-After"} <= exposed == set(EXPOSED_FIELDS)


def test_refusals_may_be_read_too(client: TestClient) -> None:
    response = client.get("/studies", headers={"Origin": VIEWER})
    problem_of(response, 401)
    assert response.headers["access-control-allow-origin"] == VIEWER


@pytest.mark.parametrize(
    "origin", [STRANGER, "null", "https://viewer.example.evil.example", "http://viewer.example", f"{VIEWER}/", "*", ""]
)
def test_other_origins_get_what_they_would_get_without(client: TestClient, staff: dict[str, str], origin: str) -> None:
    response = client.get("/studies", headers=staff | {"Origin": origin})
    assert response.status_code == 200 and allowed(response.headers) == {}
    assert "Origin" in response.headers["vary"]
    preflight = client.options("/studies", headers=PREFLIGHT | {"Origin": origin})
    assert preflight.status_code == 401 and allowed(preflight.headers) == {}


def test_everybody(storage: Storage, callers: Callers, staff: dict[str, str]) -> None:
    client = client_of(storage, callers, "*")
    response = client.get("/studies", headers=staff | {"Origin": STRANGER})
    assert response.headers["access-control-allow-origin"] == "*"
    assert "Origin" not in response.headers["vary"]
    assert allowed(client.get("/studies", headers=staff).headers) == {}


@pytest.mark.parametrize("origins", [(VIEWER,), ("*",)])
def test_never_with_credentials(
    storage: Storage, callers: Callers, staff: dict[str, str], origins: tuple[str, ...]
) -> None:
    client = client_of(storage, callers, *origins)
    for response in (
        client.get("/studies", headers=staff | {"Origin": VIEWER}),
        client.options("/studies", headers=PREFLIGHT | {"Origin": VIEWER}),
    ):
        assert "access-control-allow-credentials" not in response.headers


def test_nothing_changes_where_nobody_is_entered(storage: Storage, callers: Callers, staff: dict[str, str]) -> None:
    client = client_of(storage, callers)
    assert allowed(client.get("/studies", headers=staff | {"Origin": VIEWER}).headers) == {}
    assert client.options("/studies", headers=PREFLIGHT | {"Origin": VIEWER}).status_code == 401


def test_options_that_are_no_preflight_are_answered_as_ever(client: TestClient, staff: dict[str, str]) -> None:
    response = client.options("/studies", headers=staff | {"Origin": VIEWER})
    assert (response.status_code, response.headers["allow"]) == (204, "GET, HEAD, POST, OPTIONS")
    assert response.headers["access-control-allow-origin"] == VIEWER
