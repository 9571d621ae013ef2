"""Health: whether the process lives (`/healthz`) and whether it can do its work (`/readyz`)."""

import logging
import os
import shutil
from typing import Final

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from gateway.house import House
from storage.errors import Refusal

_LOG: Final = logging.getLogger("durchblick.gateway")


def routes(house: House) -> list[BaseRoute]:
    """`/healthz`: 200 while the process answers. `/readyz`: 200 when each check passes, else 503; both as JSON."""

    async def healthz(request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> JSONResponse:
        checks = await anyio.to_thread.run_sync(readiness, house)
        good = all(checks.values())
        return JSONResponse({"status": "ok" if good else "failing", "checks": checks}, 200 if good else 503)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


def readiness(house: House) -> dict[str, bool]:
    """Each check by name: the database answers, the folder takes files, the disk has room."""
    folder = house.config.folder
    return {
        "database": _database_answers(house),
        "folder": os.access(folder, os.W_OK | os.X_OK),
        "disk": free_bytes(house) > house.config.storage.free_space_floor_mb * 1024 * 1024,
    }


def free_bytes(house: House) -> int:
    """Room left on the disk of the data folder; 0 when the folder is gone."""
    try:
        return shutil.disk_usage(house.config.folder).free
    except OSError:
        return 0


def _database_answers(house: House) -> bool:
    try:
        house.storage.database.read("SELECT 1")
    except Refusal as refusal:
        _LOG.error("database_failing detail=%s", refusal.detail)
        return False
    return True
