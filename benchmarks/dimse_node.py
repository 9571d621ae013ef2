"""The DIMSE server over a real storage, alone in its process: `python -m benchmarks.dimse_node FOLDER PORT`."""

import asyncio
import signal
import sys
from pathlib import Path

import uvloop

from dimse.server import serve
from dimse.services.dispatch import Services
from dimse.settings import DimseSettings
from storage.storage import Storage


async def _run(folder: Path, port: int) -> None:
    storage = Storage.open(folder)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = await serve(Services(storage), DimseSettings(port=port, accept_unknown_peers=True))
    await stop.wait()
    await server.close()
    storage.close()


if __name__ == "__main__":
    uvloop.run(_run(Path(sys.argv[1]), int(sys.argv[2])))
