"""Roles: what each process of `durchblick serve` does from its start to its end."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn

from dimse import server as dimse_server
from dimse.services.dispatch import Services
from dimse.tls import TlsUnusable
from gateway import jobs
from gateway.app import application
from gateway.config import Config
from gateway.house import House, build, dimse_settings
from gateway.http_protocol import GuardedProtocol
from gateway.processes import CannotStart, Parent, listen, stop_event, taken
from gateway.supervisor import Role

_LOG: Final = logging.getLogger("durchblick.gateway")

GRACE_SECONDS: Final = 8


def run_role(role: Role, config: Config, parent: Parent) -> None:
    """Do the work of one role until a signal or the parent ends it. Raises CannotStart."""
    house = build(config)
    try:
        with asyncio.Runner(loop_factory=_event_loop) as runner:
            runner.run(_until_stopped(_WORK[role], house, parent))
    finally:
        house.close()


async def _until_stopped(
    work: Callable[[House, Parent, asyncio.Event], Awaitable[None]], house: House, parent: Parent
) -> None:
    await work(house, parent, stop_event(asyncio.get_running_loop(), parent))


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the event loop: all roles end in the same way."""
        yield


async def _web(house: House, parent: Parent, stop: asyncio.Event) -> None:
    http = house.config.http
    listening = listen(http.host, http.port, "http")
    server = _Server(
        uvicorn.Config(
            application(house),
            http=GuardedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=True,
            forwarded_allow_ips=list(http.trusted_proxies),
            timeout_keep_alive=30,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    _LOG.info("role_ready role=web port=%d", http.port)
    parent.tell_ready()
    await asyncio.wait({serving, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving


async def _dimse(house: House, parent: Parent, stop: asyncio.Event) -> None:
    settings = dimse_settings(house.config)
    try:
        services = Services(house.storage, settings, house.entities.find)
        server = await dimse_server.serve(services, settings, house.entities.find)
    except TlsUnusable as error:
        raise CannotStart(str(error)) from error
    except dimse_server.CannotListen as error:
        key = "dimse.tls" if error.port == settings.tls.port else "dimse"
        raise CannotStart(taken(settings.host, error.port, key, error)) from error
    tls_port = settings.tls.port
    _LOG.info("role_ready role=dimse port=%d tls_port=%d ae_title=%s", server.port, tls_port, settings.ae_title)
    parent.tell_ready()
    await stop.wait()
    await server.close()


async def _worker(house: House, parent: Parent, stop: asyncio.Event) -> None:
    await asyncio.to_thread(jobs.mend, house)
    await asyncio.to_thread(jobs.look_at_pepper, house)
    _LOG.info("role_ready role=worker")
    parent.tell_ready()
    await jobs.run(house, stop)


_WORK: Final[dict[Role, Callable[[House, Parent, asyncio.Event], Awaitable[None]]]] = {
    "web": _web,
    "dimse": _dimse,
    "worker": _worker,
}


def _event_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32" or sys.implementation.name != "cpython":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()
