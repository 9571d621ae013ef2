"""An intake in a folder of the test, its protocol over HTTP, and the archive behind it."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from starlette.applications import Starlette
from starlette.testclient import TestClient

from gateway.intake.intake import Intake
from gateway.intake.tus import PATH, Transfers
from gateway.intake.uploads import Begun, Upload
from gateway.sections import IntakeConfig
from storage.storage import StorageSettings
from tests.support.keeping import Keeping

PICTURE = b"a small picture"
ANSWERS = {"name": "Erika Muster", "birth_date": "19500131"}


@dataclass
class Hands:
    """A clock that stands still until it is turned."""

    now: datetime = datetime(2026, 11, 28, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Sender:
    """Somebody who has begun an upload, with a client of the protocol."""

    intake: Intake
    client: TestClient
    begun: Begun

    @property
    def upload(self) -> Upload:
        """As it is now."""
        return self.intake.uploads.by_reference(self.begun.upload.reference)

    def request(self, method: str, path: str = PATH, content: bytes = b"", **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.request(
            method,
            path,
            content=content,
            headers={"Tus-Resumable": "1.0.0", "Authorization": f"Bearer {self.begun.secret}"} | named,
        )

    def create(self, content: bytes, name: str = "a.dcm", *, digest: bool = True) -> str:
        pairs = [f"filename {base64.b64encode(name.encode()).decode()}"]
        if digest:
            pairs.append(f"sha256 {base64.b64encode(hashlib.sha256(content).hexdigest().encode()).decode()}")
        response = self.request("POST", Upload_Length=str(len(content)), Upload_Metadata=",".join(pairs))
        assert response.status_code == 201, response.text
        return str(response.headers["location"])

    def patch(self, path: str, content: bytes, offset: int = 0, **headers: str) -> Response:
        own = {"Content_Type": "application/offset+octet-stream", "Upload_Offset": str(offset)}
        return self.request("PATCH", path, content, **own | headers)

    def send(self, content: bytes, name: str = "a.dcm") -> None:
        path = self.create(content, name)
        if content:
            assert self.patch(path, content).status_code == 204

    def finish(self) -> Upload:
        return self.intake.uploads.finish(self.begun.upload)

    def examined(self) -> dict[str, Any]:
        """What is found in what was sent."""
        self.finish()
        assert self.intake.examination(lambda *_: PICTURE, lambda: False).work() == 1
        return self.upload.findings


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[Keeping]:
    keeping = Keeping(tmp_path / "data")
    yield keeping
    keeping.close()


@pytest.fixture
def intake(keeping: Keeping, hands: Hands) -> Intake:
    settings = StorageSettings(free_space_floor=0, decoders=1)
    folder = keeping.folder / "quarantine"
    return Intake.of(keeping.database, b"p" * 32, hands, IntakeConfig(), folder, settings)


@pytest.fixture
def client(intake: Intake) -> TestClient:
    return TestClient(Starlette(routes=Transfers(intake.uploads, intake.quarantine).routes()))


@pytest.fixture
def sender(intake: Intake, client: TestClient) -> Sender:
    return begin(intake, client)


def begin(intake: Intake, client: TestClient) -> Sender:
    """One more sender, by a link of his own."""
    link = intake.links.create("patient", "clinic").link
    return Sender(intake, client, intake.uploads.begin(link, ANSWERS))
