"""No package imports upward or sideways, and nothing that runs imports from the tests."""

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


def test_every_package_is_looked_at() -> None:
    assert all(modules(package) for package in PACKAGES)
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"} == set(PACKAGES)
