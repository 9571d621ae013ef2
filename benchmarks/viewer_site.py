"""What the viewers are shown, and who shows it: an invented patient's studies, the gateway's web role, OHIF's files."""

import gzip
import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from benchmarks import phantom_ct
from benchmarks.processes import free_port
from gateway.config import load
from gateway.first_pictures import FirstPictures
from gateway.house import build
from gateway.phantom import ct
from storage.scope import PatientIdentity
from tests.ohif.viewer import DIST, configuration

SERIES: Final = 12
BIRTH_DATE: Final = "19500131"
_RESCALE: Final = 1024
_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".wasm": "application/wasm"}


@dataclass(frozen=True, slots=True)
class Studies:
    """The patient's two CTs: the newest with `SERIES` series, of which the first is long, and an older, longer one."""

    newest: str
    series: str
    older: str
    older_series: str


@dataclass(frozen=True, slots=True)
class Filled:
    """A gateway's folder with both studies in it, and what opens them."""

    port: int
    command: list[str]
    studies: Studies
    code: str
    token: str
    environment: dict[str, str]


def filled(folder: Path, slices: int, older_slices: int, ohif_origin: str) -> Filled:
    """Fill a gateway in `folder` as if the studies had arrived, and its worker had made the first pictures."""
    port, path = free_port(), folder / "config.toml"
    origins = f'["{ohif_origin}"]'
    path.write_text(f"[http]\nport = {port}\ncors_origins = {origins}\n[storage]\nfree_space_floor_mb = 1\n")
    house = build(load(path))
    try:
        studies = Studies(generate_uid(), generate_uid(), generate_uid(), generate_uid())
        pictures = FirstPictures(house.storage, 1 << 30, lambda: False)
        pictures.prepare()
        for image in _images(studies, slices, older_slices):
            incoming = house.storage.ingest.receive()
            incoming.write(image)
            house.storage.ingest.store(incoming, source="benchmark")
        # It prepares what has come since it was asked before, and rests.
        for _ in range(2):
            pictures.prepare()
        share = house.shares.create(PatientIdentity("BENCH-1", "", BIRTH_DATE), BIRTH_DATE, 30)
        token = house.tokens.create("ohif", ("read",))
    finally:
        house.close()
    command = [sys.executable, "-m", "gateway", "serve", "--role", "web", "--config", str(path)]
    return Filled(port, command, studies, share.code, token, {})


def _images(studies: Studies, slices: int, older_slices: int) -> Iterator[bytes]:
    """Slices of one body, 235 kB by gzip and 21 kB as JPEG each; the older study has each of them several times."""
    base = pydicom.dcmread(io.BytesIO(phantom_ct.slices(1)[0].file))
    middle = slices // 2
    for number in range(max(slices, older_slices)):
        pixels = _body(number % slices, slices)
        if number < slices:
            yield _file(base, pixels, number, studies.newest, studies.series, 1, "20260102")
        if number < older_slices:
            yield _file(base, pixels, number, studies.older, studies.older_series, 1, "20240102")
    for series in range(2, SERIES + 1):
        yield _file(base, _body(middle, slices), 0, studies.newest, generate_uid(), series, "20260102")


@cache
def _body(number: int, slices: int) -> bytes:
    return (ct.image(number, slices) + _RESCALE).astype("<i2").tobytes()


def _file(base: Dataset, pixels: bytes, number: int, study: str, series: str, series_number: int, date: str) -> bytes:
    image = deepcopy(base)
    image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID = study, series, generate_uid()
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    image.StudyDate, image.SeriesNumber, image.InstanceNumber = date, series_number, number + 1
    image.SeriesDescription = f"Thorax {series_number}"
    image.ImagePositionPatient = ["-200", "-200", f"{-number * 1.17:.2f}"]
    image.PixelSpacing = [str(ct.PIXEL_MM)] * 2
    image.PixelData = pixels
    target = io.BytesIO()
    image.save_as(target, enforce_file_format=True)
    return target.getvalue()


class _Handler(BaseHTTPRequestHandler):
    """OHIF's files as a web server would send them: kept connections, gzip, kept by browsers."""

    protocol_version = "HTTP/1.1"
    server: "OhifServer"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].lstrip("/")
        if path == "app-config.js":
            media_type, content = "text/javascript", gzip.compress(self.server.configuration.encode())
        else:
            found = DIST / path if (DIST / path).is_file() else DIST / "index.html"
            media_type, content = _TYPES.get(found.suffix, "application/octet-stream"), _gzipped(found)
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "max-age=3600")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nobody reads it."""


@cache
def _gzipped(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), 6)


class OhifServer(ThreadingHTTPServer):
    """OHIF on an origin of its own; the configuration comes when the gateway's address is known."""

    configuration = ""

    def point_at(self, dicomweb: str, token: str) -> None:
        """Let it use this gateway with this bearer token."""
        self.configuration = configuration(dicomweb, token)


@contextmanager
def serving_ohif() -> Iterator[OhifServer]:
    """On a free port until the end of the block. SystemExit when it was never fetched."""
    if not DIST.is_dir():
        raise SystemExit("OHIF is missing: setup/ohif fetches it (50 MB); or leave it out by --only durchblick.")
    for path in DIST.iterdir():
        if path.suffix in _TYPES and path.stat().st_size > 1 << 20:
            _gzipped(path)
    with OhifServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def birth_date_as_typed() -> str:
    """As a German patient writes it."""
    return f"{BIRTH_DATE[6:]}.{BIRTH_DATE[4:6]}.{BIRTH_DATE[:4]}"
