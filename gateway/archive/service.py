"""The archives of the configuration, put together for jobs, pages and commands."""

from typing import Final

from auth.clock import system_clock
from dimse.scu.caller import Caller
from dimse.scu.wire import Patience
from gateway.archive.archive import Archive
from gateway.archive.asking import Asking
from gateway.archive.completeness import Completeness
from gateway.archive.retrievals import Retrievals
from gateway.archive.retrieving import Retrieving
from gateway.house import House, dimse_settings

ASK_SECONDS: Final = 10.0
RETRIEVE_SECONDS: Final = 2.0
_PATIENCE: Final = Patience(connect=5.0, association=10.0, response=120.0, send=10.0, release=2.0)
AT_A_DESK: Final = Patience(connect=3.0, association=5.0, response=15.0, send=5.0, release=1.0)
"""While somebody looks at a page that is not there yet."""
_A_DAY: Final = 24 * 3600.0
_WATCHED: Final = Patience(connect=5.0, association=10.0, response=_A_DAY, send=10.0, release=2.0)
"""While `Retrieving` looks whether anything comes: an archive may send for hours before it says a word."""


def archive_of(house: House, site: str = "", patience: Patience = _PATIENCE) -> Archive | None:
    """The archive of a site, if it names one."""
    section = house.config.archive_of(site)
    if not section.ae_title:
        return None
    settings = dimse_settings(house.config)
    caller = Caller(settings.ae_title, settings.tls, patience)
    return Archive(caller, house.entities.find, section.ae_title, section.retrieve, house.storage.ingest)


def archives_of(house: House) -> dict[str, Archive]:
    """Those of all sites, by the keys of the sites."""
    found = {site: archive_of(house, site) for site in _sites(house)}
    return {site: archive for site, archive in found.items() if archive is not None}


def asking_of(house: House) -> Asking:
    """Who asks them for what is missing."""
    database = house.storage.database
    return Asking(database, house.storage.index, house.shares, archives_of(house), system_clock)


def completeness_of(house: House) -> Completeness:
    """Who opens the shares that wait."""
    return Completeness(house.storage.database, house.shares, archives_of(house), system_clock)


def retrievals_of(house: House) -> Retrievals:
    """What was asked of them at the desk."""
    return Retrievals(house.storage.database)


def retrieving_of(house: House) -> list[Retrieving]:
    """Who fetches it, for each site that has an archive."""
    retrievals = retrievals_of(house)
    return [
        Retrieving(retrievals, house.storage.index, site, archive, house.config.archive_of(site).stall_seconds)
        for site in _sites(house)
        if (archive := archive_of(house, site, _WATCHED))
    ]


def _sites(house: House) -> list[str]:
    return house.config.site_keys
