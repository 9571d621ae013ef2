"""The dimse role: the DICOM network."""

import asyncio
import logging
from functools import partial
from operator import setitem
from typing import Final

from auth.clock import system_clock
from dimse.server import serve
from dimse.services.dispatch import Services
from dimse.services.storage import Received, unheard
from dimse.slots import Slots
from dimse.tls import TlsUnusable
from gateway.house import House, dimse_settings
from gateway.listening import Acceptor
from gateway.printing.orders import Orders
from gateway.processes import CannotStart, Parent
from gateway.seats import Place
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


async def run(house: House, place: Place, parent: Parent, stop: asyncio.Event) -> None:
    """Serve associations until `stop`, perhaps as one of several. Raises CannotStart."""
    settings, seat = dimse_settings(house.config), place.seat
    slots = Slots(house.storage.folder / "associations") if seat.is_shared else None
    services = Services(house.storage, settings, house.entities.find, _received(house))
    count = partial(setitem, place.row, 0)
    try:
        server = serve(services, settings, house.entities.find, slots, number=seat.number, count=count)
    except TlsUnusable as error:
        raise CannotStart(str(error)) from error
    accepting = [Acceptor("dimse", server.take, place)]
    if settings.tls.port:
        accepting.append(Acceptor("dimse.tls", server.take_secured, place))
    _LOG.info(
        "role_ready role=dimse port=%d tls_port=%d ae_title=%s number=%d of=%d",
        house.config.dimse.port,
        settings.tls.port,
        settings.ae_title,
        seat.number,
        seat.of,
    )
    parent.tell_ready()
    await stop.wait()
    for acceptor in accepting:
        acceptor.close()
    await server.close()
