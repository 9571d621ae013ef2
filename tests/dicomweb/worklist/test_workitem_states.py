"""The states of workitems: every cell of PS3.4 table CC.1.1-2, final states, and cancellation (PS3.18 11.7, 11.8)."""

import pytest
from starlette.testclient import TestClient

from storage.worklist.data_sets import element
from tests.dicomweb.conftest import BASE
from tests.dicomweb.replies import problem_of
from tests.support.workitems import (
    JSON,
    STATE,
    brought_to,
    change,
    claimed,
    create,
    new_uid,
    performed,
    retrieve,
)

# The status of PS3.18 table 11.7.3-1 and of PS3.4 table CC.1.1-2 for each requested state and each that there is; first
# with the Transaction UID of the claim, then with another one, then with none.
TRANSITIONS = {
    ("SCHEDULED", "IN PROGRESS"): (200, 200, "C301H"),
    ("SCHEDULED", "COMPLETED"): ("C310H", "C310H", "C301H"),
    ("SCHEDULED", "CANCELED"): ("C310H", "C310H", "C301H"),
    ("IN PROGRESS", "IN PROGRESS"): ("C302H", "C301H", "C301H"),
    ("IN PROGRESS", "COMPLETED"): (200, "C301H", "C301H"),
    ("IN PROGRESS", "CANCELED"): (200, "C301H", "C301H"),
    ("COMPLETED", "IN PROGRESS"): ("C300H", "C301H", "C301H"),
    ("COMPLETED", "COMPLETED"): ("B306H", "C301H", "C301H"),
    ("COMPLETED", "CANCELED"): ("C300H", "C301H", "C301H"),
    ("CANCELED", "IN PROGRESS"): ("C300H", "C301H", "C301H"),
    ("CANCELED", "COMPLETED"): ("C300H", "C301H", "C301H"),
    ("CANCELED", "CANCELED"): ("B304H", "C301H", "C301H"),
} | {(current, "SCHEDULED"): ("C303H",) * 3 for current in ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")}


@pytest.mark.parametrize(("states", "outcomes"), TRANSITIONS.items(), ids=lambda one: "-".join(map(str, one)))
def test_every_transition(client: TestClient, states: tuple[str, str], outcomes: tuple[int | str, ...]) -> None:
    """PS3.4 table CC.1.1-2, every cell."""
    current, requested = states
    for which, outcome in enumerate(outcomes):
        uid, claim = brought_to(client, current)
        before = retrieve(client, uid)
        response = change(client, uid, requested, (claim, new_uid(), "")[which])
        if outcome == 200:
            assert (response.status_code, response.content) == (200, b"")
            assert retrieve(client, uid)[STATE]["Value"] == [requested]
        elif outcome in ("B304H", "B306H"):
            said = f'299 {BASE} "The UPS is already in the requested state of {requested}."'
            assert (response.status_code, response.headers["warning"]) == (200, said)
            assert retrieve(client, uid) == before
        else:
            problem = problem_of(response, 400 if outcome == "C303H" else 409)
            assert problem["dicomStatus"] == outcome
            assert response.headers["warning"] == f'299 {BASE} "{warning_of(outcome, given=which < 2)}"'
            assert retrieve(client, uid) == before


def warning_of(outcome: int | str, *, given: bool) -> str:
    """The texts of PS3.18 11.7.3.2."""
    if outcome != "C301H":
        return "The submitted request is inconsistent with the state of the UPS Instance."
    return "The Transaction UID is incorrect." if given else "The Transaction UID is missing."


@pytest.mark.parametrize("missing", ["00404028", "00404050", "00404051", "00404019", "00404033"])
def test_nothing_is_completed_without_what_was_done(client: TestClient, missing: str) -> None:
    """CC.2.5.1.1: final state code P."""
    uid, claim = claimed(client)
    problem = problem_of(change(client, uid, "COMPLETED", claim), 409)
    assert problem["dicomStatus"] == "C304H"
    item = dict(performed()["00741216"]["Value"][0])
    del item[missing]
    client.post(f"/workitems/{uid}?{claim}", json={"00741216": element("SQ", item)}, headers=JSON)
    problem_of(change(client, uid, "COMPLETED", claim), 409)
    client.post(f"/workitems/{uid}?{claim}", json=performed(), headers=JSON)
    assert change(client, uid, "COMPLETED", claim).status_code == 200


def test_who_cancels_needs_no_update(client: TestClient) -> None:
    """Table CC.2.5-3, final state code X: we fill in the moment and that there is no reason, unless there is one."""
    uid, claim = claimed(client)
    assert change(client, uid, "CANCELED", claim).status_code == 200
    (item,) = retrieve(client, uid)["00741002"]["Value"]
    assert item["0074100E"]["Value"][0]["00080100"]["Value"] == ["110513"]
    assert item["00404052"]["Value"][0].startswith("2")
    uid, claim = claimed(client)
    own = {"0074100E": element("SQ", {"00080100": element("SH", "110500")}), "00741004": element("DS", "10")}
    client.post(f"/workitems/{uid}?{claim}", json={"00741002": element("SQ", own)}, headers=JSON)
    change(client, uid, "CANCELED", claim)
    (item,) = retrieve(client, uid)["00741002"]["Value"]
    assert (item["0074100E"], item["00741004"]) == (own["0074100E"], own["00741004"])


def test_cancellation_of_what_nobody_has_claimed(client: TestClient) -> None:
    """11.8.2 and table CC.1.1-2: SCHEDULED becomes CANCELED at once."""
    uid = create(client)
    why = {"00741238": element("LT", "Wrong patient")}
    response = client.post(f"/workitems/{uid}/cancelrequest", json=why, headers=JSON)
    assert (response.status_code, response.content) == (202, b"")
    data_set = retrieve(client, uid)
    assert data_set[STATE]["Value"] == ["CANCELED"]
    assert data_set["00741002"]["Value"][0]["00741238"]["Value"] == ["Wrong patient"]
    again = client.post(f"/workitems/{uid}/cancelrequest")
    assert again.status_code == 202
    assert again.headers["warning"] == f'299 {BASE} "The UPS is already in the requested state of CANCELED."'


def test_cancellation_of_what_is_claimed(client: TestClient) -> None:
    """Table 11.8.3-1: 409 when it is completed, or when nobody listens who could be the performer."""
    uid, _ = claimed(client)
    response = client.post(f"/workitems/{uid}/cancelrequest")
    assert problem_of(response, 409)["dicomStatus"] == "C312H"
    assert response.headers["warning"] == f'299 {BASE} "The performer cannot be contacted."'
    assert client.post(f"/workitems/{uid}/subscribers/PERFORMER").status_code == 201
    assert client.post(f"/workitems/{uid}/cancelrequest").status_code == 202
    assert retrieve(client, uid)[STATE]["Value"] == ["IN PROGRESS"]
    uid, _ = brought_to(client, "COMPLETED")
    response = client.post(f"/workitems/{uid}/cancelrequest")
    assert problem_of(response, 409)["dicomStatus"] == "C311H"
    assert response.headers["warning"] == f'299 {BASE} "The UPS is already COMPLETED."'
