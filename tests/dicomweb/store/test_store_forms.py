"""Every real file in all three forms of the Store transaction: what comes back is what was sent (PS3.18 10.5).

An instance is stored as a Part 10 file; what retrieval gives of it, metadata and bulk data, is stored elsewhere; and
there the metadata are the same element by element, and every bulk value is, pixels above all.
"""

from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from dicomweb.media_types import FRAME_MEDIA_TYPES
from dicomweb.problems import handlers
from dicomweb.routes import routes
from storage.scope import WholeArchive
from storage.storage import Storage, StorageSettings
from tests.dicomweb.conftest import BASE, Callers
from tests.dicomweb.replies import parts_of
from tests.dicomweb.store_bodies import JSON, XML, Parts, body, content_type, metadata
from tests.support.corpus import bundled, needs_shared, shared

ANYTHING = 'multipart/related; type="*/*"; transfer-syntax=*'
LARGEST = 1 << 20
# Bundled files that are cut short on purpose.
CUT_SHORT = {"MR_truncated.dcm", "rtplan_truncated.dcm"}


def _client(folder: Path) -> Iterator[TestClient]:
    storage, callers = Storage.open(folder, StorageSettings(free_space_floor=0)), Callers()
    headers = callers.add("staff", WholeArchive(), "read", "write") | {"Accept-Encoding": "identity"}
    mount = Mount("/dicom-web", routes=routes(storage, callers.scope_of, lambda _: BASE))
    application = Starlette(routes=[mount], exception_handlers=dict(handlers))
    with TestClient(application, BASE, headers=headers) as client:
        yield client
    storage.close()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    yield from _client(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    yield from _client(tmp_path_factory.mktemp("target"))


def references(data_set: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Tag and address of every bulk value, at any depth."""
    for tag, element in data_set.items():
        if "BulkDataURI" in element:
            yield tag, element["BulkDataURI"]
        for item in element.get("Value", []) if element["vr"] == "SQ" else []:
            yield from references(item)


def bulk_parts(client: TestClient, data_set: dict[str, Any]) -> Parts:
    """Every bulk value as the parts that retrieval makes of it, under the address by which metadata refer to it."""
    parts: Parts = []
    for _, uri in references(data_set):
        found = parts_of(client.get(uri, headers={"Accept": ANYTHING}))
        parts += [
            ({"Content-Type": fields["Content-Type"], "Content-Location": uri}, content) for fields, content in found
        ]
    return parts


def comparable(element: dict[str, Any]) -> dict[str, Any]:
    """Encapsulated Pixel Data are OB (PS3.5 A.4) and lengths even (7.1.1), whatever some writers make of them."""
    if "InlineBinary" in element:
        return {"vr": element["vr"], "InlineBinary": even([({}, b64decode(element["InlineBinary"]))])}
    return element if "BulkDataURI" not in element else {"BulkDataURI": element["BulkDataURI"]}


def even(parts: Parts) -> list[bytes]:
    return [content + b"\0" * (len(content) % 2) for _, content in parts]


def round_trip(source: TestClient, target: TestClient, form: str, path: Path) -> str:
    """What is wrong, or nothing."""
    stored = source.post("/studies", content=path.read_bytes(), headers={"Content-Type": "application/dicom"})
    if stored.status_code not in (200, 202):
        return ""
    url = stored.json()["00081199"]["Value"][0]["00081190"]["Value"][0]
    whole = source.get(url, headers={"Accept": "application/dicom; transfer-syntax=*"})
    syntax = whole.headers.get("content-type", "").partition("transfer-syntax=")[2]
    (data_set,) = source.get(f"{url}/metadata").json()
    if [syntax] == data_set["00083002"]["Value"] and whole.content != path.read_bytes():
        return "other bytes"
    bulk = bulk_parts(source, data_set)
    headers = {"Content-Type": content_type(form)}
    answer = target.post("/studies", content=body(metadata([data_set], form) + bulk), headers=headers)
    if answer.status_code not in (200, 202) or "00081199" not in answer.json():
        return f"not stored: {answer.text}"
    (found,) = target.get(f"{url}/metadata").json()
    if {**data_set, "00083002": {}}.keys() != found.keys():
        return f"other attributes: {data_set.keys() ^ found.keys()}"
    compressed = "7FE00010" in data_set and data_set["00083002"]["Value"][0] in FRAME_MEDIA_TYPES
    for tag in data_set.keys() - (set() if compressed else {"00083002"}):
        if comparable(found[tag]) != comparable(data_set[tag]):
            return f"{tag}: {data_set[tag]} became {found[tag]}"[:300]
    again = bulk_parts(target, found)
    return "" if even(again) == even(bulk) else "other bulk data"


def all_come_back(source: TestClient, target: TestClient, paths: list[Path]) -> None:
    """By turns in JSON and in XML."""
    small = enumerate(path for path in paths if path.stat().st_size < LARGEST)
    wrong = {path.name: round_trip(source, target, (JSON, XML)[number % 2], path) for number, path in small}
    assert {name: why for name, why in wrong.items() if why} == {}


@needs_shared
@pytest.mark.parametrize(
    "folder", ["modality", "transfer_syntax", "charset", "colour", "objects", "odd_legal", "encapsulation"]
)
def test_shared_files(source: TestClient, target: TestClient, folder: str) -> None:
    all_come_back(source, target, shared(folder))


def test_bundled_files(source: TestClient, target: TestClient) -> None:
    all_come_back(source, target, [path for path in bundled() if path.name not in CUT_SHORT])
