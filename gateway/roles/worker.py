"""The worker role: jobs."""

import asyncio
import logging
from typing import Final

from gateway import jobs
from gateway.house import House
from gateway.processes import Parent
from gateway.seats import Place
from storage.audit import act_as

_LOG: Final = logging.getLogger("durchblick.gateway")


async def run(house: House, place: Place, parent: Parent, stop: asyncio.Event) -> None:
    """Mend what a crash left, then do what is due, until `stop`."""
    act_as("gateway")
    await asyncio.to_thread(house.storage.audit.record, "started", "gateway")
    await asyncio.to_thread(jobs.mend, house)
    await asyncio.to_thread(jobs.look_at_pepper, house)
    await asyncio.to_thread(jobs.look_at_scanner, house)
    _LOG.info("role_ready role=worker")
    parent.tell_ready()
    await jobs.run(house, stop)
    await asyncio.to_thread(house.storage.audit.record, "stopped", "gateway")
