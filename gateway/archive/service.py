"""The archive of the configuration, put together for jobs and commands."""

from typing import Final

from auth.clock import system_clock
from dimse.scu.caller import Caller
from dimse.scu.wire import Patience
from gateway.archive.archive import Archive
from gateway.archive.asking import Asking
from gateway.archive.completeness import Completeness
from gateway.archive.schema import MIGRATIONS
from gateway.house import House, dimse_settings

ASK_SECONDS: Final = 10.0
_PATIENCE: Final = Patience(connect=5.0, association=10.0, response=120.0, send=10.0, release=2.0)


def archive_of(house: House) -> Archive | None:
    """The archive that [archive] names, if it names one."""
    section = house.config.archive
    if not section.ae_title:
        return None
    settings = dimse_settings(house.config)
    caller = Caller(settings.ae_title, settings.tls, _PATIENCE)
    return Archive(caller, house.entities.find, section.ae_title, section.retrieve, house.storage.ingest)


def asking_of(house: House) -> Asking:
    """Who asks it for what is missing."""
    database = house.storage.database
    database.migrate(MIGRATIONS)
    return Asking(database, house.storage.index, house.shares, archive_of(house), system_clock)


def completeness_of(house: House) -> Completeness:
    """Who opens the shares that wait."""
    return Completeness(house.storage.database, house.shares, archive_of(house), system_clock)
