"""Searches and metadata in XML (PS3.18 8.7.3.2): the same data sets as in JSON, one part each, made one by one."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydicom.uid import generate_uid
from starlette.testclient import TestClient

from dicomweb.native_models import native_models
from storage.data_set.native_model_reader import decode
from storage.ingest import Stored
from tests.dicomweb.conftest import BASE, Callers, Keep
from tests.dicomweb.replies import instance_path, parts_of, problem_of, series_path, study_path
from tests.support.synthetic import ct

XML = 'multipart/related; type="application/dicom+xml"'
DOCUMENT = "application/dicom+xml"


@pytest.fixture
def study(keep: Keep) -> list[Stored]:
    uid, series = generate_uid(), generate_uid()
    images = [ct(StudyInstanceUID=uid, SeriesInstanceUID=series, number=number) for number in (1, 2)]
    return [keep(image) for image in images] + [keep(ct(StudyInstanceUID=uid, SeriesNumber=2, PatientName="Ä^Ö=山^田"))]


def models_of(client: TestClient, path: str, accept: str = XML) -> tuple[list[str], list[dict[str, Any]]]:
    """Content-Location and data set of each part."""
    response = client.get(path, headers={"Accept": accept})
    assert response.status_code == 200
    parts = parts_of(response)
    assert {fields["Content-Type"] for fields, _ in parts} <= {"application/dicom+xml"}
    return [fields["Content-Location"] for fields, _ in parts], [decode(content) for _, content in parts]


@pytest.mark.parametrize("accept", [XML, "multipart/related; type=application/dicom+xml", DOCUMENT])
def test_searches(client: TestClient, study: list[Stored], accept: str) -> None:
    """PS3.18 10.6.4, at each of the six resources."""
    one = study[0]
    paths = ["/studies", "/series", "/instances", f"{study_path(one)}/series", f"{study_path(one)}/instances"]
    for path in [*paths, f"{series_path(one)}/instances"]:
        locations, found = models_of(client, f"{path}?includefield=all", accept)
        assert found == client.get(f"{path}?includefield=all").json()
        assert locations == [one["00081190"]["Value"][0] for one in found]


def test_a_search_without_matches_has_no_parts(client: TestClient) -> None:
    assert models_of(client, "/studies?PatientID=nobody") == ([], [])


def test_warnings_are_told_as_with_json(client: TestClient, study: list[Stored]) -> None:
    response = client.get("/studies?Nonsense=1&PatientID=TEST-1", headers={"Accept": XML})
    assert "Nonsense" in response.headers["warning"]


def test_metadata(client: TestClient, study: list[Stored]) -> None:
    """PS3.18 10.4.1.1.2: of study, series and instance, bulk data by the same addresses."""
    for path in (study_path(study[0]), series_path(study[0]), instance_path(study[2])):
        locations, found = models_of(client, f"{path}/metadata")
        assert found == client.get(f"{path}/metadata").json()
        uids = [one["00080018"]["Value"][0] for one in found]
        assert locations == [f"{BASE}{instance_path(one)}/metadata" for one in study if one.sop_instance_uid in uids]
    assert found[0]["7FE00010"]["BulkDataURI"].startswith(BASE)


def test_metadata_of_one_instance_need_no_multipart(client: TestClient, study: list[Stored]) -> None:
    path = f"{instance_path(study[0])}/metadata"
    response = client.get(path, headers={"Accept": DOCUMENT})
    assert response.headers["content-type"] == DOCUMENT
    assert [decode(response.content)] == client.get(path).json()
    packed = client.get(path, headers={"Accept": DOCUMENT, "Accept-Encoding": "gzip"})
    assert (packed.headers["content-encoding"], packed.content) == ("gzip", response.content)


def test_nothing_there_or_not_visible(client: TestClient, study: list[Stored], callers: Callers) -> None:
    one = study[0]
    series, instance = series_path(study[2]), instance_path(study[2]).replace(study[2].sop_instance_uid, "9.9")
    for path in ("/studies/9.9", f"{study_path(one)}/series/9.9", instance):
        for accept in (XML, DOCUMENT):
            problem_of(client.get(f"{path}/metadata", headers={"Accept": accept}), 404)
    misplaced = f"{series}/instances/{one.sop_instance_uid}"
    problem_of(client.get(f"{misplaced}/metadata", headers={"Accept": XML}), 404)


def test_each_data_set_is_encoded_when_it_is_sent() -> None:
    """Memory does not grow with the length of a series."""
    made: list[int] = []

    def data_sets() -> Iterator[dict[str, Any]]:
        for number in range(1000):
            made.append(number)
            yield {"00204000": {"vr": "LT", "Value": ["x" * 10_000]}}

    native_models(data_sets(), lambda _: "/")
    assert len(made) < 20
