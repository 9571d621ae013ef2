from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.attributes import Level
from storage.catalogue import walk
from storage.database import Database
from storage.schema import MIGRATIONS
from tests.support.keeping import Keeping


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[Keeping]:
    opened = Keeping(tmp_path / "store")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """An empty index for all tests of a module."""
    opened = Database(tmp_path_factory.mktemp("index") / "index.sqlite")
    opened.migrate(MIGRATIONS)
    yield opened
    opened.close()


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of one and two studies, so that every query crosses some."""
    monkeypatch.setattr(walk, "_FIRST_PAGE", dict.fromkeys(Level, 1))
    monkeypatch.setattr(walk, "_LARGEST_PAGE", dict.fromkeys(Level, 2))
    monkeypatch.setattr(walk, "_FEW", 2)
