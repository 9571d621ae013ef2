"""A real storage in a temporary folder behind the real routes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import Mount
from starlette.testclient import TestClient

from dicomweb.problems import handlers
from dicomweb.routes import Right, routes
from storage.errors import NotAuthenticated, NotAuthorised
from storage.imaging.decoder_pool import DecoderPool
from storage.ingest import Stored
from storage.scope import StudyScope, WholeArchive
from storage.storage import Storage, StorageSettings
from tests.support.synthetic import part10

BASE = "http://testserver/dicom-web"


@dataclass
class Callers:
    """Who is known: token to scope and rights, as `auth` would have it."""

    known: dict[str, tuple[StudyScope, frozenset[str]]] = field(default_factory=dict)

    def add(self, token: str, scope: StudyScope, *rights: Right) -> dict[str, str]:
        self.known[token] = (scope, frozenset(rights))
        return {"Authorization": f"Bearer {token}"}

    def scope_of(self, connection: HTTPConnection, right: Right) -> StudyScope:
        token = connection.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.known:
            raise NotAuthenticated("Sign in first.")
        scope, rights = self.known[token]
        if right not in rights:
            raise NotAuthorised(f"This token may not {right}.")
        return scope


@pytest.fixture(scope="session")
def decoders() -> Iterator[DecoderPool]:
    """One pool for all tests: a child takes longer to start than most tests take."""
    pool = DecoderPool(1, 1 << 30, 20.0)
    yield pool
    pool.close()


@pytest.fixture
def storage(tmp_path: Path, decoders: DecoderPool, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    opened = Storage.open(tmp_path / "store", StorageSettings(free_space_floor=0))
    monkeypatch.setattr(opened.pixels, "_pool", decoders)
    yield opened
    monkeypatch.undo()
    opened.close()


@pytest.fixture
def callers() -> Callers:
    return Callers()


@pytest.fixture
def client(storage: Storage, callers: Callers) -> Iterator[TestClient]:
    """A client that may do everything."""
    mount = Mount("/dicom-web", routes=routes(storage, callers.scope_of, lambda _: BASE))
    application = Starlette(routes=[mount], exception_handlers=dict(handlers))
    headers = callers.add("staff", WholeArchive(), "read", "write")
    with TestClient(application, BASE, headers=headers | {"Accept-Encoding": "identity"}) as opened:
        yield opened


Keep = Callable[..., Stored]


@pytest.fixture
def keep(storage: Storage) -> Keep:
    """Store a data set or the bytes of a Part 10 file."""

    def store(content: Dataset | bytes, **how: Any) -> Stored:
        data = content if isinstance(content, bytes) else part10(content, **how)
        incoming = storage.ingest.receive()
        incoming.write(data)
        return storage.ingest.store(incoming, source="test")

    return store
