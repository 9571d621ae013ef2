"""The child of test_commitment_kill: a node that takes up requests for commitment and never comes to report."""

import asyncio
from multiprocessing.connection import Connection
from pathlib import Path

from dimse.services.dispatch import Services
from dimse.settings import DimseSettings
from gateway.seats import Place
from storage.storage import Storage, StorageSettings
from tests.dimse.node import begin, sockets_for


def take_up_without_end(folder: Path, telling: Connection) -> None:
    settings = DimseSettings(accept_unknown_peers=True, settle_seconds=60.0)

    async def listen() -> None:
        storage = Storage.open(folder, StorageSettings(free_space_floor=0))
        node = await begin(Services(storage, settings), settings, Place(sockets=sockets_for(settings)))
        telling.send(node.port)
        await asyncio.Event().wait()

    asyncio.run(listen())
