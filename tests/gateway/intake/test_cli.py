"""`durchblick upload`: links of sites, and what came by them."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.cli.main import durchblick

CONFIG = """
[storage]
folder = "data"
[[sites]]
key = "north"
name = "Nordklinik"
"""


def answer(config: Path, *arguments: str, status: int = 0) -> Any:
    result = CliRunner().invoke(durchblick, [*arguments, "--config", str(config), "--json"])
    assert result.exit_code == status, result.output
    return json.loads(result.stdout) if not status else result.output


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def test_a_link_is_of_a_site(config: Path) -> None:
    here = answer(config, "upload", "link", "create")
    north = answer(config, "upload", "link", "create", "--site", "north", "--for", "referrer")
    assert (here["site"], north["site"]) == ("main", "north")
    listed = {name: answer(config, "upload", "link", "list", "--site", name) for name in ("main", "north")}
    assert {name: [one["id"] for one in found] for name, found in listed.items()} == {
        "main": [here["id"]],
        "north": [north["id"]],
    }
    assert len(answer(config, "upload", "link", "list")) == 2
    assert answer(config, "upload", "list", "--site", "north") == []
    wrong = ("upload", "accept", "22222222", "--set", "PatientSex=W")
    assert "PatientSex cannot have this value" in answer(config, *wrong, status=2)
    assert "Known: main, north" in answer(config, "upload", "link", "create", "--site", "south", status=2)
