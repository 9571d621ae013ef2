from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.keeping import Keeping


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[Keeping]:
    opened = Keeping(tmp_path / "store")
    yield opened
    opened.close()
