"""Servers take turns, and what came of it is told as medians and ratios within rounds."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.comparison import Column, in_turns, report, spread, tell


@dataclass(frozen=True, slots=True)
class Rate:
    """A measurement."""

    workload: str
    server: str
    rate: float


COLUMNS = (Column("answers / s", lambda one: one.rate, "ratio"), Column("halved", lambda one: one.rate / 2))
ROUNDS = (Rate("all", "own", 10), Rate("all", "other", 5), Rate("all", "other", 10), Rate("all", "own", 30))


def test_another_server_begins_each_round() -> None:
    assert [in_turns(["a", "b", "c"], number) for number in (0, 1, 2, 3)] == [
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["c", "a", "b"],
        ["a", "b", "c"],
    ]
    assert in_turns([], 1) == []


def test_a_report_has_medians_and_ratios_within_rounds() -> None:
    assert report(ROUNDS, COLUMNS).splitlines() == [
        "| workload | server | answers / s | halved | ratio |",
        "|---|---|---|---|---|",
        "| all | own | 20 (10-30) | 10 (5-15) |  |",
        "| all | other | 7.5 (5-10) | 3.75 (2.5-5) | 2.5 (2-3) |",
    ]


def test_what_a_server_could_not_do_has_no_line_and_what_cost_nothing_no_ratio() -> None:
    lines = report([*ROUNDS[:1], Rate("all", "other", 0), Rate("more", "own", 1)], COLUMNS).splitlines()[2:]
    assert lines == ["| all | own | 10 | 5 |  |", "| all | other | 0 | 0 |  |", "| more | own | 1 | 0.5 |  |"]


@pytest.mark.parametrize(
    ("values", "written"),
    [([], ""), ([0.123456], "0.123"), ([1, 2], "1.5 (1-2)"), ([999.4], "999"), ([12345.6, 999.6], "6673 (1000-12346)")],
)
def test_figures_have_three_digits_that_count_and_no_exponent(values: list[float], written: str) -> None:
    assert spread(values) == written


def test_every_single_figure_can_be_had(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tell(ROUNDS, COLUMNS, tmp_path / "figures.json")
    assert json.loads((tmp_path / "figures.json").read_text())[1] == {"workload": "all", "server": "other", "rate": 5}
    assert capsys.readouterr().out == report(ROUNDS, COLUMNS) + "\n"
