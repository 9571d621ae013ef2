"""The notification connection (PS3.18 8.10): event reports to subscribers over a WebSocket.

Events are kept in the database, so it does not matter in which process they happen, nor whether the channel is open
just then: within an hour they are sent when it is opened again.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Literal

import orjson
from anyio import to_thread
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from dicomweb.problems import Busy, answer, log_unexpected
from dicomweb.worklist.subscriptions import ae_title
from storage.errors import NotAuthorised, Refusal
from storage.scope import StudyScope, WholeArchive
from storage.worklist.events import Events

POLL_SECONDS: Final = 0.25
RECHECK_SECONDS: Final = 30.0
"""How often we look whether the caller may still listen."""

SEND_SECONDS: Final = 20.0
"""How long one who does not read is waited for."""

MOST_CHANNELS: Final = 500
"""In one process."""

_POLICY_VIOLATION: Final = 1008
_INTERNAL_ERROR: Final = 1011

ScopeOf = Callable[[HTTPConnection, Literal["read"]], StudyScope]


class Channel:
    """The channel of an application entity as a WebSocket endpoint."""

    def __init__(self, events: Events, scope_of: ScopeOf, poll_seconds: float = POLL_SECONDS) -> None:
        self._events = events
        self._scope_of = scope_of
        self._poll_seconds = poll_seconds
        self._open = 0

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one connection until either side ends it."""
        try:
            aetitle = ae_title(websocket.path_params["aetitle"])
            await to_thread.run_sync(self._check, websocket)
            if self._open >= MOST_CHANNELS:
                raise Busy("Too many notification connections are open.")
        except Exception as error:
            await _deny(websocket, answer(error))
            return
        self._open += 1
        try:
            await websocket.accept()
            await self._serve(websocket, aetitle)
        finally:
            self._open -= 1

    async def _serve(self, websocket: WebSocket, aetitle: str) -> None:
        gone = asyncio.create_task(_gone(websocket))
        try:
            await self._deliver(websocket, aetitle, gone)
        except (WebSocketDisconnect, TimeoutError, OSError):
            return
        except Refusal:
            await _close(websocket, _POLICY_VIOLATION)
        except Exception as error:
            log_unexpected(error)
            await _close(websocket, _INTERNAL_ERROR)
        finally:
            gone.cancel()

    async def _deliver(self, websocket: WebSocket, aetitle: str, gone: "asyncio.Task[None]") -> None:
        """Send what there is and look again, until the peer has gone."""
        sent = await to_thread.run_sync(self._events.delivered, aetitle)
        clock = asyncio.get_running_loop().time
        recheck = clock() + RECHECK_SECONDS
        while not gone.done():
            events = await to_thread.run_sync(self._events.after, aetitle, sent)
            for event in events:
                async with asyncio.timeout(SEND_SECONDS):
                    await websocket.send_text(orjson.dumps(event.report).decode())
                sent = event.number
            if events:
                await to_thread.run_sync(self._events.acknowledge, aetitle, sent)
                continue
            if clock() > recheck:
                await to_thread.run_sync(self._check, websocket)
                recheck = clock() + RECHECK_SECONDS
            await asyncio.wait({gone}, timeout=self._poll_seconds)

    def _check(self, websocket: WebSocket) -> None:
        if not isinstance(self._scope_of(websocket, "read"), WholeArchive):
            raise NotAuthorised("The caller may not watch the worklist.")


async def _gone(websocket: WebSocket) -> None:
    """Read over what the peer sends, until it ends the connection."""
    message: dict[str, Any] = {}
    while message.get("type") != "websocket.disconnect":
        message = dict(await websocket.receive())


async def _deny(websocket: WebSocket, response: Response) -> None:
    """Refuse the handshake with an HTTP answer, as far as the server can send one."""
    if "websocket.http.response" in websocket.scope.get("extensions", {}):
        await websocket.send_denial_response(response)
    else:
        await websocket.close(_POLICY_VIOLATION)


async def _close(websocket: WebSocket, code: int) -> None:
    with suppress(RuntimeError, OSError, WebSocketDisconnect):
        await websocket.close(code)
