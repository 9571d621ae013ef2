"""The DIMSE server alone in its process: `python -m benchmarks.dimse_node FOLDER PORT [--only-receive]`."""

import argparse
import asyncio
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import uvloop

from dimse.server import serve
from dimse.services.dispatch import Services
from dimse.settings import DimseSettings
from storage.data_set.part10 import FileMeta
from storage.incoming import Incoming
from storage.storage import Storage


class _OnlyReceiving:
    """Stands where ingest stands: what has arrived becomes a file of its own, and that is all."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._count = 0

    def receive(self, meta: FileMeta) -> Incoming:
        self._count += 1
        return Incoming.begin(str(self._folder / f"{self._count}.arriving"), meta)

    def store(self, incoming: Incoming, *, source: str) -> None:
        incoming.path.rename(incoming.path.with_suffix(".dcm"))
        incoming.abandon()


async def _run(folder: Path, port: int, *, only_receive: bool) -> None:
    storage = (
        cast(Storage, SimpleNamespace(ingest=_OnlyReceiving(folder), close=lambda: None))
        if only_receive
        else Storage.open(folder)
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = await serve(Services(storage), DimseSettings(port=port, accept_unknown_peers=True))
    await stop.wait()
    await server.close()
    storage.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--only-receive", action="store_true")
    options = parser.parse_args()
    uvloop.run(_run(options.folder, options.port, only_receive=options.only_receive))
