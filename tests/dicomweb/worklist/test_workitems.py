"""UPS-RS (PS3.18 chapter 11) over HTTP: the life of a workitem, what is refused, and who may do what."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from dicomweb.worklist.workitems import LARGEST_WORKITEM
from storage.data_set.native_model import encode
from storage.data_set.native_model_reader import decode
from storage.scope import ListedStudies, PatientIdentity, WholeArchive
from storage.storage import Storage
from storage.worklist.data_sets import element
from tests.dicomweb.conftest import BASE, Callers
from tests.dicomweb.replies import parts_of, problem_of
from tests.support.workitems import (
    JSON,
    STATE,
    TRANSACTION,
    change,
    claimed,
    create,
    found,
    new_uid,
    performed,
    retrieve,
    state,
    workitem,
)


def test_the_life_of_a_workitem(client: TestClient) -> None:
    """11.4 create, 11.9 search, 11.7 claim, 11.6 update, 11.5 retrieve, 11.7 complete; no vendor's parameters."""
    uid, claim = create(client), new_uid()
    assert found(client, "ProcedureStepState=SCHEDULED&WorklistLabel=READING") == [uid]
    assert change(client, uid, "IN PROGRESS", claim).status_code == 200
    assert found(client, "ProcedureStepState=SCHEDULED") == []
    progress = {"00741002": element("SQ", {"00741004": element("DS", "50")})}
    response = client.post(f"/workitems/{uid}?transaction-uid={claim}", json=progress, headers=JSON)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-location"] == f"{BASE}/workitems/{uid}"
    assert client.post(f"/workitems/{uid}?{claim}", json=performed(), headers=JSON).status_code == 200
    assert change(client, uid, "COMPLETED", claim).status_code == 200
    data_set = retrieve(client, uid)
    assert data_set[STATE]["Value"] == ["COMPLETED"]
    assert data_set["00741002"]["Value"][0]["00741004"]["Value"] == ["50"]
    assert data_set["00741216"] == performed()["00741216"]


def test_creation(client: TestClient) -> None:
    """11.4.3: where it is, and nothing else; what is missing but may be empty is added, and told (CC.2.5-3, type 2)."""
    uid = new_uid()
    response = client.post(f"/workitems?workitem={uid}", json=workitem(), headers=JSON)
    url = f"{BASE}/workitems/{uid}"
    assert (response.headers["location"], response.headers["content-location"]) == (url, url)
    assert "warning" not in response.headers
    few = {tag: one for tag, one in workitem().items() if tag[:4] in ("0074", "0040") and one.get("Value")}
    second = client.post("/workitems", json=[few], headers=JSON)
    assert second.status_code == 201
    assert second.headers["warning"] == f'299 {BASE} "The Workitem was created with modifications."'
    data_set = retrieve(client, second.headers["location"].rpartition("/")[2])
    assert (data_set["00100010"], data_set["00741216"]) == ({"vr": "PN"}, {"vr": "SQ"})
    assert data_set["00080016"]["Value"] == ["1.2.840.10008.5.1.4.34.6.1"]


@pytest.mark.parametrize("query", ["{}", "workitem={}", "AffectedSOPInstanceUID={}"])
def test_the_uid_of_a_new_workitem(client: TestClient, query: str) -> None:
    """11.4.1.1, in the words of this edition and of earlier ones."""
    uid = new_uid()
    client.post(f"/workitems?{query.format(uid)}", json=workitem(), headers=JSON)
    assert retrieve(client, uid)["00080018"]["Value"] == [uid]


@pytest.mark.parametrize("tag", ["00080018", "00001000"])
def test_the_uid_may_be_in_the_data_set(client: TestClient, tag: str) -> None:
    """11.4.1.1: where the target is the worklist, the data set names the workitem."""
    uid = new_uid()
    assert client.post("/workitems", json=workitem() | {tag: element("UI", uid)}, headers=JSON).status_code == 201
    assert retrieve(client, uid)["00080018"]["Value"] == [uid]


