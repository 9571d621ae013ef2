"""One house for the package; nothing in it changes."""

from collections.abc import Iterator

import pytest

from tests.gateway.portal_house import Portal, opened


@pytest.fixture(scope="package")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with opened(tmp_path_factory.mktemp("series_files")) as portal:
        yield portal
