"""Floors, locks and package data."""

import re
import tomllib
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from gateway.checks import FLOORS
from tests.house.checkout import PACKAGES, ROOT, tracked

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("runtime", "test")


def _locked(name: str) -> dict[str, set[str]]:
    """Version numbers by distribution in a lock file."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    found: dict[str, set[str]] = {}
    for distribution, version in re.findall(r"(?m)^([A-Za-z0-9_.-]+)==([^ \\]+)", text):
        found.setdefault(distribution.lower(), set()).add(version)
    return found


@pytest.mark.parametrize(("name", "floor"), FLOORS.items())
def test_distributions_with_known_holes_are_below_the_floor(name: str, floor: tuple[int, ...]) -> None:
    wanted = next(r for r in map(Requirement, PROJECT["project"]["dependencies"]) if r.name == name)
    just_below = ".".join(map(str, (*floor[:-1], floor[-1] - 1)))
    assert not wanted.specifier.contains(just_below)
    for lock in LOCKS:
        assert all(Version(version).release >= floor for version in _locked(lock)[name])


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_of_a_lock_has_hashes(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    blocks = re.split(r"(?m)^(?=[A-Za-z0-9])", re.sub(r"(?m)^ *#.*\n", "", text))
    assert [block for block in blocks if block.strip() and "--hash=sha256:" not in block] == []


def test_the_locks_hold_every_dependency_and_agree() -> None:
    runtime, test = _locked("runtime"), _locked("test")
    needed = {Requirement(line).name for line in PROJECT["project"]["dependencies"]}
    assert needed <= runtime.keys()
    assert {name: test[name] for name in runtime} == runtime


def test_every_dependency_says_why_it_is_there() -> None:
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("dependencies = [", 1)[1].split("\n]", 1)[0]
    assert [line for line in lines.splitlines() if line.strip() and "# " not in line] == []


def test_package_data_holds_every_file_that_is_no_module() -> None:
    data = PROJECT["tool"]["setuptools"]["package-data"]
    for path in tracked():
        package = path.relative_to(ROOT).parts[0]
        if package in PACKAGES and path.suffix != ".py":
            inside = path.relative_to(ROOT / package)
            assert any(inside.match(pattern.removeprefix("**/")) for pattern in data.get(package, [])), path