@pytest.mark.parametrize(
    ("elements", "said"),
    [
        ({"t00741200": element("CS")}, "ScheduledProcedureStepPriority"),
        ({"t00741200": element("CS", "URGENT")}, "HIGH, MEDIUM, LOW"),
        ({"t00404041": element("CS", "MAYBE")}, "READY"),
        ({"t00404005": element("DT", "")}, "ScheduledProcedureStepStartDateTime"),
        ({"t00741000": element("CS", "IN PROGRESS")}, "SCHEDULED"),
        ({"t00741000": element("CS")}, "ProcedureStepState"),
        ({"t00081195": element("UI", "1.2")}, "TransactionUID"),
        ({"t00741216": element("SQ", {})}, ""),
        ({"t00741002": element("SQ", {"00741004": element("DS", "1")})}, "ProcedureStepProgressInformationSequence"),
        ({"t00080016": element("UI", "1.2")}, "SOP Class UID"),
        ({"t00080018": element("UI", "1.2")}, "SOP Instance UID"),
    ],
)
def test_what_cannot_be_created(client: TestClient, elements: dict[str, Any], said: str) -> None:
    """Table 11.4.3-1: 400 when the requirements of table CC.2.5-3 are not met."""
    response = client.post(f"/workitems?{new_uid()}", json=workitem(**elements), headers=JSON)
    if said:
        assert said in problem_of(response, 400)["detail"]
        assert found(client, "") == []
    else:
        assert response.status_code == 201


def test_a_second_workitem_of_the_same_uid(client: TestClient) -> None:
    """Table 11.4.3-1: 409; N-CREATE fails with 0111H in every state (table CC.1.1-2)."""
    uid, _ = claimed(client)
    problem = problem_of(client.post(f"/workitems?{uid}", json=workitem(), headers=JSON), 409)
    assert problem["dicomStatus"] == "0111H"


def test_the_transaction_uid_is_never_told(client: TestClient) -> None:
    """11.5.2 and CC.2.7.3: whoever knew it could take the workitem away from its performer."""
    uid, claim = claimed(client)
    update = {TRANSACTION: element("UI", claim), "00741204": element("LO", "x")}
    assert client.post(f"/workitems/{uid}", json=update, headers=JSON).status_code == 200
    told = [
        client.get(f"/workitems/{uid}"),
        client.get("/workitems?includefield=all"),
        client.get(f"/workitems?includefield={TRANSACTION}"),
        client.get(f"/workitems?TransactionUID={claim}"),
        change(client, uid, "IN PROGRESS", new_uid()),
        change(client, uid, "IN PROGRESS", claim),
        client.post(f"/workitems/{uid}", json={}, headers=JSON),
    ]
    for response in told:
        assert claim not in response.text + str(response.headers)
    assert TRANSACTION not in retrieve(client, uid)
    assert client.get(f"/workitems?TransactionUID={claim}").json() == []


@pytest.mark.parametrize("query", ["transaction-uid={}", "transaction={}", "TransactionUID={}", "{}", ""])
def test_where_the_transaction_uid_may_be(client: TestClient, query: str) -> None:
    """11.6.1.2 and CC.2.6.2: in the query, however an edition spells it, or in the data set."""
    uid, claim = claimed(client)
    changes = {"00741204": element("LO", "Read it again")} | ({} if query else {TRANSACTION: element("UI", claim)})
    assert client.post(f"/workitems/{uid}?{query.format(claim)}", json=changes, headers=JSON).status_code == 200
    assert retrieve(client, uid)["00741204"]["Value"] == ["Read it again"]


def test_who_may_update(client: TestClient) -> None:
    """Table 11.6.3-1: 400 without the right Transaction UID, or in a final state."""
    label = {"00741204": element("LO", "changed")}
    uid = create(client)
    assert client.post(f"/workitems/{uid}", json=label, headers=JSON).status_code == 200
    response = client.post(f"/workitems/{uid}?{new_uid()}", json=label, headers=JSON)
    assert problem_of(response, 400)["dicomStatus"] == "C310H"
    assert "did not reference a claimed Workitem" in response.headers["warning"]
    uid, claim = claimed(client)
    for query, status in ((f"?{new_uid()}", "C301H"), ("", "C301H")):
        response = client.post(f"/workitems/{uid}{query}", json=label, headers=JSON)
        assert problem_of(response, 400)["dicomStatus"] == status
        assert "Transaction UID" in response.headers["warning"]
    change(client, uid, "CANCELED", claim)
    assert problem_of(client.post(f"/workitems/{uid}?{claim}", json=label, headers=JSON), 400)["dicomStatus"] == "C300H"
    assert retrieve(client, uid)["00741204"]["Value"] == ["Read CT"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({STATE: element("CS", "COMPLETED")}, "ProcedureStepState"),
        ({"00100020": element("LO", "B")}, "PatientID"),
        ({"0040A370": element("SQ")}, "ReferencedRequestSequence"),
        ({"00080018": element("UI", "1.2")}, "00080018"),
        ({"00741200": element("CS")}, "ScheduledProcedureStepPriority"),
        ({"00741200": element("CS", "ASAP")}, "HIGH, MEDIUM, LOW"),
    ],
)
def test_what_an_update_cannot_change(client: TestClient, changes: dict[str, Any], said: str) -> None:
    """Table CC.2.5-3, column N-SET."""
    uid, claim = claimed(client)
    before = retrieve(client, uid)
    response = client.post(f"/workitems/{uid}?{claim}", json=changes | {"00741204": element("LO", "x")}, headers=JSON)
    assert said in problem_of(response, 400)["detail"]
    assert retrieve(client, uid) == before


