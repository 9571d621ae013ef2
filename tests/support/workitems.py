"""Workitems for tests: the least that may be created, what a performer adds to it, and the usual requests."""

from typing import Any

from httpx2 import Response
from pydicom.uid import generate_uid
from starlette.testclient import TestClient

from storage.worklist.data_sets import element

STATE, TRANSACTION = "00741000", "00081195"
CODE = {"00080100": element("SH", "1"), "00080102": element("SH", "99X"), "00080104": element("LO", "Something")}


def workitem(**elements: dict[str, Any]) -> dict[str, Any]:
    """Everything that PS3.4 table CC.2.5-3 wants at creation."""
    values = {
        "00741200": element("CS", "MEDIUM"),
        "00741202": element("LO", "READING"),
        "00741204": element("LO", "Read CT"),
        "00404005": element("DT", "20261128120000"),
        "00404041": element("CS", "READY"),
        STATE: element("CS", "SCHEDULED"),
        TRANSACTION: element("UI"),
        "00100010": element("PN", {"Alphabetic": "Beispiel^Anna"}),
        "00100020": element("LO", "A"),
        "00100030": element("DA", "19600101"),
        "00100040": element("CS", "F"),
        "00380010": element("LO"),
        "00081080": element("LO"),
        "00400400": element("LT"),
        "0020000D": element("UI", "1.2.3"),
        "0040A370": element("SQ", {"00080050": element("SH", "ACC1"), "0020000D": element("UI", "1.2.3")}),
    }
    sequences = ("00741210", "00404025", "00404026", "00404027", "00404018", "00404021", "00101002", "00380014")
    empty = {tag: element("SQ") for tag in (*sequences, "00081084", "00741002", "00741216")}
    return values | empty | {name.removeprefix("t"): one for name, one in elements.items()}


def performed() -> dict[str, Any]:
    """What a workitem needs to be COMPLETED."""
    item = {
        "00404028": element("SQ", CODE),
        "00404050": element("DT", "20261128120500"),
        "00404051": element("DT", "20261128121000"),
        "00404019": element("SQ", CODE),
        "00404033": element("SQ"),
    }
    return {"00741216": element("SQ", item)}


def state(name: str, transaction_uid: str = "") -> dict[str, Any]:
    """The content of a Change State request."""
    claim = {TRANSACTION: element("UI", transaction_uid)} if transaction_uid else {}
    return claim | {STATE: element("CS", name)}


def new_uid() -> str:
    return str(generate_uid())


JSON = {"Content-Type": "application/dicom+json"}


def create(client: TestClient, **elements: dict[str, Any]) -> str:
    uid = new_uid()
    response = client.post(f"/workitems?{uid}", json=workitem(**elements), headers=JSON)
    assert (response.status_code, response.content) == (201, b"")
    return uid


def retrieve(client: TestClient, uid: str) -> dict[str, Any]:
    response = client.get(f"/workitems/{uid}")
    assert (response.status_code, response.headers["content-type"]) == (200, "application/dicom+json")
    (data_set,) = response.json()
    assert isinstance(data_set, dict)
    return data_set


def change(client: TestClient, uid: str, name: str, transaction_uid: str = "") -> Response:
    return client.put(f"/workitems/{uid}/state", json=state(name, transaction_uid), headers=JSON)


def found(client: TestClient, query: str) -> list[str]:
    response = client.get(f"/workitems?{query}")
    assert response.status_code == 200
    return [one["00080018"]["Value"][0] for one in response.json()]


def claimed(client: TestClient) -> tuple[str, str]:
    uid, claim = create(client), new_uid()
    assert change(client, uid, "IN PROGRESS", claim).status_code == 200
    return uid, claim


def brought_to(client: TestClient, name: str) -> tuple[str, str]:
    """A workitem in this state, and its claim."""
    uid, claim = create(client), new_uid()
    if name != "SCHEDULED":
        change(client, uid, "IN PROGRESS", claim)
        client.post(f"/workitems/{uid}?transaction={claim}", json=performed(), headers=JSON)
    if name in ("COMPLETED", "CANCELED"):
        change(client, uid, name, claim)
    assert retrieve(client, uid)[STATE]["Value"] == [name]
    return uid, claim
