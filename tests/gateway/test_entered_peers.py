"""A public DICOM port needs a list of senders: those that `durchblick ae add` has entered are one."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.main import durchblick
from gateway.config import load, objections
from gateway.entered_peers import has_entered_peers
from tests.support.gateway import configuration

FILE = "durchblick.sqlite"


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """Commands set up the logging of their process, which here is ours."""
    root = logging.getLogger()
    before = root.handlers, root.level
    yield
    root.handlers, root.level = before


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return configuration(tmp_path, dimse='host = "0.0.0.0"')


def run(config: Path, *arguments: str) -> tuple[int, str, str]:
    finished = CliRunner().invoke(durchblick, [*arguments, "--config", str(config)])
    return finished.exit_code, finished.stdout, finished.stderr


def complaints(config: Path) -> set[str]:
    found = json.loads(run(config, "check", "--json")[1])
    return {one["what"] for one in found if not one["good"]}


def test_the_port_may_be_public_once_somebody_is_entered_and_not_after_he_is_removed(config: Path) -> None:
    assert complaints(config) == {"dimse.host"}
    status, _, said = run(config, "serve", "--role", "worker")
    assert (status, "durchblick ae add" in said) == (1, True)
    assert not (config.parent / "data").exists()
    assert run(config, "ae", "add", "PACS1", "10.0.0.5", "104")[0] == 0
    loaded = load(config)
    assert objections(loaded, has_entered_peers=has_entered_peers(loaded)) == []
    assert complaints(config) == set()
    assert run(config, "ae", "remove", "PACS1")[0] == 0
    assert complaints(config) == {"dimse.host"}


@pytest.mark.parametrize("content", [None, b"", b"this is no database" * 100])
def test_a_database_that_tells_nothing_names_nobody_and_is_not_made(config: Path, content: bytes | None) -> None:
    folder = config.parent / "data"
    if content is not None:
        folder.mkdir()
        (folder / FILE).write_bytes(content)
    assert not has_entered_peers(load(config))
    assert [path.read_bytes() for path in folder.glob("*")] == ([] if content is None else [content])
