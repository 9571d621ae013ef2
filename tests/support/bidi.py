"""WebDriver BiDi, by which browsers are driven from outside: JSON over one WebSocket (w3c.github.io/webdriver-bidi)."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.support.patience import PATIENCE


class Refusal(Exception):
    """The browser's answer to a command that it did not carry out."""


class Session:
    """Commands and events of one browser. Whoever is in `listeners` hears of each event, while somebody waits here."""

    def __init__(self, socket: ClientConnection) -> None:
        self.listeners: list[Callable[[str, dict[str, Any]], None]] = []
        self._socket = socket
        self._sent = 0

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What the browser answers within PATIENCE seconds; Refusal, or TimeoutError."""
        self._sent += 1
        number = self._sent
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        end = time.monotonic() + PATIENCE
        # An answer to an earlier command is one that nobody waited for to its end.
        while (message := self._next(end)).get("id") != number:
            pass
        if message["type"] == "error":
            raise Refusal(f"{method}: {message['error']}: {message['message']}")
        answered: dict[str, Any] = message["result"]
        return answered

    def wait(self, happened: Callable[[], object]) -> None:
        """Take events until one has made `happened` true, at most PATIENCE seconds; else TimeoutError."""
        end = time.monotonic() + PATIENCE
        while not happened():
            self._next(end)

    def _next(self, end: float) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv(max(end - time.monotonic(), 0)))
        if message["type"] == "event":
            for listener in self.listeners:
                listener(message["method"], message["params"])
        return message


@contextmanager
def session(address: str) -> Iterator[Session]:
    """A new session at the WebSocket that the browser says it listens on; it tells of all that pages do."""
    # Pictures come through here: no limit, and no processor time to make them smaller on the way to ourselves.
    with connect(f"{address}/session", max_size=None, compression=None) as socket:
        begun = Session(socket)
        begun.command("session.new", capabilities={})
        begun.command("session.subscribe", events=["browsingContext", "log", "network"])
        yield begun
