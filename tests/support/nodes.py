"""Other people's DICOM nodes as SCPs: DCMTK's storescp and dcmqrscp, and Orthanc."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from dimse.settings import Peer
from tests.support import dcmtk
from tests.support.certificates import Authority, Identity
from tests.support.gateway import free_port
from tests.support.patience import PATIENCE

DICOMWEB_PLUGIN: Final = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
"""Orthanc's DICOMweb, in a package of its own (Debian: orthanc-dicomweb)."""


@dataclass(frozen=True, slots=True)
class RunningNode:
    """A node that listens on the loopback interface; `folder` holds what it keeps, `log` what it says."""

    peer: Peer
    folder: Path
    log: Path

    def files(self) -> list[Path]:
        """What it keeps, for nodes that keep files as they are."""
        return sorted(path for path in self.folder.iterdir() if path.is_file())


@contextmanager
def storescp(
    folder: Path, *options: str, identity: Identity | None = None, ca: Authority | None = None, port: int = 0
) -> Iterator[RunningNode]:
    """DCMTK's receiver; with an `identity` over TLS only, for callers that `ca` knows (None: for all)."""
    kept = folder / "storescp"
    kept.mkdir(parents=True)
    port = port or free_port()
    tls = _dcmtk_tls(identity, ca)
    command = [
        dcmtk.program("storescp"),
        "-v",
        "-od",
        str(kept),
        "--filename-extension",
        ".dcm",
        *options,
        *tls,
        str(port),
    ]
    peer = Peer("STORESCP", "127.0.0.1", port, tls=identity is not None)
    with _started(command, folder / "storescp.log", port):
        yield RunningNode(peer, kept, folder / "storescp.log")


@contextmanager
def dcmqrscp(folder: Path, calls: Peer | None = None) -> Iterator[RunningNode]:
    """DCMTK's archive, which may send to `calls` (C-MOVE)."""
    kept = folder / "dcmqrscp"
    kept.mkdir(parents=True)
    port = free_port()
    known = f"known = ({calls.ae_title}, {calls.host}, {calls.port})\n" if calls else ""
    config = folder / "dcmqrscp.cfg"
    config.write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        f"HostTable BEGIN\n{known}HostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nQRSCP {kept} RW (200, 1024mb) ANY\nAETable END\n"
    )
    command = [dcmtk.program("dcmqrscp"), "-v", "-c", str(config), str(port)]
    with _started(command, folder / "dcmqrscp.log", port):
        yield RunningNode(Peer("QRSCP", "127.0.0.1", port), kept, folder / "dcmqrscp.log")


def _orthanc_program() -> str:
    """Debian keeps it where only root's PATH leads."""
    program = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        sentence = "Orthanc is not installed (Debian: apt-get install orthanc)"
        if os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)
    return program


@contextmanager
def orthanc(
    folder: Path,
    *,
    modalities: tuple[Peer, ...] = (),
    identity: Identity | None = None,
    ca: Authority | None = None,
    http_port: int = 0,
    plugins: tuple[Path, ...] = (),
) -> Iterator[RunningNode]:
    """Orthanc; with an `identity` over TLS only, for callers that `ca` knows; its HTTP server runs with `http_port`."""
    program = _orthanc_program()
    kept = folder / "orthanc"
    kept.mkdir(parents=True)
    port = free_port()
    settings: dict[str, object] = {
        "StorageDirectory": str(kept),
        "IndexDirectory": str(kept),
        "HttpServerEnabled": bool(http_port),
        "HttpPort": http_port,
        "AuthenticationEnabled": False,
        "DicomPort": port,
        "DicomAet": "ORTHANC",
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "DicomModalities": {peer.ae_title: [peer.ae_title, peer.host, peer.port] for peer in modalities},
        "StorageCompression": False,
        "Plugins": [str(path) for path in plugins],
    }
    if identity is not None and ca is not None:
        settings |= {
            "DicomTlsEnabled": True,
            "DicomTlsCertificate": str(identity.certificate),
            "DicomTlsPrivateKey": str(identity.key),
            "DicomTlsTrustedCertificates": str(ca.file),
        }
    config = folder / "orthanc.json"
    config.write_text(json.dumps(settings))
    peer = Peer("ORTHANC", "127.0.0.1", port, tls=identity is not None)
    ports = (port, http_port) if http_port else (port,)
    with _started([program, str(config)], folder / "orthanc.log", *ports):
        yield RunningNode(peer, kept, folder / "orthanc.log")


def _dcmtk_tls(identity: Identity | None, ca: Authority | None) -> list[str]:
    if identity is None:
        return []
    asks = ["--add-cert-file", str(ca.file), "--require-peer-cert"] if ca else ["--ignore-peer-cert"]
    return ["+tls", str(identity.key), str(identity.certificate), *asks]


@contextmanager
def _started(command: list[str], log: Path, *ports: int) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=log.parent)
        try:
            for port in ports:
                _await_listener(process, port, log)
            yield
        finally:
            process.kill()
            process.wait(PATIENCE)


def _await_listener(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """None of these programs says when it listens, so its port is tried."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    pytest.fail(f"{process.args!r} did not start: {log.read_text(errors='replace')[-2000:]}")
