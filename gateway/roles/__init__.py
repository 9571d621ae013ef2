"""Roles: what each process of `durchblick serve` does from its start to its end.

Each role is a module of its own, which only its own process loads: an idle receiver needs no web server in its memory.
"""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module

from gateway.config import Config
from gateway.house import House, build
from gateway.processes import Parent, stop_event
from gateway.seats import Place
from gateway.supervisor import Role

_Run = Callable[[House, Place, Parent, asyncio.Event], Awaitable[None]]


def run_role(role: Role, config: Config, place: Place, parent: Parent) -> None:
    """Do the work of one role, perhaps as one of several, until a signal or the parent ends it. Raises CannotStart."""
    run = import_module(f"gateway.roles.{role}").run
    house = build(config, place.seat)
    # What is loaded and built stays until the end: each look through its 120,000 objects for garbage would hold up
    # whoever waits for this process, for up to a tenth of a second.
    gc.freeze()
    gc.enable()
    try:
        with asyncio.Runner(loop_factory=_event_loop) as runner:
            runner.run(_until_stopped(run, house, place, parent))
    finally:
        house.close()


async def _until_stopped(run: _Run, house: House, place: Place, parent: Parent) -> None:
    await run(house, place, parent, stop_event(asyncio.get_running_loop(), parent))


def _event_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32" or sys.implementation.name != "cpython":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()
