"""The command line beside a running gateway: answers, exit status, and errors that say how to mend them."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import durchblick
from tests.support.gateway import Gateway
from tests.support.synthetic import ct, part10


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """Commands set up the logging of their process, which here is ours."""
    root = logging.getLogger()
    before = root.handlers, root.level
    yield
    root.handlers, root.level = before


def _run(gateway: Gateway, *arguments: str) -> Result:
    """One command in this process, on the data of the running gateway."""
    return CliRunner().invoke(durchblick, [*arguments, "--config", str(gateway.config)])


def _answer(gateway: Gateway, *arguments: str) -> Any:
    finished = _run(gateway, *arguments, "--json")
    assert finished.exit_code == 0, finished.stderr
    return json.loads(finished.stdout)


@pytest.fixture(scope="module")
def study(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A study of a patient of these tests, imported beside the running server."""
    folder = tmp_path_factory.mktemp("cli")
    image = ct(PatientID="CLI-1", IssuerOfPatientID="HOUSE")
    (folder / "a.dcm").write_bytes(part10(image))
    (folder / "notes.txt").write_text("nothing")
    answer = _answer(gateway, "import", str(folder))
    assert (answer["stored"], answer["skipped"], answer["refused"]) == (1, 1, 0)
    return str(image.StudyInstanceUID)


def _create(gateway: Gateway, *more: str) -> dict[str, str]:
    created: dict[str, str] = _answer(gateway, "share", "create", "--birth-date", "19500131", *more)
    return created


def test_a_share_by_study_hands_out_code_link_and_end(gateway: Gateway, study: str, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.pdf"
    created = _create(gateway, "--study", study, "--sheet", str(sheet), "--days", "7")
    assert set(created) == {"id", "code", "url", "expires", "sheet"}
    assert created["url"].startswith(f"{gateway.url}/z#")
    assert len(created["code"].replace("-", "")) == 16
    assert sheet.read_bytes().startswith(b"%PDF")


def test_a_share_by_patient_finds_studies_that_come_later(gateway: Gateway) -> None:
    finished = _run(gateway, "share", "create", "--patient-id", "LATER", "--birth-date", "19500131", "--json")
    assert finished.exit_code == 0
    assert "no study of this patient is here yet" in finished.stderr
    assert set(json.loads(finished.stdout)) == {"id", "code", "url", "expires"}


def test_another_birth_date_than_the_images_is_a_warning(gateway: Gateway, study: str) -> None:
    finished = _run(gateway, "share", "create", "--study", study, "--birth-date", "19600101", "--json")
    assert finished.exit_code == 0
    assert "another birth date" in finished.stderr
    assert "1950" not in finished.stderr


def test_an_unknown_study_is_an_error(gateway: Gateway) -> None:
    finished = _run(gateway, "share", "create", "--study", "1.2.3.4.5", "--birth-date", "19500131")
    assert finished.exit_code == 1
    assert "The study 1.2.3.4.5 is not here" in finished.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--birth-date", "19500131"),
        ("--birth-date", "31.01.1950", "--study", "1.2"),
        ("--birth-date", "19500230", "--study", "1.2"),
        ("--birth-date", "19500131", "--study", "1.2", "--patient-id", "A"),
        ("--birth-date", "19500131", "--study", "1.2", "--days", "0"),
        ("--study", "1.2"),
    ],
)
def test_what_is_not_understood_is_status_2(gateway: Gateway, arguments: tuple[str, ...]) -> None:
    assert _run(gateway, "share", "create", *arguments).exit_code == 2