def test_updates_are_idempotent(client: TestClient) -> None:
    """CC.2.6.2: sending what is there already changes nothing but the moment of the change."""
    uid = create(client)
    before = retrieve(client, uid)
    assert client.post(f"/workitems/{uid}", json=before, headers=JSON).status_code == 200
    after = retrieve(client, uid)
    assert {**after, "00404010": before["00404010"]} == before


LIMITED = {
    "a study": ListedStudies(frozenset({"1.2.3"})),
    "a patient": PatientIdentity("A", "", "19600101"),
    "nothing": ListedStudies(frozenset()),
}


@pytest.mark.parametrize("scope", LIMITED.values(), ids=LIMITED)
def test_who_sees_less_than_everything_sees_no_workitem(
    client: TestClient, callers: Callers, scope: ListedStudies | PatientIdentity
) -> None:
    """What is not seen is not there: the same answers as for a workitem that does not exist."""
    uid, _ = claimed(client)
    headers = callers.add("limited", scope, "read", "write") | JSON
    assert client.get("/workitems", headers=headers).json() == []
    for path, method in (
        ("", "GET"),
        ("", "POST"),
        ("/state", "PUT"),
        ("/cancelrequest", "POST"),
        ("/subscribers/X", "POST"),
        ("/subscribers/X", "DELETE"),
    ):
        answers = []
        for own in (uid, new_uid()):
            response = client.request(method, f"/workitems/{own}{path}", json=state("CANCELED", "1.2"), headers=headers)
            problem_of(response, 404)
            answers.append((response.content, sorted(response.headers.items())))
        assert answers[0] == answers[1], path
    problem_of(client.post(f"/workitems?{new_uid()}", json=workitem(), headers=headers), 403)
    for worklist in ("1.2.840.10008.5.1.4.34.5", "1.2.840.10008.5.1.4.34.5.1"):
        problem_of(client.post(f"/workitems/{worklist}/subscribers/X", headers=headers), 403)


def test_rights(client: TestClient, callers: Callers) -> None:
    uid = create(client)
    reader = callers.add("reader", WholeArchive(), "read") | JSON
    for method, path in (
        ("POST", f"/workitems?{new_uid()}"),
        ("POST", f"/workitems/{uid}"),
        ("PUT", f"/workitems/{uid}/state"),
        ("POST", f"/workitems/{uid}/cancelrequest"),
        ("POST", f"/workitems/{uid}/subscribers/X"),
        ("DELETE", f"/workitems/{uid}/subscribers/X"),
    ):
        problem_of(client.request(method, path, json=workitem(), headers=reader), 403)
    assert client.get(f"/workitems/{uid}", headers=reader).status_code == 200
    writer = callers.add("writer", WholeArchive(), "write")
    problem_of(client.get("/workitems", headers=writer), 403)


HOSTILE: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 400),
    "no JSON": (b"{", 400),
    "not UTF-8": (b'{"00741204":{"vr":"LO","Value":["\xff"]}}', 400),
    "a number": (b"1", 400),
    "null": (b"null", 400),
    "no data set": (b"[]", 400),
    "two data sets": (b"[{},{}]", 400),
    "no tag": (b'{"x":{"vr":"LO"}}', 400),
    "no VR": (b'{"00741204":{"Value":["x"]}}', 400),
    "no element": (b'{"00741204":"x"}', 400),
    "values of the wrong kind": (b'{"00741204":{"vr":"LO","Value":[{"x":1}]}}', 400),
    "no array": (b'{"00741204":{"vr":"LO","Value":"x"}}', 400),
    "a name that is none": (b'{"00100010":{"vr":"PN","Value":[{"Alphabetic":1}]}}', 400),
    "two contents": (b'{"00741204":{"vr":"LO","Value":["x"],"InlineBinary":"eA=="}}', 400),
    "deep": (b'{"0040A370":{"vr":"SQ","Value":[' * 900 + b"{}" + b"]}}" * 900, 400),
    "deeper": (b'{"0040A370":{"vr":"SQ","Value":[' * 30 + b"{}" + b"]}}" * 30, 400),
    "wide": (b'{"0040A370":{"vr":"SQ","Value":[' + b",".join([b"{}"] * 30_000) + b"]}}", 400),
    "large": (b" " * (LARGEST_WORKITEM + 1), 413),
}


