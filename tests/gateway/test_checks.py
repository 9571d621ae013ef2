"""The self test looks at the pepper: without the one they were made with, shares open for nobody."""

from pathlib import Path

import pytest

from auth.clock import system_clock
from auth.pepper import pepper_file
from auth.shares import Shares
from gateway.checks import Finding, findings
from gateway.config import Config
from gateway.house import build
from gateway.sections import StorageConfig
from storage.scope import ListedStudies


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A house that was opened once and has a share."""
    config = Config(storage=StorageConfig(free_space_floor_mb=1), base=tmp_path)
    house = build(config)
    house.shares.create(ListedStudies(frozenset({"1.2"})), "19500131", 1)
    house.close()
    return config


def pepper_of(config: Config) -> Finding | None:
    return next((finding for finding in findings(config) if finding.what == "pepper"), None)


def test_all_is_well(config: Config) -> None:
    assert pepper_of(config) == Finding("pepper", True, "opens every share")


def test_nothing_is_said_before_the_first_start(tmp_path: Path) -> None:
    assert pepper_of(Config(base=tmp_path)) is None
    assert not (tmp_path / "data").exists()


def test_a_missing_pepper_is_not_made_but_missed(config: Config) -> None:
    pepper_file(config.folder).unlink()
    finding = pepper_of(config)
    assert finding is not None and not finding.good
    assert "bring back its copy before the next start" in finding.sentence
    assert not pepper_file(config.folder).exists()


def test_an_open_pepper_says_how_to_close_it(config: Config) -> None:
    pepper_file(config.folder).chmod(0o644)
    finding = pepper_of(config)
    assert finding is not None and not finding.good
    assert "chmod 600" in finding.sentence


def test_shares_of_another_pepper_are_named_with_the_remedy(config: Config) -> None:
    house = build(config)
    strange = Shares(house.storage.database, bytes(32), system_clock)
    issued = [strange.create(ListedStudies(frozenset({"1.2"})), "19500131", 1) for _ in range(11)]
    house.close()
    finding = pepper_of(config)
    assert finding is not None and not finding.good
    assert "made with another pepper: 11 (" in finding.sentence
    assert sum(one.share.id in finding.sentence for one in issued) == 10
    assert "bring back the pepper that was in use, or revoke these shares" in finding.sentence


def test_a_damaged_database_is_said_once(config: Config) -> None:
    (config.folder / "durchblick.sqlite").write_bytes(b"nothing" * 1000)
    found = {finding.what: finding for finding in findings(config)}
    assert not found["database"].good and "pepper" not in found
