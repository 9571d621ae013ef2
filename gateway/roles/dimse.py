"""The dimse role: the DICOM network."""

import asyncio
import logging
from typing import Final

from auth.clock import system_clock
from dimse.server import CannotListen, serve
from dimse.services.dispatch import Services
from dimse.services.storage import Received, unheard
from dimse.slots import Slots
from dimse.tls import TlsUnusable
from gateway.house import House, dimse_settings
from gateway.printing.orders import Orders
from gateway.processes import CannotStart, Parent, taken
from storage.ingest import Stored

_LOG: Final = logging.getLogger("durchblick.gateway")


def _received(house: House) -> Received:
    """Notes what is sent to the AE titles that stand for a sheet."""
    titles = {one.ae_title for one in house.config.dimse.print}
    if not titles:
        return unheard
    orders = Orders(house.storage.database, system_clock)

    def received(called: str, stored: Stored) -> None:
        if called in titles:
            orders.arrived(called, stored)

    return received


async def run(house: House, parent: Parent, stop: asyncio.Event) -> None:
    """Listen for associations until `stop`, perhaps as one of several. Raises CannotStart."""
    settings, seat = dimse_settings(house.config), parent.seat
    slots = Slots(house.storage.folder / "associations") if seat.is_shared else None
    try:
        services = Services(house.storage, settings, house.entities.find, _received(house))
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