@pytest.mark.parametrize(("content", "status"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_content(client: TestClient, storage: Storage, content: bytes, status: int) -> None:
    uid = create(client)
    for method, path in (("POST", "/workitems"), ("POST", f"/workitems/{uid}"), ("PUT", f"/workitems/{uid}/state")):
        problem_of(client.request(method, path, content=content, headers=JSON), status)
    assert found(client, "") == [uid]


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/dicom", "multipart/related"])
def test_content_of_other_types(client: TestClient, content_type: str) -> None:
    response = client.post("/workitems", content=b"{}", headers={"Content-Type": content_type})
    assert problem_of(response, 415)["acceptable"] == ["application/dicom+json", "application/dicom+xml"]


def test_a_workitem_may_be_written_and_read_in_xml(client: TestClient) -> None:
    """8.7.3.2: created, changed, claimed and retrieved as a Native DICOM Model, by itself or as the one part."""
    xml = {"Content-Type": "application/dicom+xml"}
    uid, claim = new_uid(), new_uid()
    assert client.post(f"/workitems?{uid}", content=encode(workitem()), headers=xml).status_code == 201
    claiming = client.put(f"/workitems/{uid}/state", content=encode(state("IN PROGRESS", claim)), headers=xml)
    assert claiming.status_code == 200
    label = encode({"00741204": element("LO", "Äußeres & Inneres")})
    assert client.post(f"/workitems/{uid}?{claim}", content=label, headers=xml).status_code == 200
    single = client.get(f"/workitems/{uid}", headers={"Accept": "application/dicom+xml"})
    assert single.headers["content-type"] == "application/dicom+xml"
    assert decode(single.content) == retrieve(client, uid)
    assert decode(single.content)["00741204"]["Value"] == ["Äußeres & Inneres"]
    multiple = client.get(f"/workitems/{uid}", headers={"Accept": 'multipart/related; type="application/dicom+xml"'})
    ((fields, document),) = parts_of(multiple)
    assert (fields["Content-Location"], document) == (f"{BASE}/workitems/{uid}", single.content)
    assert multiple.headers["etag"] == single.headers["etag"] != client.get(f"/workitems/{uid}").headers["etag"]


@pytest.mark.parametrize("content", [b"", b"<", b"<x/>", b"<!DOCTYPE x []><NativeDicomModel/>", b"{}"])
def test_xml_that_is_no_data_set_is_refused(client: TestClient, content: bytes) -> None:
    problem_of(client.post("/workitems", content=content, headers={"Content-Type": "application/dicom+xml"}), 400)


def test_names_that_are_none(client: TestClient) -> None:
    for uid in ("x", "1..2", "1.2." + "9" * 200):
        problem_of(client.get(f"/workitems/{uid}"), 400)
        problem_of(client.post(f"/workitems?workitem={uid}", json=workitem(), headers=JSON), 400)
    problem_of(client.get(f"/workitems/{new_uid()}"), 404)
    problem_of(change(client, create(client), "IN PROGRESS", "x"), 400)
    problem_of(change(client, create(client), "DONE", "1.2"), 400)
    problem_of(client.get(f"/workitems/{create(client)}", headers={"Accept": "text/html"}), 406)


def test_events_need_another_protocol(client: TestClient) -> None:
    """8.10.4: whoever asks over plain HTTP is told what would have worked."""
    response = client.get("/subscribers/WATCHER")
    assert f"{BASE.replace('http', 'ws')}/subscribers/WATCHER" in problem_of(response, 426)["detail"]
    assert response.headers["upgrade"] == "websocket"
    problem_of(client.get("/subscribers/SEVENTEEN LETTERS"), 400)


def test_unchanged_workitems_need_not_be_sent_again(client: TestClient) -> None:
    uid = create(client)
    etag = client.get(f"/workitems/{uid}").headers["etag"]
    assert client.get(f"/workitems/{uid}", headers={"If-None-Match": etag}).status_code == 304
    change(client, uid, "IN PROGRESS", new_uid())
    assert client.get(f"/workitems/{uid}", headers={"If-None-Match": etag}).status_code == 200
