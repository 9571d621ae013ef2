"""What people and programs do over HTTP leaves one event for each session and study, and no name and no secret."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.main import durchblick
from storage.audit_trail import AuditTrail, Event
from tests.gateway.portal_house import BIRTH_DATE, Portal, opened


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with opened(tmp_path_factory.mktemp("audit")) as made:
        yield made


def since(portal: Portal, number: int) -> list[Event]:
    return list(AuditTrail(portal.house.storage.database).events(number))


def last(portal: Portal) -> int:
    return AuditTrail(portal.house.storage.database).verify().events


def test_three_hundred_frames_are_one_event_for_each_session_and_study(portal: Portal) -> None:
    study = portal.chest[0].study_instance_uid
    before = last(portal)
    for _ in range(2):
        with portal.patient() as client:
            for turn in range(100):
                for one in portal.chest:
                    path = f"/studies/{study}/series/{one.series_instance_uid}/instances/{one.sop_instance_uid}"
                    assert client.get(f"/dicom-web{path}/frames/1").status_code == 200, turn
            assert client.get(f"/dicom-web/studies/{study}/metadata").status_code == 200
    events = [(one.event, one.subject) for one in since(portal, before) if one.event != "session begun"]
    assert events == [("instances accessed", study)] * 2
    actors = {one.actor for one in since(portal, before) if one.event == "instances accessed"}
    assert len(actors) == 2
    assert all(actor.startswith(f"share {portal.issued.share.id} ") for actor in actors)


def test_downloads_queries_and_deletions_by_token(portal: Portal) -> None:
    house = portal.house
    token = house.tokens.create("archive", ["read", "delete"])
    study = portal.report.study_instance_uid
    before = last(portal)
    with portal.visitor() as client:
        client.headers["authorization"] = f"Bearer {token}"
        for _ in range(2):
            assert client.get("/dicom-web/studies?PatientName=Muster*").status_code == 200
            assert client.get(f"/dicom-web/studies/{study}").status_code == 200
        assert client.get(f"/dicom-web/studies/{portal.foreign.study_instance_uid}/metadata").status_code == 200
        assert client.get("/dicom-web/studies/1.2.3.4").status_code == 404
        assert client.delete(f"/dicom-web/studies/{study}").status_code == 204
    assert [(one.actor, one.event, one.subject) for one in since(portal, before)] == [
        ("token archive", "query", "archive"),
        ("token archive", "instances downloaded", study),
        ("token archive", "instances accessed", portal.foreign.study_instance_uid),
        ("token archive", "deleted", study),
    ]


def test_neither_names_nor_secrets_are_in_the_audit(portal: Portal) -> None:
    with portal.patient() as client:
        client.get("/")
    text = repr(since(portal, 0))
    for secret in ("Muster", "Beispiel", BIRTH_DATE, "TEST-1", portal.issued.code, portal.issued.token, "dbk_"):
        assert secret not in text


def test_the_command_line_verifies_lists_and_exports(portal: Portal, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[storage]\nfolder = "{portal.house.config.folder}"\n')
    for _ in range(4):
        with portal.patient() as client:
            client.get("/")

    def run(*arguments: str) -> str:
        finished = CliRunner().invoke(durchblick, ["audit", *arguments, "--config", str(config)])
        assert finished.exit_code == 0, finished.output
        return finished.output

    assert run("verify").startswith("ok    ")
    noted = run("verify").rpartition(" ")[2].strip()
    assert "share created" in run("list", "--last", "100")
    assert run("verify", "--known", noted).startswith("ok    ")
    for form, word in (("fhir", '"AuditEvent"'), ("dicom", "<AuditMessage>"), ("json", '"share created"')):
        lines = run("export", "--format", form).splitlines()
        assert len(lines) > 5 and any(word in line for line in lines)
    assert since(portal, 0)[-1].event == "audit read"
    number = noted.partition(":")[0]
    forged = CliRunner().invoke(durchblick, ["audit", "verify", "--known", f"{number}:0", "--config", str(config)])
    assert forged.exit_code == 1 and "noted elsewhere" in forged.output
