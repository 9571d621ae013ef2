"""The house as commands use it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway import log
from gateway.config import load
from gateway.house import House, build
from storage.audit import act_as


@contextmanager
def opened(config_file: Path | None) -> Iterator[House]:
    """The house of the configuration, closed at the end; its logs start at warnings."""
    config = load(config_file)
    act_as("command line")
    log.configure("warning")
    house = build(config)
    try:
        yield house
    finally:
        house.close()