def test_a_share_lives_is_prolonged_reissued_and_ends(gateway: Gateway, study: str) -> None:
    created = _create(gateway, "--study", study, "--label", "for the ward")
    rows = {row["id"]: row for row in _answer(gateway, "share", "list")}
    assert rows[created["id"]]["state"] == "live"
    assert rows[created["id"]]["label"] == "for the ward"
    assert created["code"] not in json.dumps(rows)
    prolonged = _answer(gateway, "share", "extend", created["id"], "--days", "200")
    assert prolonged["expires"] > created["expires"]
    again = _answer(gateway, "share", "reissue", created["id"])
    assert again["id"] == created["id"]
    assert again["code"] != created["code"]
    assert _answer(gateway, "share", "revoke", created["id"])["state"] == "revoked"
    assert _run(gateway, "share", "reissue", created["id"]).exit_code == 1


@pytest.mark.parametrize("verb", [("extend", "--days", "3"), ("reissue",), ("revoke",)])
def test_an_unknown_share_is_status_1(gateway: Gateway, verb: tuple[str, ...]) -> None:
    finished = _run(gateway, "share", verb[0], "nosuchshare", *verb[1:])
    assert (finished.exit_code, "No share has this id" in finished.stderr) == (1, True)


def test_tokens_are_made_listed_and_revoked(gateway: Gateway) -> None:
    assert _answer(gateway, "token", "create", "cli", "--allow", "read,write")["token"]
    assert _run(gateway, "token", "create", "", "--allow", "read").exit_code == 2
    assert _run(gateway, "token", "create", "other", "--allow", "everything").exit_code == 2
    (row,) = [row for row in _answer(gateway, "token", "list") if row["name"] == "cli"]
    assert (row["allow"], row["live"]) == ("read,write", True)
    _answer(gateway, "token", "revoke", "cli")
    (row,) = [row for row in _answer(gateway, "token", "list") if row["name"] == "cli"]
    assert row["live"] is False


def test_import_says_what_it_refused(gateway: Gateway, tmp_path: Path) -> None:
    (tmp_path / "cut.dcm").write_bytes(part10(ct())[:-10])
    finished = _run(gateway, "import", str(tmp_path / "cut.dcm"), "--json")
    answer = json.loads(finished.stdout)
    assert finished.exit_code == 1
    assert (answer["refused"], answer["files"][0]["status"]) == (1, "C000H")
    assert _run(gateway, "import", str(tmp_path / "nowhere")).exit_code == 2


def test_sweep_beside_a_running_server_finds_nothing(gateway: Gateway, study: str) -> None:
    report = _answer(gateway, "sweep")
    assert report["missing_blobs"] == []
    assert report["removed_blobs"] == 0


def test_check_is_content_with_a_running_gateway(gateway: Gateway) -> None:
    found = _answer(gateway, "check")
    assert {finding["what"] for finding in found} >= {"pydicom", "database", "self test", "disk"}
    assert all(finding["good"] for finding in found)


def test_check_says_how_to_mend(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[storage]\nfree_space_floor_mb = 999999999\n[http]\nhost = "0.0.0.0"\n')
    finished = CliRunner().invoke(durchblick, ["check", "--config", str(config)])
    assert finished.exit_code == 1
    assert "FAIL  http.host" in finished.stdout
    assert "make room" in finished.stdout


def test_a_wrong_configuration_is_one_sentence(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[http]\nprot = 1\n")
    for arguments in (("share", "list"), ("token", "list"), ("sweep",), ("check",), ("demo",)):
        finished = CliRunner().invoke(durchblick, [*arguments, "--config", str(config)])
        assert finished.exit_code == 1
        assert finished.stderr.startswith("Error: ")
        assert "Did you mean http.port?" in finished.stderr


def test_the_installed_command_does_the_same(gateway: Gateway) -> None:
    assert gateway.answer("share", "list") == _answer(gateway, "share", "list")
    assert gateway.run("share", "revoke", "nosuchshare").returncode == 1


@pytest.mark.parametrize("name", ["ae", "check", "demo", "import", "serve", "share", "sweep", "token"])
def test_every_command_explains_itself(name: str) -> None:
    runner = CliRunner()
    assert name in runner.invoke(durchblick, ["--help"]).output
    answer = runner.invoke(durchblick, [name, "--help"])
    assert answer.exit_code == 0
    assert "Usage: " in answer.output
