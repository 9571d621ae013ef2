"""The Storage Commitment Service (PS3.18 chapter 13)."""

from typing import Any

import orjson
import pytest
from httpx2 import Response
from pydicom.uid import generate_uid
from starlette.testclient import TestClient

from dicomweb import commitment
from storage.commitment.web_requests import WebRequests
from storage.data_set.native_model import encode
from storage.data_set.native_model_reader import decode
from storage.ingest import Stored
from storage.scope import ListedStudies
from storage.storage import Storage
from tests.dicomweb.conftest import Callers, Keep
from tests.dicomweb.replies import problem_of
from tests.support.synthetic import ct

JSON = {"Content-Type": "application/dicom+json"}


@pytest.fixture
def stored(keep: Keep) -> Stored:
    return keep(ct())


def named(*instances: Stored) -> bytes:
    items = [
        {
            "00081150": {"vr": "UI", "Value": [one.sop_class_uid]},
            "00081155": {"vr": "UI", "Value": [one.sop_instance_uid]},
        }
        for one in instances
    ]
    return orjson.dumps([{"00081199": {"vr": "SQ", "Value": items}}])


def ask(client: TestClient, body: bytes, transaction: str = "1.2.3", **headers: str) -> Response:
    return client.post(f"/commitment-requests/{transaction}", content=body, headers=JSON | headers)


def module_of(response: Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/dicom+json"
    (module,) = response.json()
    return dict(module)


def test_a_request_is_answered_at_once_and_again_later(client: TestClient, stored: Stored) -> None:
    """13.4.3 and 13.5.3: 200 with the Storage Commitment Response Module."""
    module = module_of(ask(client, named(stored)))
    (item,) = module["00081199"]["Value"]
    assert item["00081155"]["Value"] == [stored.sop_instance_uid]
    assert "00081198" not in module and "00081195" not in module
    assert module_of(client.get("/commitment-requests/1.2.3")) == module
    assert client.head("/commitment-requests/1.2.3").status_code == 200


def test_what_is_missing_fails_with_its_reason(client: TestClient, stored: Stored, storage: Storage) -> None:
    record = storage.index.instance(
        ListedStudies(frozenset({stored.study_instance_uid})),
        *(stored.study_instance_uid, stored.series_instance_uid, stored.sop_instance_uid),
    )
    storage.files.remove(record.blob_key)
    (item,) = module_of(ask(client, named(stored)))["00081198"]["Value"]
    assert item["00081197"] == {"vr": "US", "Value": [0x0112]}


def test_what_takes_longer_is_202_until_it_is_there(
    client: TestClient, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Table 13.4.3-1: no payload, and the result by the Result Check."""
    patient = WebRequests.result
    monkeypatch.setattr(WebRequests, "result", lambda own, uid, scope, _: patient(own, uid, scope, 0.0))
    for response in (ask(client, named(stored)), client.get("/commitment-requests/1.2.3")):
        assert (response.status_code, response.content, response.headers["retry-after"]) == (202, b"", "1")
    monkeypatch.undo()
    assert "00081199" in module_of(client.get("/commitment-requests/1.2.3"))


def test_a_transaction_uid_in_use_is_409(client: TestClient, stored: Stored) -> None:
    ask(client, named(stored))
    assert problem_of(ask(client, named(stored)), 409)["dicomStatus"] == "0131H"


def test_an_unknown_transaction_is_404(client: TestClient) -> None:
    problem_of(client.get("/commitment-requests/1.2.3"), 404)
    problem_of(client.get("/commitment-requests/nonsense"), 400)


def test_it_takes_the_right_to_write(client: TestClient, stored: Stored, callers: Callers) -> None:
    study = frozenset({stored.study_instance_uid})
    reader = callers.add("reader", ListedStudies(study), "read")
    writer = callers.add("writer", ListedStudies(study), "write")
    other = callers.add("other", ListedStudies(frozenset({generate_uid()})), "write")
    problem_of(ask(client, named(stored), **reader), 403)
    assert "00081199" in module_of(ask(client, named(stored), **writer))
    assert "00081199" in module_of(client.get("/commitment-requests/1.2.3", headers=writer))
    problem_of(client.get("/commitment-requests/1.2.3", headers=reader), 403)
    unknown = problem_of(client.get("/commitment-requests/1.9", headers=other), 404)
    assert problem_of(client.get("/commitment-requests/1.2.3", headers=other), 404) == unknown
    foreign = module_of(ask(client, named(stored), "1.2.4", **other))
    assert foreign["00081198"]["Value"][0]["00081197"]["Value"] == [0x0112]


def test_a_request_may_be_made_and_answered_in_xml(client: TestClient, stored: Stored) -> None:
    """13.4.1.4 and 13.4.3.3: a Native DICOM Model in both directions."""
    (module,) = orjson.loads(named(stored))
    xml = {"Content-Type": "application/dicom+xml", "Accept": "application/dicom+xml"}
    response = ask(client, encode(module), **xml)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/dicom+xml")
    assert decode(response.content) == module_of(client.get("/commitment-requests/1.2.3"))
    problem_of(ask(client, b"<x>", "1.2.4", **xml), 400)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"[1]", b"5", b"[{},{}]", b"[{}]", b'{"00081199": 1}', b"[" * 100_000, b"\xff"]
)
def test_a_body_that_is_no_request_is_400(client: TestClient, body: bytes) -> None:
    problem_of(ask(client, body), 400)


def test_other_bodies_and_answers_are_refused_with_what_would_do(client: TestClient, stored: Stored) -> None:
    response = ask(client, named(stored), **{"Content-Type": "text/plain"})
    both = ["application/dicom+json", "application/dicom+xml"]
    assert problem_of(response, 415)["acceptable"] == both
    assert problem_of(ask(client, named(stored), Accept="image/png"), 406)["acceptable"][:1] == both[:1]
    problem_of(client.get("/commitment-requests/1.2.3"), 404)


def test_a_body_beyond_the_limit_is_413(client: TestClient, monkeypatch: pytest.MonkeyPatch, stored: Stored) -> None:
    monkeypatch.setattr(commitment, "LARGEST_REQUEST", 100)
    problem_of(ask(client, named(stored)), 413)
