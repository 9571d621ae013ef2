"""The DIMSE server alone: `python -m benchmarks.dimse_node FOLDER PORT [--only-receive | --processes N]`.

Of several processes the first starts the others and ends them; so all belong to its tree.
"""

import argparse
import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from operator import setitem
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import uvloop

from dimse.server import serve
from dimse.services.dispatch import Services
from dimse.settings import DimseSettings
from gateway.config import Config
from gateway.listening import Acceptor
from gateway.seats import Place, told
from gateway.sections import DimseConfig
from gateway.supervisor import places
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


@contextmanager
def _others(folder: Path, port: int, processes: int) -> Iterator[Place]:
    """Start all but the first, which is told its place once they listen."""
    command = [sys.executable, "-m", "benchmarks.dimse_node", str(folder), str(port)]
    started: list[subprocess.Popen[bytes]] = []
    with places("dimse", Config(dimse=DimseConfig(port=port, processes=processes))) as (own, *others):
        for place in others:
            more = place.arguments
            started.append(subprocess.Popen([*command, *more], stdout=subprocess.PIPE, pass_fds=place.descriptors))
        try:
            for process in started:
                assert process.stdout is not None
                process.stdout.readline()
            yield own
        finally:
            for process in started:
                process.terminate()
                process.wait()


async def _run(folder: Path, place: Place, *, only_receive: bool) -> None:
    storage = (
        cast(Storage, SimpleNamespace(ingest=_OnlyReceiving(folder), close=lambda: None))
        if only_receive
        else Storage.open(folder)
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings, count = DimseSettings(accept_unknown_peers=True), partial(setitem, place.row, 0)
    server = serve(Services(storage, settings), settings, number=place.seat.number, count=count)
    acceptor = Acceptor("dimse", server.take, place)
    print("listening", flush=True)
    await stop.wait()
    acceptor.close()
    await server.close()
    storage.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--only-receive", action="store_true")
    parser.add_argument("--processes", type=int, default=1, help="0: as many as the gateway would have")
    parser.add_argument("--seat", type=int, nargs=2, help="which one of how many; the first tells the others")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--socket", nargs=2)
    options = parser.parse_args()
    if options.seat:
        key, descriptor = options.socket
        place = told(options.seat, options.rows, [(key, int(descriptor))])
        uvloop.run(_run(options.folder, place, only_receive=False))
    else:
        with _others(options.folder, options.port, options.processes) as place:
            uvloop.run(_run(options.folder, place, only_receive=options.only_receive))
