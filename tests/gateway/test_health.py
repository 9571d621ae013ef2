"""Readiness says which check fails."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from gateway import health
from gateway.config import Config
from gateway.house import House, build
from gateway.sections import StorageConfig
from storage.errors import OutOfResources


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = build(Config(storage=StorageConfig(free_space_floor_mb=1), base=tmp_path))
    yield built
    built.close()


def _ready(house: House) -> tuple[int, dict[str, bool]]:
    with TestClient(Starlette(routes=health.routes(house))) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        answer = client.get("/readyz")
        return answer.status_code, answer.json()["checks"]


def test_all_is_well(house: House) -> None:
    assert _ready(house) == (200, {"database": True, "folder": True, "disk": True})


def test_a_failing_database_is_named(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(sql: str) -> None:
        raise OutOfResources("no")

    monkeypatch.setattr(house.storage.database, "read", fail)
    assert _ready(house) == (503, {"database": False, "folder": True, "disk": True})


def test_a_folder_that_is_gone_is_named(house: House, tmp_path: Path) -> None:
    (tmp_path / "data").rename(tmp_path / "moved")
    status, checks = _ready(house)
    assert (status, checks["folder"], checks["disk"]) == (503, False, False)


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    house = build(Config(storage=StorageConfig(free_space_floor_mb=10**9), base=tmp_path))
    try:
        assert _ready(house)[1]["disk"] is False
    finally:
        house.close()
