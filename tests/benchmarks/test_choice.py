"""`make bench` runs the measurement that is named, and ingest where none is."""

import re
from collections.abc import Sequence
from importlib import import_module

import pytest

from benchmarks.__main__ import MEASUREMENTS, main
from tests.house.checkout import ROOT


@pytest.mark.parametrize(
    ("arguments", "name", "rest"),
    [
        ([], "ingest", []),
        (["--rounds", "3"], "ingest", ["--rounds", "3"]),
        (["retrieve", "--rounds", "3"], "retrieve", ["--rounds", "3"]),
    ],
)
def test_the_named_one_gets_its_options(
    arguments: list[str], name: str, rest: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[Sequence[str]] = []
    monkeypatch.setattr(import_module(f"benchmarks.{name}"), "main", got.append)
    main(arguments)
    assert got == [rest]


def test_another_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(SystemExit, match="no measurement retreive; there are ingest, .*retrieve"):
        main(["retreive"])


def test_each_has_a_section_that_says_how_it_is_measured() -> None:
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^## .*`python -m benchmarks (\w+)`$", text, re.MULTILINE)) == MEASUREMENTS


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_each_tells_its_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"python -m benchmarks {name}" in capsys.readouterr().out
