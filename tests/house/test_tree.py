"""What must not be in the tree: paths of one machine, addresses of package indexes, large files, loose words."""

import re
from pathlib import Path

import pytest

from tests.house.checkout import ROOT, tracked

# Written so that this file does not match itself.
MACHINE_PATH = re.compile(r"/(?:wor[k]|roo[t]|hom[e])/")
INDEX_ADDRESS = re.compile(r"--(?:extra-)?index-url|\"resolved\": *\"http|registry *= *\"?http|files\.pythonhoste[d]")
VAGUE_NAMES = {"utils", "helpers", "manager", "common", "misc"}
LARGEST_KB = 600
TEXT_ENDINGS = {".py", ".js", ".css", ".html", ".toml", ".md", ".txt", ".json", ".sh", ".in", ".svg", ""}
TEXTS = [path for path in tracked() if path.suffix in TEXT_ENDINGS]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", TEXTS, ids=_name)
def test_a_file_names_no_machine_and_no_index(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not MACHINE_PATH.search(text)
    if path.name not in {"Makefile", "lock", "test_tree.py"}:
        assert not INDEX_ADDRESS.search(text)


def test_no_file_is_large() -> None:
    assert [_name(path) for path in tracked() if path.stat().st_size > LARGEST_KB * 1024] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [_name(path) for path in tracked() if path.stem in VAGUE_NAMES] == []


def test_every_script_can_be_run() -> None:
    scripts = [path for path in tracked() if path.read_bytes().startswith(b"#!")]
    assert {_name(path) for path in scripts} >= {".ci/run", "setup/environment", "setup/debian", "setup/lock"}
    assert [_name(path) for path in scripts if not path.stat().st_mode & 0o111] == []
