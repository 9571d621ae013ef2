"""No package imports upward or sideways, and nothing that runs imports from the tests."""

import re
import tomllib
from typing import Final

import pytest

from tests.house.checkout import PACKAGES, ROOT, imported, modules

MAY_IMPORT: Final[dict[str, set[str]]] = {
    "storage": set(),
    "dimse": {"storage"},
    "dicomweb": {"storage"},
    "auth": {"storage"},
    "gateway": {"storage", "dimse", "dicomweb", "auth", "viewer_static"},
    "viewer_static": set(),
}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_from_the_floor_below(package: str) -> None:
    forbidden = {*PACKAGES, "tests", "benchmarks"} - MAY_IMPORT[package] - {package}
    found = {
        f"{path.relative_to(ROOT)} imports {name}" for path in modules(package) for name in imported(path) & forbidden
    }
    assert found == set()


def test_nothing_that_runs_imports_what_is_installed_for_tests_only() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    only_tests = {_module(line) for line in project["dependency-groups"]["test"]}
    found = {(path.name, name) for package in PACKAGES for path in modules(package) for name in imported(path)}
    assert "pynetdicom" in only_tests
    assert {(file, name) for file, name in found if name in only_tests} == set()


def _module(requirement: str) -> str:
    """The name under which a distribution is imported, where it is like its own."""
    return re.split(r"[ <>=;]", requirement)[0].replace("-", "_")


def test_every_package_is_looked_at() -> None:
    assert all(modules(package) for package in PACKAGES)
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"} == set(PACKAGES)
