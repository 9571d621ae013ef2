"""The DICOMweb servers that are measured, each started on an empty folder with the settings that its name says."""

import json
import sqlite3
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Final, Protocol

from benchmarks.processes import free_port
from benchmarks.servers import program

_PLUGIN: Final = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"


class DicomWebServer(Protocol):
    """How to start a server, to speak to it, and to count what it kept."""

    name: str
    port: int
    command: list[str]
    token: str

    def __init__(self, folder: Path) -> None: ...

    def stored(self) -> int:
        """How many instances it has."""


class DurchblickWeb:
    """The gateway's web role as it is started, with a token: durable and indexed before it answers."""

    name = "durchblick"

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._data = folder / "data"
        config = folder / "config.toml"
        config.write_text(
            f'[storage]\nfolder = "{self._data}"\n[http]\nport = {self.port}\n[dimse]\nport = {free_port()}\n'
        )
        gateway = [sys.executable, "-m", "gateway"]
        create = ["token", "create", "benchmark", "--allow", "read,write", "--json", "--config", str(config)]
        made = subprocess.run([*gateway, *create], capture_output=True, text=True, check=True, timeout=60)
        self.token: str = json.loads(made.stdout)["token"]
        self.command = [*gateway, "serve", "--role", "web", "--config", str(config)]

    def stored(self) -> int:
        """How many instances are indexed with their file present."""
        database = sqlite3.connect(self._data / "durchblick.sqlite")
        keys = [key for (key,) in database.execute("SELECT blob_key FROM instance")]
        database.close()
        return sum((self._data / "blobs" / key).is_file() for key in keys)


class OrthancDicomWeb:
    """Debian's Orthanc with its DICOMweb plugin, without authentication: as it is shipped otherwise."""

    name = "Orthanc + DICOMweb"
    token = ""

    def __init__(self, folder: Path) -> None:
        if not Path(_PLUGIN).is_file():
            raise SystemExit("Orthanc's DICOMweb plugin is not installed (Debian: apt-get install orthanc-dicomweb).")
        self.port = free_port()
        configuration = {
            "Name": "benchmark",
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "storage"),
            "Plugins": [_PLUGIN],
            "DicomPort": free_port(),
            "HttpPort": self.port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }
        path = folder / "orthanc.json"
        path.write_text(json.dumps(configuration))
        self.command = [program("Orthanc"), str(path)]

    def stored(self) -> int:
        """How many instances it says it has."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/statistics", timeout=10) as answer:
            count: int = json.load(answer)["CountInstances"]
            return count
