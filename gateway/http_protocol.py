"""uvicorn's HTTP/1.1 protocol with the limits it lacks: size and time of a request header, pace of bodies both ways.

Without them httptools takes a header of any size, and a peer that is silent, trickles, or does not read what it asked
for holds its connection, and the file behind it, for ever.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LONGEST_HEADER: Final = 32 * 1024
HEADER_SECONDS: Final = 10.0
BODY_SECONDS: Final = 15.0
"""A request body must bring SLOWEST_BODY bytes in each such span while we are willing to read."""
SLOWEST_BODY: Final = 16 * 1024

READER_SECONDS: Final = 15.0
"""What is waiting to be sent must get less by SLOWEST_READER bytes in each such span."""
SLOWEST_READER: Final = 16 * 1024

_TOO_LONG: Final = b"HTTP/1.1 414 URI Too Long\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class GuardedProtocol(HttpToolsProtocol):
    """HttpToolsProtocol that answers 414 or 431 to a giant header, 408 to a slow one, and drops who stalls a body."""

    header_seconds = HEADER_SECONDS
    body_seconds = BODY_SECONDS
    reader_seconds = READER_SECONDS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Before a first request line there is none.
        self.url = b""
        self._in_header = True
        self._received = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm(self.header_seconds)
        self._watch = self.loop.call_later(self.reader_seconds, self._look_at_reader)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deadline is None and self._in_header:
            self._received = 0
            self._arm(self.header_seconds)
        self._received += len(data)
        super().data_received(data)
        if self._in_header and self._received > LONGEST_HEADER:
            self._refuse_header()

    def resume_writing(self) -> None:
        # Enough has been read to make more; what is waiting then counts anew.
        self._unsent = 0
        super().resume_writing()

    def on_headers_complete(self) -> None:
        # Many a header comes whole, in one piece that is larger than what it may have.
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > LONGEST_HEADER:
            self._refuse_header()
            return
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

    def _look_at_reader(self) -> None:
        if self.transport.get_protocol() is not self:
            return
        unsent = self.transport.get_write_buffer_size()
        if self._unsent and unsent > self._unsent - SLOWEST_READER and unsent:
            # Not closed, which would wait for the rest to be read.
            self.transport.abort()
            return
        self._unsent = unsent
        self._watch = self.loop.call_later(self.reader_seconds, self._look_at_reader)

    def _refuse_header(self) -> None:
        self._refuse(_TOO_LONG if len(self.url) > LONGEST_HEADER // 2 else _TOO_LARGE)

    def _refuse(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            if self.cycle is None or self.cycle.response_complete:
                self.transport.write(answer)
            self.transport.close()
