"""Roles: what each process of `durchblick serve` does from its start to its end.

Each role is a module of its own, which only its own process loads: an idle receiver needs no web server in its memory.
"""

import asyncio
import sys
from importlib import import_module

from gateway.config import Config
from gateway.house import House, build
from gateway.processes import Parent, stop_event
from gateway.seats import Place
from gateway.supervisor import Role


def run_role(role: Role, config: Config, place: Place, parent: Parent) -> None:
    """Do the work of one role, perhaps as one of several, until a signal or the parent ends it. Raises CannotStart."""
    house = build(config, place.seat)
    try:
        with asyncio.Runner(loop_factory=_event_loop) as runner:
            runner.run(_until_stopped(role, house, place, parent))
    finally:
        house.close()


async def _until_stopped(role: Role, house: House, place: Place, parent: Parent) -> None:
    stop = stop_event(asyncio.get_running_loop(), parent)
    await import_module(f"gateway.roles.{role}").run(house, place, parent, stop)


def _event_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32" or sys.implementation.name != "cpython":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()
