"""DELETE on studies, series and instances (RFC 9110 9.3.5), and 410 afterwards (PS3.18 table 10.4.3-1)."""

from collections.abc import Callable

import pytest
from pydicom.uid import generate_uid
from starlette.testclient import TestClient

from storage.ingest import Stored
from storage.scope import ListedStudies, PatientIdentity, WholeArchive
from tests.dicomweb.conftest import Callers, Keep
from tests.dicomweb.replies import instance_path, problem_of, series_path, study_path
from tests.support.synthetic import ct

DICOM = {"Accept": "*/*"}


@pytest.fixture
def deleter(callers: Callers) -> dict[str, str]:
    return callers.add("deleter", WholeArchive(), "delete")


@pytest.mark.parametrize("path_of", [study_path, series_path, instance_path])
def test_what_was_deleted_is_gone(
    client: TestClient, keep: Keep, deleter: dict[str, str], path_of: Callable[[Stored], str]
) -> None:
    stored = keep(ct())
    response = client.delete(path_of(stored), headers=deleter)
    assert (response.status_code, response.content) == (204, b"")
    for path in (study_path(stored), series_path(stored), instance_path(stored)):
        for resource in (path, f"{path}/metadata", f"{path}/thumbnail"):
            problem_of(client.get(resource, headers=DICOM), 410)
    problem_of(client.get(f"{instance_path(stored)}/frames/1"), 410)
    problem_of(client.get(f"{instance_path(stored)}/rendered"), 410)
    assert client.get("/instances").json() == []
    problem_of(client.delete(path_of(stored), headers=deleter), 410)


def test_the_rest_of_the_study_stays(client: TestClient, keep: Keep, deleter: dict[str, str]) -> None:
    study = generate_uid()
    first, second = keep(ct(StudyInstanceUID=study)), keep(ct(StudyInstanceUID=study))
    assert client.delete(series_path(first), headers=deleter).status_code == 204
    assert client.get(instance_path(second)).status_code == 200
    assert [one["00080018"]["Value"] for one in client.get("/instances").json()] == [[second.sop_instance_uid]]
    (found,) = client.get("/studies").json()
    assert (found["00201206"]["Value"], found["00201208"]["Value"]) == ([1], [1])


def test_it_takes_the_right_to_delete(client: TestClient, keep: Keep, callers: Callers) -> None:
    stored = keep(ct())
    for rights in (("read",), ("write",), ("read", "write")):
        headers = callers.add("-".join(rights), WholeArchive(), *rights)
        problem_of(client.delete(study_path(stored), headers=headers), 403)
    problem_of(client.delete(study_path(stored), headers={"Authorization": ""}), 401)
    assert client.get(study_path(stored)).status_code == 200


def test_it_reaches_as_far_as_the_scope(client: TestClient, keep: Keep, callers: Callers) -> None:
    own, foreign = keep(ct()), keep(ct())
    headers = callers.add("own", ListedStudies(frozenset({own.study_instance_uid})), "read", "delete")
    unknown = problem_of(client.delete(f"/studies/{generate_uid()}", headers=headers), 404)
    assert problem_of(client.delete(study_path(foreign), headers=headers), 404) == unknown
    assert client.get(study_path(foreign)).status_code == 200
    assert client.delete(study_path(own), headers=headers).status_code == 204


def test_deleted_or_never_here_is_the_same_to_others(client: TestClient, keep: Keep, callers: Callers) -> None:
    stored = keep(ct())
    client.delete(study_path(stored), headers=callers.add("deleter", WholeArchive(), "delete"))
    stranger = callers.add("stranger", PatientIdentity("OTHER", "", "19500131"), "read")
    owner = callers.add("owner", PatientIdentity("TEST-1", "", "19500131"), "read")
    unknown = problem_of(client.get(f"/studies/{generate_uid()}", headers=stranger), 404)
    assert problem_of(client.get(study_path(stored), headers=stranger), 404) == unknown
    problem_of(client.get(study_path(stored), headers=owner), 410)


def test_stored_again_it_is_there_again(client: TestClient, keep: Keep, deleter: dict[str, str]) -> None:
    image = ct()
    stored = keep(image)
    client.delete(study_path(stored), headers=deleter)
    assert keep(image).new
    assert client.get(instance_path(stored)).status_code == 200


def test_only_resources_that_can_go_know_the_method(client: TestClient, keep: Keep, deleter: dict[str, str]) -> None:
    stored = keep(ct())
    assert "DELETE" in client.options(study_path(stored)).headers["allow"]
    for path in ("/studies", f"{study_path(stored)}/metadata", f"{instance_path(stored)}/frames/1"):
        assert client.delete(path).status_code == 405
    problem_of(client.delete("/studies/1.2.x", headers=deleter), 400)
    problem_of(client.delete(f"{study_path(stored)}/series/{generate_uid()}", headers=deleter), 404)
    assert client.delete(f"{study_path(stored)}/", headers=deleter).status_code == 204
