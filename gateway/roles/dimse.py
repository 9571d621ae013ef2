"""The dimse role: the DICOM network."""

import asyncio
import logging
from functools import partial
from operator import setitem
from typing import Final

from dimse.server import serve
from dimse.services.dispatch import Services
from dimse.slots import Slots
from dimse.tls import TlsUnusable
from gateway.house import House, dimse_settings
from gateway.listening import Acceptor
from gateway.processes import CannotStart, Parent
from gateway.seats import Place

_LOG: Final = logging.getLogger("durchblick.gateway")


async def run(house: House, place: Place, parent: Parent, stop: asyncio.Event) -> None:
    """Serve associations until `stop`, perhaps as one of several. Raises CannotStart."""
    settings, seat = dimse_settings(house.config), place.seat
    slots = Slots(house.storage.folder / "associations") if seat.is_shared else None
    services = Services(house.storage, settings, house.entities.find)
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
