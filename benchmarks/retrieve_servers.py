"""Web servers under measurement, each with the same series in it: the gateway, Orthanc, and nginx with made files."""

import http.client
import io
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import pydicom
from pydicom.uid import generate_uid

from benchmarks.phantom_ct import Instance
from benchmarks.processes import free_port
from benchmarks.servers import program
from storage.imaging.encoders import JPEG_LS
from storage.ingest import Stored
from storage.scope import WholeArchive
from storage.storage import Storage, StorageSettings

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


@dataclass(frozen=True, slots=True)
class Material:
    """A CT series as files, and some of it compressed by JPEG-LS as another; the frames of each as resources."""

    files: Sequence[bytes]
    series: str
    frames: Sequence[str]
    compressed_files: Sequence[bytes]
    compressed_frames: Sequence[str]


def material(instances: Sequence[Instance], compressed: int, folder: Path) -> Material:
    """These slices of one series, and so many of them compressed by way of a storage in `folder`."""
    files = [instance.file for instance in instances]
    storage = Storage.open(folder, StorageSettings(free_space_floor=0))
    try:
        kept = [_store(storage, file) for file in files[:compressed]]
        records = storage.index.instances(WholeArchive(), kept[0].study_instance_uid)
        uids = generate_uid(), generate_uid()
        made = [_renamed(storage.pixels.transcoded(record, JPEG_LS), *uids) for record in records]
    finally:
        storage.close()
    series = f"/studies/{kept[0].study_instance_uid}/series/{kept[0].series_instance_uid}"
    other = f"/studies/{uids[0]}/series/{uids[1]}"
    frames = [f"{series}/instances/{instance.sop_instance_uid}/frames/1" for instance in instances]
    compressed_frames = [f"{other}/instances/{uid}/frames/1" for uid, _ in made]
    return Material(files, series, frames, [file for _, file in made], compressed_frames)


def _renamed(file: BinaryIO, study: str, series: str) -> tuple[str, bytes]:
    """The same image as another instance of another study: its SOP Instance UID, and the file."""
    with file:
        image = pydicom.dcmread(file)
    image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID = study, series, generate_uid()
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    target = io.BytesIO()
    image.save_as(target, enforce_file_format=True)
    return image.SOPInstanceUID, target.getvalue()


class WebServer(Protocol):
    """How to start a server with the material in it, and to ask it."""

    name: str
    port: int
    command: list[str]
    environment: dict[str, str]

    def request(self, question: Question) -> bytes:
        """The question as it goes over the wire."""

    def fill(self) -> None:
        """Put the material into the running server."""


class Gateway:
    """The web role with a bearer token, over a storage that was filled before it started."""

    name = "durchblick"
    environment: dict[str, str] = {}

    def __init__(self, folder: Path, files: Sequence[bytes]) -> None:
        self.port = free_port()
        config = folder / "config.toml"
        config.write_text(
            '[storage]\nfolder = "data"\nfree_space_floor_mb = 1\n'
            f"[http]\nport = {self.port}\n[dimse]\nport = {free_port()}\n"
        )
        storage = Storage.open(folder / "data", StorageSettings(free_space_floor=0))
        for file in files:
            _store(storage, file)
        storage.close()
        durchblick = [sys.executable, "-m", "gateway"]
        create = [*durchblick, "token", "create", "benchmark", "--allow", "read", "--json", "--config", str(config)]
        made = subprocess.run(create, capture_output=True, text=True, check=True)
        self._token = json.loads(made.stdout)["token"]
        self.command = [*durchblick, "serve", "--config", str(config), "--role", "web"]

    def request(self, question: Question) -> bytes:
        """Below the mount, with the token."""
        return _request("/dicom-web" + question.path, question, {"Authorization": f"Bearer {self._token}"})

    def fill(self) -> None:
        """It has everything."""


class OrthancDicomWeb:
    """Debian's Orthanc with its DICOMweb plugin, as shipped, without Nagle's algorithm."""

    name = "Orthanc + DICOMweb, TCP_NODELAY=1"
    environment = {"TCP_NODELAY": "1"}

    def __init__(self, folder: Path, files: Sequence[bytes]) -> None:
        self.port = free_port()
        self._files = files
        configuration = {
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "storage"),
            "Plugins": [_PLUGIN],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
            "DicomPort": free_port(),
            "HttpPort": self.port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
        }
        path = folder / "orthanc.json"
        path.write_text(json.dumps(configuration))
        self.command = [program("Orthanc"), str(path)]

    def request(self, question: Question) -> bytes:
        """Below its root; it gives frames as multipart only."""
        return _request("/dicom-web" + question.path, question, {})

    def fill(self) -> None:
        """Over its REST interface."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        for file in self._files:
            connection.request("POST", "/instances", file)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"Orthanc refused an instance: {answer.status}")


class Nginx:
    """nginx with what the gateway answers as files: what no server with an index can do better."""

    name = "nginx, made files"
    environment: dict[str, str] = {}

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

    def request(self, question: Question) -> bytes:
        """A file of its own for each question."""
        return _request(f"/{self._names[question]}", question, {})

    def fill(self) -> None:
        """It has everything."""


def _request(path: str, question: Question, more: Mapping[str, str]) -> bytes:
    fields = {"Host": "127.0.0.1", "Accept": question.accept} | dict(question.headers) | dict(more)
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _store(storage: Storage, file: bytes) -> Stored:
    incoming = storage.ingest.receive()
    incoming.write(file)
    return storage.ingest.store(incoming, source="benchmark")
