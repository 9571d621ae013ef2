"""PS3.18 8.9 and annex H: what the service says of itself is what it does."""

import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest
from starlette.testclient import TestClient

from dicomweb.description.capabilities import JSON, WADL, identifier, template
from dicomweb.resources import RESOURCES
from storage.scope import ListedStudies
from tests.dicomweb.conftest import BASE, Callers
from tests.dicomweb.replies import problem_of

NAMESPACE = "{http://wadl.dev.java.net/2009/02}"
ROWS = [(resource, transaction) for resource in RESOURCES for transaction in resource.transactions]


def flattened(node: dict[str, Any], path: str = "") -> dict[str, set[str]]:
    """Path to methods, out of the tree as JSON."""
    path = path if node.get("path") == "/" else f"{path}/{node['path']}" if "path" in node else path
    found = {path or "/": {method["name"] for method in node.get("method", ())}}
    for child in node.get("resource", ()):
        for below, methods in flattened(child, path).items():
            found[below] = found.get(below, set()) | methods
    return found


@pytest.mark.parametrize(("method", "path"), [("OPTIONS", "/"), ("GET", "/"), ("GET", ""), ("GET", "/capabilities")])
def test_wadl_unless_something_else_is_asked_for(client: TestClient, method: str, path: str) -> None:
    """Annex H: one application element with one resources element, whose base is that of the service."""
    response = client.request(method, path)
    assert (response.status_code, response.headers["content-type"]) == (200, WADL)
    root = ElementTree.fromstring(response.content)
    (resources,) = root
    assert (root.tag, resources.tag, resources.get("base")) == (
        f"{NAMESPACE}application",
        f"{NAMESPACE}resources",
        BASE,
    )
    (studies,) = [node for node in resources if node.get("path") == "studies"]
    methods = {node.get("id") for node in studies.iter(f"{NAMESPACE}method")}
    assert {"SearchAllStudies", "StoreAllStudies", "RetrieveSeriesMetadata"} <= methods


def test_the_tree_is_the_table(client: TestClient) -> None:
    """Table H-1: every resource with its methods, and nothing else."""
    response = client.get("/capabilities", headers={"Accept": JSON})
    assert response.headers["content-type"] == JSON
    found = {path: methods for path, methods in flattened(response.json()["application"]["resources"][0]).items()}
    wanted = {template(resource.path): {one.method for one in resource.transactions} for resource in RESOURCES}
    assert {path: methods for path, methods in found.items() if methods} == wanted


def test_other_types_are_refused(client: TestClient) -> None:
    problem = problem_of(client.get("/", headers={"Accept": "text/html"}), 406)
    assert problem["acceptable"] == [WADL, JSON]


def test_whoever_has_any_right_may_read_them(client: TestClient, callers: Callers) -> None:
    for right in ("read", "write", "delete"):
        headers = callers.add(right, ListedStudies(frozenset()), right)
        for path in ("/", "/capabilities", "/openapi.json"):
            assert client.get(path, headers=headers).status_code == 200
        assert client.options("/", headers=headers).status_code == 200
    nothing = callers.add("nothing", ListedStudies(frozenset()))
    problem_of(client.get("/", headers=nothing), 403)
    problem_of(client.options("/", headers={"Authorization": ""}), 401)


def test_they_can_be_kept(client: TestClient) -> None:
    for path in ("/", "/openapi.json"):
        etag = client.get(path).headers["etag"]
        assert client.get(path, headers={"If-None-Match": etag}).status_code == 304


def test_allow_is_what_the_table_says(client: TestClient) -> None:
    for resource in RESOURCES:
        path = re.sub("{frames}", "1", re.sub("{[a-z]+}", "1.2", template(resource.path)))
        allow = set(client.request("BREW", path).headers["allow"].split(", "))
        methods = {one.method for one in resource.transactions}
        assert allow == methods | ({"HEAD"} if "GET" in methods else set()) | {"OPTIONS"}, path


def test_every_row_has_a_name_of_its_own() -> None:
    names = [identifier(resource, transaction) for resource, transaction in ROWS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[A-Z][A-Za-z]+", name) for name in names)


def test_every_row_is_whole() -> None:
    for resource, transaction in ROWS:
        assert re.fullmatch(r"(?:PS3\.18|RFC 9110) \d+(\.\d+)*", transaction.cited), resource.path
        assert transaction.statuses, resource.path
        changes = transaction.method in ("POST", "PUT", "DELETE")
        # Whether what was stored is safe is for those to know who store.
        needs_write = changes or resource.path == "/commitment-requests/{transaction}"
        assert needs_write == (transaction.right in ("write", "delete")), resource
