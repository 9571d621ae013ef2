"""The web application: what counts for DICOMweb only."""

from pathlib import Path

from starlette.testclient import TestClient

from gateway.app import application
from gateway.config import Config
from gateway.house import build
from gateway.sections import HttpConfig

VIEWER = "https://viewer.example"


def test_other_origins_may_read_dicomweb_and_nothing_else(tmp_path: Path) -> None:
    house = build(Config(http=HttpConfig(cors_origins=(VIEWER,)), base=tmp_path))
    try:
        client = TestClient(application(house), "http://127.0.0.1:8080", headers={"Origin": VIEWER})
        assert client.get("/dicom-web/studies").headers["access-control-allow-origin"] == VIEWER
        preflight = {"Access-Control-Request-Method": "GET"}
        assert client.options("/dicom-web/studies", headers=preflight).status_code == 204
        for path in ("/", "/login", "/healthz", "/metrics", "/dicom-webx"):
            for response in (client.get(path), client.options(path, headers=preflight)):
                assert not any(name.startswith("access-control-") for name in response.headers), path
    finally:
        house.close()
