"""The web servers that are measured, each started on an empty folder; all that measurements over HTTP need of them."""

import sqlite3
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from benchmarks import archive
from benchmarks.processes import free_port
from benchmarks.servers import Orthanc, program
from gateway.config import load
from gateway.house import build

_PLUGIN: Final = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
_NGINX: Final = """daemon off; worker_processes 2; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 512; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; default_type application/octet-stream;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port}; root {folder}/files; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Question:
    """A request for the same thing from each server: the path as DICOMweb has it, and its Accept field."""

    path: str
    accept: str
    headers: tuple[tuple[str, str], ...] = ()


class WebServer(Protocol):
    """How to start a server, and how to ask it."""

    name: str
    port: int
    command: list[str]
    environment: dict[str, str]
    headers: dict[str, str]
    """What every request holds, so that it is answered."""

    def address(self, question: Question) -> str:
        """Where it has what is asked for."""


class DicomWebServer(WebServer, Protocol):
    """One that keeps instances."""

    def fill(self, files: Iterable[bytes]) -> None:
        """Put these DICOM files into it while it runs."""

    def stored(self) -> int:
        """How many instances it has."""


class Gateway:
    """The gateway's web role as it is started, with a configuration and a bearer token of its own."""

    name = "durchblick"
    environment: dict[str, str] = {}

    def __init__(self, folder: Path, rights: Sequence[str] = ("read",)) -> None:
        """Over what `folder` holds already, if there is something."""
        self.port = free_port()
        configuration = folder / "config.toml"
        configuration.write_text(f"[http]\nport = {self.port}\n[storage]\nfree_space_floor_mb = 1\n")
        self._config = load(configuration)
        self.command = [sys.executable, "-m", "gateway", "serve", "--role", "web", "--config", str(configuration)]
        house = build(self._config)
        self.headers = {"Authorization": f"Bearer {house.tokens.create('benchmark', rights)}"}
        house.close()

    def address(self, question: Question) -> str:
        """Below the mount of DICOMweb."""
        return f"/dicom-web{question.path}"

    def fill(self, files: Iterable[bytes]) -> None:
        """By another process's storage over the same folder, as the gateway's own processes share it."""
        house = build(self._config)
        for file in files:
            incoming = house.storage.ingest.receive()
            incoming.write(file)
            house.storage.ingest.store(incoming, source="benchmark")
        house.close()

    def fill_index(self, data_sets: Iterable[archive.DataSet]) -> None:
        """Enter these into its index only: searches do not look for files."""
        house = build(self._config)
        archive.fill(house.storage.database, data_sets)
        house.close()

    def stored(self) -> int:
        """How many instances are indexed with their file present."""
        database = sqlite3.connect(self._config.folder / "durchblick.sqlite")
        keys = [key for (key,) in database.execute("SELECT blob_key FROM instance")]
        database.close()
        return sum((self._config.folder / "blobs" / key).is_file() for key in keys)


class OrthancDicomWeb(Orthanc):
    """Debian's Orthanc with its DICOMweb plugin, on the path /dicom-web, without authentication."""

    name = "Orthanc + DICOMweb"
    plugins = (_PLUGIN,)
    headers: dict[str, str] = {}

    def __init__(self, folder: Path) -> None:
        if not Path(_PLUGIN).is_file():
            raise SystemExit("Orthanc's DICOMweb plugin is not installed (Debian: apt-get install orthanc-dicomweb).")
        super().__init__(folder)
        self.port = self.http_port

    def address(self, question: Question) -> str:
        """Below the root of its plugin."""
        return f"/dicom-web{question.path}"


class Nginx:
    """nginx with what another server answers as files: what no server with an index can do better."""

    name = "nginx, made files"
    environment: dict[str, str] = {}
    headers: dict[str, str] = {}

    def __init__(self, folder: Path, answer_to: Callable[[Question], bytes], questions: Sequence[Question]) -> None:
        self.port = free_port()
        (folder / "files").mkdir()
        self._names = {question: str(number) for number, question in enumerate(questions)}
        for question, name in self._names.items():
            (folder / "files" / name).write_bytes(answer_to(question))
        # Its workers may be another user's processes.
        for path in (folder.parent, folder, folder / "files"):
            path.chmod(0o755)
        config = folder / "nginx.conf"
        config.write_text(_NGINX.format(folder=folder, port=self.port))
        self.command = [program("nginx"), "-c", str(config)]

    def address(self, question: Question) -> str:
        """A file of its own for each question."""
        return f"/{self._names[question]}"
