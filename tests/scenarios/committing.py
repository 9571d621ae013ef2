"""The child of test_commitment_kill: a node that takes up requests for commitment and never comes to report."""

import asyncio
from multiprocessing.connection import Connection
from pathlib import Path

from dimse.server import serve
from dimse.services.dispatch import Services
from dimse.settings import DimseSettings
from storage.storage import Storage, StorageSettings


def take_up_without_end(folder: Path, telling: Connection) -> None:
    settings = DimseSettings(port=0, accept_unknown_peers=True, settle_seconds=60.0)

    async def listen() -> None:
        storage = Storage.open(folder, StorageSettings(free_space_floor=0))
        server = await serve(Services(storage, settings), settings)
        telling.send(server.port)
        await asyncio.Event().wait()

    asyncio.run(listen())
