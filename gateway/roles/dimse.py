"""The dimse role: the DICOM network."""

import asyncio
import logging
from typing import Final

from dimse.server import CannotListen, serve
from dimse.services.dispatch import Services
from dimse.slots import Slots
from dimse.tls import TlsUnusable
from gateway.house import House, dimse_settings
from gateway.processes import CannotStart, Parent, taken

_LOG: Final = logging.getLogger("durchblick.gateway")


async def run(house: House, parent: Parent, stop: asyncio.Event) -> None:
    """Listen for associations until `stop`, perhaps as one of several. Raises CannotStart."""
    settings, seat = dimse_settings(house.config), parent.seat
    slots = Slots(house.storage.folder / "associations") if seat.is_shared else None
    try:
        services = Services(house.storage, settings, house.entities.find)
        server = await serve(services, settings, house.entities.find, seat, slots)
    except TlsUnusable as error:
        raise CannotStart(str(error)) from error
    except CannotListen as error:
        key = "dimse.tls" if error.port == settings.tls.port else "dimse"
        raise CannotStart(taken(settings.host, error.port, key, error)) from error
    tls_port = settings.tls.port
    _LOG.info(
        "role_ready role=dimse port=%d tls_port=%d ae_title=%s number=%d of=%d",
        server.port,
        tls_port,
        settings.ae_title,
        seat.number,
        seat.of,
    )
    parent.tell_ready()
    await stop.wait()
    await server.close()
