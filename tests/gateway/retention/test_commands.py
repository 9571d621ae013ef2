"""`durchblick purge`, `durchblick delete` and `durchblick hold`."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import durchblick
from gateway.config import Config
from gateway.house import build
from storage.storage import Storage
from tests.gateway.portal_house import keep
from tests.support.synthetic import ct


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text("[retention]\ndays = 10\n")
    return file


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(durchblick, [*arguments, "--config", str(config)])


def answer(config: Path, *arguments: str) -> Any:
    finished = run(config, *arguments, "--json")
    assert finished.exit_code == 0, finished.output
    return json.loads(finished.stdout)


def test_a_study_is_marked_held_and_let_go(config: Path, tmp_path: Path) -> None:
    house = build(Config(base=tmp_path))
    study = keep(house, ct()).study_instance_uid
    _age(house.storage)
    house.close()
    assert answer(config, "purge", "--dry-run")["marked"] == [study]
    assert f"would be marked    {study}" in run(config, "purge", "--dry-run").output
    (made,) = answer(config, "hold", "add", "--study", study, "--reason", "Az. 1")
    assert answer(config, "purge", "--dry-run")["marked"] == []
    assert answer(config, "hold", "list") == [made]
    assert f"study {study}  Az. 1" in run(config, "hold", "list").output
    assert run(config, "hold", "remove", str(made["id"])).exit_code == 0
    assert run(config, "hold", "remove", str(made["id"])).exit_code == 1
    done = answer(config, "purge")
    assert (done["marked"], done["deleted"], done["dry_run"]) == ([study], [], False)


def test_what_a_hold_needs_and_that_nothing_goes_by_default(config: Path, tmp_path: Path) -> None:
    assert run(config, "hold", "add", "--reason", "x").exit_code == 2
    config.write_text("")
    assert "days is 0" in run(config, "purge").output
    assert "days is 0" in run(config, "purge", "--clock-is-right").output


def test_a_study_is_deleted_now(config: Path, tmp_path: Path) -> None:
    house = build(Config(base=tmp_path))
    kept, other = keep(house, ct()), keep(house, ct())
    study, series = kept.study_instance_uid, kept.series_instance_uid
    house.close()
    assert run(config, "delete", study).exit_code == 2, "the reason is missing"
    assert run(config, "delete", study, "--instance", "1.2", "--dry-run").exit_code == 2, "of which series?"
    would = answer(config, "delete", study, "--series", series, "--dry-run")
    assert (would["studies"], would["series"], would["instances"], would["dry_run"]) == (1, 1, 1, True)
    assert "deleted: 1 instances" in run(config, "delete", study, "--reason", "wrong-patient").output
    assert "has been deleted" in run(config, "delete", study, "--reason", "wrong-patient").output
    assert answer(config, "delete", study, "--dry-run")["instances"] == 0
    run(config, "hold", "add", "--study", other.study_instance_uid, "--reason", "Az. 1")
    refused = run(config, "delete", other.study_instance_uid, "--reason", "other")
    assert refused.exit_code == 1 and "legal hold" in refused.output


def _age(storage: Storage) -> None:
    sql = "UPDATE instance SET received_at = '2020-01-01T00:00:00+00:00'"
    storage.database.write(lambda connection: connection.execute(sql))
