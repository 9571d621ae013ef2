"""The house as commands use it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from gateway import log
from gateway.config import load
from gateway.house import House, build
from gateway.sections import MAIN_SITE
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


def site_key(house: House, name: str) -> str:
    """The key of a site as the database has it: "" for [site], which commands call main."""
    key = "" if name == MAIN_SITE else name
    if house.config.site_of(key) is None:
        known = ", ".join([MAIN_SITE, *(each.key for each in house.config.sites)])
        raise click.UsageError(f"No site is called {name}. Known: {known}.")
    return key


def site_name(key: str) -> str:
    """What commands call the site with this key."""
    return key or MAIN_SITE
