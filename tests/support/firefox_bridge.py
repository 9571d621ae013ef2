"""Debian's Firefox for playwright, which takes WebDriver BiDi for finished: what it lacks is made up here.

Started in Firefox's place, with its arguments. What it says of itself goes to standard error, as Firefox's own.
"""

import asyncio
import json
import re
import sys
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.support.firefox import FIREFOX

_LISTENS: Final = re.compile(rb"WebDriver BiDi listening on (ws://\S+)")
_SCHEMES: Final = {"dark": 0, "light": 1}
_SCHEME: Final = "layout.css.prefers-color-scheme.content-override"
_OURS: Final = 1_000_000_000


class Bridge:
    """Hands messages on in both directions, but for the commands that are answered here."""

    def __init__(self, above: ServerConnection, firefox: ClientConnection) -> None:
        self._above = above
        self._firefox = firefox
        self._sent = _OURS
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._emulations: set[int] = set()

    async def run(self) -> None:
        """Until one of both goes."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._up())
            async for text in self._above:
                command = json.loads(text)
                if command["method"] == "emulation.setMediaFeaturesOverride":
                    group.create_task(self._set_scheme(command))
                    continue
                if command["method"].startswith("emulation."):
                    self._emulations.add(command["id"])
                await self._firefox.send(text)
            await self._firefox.close()

    async def _up(self) -> None:
        async for text in self._firefox:
            message = json.loads(text)
            number = message.get("id")
            if number in self._waiting:
                self._waiting.pop(number).set_result(message)
            elif number in self._emulations and message.get("error") == "unknown command":
                # An older Firefox cannot pretend that: it stays as it was started.
                await self._answer(number)
            else:
                await self._above.send(text)
        await self._above.close()

    async def _answer(self, number: int) -> None:
        await self._above.send(json.dumps({"type": "success", "id": number, "result": {}}))

    async def _set_scheme(self, command: dict[str, Any]) -> None:
        """For all pages, by the preference, which only the browser's own windows may change."""
        scheme = command["params"]["features"].get("prefers-color-scheme")
        windows = await self._ask("browsingContext.getTree", **{"moz:scope": "chrome"})
        await self._ask(
            "script.evaluate",
            expression=f"Services.prefs.setIntPref({json.dumps(_SCHEME)}, {_SCHEMES.get(scheme, 1)})",
            target={"context": windows["contexts"][0]["context"]},
            awaitPromise=False,
        )
        await self._answer(command["id"])

    async def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._sent += 1
        self._waiting[self._sent] = answered = asyncio.get_running_loop().create_future()
        await self._firefox.send(json.dumps({"id": self._sent, "method": method, "params": parameters}))
        answer = await answered
        assert answer["type"] == "success", answer
        result: dict[str, Any] = answer["result"]
        return result


async def _main(arguments: list[str]) -> None:
    process = await asyncio.create_subprocess_exec(
        str(FIREFOX), "--remote-allow-system-access", *arguments, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr
    found = None
    while not found:
        line = await process.stderr.readline()
        assert line, "Firefox ended before it listened"
        sys.stderr.buffer.write(line if not (found := _LISTENS.search(line)) else b"")
    address = found[1].decode()
    reading = asyncio.create_task(_read(process.stderr))

    async def meet(above: ServerConnection) -> None:
        assert above.request
        async with connect(f"{address}{above.request.path}", max_size=None, compression=None) as firefox:
            try:
                await Bridge(above, firefox).run()
            except* ConnectionClosed:
                pass

    async with serve(meet, "127.0.0.1", 0, max_size=None, compression=None) as server:
        host, port = next(iter(server.sockets)).getsockname()
        print(f"WebDriver BiDi listening on ws://{host}:{port}", file=sys.stderr, flush=True)
        await process.wait()
    await reading


async def _read(lines: asyncio.StreamReader) -> None:
    """To the end, so that Firefox never waits for a reader of what it has to say."""
    async for line in lines:
        sys.stderr.buffer.write(line)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))
