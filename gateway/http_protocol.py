"""uvicorn's HTTP/1.1 protocol with the limits it lacks: size and time of a request header, pace of a request body.

Without them httptools takes a header of any size, and a silent or trickling peer holds its connection for ever.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LONGEST_HEADER: Final = 32 * 1024
HEADER_SECONDS: Final = 10.0
BODY_SECONDS: Final = 15.0
"""A request body must bring SLOWEST_BODY bytes in each such span while we are willing to read."""
SLOWEST_BODY: Final = 16 * 1024

_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class GuardedProtocol(HttpToolsProtocol):
    """HttpToolsProtocol that answers 431 to a giant header and 408 to a slow one, and drops a stalled body."""

    header_seconds = HEADER_SECONDS
    body_seconds = BODY_SECONDS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._in_header = True
        self._received = 0
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm(self.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deadline is None and self._in_header:
            self._received = 0
            self._arm(self.header_seconds)
        self._received += len(data)
        super().data_received(data)
        if self._in_header and self._received > LONGEST_HEADER:
            self._refuse(_TOO_LARGE)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._in_header = False
        self._received = 0
        self._arm(self.body_seconds)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_header = True
        self._received = 0
        self._disarm()

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(seconds, self._due)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _due(self) -> None:
        self._deadline = None
        if self._in_header:
            self._refuse(_TOO_SLOW)
        elif self.flow.read_paused or self._received >= SLOWEST_BODY:
            self._received = 0
            self._arm(self.body_seconds)
        else:
            self.transport.close()

    def _refuse(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            if self.cycle is None or self.cycle.response_complete:
                self.transport.write(answer)
            self.transport.close()
