"""A slow line before a server on this machine: one downlink that all connections share, and a delay both ways.

Browsers throttle pages by themselves (Chromium's developer tools), but not their workers; a line of its own throttles
whatever comes. It has no TLS, loses nothing, and lets a new connection send at full rate at once (no slow start).
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

_PIECE: Final = 4096


@dataclass(frozen=True, slots=True)
class Speed:
    """What the line lets through: bytes a second downwards, and seconds for the way there and back."""

    bytes_per_second: float = 10e6 / 8
    round_trip: float = 0.040


class Line:
    """Forwards connections to `port` of this machine. Belongs to the event loop of `serve`."""

    def __init__(self, port: int, speed: Speed) -> None:
        self._port = port
        self._speed = speed
        self._free_at = 0.0

    async def serve(self) -> asyncio.Server:
        """Listen on a free port."""
        return await asyncio.start_server(self._connected, "127.0.0.1", 0)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The client believes to be connected since a round trip that it has not waited for.
        await asyncio.sleep(self._speed.round_trip)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            await _closed(writer)
            return
        try:
            with suppress(OSError, asyncio.CancelledError):
                await asyncio.gather(self._pass(reader, back, down=False), self._pass(there, writer, down=True))
        finally:
            back.close()
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, down: bool) -> None:
        """Everything from one end to the other: each piece takes its place in the downlink, and then its time."""
        arriving: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivering = asyncio.create_task(_deliver(arriving, writer))
        clock = asyncio.get_running_loop().time
        with suppress(ConnectionError):
            while piece := await reader.read(_PIECE):
                if down:
                    self._free_at = max(self._free_at, clock()) + len(piece) / self._speed.bytes_per_second
                    await asyncio.sleep(self._free_at - clock())
                arriving.put_nowait((clock() + self._speed.round_trip / 2, piece))
        arriving.put_nowait((clock() + self._speed.round_trip / 2, b""))
        await delivering


async def _deliver(arriving: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter) -> None:
    clock = asyncio.get_running_loop().time
    with suppress(ConnectionError):
        while True:
            due, piece = await arriving.get()
            await asyncio.sleep(due - clock())
            if not piece or writer.is_closing():
                break
            writer.write(piece)
    await _closed(writer)


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


@contextmanager
def slow_line(port: int, speed: Speed) -> Iterator[int]:
    """The port of a line to `port`, until the end of the block; it runs in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(Line(port, speed).serve(), loop).result()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    """Close it and give up what is still under way."""
    server.close()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
