"""Searching the worklist (PS3.18 11.9)."""

from starlette.testclient import TestClient

from storage.data_set import native_model_reader
from storage.worklist.data_sets import element
from tests.dicomweb.conftest import BASE
from tests.dicomweb.replies import parts_of, problem_of
from tests.support.workitems import (
    brought_to,
    create,
    found,
    performed,
)


def test_searches(client: TestClient) -> None:
    """11.9: keys by keyword, tag or path; lists of UIDs, ranges, wildcards, empty values."""
    one = create(client, t0020000D=element("UI", "1.2.9"), t00404005=element("DT", "20260101"))
    two = create(client, t00741204=element("LO", "Segment MR"), t00741200=element("CS", "HIGH"))
    assert found(client, "") == [one, two]
    for query, expected in {
        "StudyInstanceUID=1.2.9": [one],
        "0020000D=1.2.9,1.2.3": [one, two],
        "StudyInstanceUID=1.2": [],
        "ScheduledProcedureStepStartDateTime=20260201-": [two],
        "ProcedureStepLabel=Seg*": [two],
        "ReferencedRequestSequence.AccessionNumber=ACC1": [one, two],
        "0040A370.00080050=ACC2": [],
        "ReferencedRequestSequence.AccessionNumber=ACC1&ReferencedRequestSequence.StudyInstanceUID=9": [],
        "PatientName=BEISPIEL*&ScheduledProcedureStepPriority=HIGH": [two],
        'AdmissionID=""': [one, two],
        "ScheduledStationNameCodeSequence=": [one, two],
        f"SOPInstanceUID={two}": [two],
        "limit=1": [one],
        "limit=1&offset=1": [two],
        "ProcedureStepState=*": [one, two],
        "ProcedureStepState=COMPLETED": [],
    }.items():
        assert found(client, query) == expected, query


def test_searches_say_what_they_did_not_do(client: TestClient) -> None:
    """8.3.4: what is not supported is told; a typing error never widens the answer to everything."""
    create(client), create(client)
    response = client.get("/workitems?limit=1")
    assert response.headers["warning"] == f'299 {BASE} "There are 1 additional results that can be requested"'
    response = client.get("/workitems?WorklistLable=READING")
    assert response.json() == [] and "WorklistLable" in response.headers["warning"]
    response = client.get("/workitems?WorklistLabel=READING&Nonsense=1")
    assert len(response.json()) == 2 and response.headers["warning"].count("299 ") == 1
    for query in ("limit=-1", "offset=x", "fuzzymatching=maybe", "limit=" + "9" * 40):
        problem_of(client.get(f"/workitems?{query}"), 400)


def test_names_are_found_by_similar_ones_when_that_is_asked_for(client: TestClient) -> None:
    """8.3.4.2: of the patient and in items of sequences; other keys stay literal."""
    request = {"00080090": element("PN", {"Alphabetic": "Doktor^Müller"})}
    own = create(client, t0040A370=element("SQ", request))
    for query, fuzzily in {
        "PatientName=anna beispeil": [own],
        "PatientName=anna": [own],
        "PatientName=berta beispiel": [],
        "ReferencedRequestSequence.ReferringPhysicianName=mueler": [own],
        "WorklistLabel=READIN": [],
    }.items():
        assert found(client, query) == [], query
        assert found(client, f"{query}&fuzzymatching=true") == fuzzily, query


def test_matches_in_xml_are_parts_that_say_where_they_are(client: TestClient) -> None:
    """8.7.3.2, 11.9.3."""
    one, two = create(client), create(client)
    response = client.get("/workitems", headers={"Accept": 'multipart/related; type="application/dicom+xml"'})
    parts = parts_of(response)
    assert [fields["Content-Location"] for fields, _ in parts] == [f"{BASE}/workitems/{uid}" for uid in (one, two)]
    assert [native_model_reader.decode(document) for _, document in parts] == client.get("/workitems").json()
    nothing = client.get("/workitems?PatientID=X", headers={"Accept": "application/dicom+xml"})
    assert (nothing.status_code, parts_of(nothing)) == (200, [])


def test_what_was_performed_is_returned_when_asked_for(client: TestClient) -> None:
    """Table CC.2.5-3: it is no return key."""
    uid, _ = brought_to(client, "COMPLETED")
    assert "00741216" not in client.get("/workitems").json()[0]
    for query in ("includefield=all", "includefield=00741216", f"SOPInstanceUID={uid}&includefield=all"):
        assert client.get(f"/workitems?{query}").json()[0]["00741216"] == performed()["00741216"]
