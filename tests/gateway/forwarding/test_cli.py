"""`durchblick forward rules`: what holds, wherever it stands."""

import json
from pathlib import Path

from click.testing import CliRunner

from gateway.cli.main import durchblick
from gateway.config import load
from gateway.forwarding.rules import Selection
from gateway.house import build

CONFIG = """
[[forwarding.targets]]
name = "pacs"
url = "https://pacs.example.org/dicom-web"
"""
RULE = """
[[forwarding.rules]]
name = "chests"
to = ["pacs"]
sources = ["CT1"]
match = { "(0008,1030)" = ["*Thorax*", "*Chest*"] }
"""


def _run(file: Path, *more: str) -> str:
    result = CliRunner().invoke(durchblick, ["forward", "rules", "--config", str(file), *more])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_rules_of_file_and_desk_are_listed(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(CONFIG)
    assert _run(file) == "There are none.\n"
    file.write_text(CONFIG + RULE)
    house = build(load(file))
    number = house.rules.add("all", Selection(sites=frozenset({""})), ("pacs",)).rule.number
    house.close()
    assert _run(file).splitlines() == [
        "holds  file  chests  sources=CT1 StudyDescription=*Thorax*|*Chest*",
        "    to pacs",
        f"off  desk {number}  all  sites=main",
        "    to pacs",
    ]
    chests, whole = json.loads(_run(file, "--json"))
    assert chests["number"] is None and chests["match"] == {"StudyDescription": ["*Thorax*", "*Chest*"]}
    assert (whole["number"], whole["standing"], whole["to"], whole["sites"]) == (number, "off", ["pacs"], ["main"])
