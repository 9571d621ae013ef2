"""What every test of the gateway leaves as it was."""

import logging
from collections.abc import Iterator

import pytest

_SET = ("", "durchblick", "pydicom")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Commands set up the logging of their process, which here is ours."""
    root = logging.getLogger()
    handlers, levels = root.handlers, {name: logging.getLogger(name).level for name in _SET}
    yield
    root.handlers = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
